"""One source bound to SQL: a column, and how its values are read and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from ...mapping.mapping import writable
from ...mapping.sources import AnySource, Computed, RecordColumn, Source, Values
from ...protocol.errors import InvalidValue
from ...protocol.resolver import AttributePath
from ..sql.backends import Keys, Sql
from .codecs import Codec
from .json_codecs import JsonCodec
from .names import RelatedNamesCodec


@dataclass(frozen=True)
class Place:
    """One source bound to SQL.

    :param path: the attribute whose value sits here.
    :param source: what the declaration named.
    :param column: the expression to select; ``None`` for what only a function can compute, and for
        what is never read.
    :param codec: how its values are read, written and compared.
    :param nullable: whether the column allows NULL.
    :param fills_itself: whether a new row is complete without a value here.
    """

    path: AttributePath
    source: AnySource
    column: Sql | None
    codec: Codec
    nullable: bool = True
    fills_itself: bool = True

    @cached_property
    def where(self) -> str:
        """What the attribute is called in messages."""
        return str(self.path)

    @cached_property
    def writable(self) -> bool:
        """Whether SCIM writes here."""
        return writable(self.source)

    @cached_property
    def is_secret(self) -> bool:
        """Whether SCIM writes here and never reads."""
        return isinstance(self.source, Source) and self.source.hashed is not None

    def hides_value(self, row: Any) -> bool:
        """Tell whether a row has a value here that nobody gets to read.

        :param row: the host's object.
        :return: whether it has one.
        """
        return self.is_secret and self._held_by(row) is not None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The attributes on the way, without the keys of a JSON value."""
        assert isinstance(self.source, Source)
        return self.source.steps[: len(self.source.steps) - len(self.keys)]

    @cached_property
    def keys(self) -> Keys:
        """The keys of a JSON value, behind the attributes on the way."""
        return self.codec.keys if isinstance(self.codec, JsonCodec) else ()

    @cached_property
    def own_name(self) -> str | None:
        """The attribute of the host's object that is read here; ``None`` where it is not so plain.

        That is a column or a hybrid of the object itself, and nothing behind a relationship.
        """
        is_plain = isinstance(self.source, Source) and len(self.names) == 1
        return self.names[0] if is_plain else None

    def read(self, row: Any, kept: dict[str, Any]) -> Any:
        """Read the value from the host's object, or from the record.

        :param row: the host's object.
        :param kept: the columns of the record, by name.
        :return: the SCIM value, or ``None``.
        """
        return self.reader(row, kept)

    @cached_property
    def reader(self) -> Callable[[Any, dict[str, Any]], Any]:
        """What :meth:`read` does, made once for all rows."""
        decode = self.codec.decode
        match self.source:
            case RecordColumn(name):
                return lambda _, kept: decode(kept[name])
            case Computed(function):
                return lambda row, _: decode(function(row))
            case Values():
                assert isinstance(self.codec, RelatedNamesCodec)
                read = self.codec.read
                return lambda row, _: read(row)
            case Source() if self.own_name is not None:
                name = self.own_name
                return lambda row, _: decode(getattr(row, name))
            case Source():
                return lambda row, _: decode(self._held_by(row))

    def write(self, row: Any, value: Any) -> None:
        """Put a value into the host's row.

        :param row: the host's object.
        :param value: the SCIM value, or ``None`` to take it away.
        :raises InvalidValue: if the host's row cannot hold it.
        """
        where = self.where
        raw = self.codec.empty if value is None and not self.nullable else None
        if value is not None:
            raw = self.codec.encode(value, where)
        elif raw is None and not self.nullable and not isinstance(self.codec, JsonCodec):
            raise InvalidValue(f"{where} is required by this application.")
        *relations, name = self.names
        for relation in relations:
            row = _related(row, relation)
        try:
            setattr(row, name, _with(getattr(row, name), self.keys, raw) if self.keys else raw)
        except (ValueError, TypeError):
            raise InvalidValue(f"{where}: this application does not take the value.") from None

    def _held_by(self, row: Any) -> Any:
        held = row
        for name in self.names:
            held = None if held is None else getattr(held, name)
        return held


def _related(row: Any, relation: str) -> Any:
    related = getattr(row, relation)
    if related is None:
        mapper: Any = sa.inspect(type(row))
        related = mapper.relationships[relation].mapper.class_()
        setattr(row, relation, related)
    return related


def _with(document: Any, keys: Keys, value: Any) -> Any:
    """A copy of JSON in which one value is changed, so that the change is seen by the ORM."""
    document = dict(document) if isinstance(document, dict) else {}
    if len(keys) > 1:
        value = _with(document.get(keys[0]), keys[1:], value)
    if value is None:
        document.pop(keys[0], None)
    else:
        document[keys[0]] = value
    return document
