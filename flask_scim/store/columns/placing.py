"""Where the attributes of a mapping sit in the host's model, found and checked place by place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, RelationshipProperty, aliased

from ...config import ConfigurationError
from ...mapping.mapping import writable
from ...mapping.sources import AnySource, Computed, RecordColumn, Source, Values, read_source
from ...protocol.resolver import AttributePath
from ...protocol.schema import Type
from ..sql.backends import Sql
from .codecs import BooleanCodec, Codec, HashedCodec, TextCodec
from .fitting import find_codec
from .holders.finding import make_holder
from .holders.listed import ListedNames
from .holders.related import RelatedNames
from .json_codecs import JsonCodec
from .names import ListedNamesCodec, RelatedNamesCodec
from .places import Place

#: What ends a name in the path of JSON.
_UNQUOTED = frozenset('"\\')


class Placing:
    """Finds the places that sources name in the host's model.

    :param model: the host's model class.
    :param entity: the same, or its alias in statements.
    :param record: our table of records, or its alias.
    :param id: the path of the SCIM ``id``.
    """

    def __init__(self, model: type, entity: Any, record: sa.Table, id: AttributePath) -> None:
        self._model = model
        self._entity = entity
        self._record = record
        self._id = id
        self._mapper: Any = sa.inspect(model)
        self.key = self._key_column()
        #: The relationships on the way to places, by their names: what they lead to, and they.
        self.joins: dict[tuple[str, ...], tuple[Any, Any]] = {}
        #: What does not fit the model, and how to put it right.
        self.problems: list[str] = []

    def find(self, path: AttributePath, source: AnySource) -> Place:
        """Find the place of an attribute; a problem is noted where there is none that fits.

        :param path: the attribute.
        :param source: what the declaration named.
        :return: the place.
        """
        match source:
            case RecordColumn(name):
                column = self._record.c[name]
                boolean = path.leaf.type is Type.BOOLEAN
                return Place(
                    path, source, column, BooleanCodec() if boolean else TextCodec(path.leaf, 255)
                )
            case Computed(_, expression):
                codec = self._codec(path, source, getattr(expression, "type", None), ())
                return Place(path, source, expression, codec)
            case Values():
                return self._names_place(path, source)
            case Source():
                return self._source_place(path, source)

    def find_scope(self, what: str, source: Source) -> Place:
        """Find the place of what says whose a row is, or which one: a column of the model.

        :param what: how the declaration calls it.
        :param source: what it named.
        :return: the place.
        """
        place = self.find(self._id, source)
        if isinstance(place.codec, JsonCodec) or place.is_secret or len(source.steps) > 1:
            self.problems.append(f"{what}={source}: it must be a column of {self._model.__name__}.")
        return place

    def find_key(self) -> Place:
        """Find the place of the primary key."""
        name = self._mapper.get_property_by_column(self._mapper.primary_key[0]).key
        codec = self._codec(self._id, Source((name,)), self.key.type, ())
        return Place(self._id, Source((name,)), self.key, codec, nullable=False)

    def _names_place(self, path: AttributePath, values: Values) -> Place:
        try:
            holder = make_holder(self._model, values)
        except ConfigurationError as error:
            self.problems.append(f"{path}: {error}")
            return Place(path, values, sa.null(), TextCodec(path.leaf))
        if isinstance(holder, RelatedNames):
            codec = RelatedNamesCodec(holder, values)
            return Place(path, values, codec.select(self.key), codec)
        source = read_source(values.source)
        assert isinstance(source, Source)
        if not isinstance(holder, ListedNames):
            self.problems.append(
                f"{path}: {source} holds one name; a list in JSON or a relationship holds many."
            )
            return Place(path, source, sa.null(), TextCodec(path.leaf))
        place = self._source_place(path, source)
        return replace(place, codec=ListedNamesCodec(path.attribute, holder.path))

    def _source_place(self, path: AttributePath, source: Source) -> Place:
        blank = Place(path, source, sa.null(), TextCodec(path.leaf))
        if source.owner is not None and not issubclass(self._model, source.owner):
            self.problems.append(
                f"{path}: {source.owner.__name__}.{source} is not an attribute of "
                f"{self._model.__name__}; name the relationship that leads to it, as in"
                f" '{source.owner.__name__.lower()}.{source}'."
            )
            return blank
        entity: Any = self._entity
        way: list[RelationshipProperty[Any]] = []
        for index, step in enumerate(source.steps):
            attribute = getattr(entity, step, None)
            found = isinstance(attribute, InstrumentedAttribute) or hasattr(attribute, "expression")
            if not found:
                self.problems.append(f"{path}: {self._model.__name__} has no attribute {source}.")
                return blank
            related = getattr(attribute, "property", None)
            if isinstance(related, RelationshipProperty):
                if related.uselist:
                    self.problems.append(f"{path}: {step} leads to many rows; name a to-one.")
                    return blank
                way.append(related)
                entity = self._join(source.steps[: index + 1], attribute, related)
                continue
            turn = self._find_turn(way, writes=writable(source))
            if turn is not None:
                self.problems.append(f"{path}: {source} {turn}.")
                return blank
            assert attribute is not None
            return self._column_place(path, source, attribute, source.steps[index + 1 :])
        self.problems.append(f"{path}: {source} is a relationship; name an attribute behind it.")
        return blank

    def _find_turn(self, way: list[RelationshipProperty[Any]], *, writes: bool) -> str | None:
        """Say what is wrong with a way that comes back to where it has been, if it does."""
        for before, after in pairwise(way):
            if _columns(before.local_remote_pairs) == _columns(
                (remote, local) for local, remote in after.local_remote_pairs or ()
            ):
                return f"goes round: {after.key} leads back over {before.key}; leave both out"
        if writes and any(issubclass(self._model, each.mapper.class_) for each in way):
            name = self._model.__name__
            return f"leads to another {name}, a resource of its own; wrap it in read_only()"
        return None

    def _column_place(
        self, path: AttributePath, source: Source, attribute: Any, keys: tuple[str, ...]
    ) -> Place:
        expression = getattr(attribute, "expression", attribute)
        column = next(iter(getattr(getattr(attribute, "property", None), "columns", ())), None)
        if source.hashed is None:
            codec = self._codec(path, source, expression.type, keys)
        else:
            expression, codec = None, HashedCodec(source.hashed)
            if keys:
                self.problems.append(
                    f"{path}: {source} is a key in JSON; a hash needs a column of its own."
                )
        if writable(source) and not _is_settable(attribute, column):
            self.problems.append(f"{path}: {source} cannot be set; wrap it in read_only().")
        if not isinstance(column, sa.Column):
            return Place(path, source, expression, codec)
        default = column.default is not None or column.server_default is not None
        nullable = bool(column.nullable)
        return Place(path, source, expression, codec, nullable, nullable or default)

    def _join(self, steps: tuple[str, ...], attribute: Any, related: Any) -> Any:
        if steps not in self.joins:
            target = aliased(related.mapper.class_)
            self.joins[steps] = (target, attribute.of_type(target))
        return self.joins[steps][0]

    def _codec(
        self, path: AttributePath, source: AnySource, kind: Any, keys: tuple[str, ...]
    ) -> Codec:
        if any(set(key) & _UNQUOTED or not key.isprintable() for key in keys):
            self.problems.append(
                f"{path}: {source} names a key with a quotation mark or a backslash in it, which "
                "no filter can follow; name another."
            )
        attribute = path.leaf
        inverted = isinstance(source, Source) and source.inverted
        codec = find_codec(path.leaf, kind, keys, inverted=inverted)
        if codec is None:
            self.problems.append(
                f"{path} is of type {attribute.type}{'s' if attribute.multi_valued else ''}, which "
                f"{source} ({type(kind).__name__}{' key' if keys else ''}) cannot hold; "
                "name another attribute or a key of a JSON column."
            )
        return codec or TextCodec(attribute)

    def _key_column(self) -> Sql:
        (column,) = self._mapper.primary_key
        if self._entity is self._model:
            return column  # type: ignore[no-any-return]  # mappers are Any
        name = self._mapper.get_property_by_column(column).key
        return getattr(self._entity, name).expression  # type: ignore[no-any-return]  # so are aliases


def _columns(pairs: Iterable[tuple[Any, Any]] | None) -> set[tuple[Any, Any]]:
    return set(pairs or ())


def _is_settable(attribute: Any, column: Any) -> bool:
    """Whether an object's attribute can be set: a column, or a hybrid with a setter."""
    entity: Any = sa.inspect(attribute.parent if hasattr(attribute, "parent") else attribute.class_)
    descriptor = entity.mapper.all_orm_descriptors.get(attribute.key)
    if hasattr(descriptor, "fset"):
        return descriptor.fset is not None
    return isinstance(column, sa.Column)
