"""What a deletion does to the host's row, and what becomes of the names that it leaves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ...mapping.mapping import Parts
from ...mapping.sources import Source
from ...protocol.values import comparable
from ..columns.binding import Binding
from ..columns.codecs import TextCodec
from ..columns.places import Place
from ..queries.uniqueness import Held
from ..sql.backends import Backend

#: The reason of an event that tells of a row which could not be deleted.
IN_USE = "in_use"

_log = logging.getLogger("flask_scim.store")


def is_active_place(place: Place) -> bool:
    """Tell whether a place says that a resource is in use."""
    return place.path.keys == ("active",)


def retire(binding: Binding, row: Any) -> None:
    """Deactivate a row where the app lets SCIM do so.

    :param binding: where the attributes sit.
    :param row: the host's object.
    """
    for place in binding.places:
        if is_active_place(place) and place.writable:
            place.write(row, False)


def remove(
    session: Session, backend: Backend, binding: Binding, held: Held, act: Callable[[], None]
) -> str | None:
    """Do what deletion means, or retire the row where other rows forbid that.

    :param session: the host's session, in a transaction.
    :param backend: the database behind it.
    :param binding: where the attributes sit.
    :param held: the row.
    :param act: deletes the row, or does what else the host wants.
    :return: why the row was retired instead; ``None`` if it was not.
    """
    try:
        with session.begin_nested():
            act()
            _flush(session)
            backend.check_constraints(binding.connect(session))
    except (IntegrityError, _Forbidden) as error:
        name, id = binding.resource_type.name, binding.id.read(held.row, held.record)
        reason = getattr(error, "orig", None) or error
        _log.warning("%s %s cannot be deleted and is retired: %s", name, id, reason)
        retire(binding, held.row)
        session.flush()
        return IN_USE
    return None


def free(binding: Binding, retired: Iterable[Held], parts: Parts) -> None:
    """Take away from retired rows what the host lets only one row have, and another now needs.

    :param binding: where the attributes sit.
    :param retired: the rows.
    :param parts: the document of the one who needs it.
    """
    for held in retired:
        for place, old, new in zip(binding.places, held.values, parts.values, strict=True):
            is_needed = old is not None and new is not None and _compare(place, old, new)
            if is_needed and place.writable and _is_unique(binding, place):
                place.write(held.row, _put_aside(place, str(old), binding.key_of(held.row)))


class _Forbidden(Exception):
    """The ORM has found, before the database could, that other rows need the row."""


def _flush(session: Session) -> None:
    try:
        session.flush()
    except AssertionError as error:
        # A row of an association whose key would lose one of its parts.
        raise _Forbidden(str(error)) from error


def _compare(place: Place, old: Any, new: Any) -> bool:
    return isinstance(place.codec, TextCodec) and bool(
        comparable(place.path.leaf, old) == comparable(place.path.leaf, new)
    )


def _put_aside(place: Place, value: str, key: Any) -> str:
    mark = f"~{key}"
    assert isinstance(place.codec, TextCodec)
    length = place.codec.length
    return value + mark if length is None else value[: length - len(mark)] + mark


def _is_unique(binding: Binding, place: Place) -> bool:
    """Whether the host's table lets no two rows have one value here, alone or within a tenant."""
    if not isinstance(place.source, Source) or len(place.source.steps) > 1:
        return False
    prop = binding.mapper.attrs.get(place.source.steps[0])
    (column, *_) = getattr(prop, "columns", None) or (None,)
    if not isinstance(column, sa.Column):
        return False
    table = column.table
    assert isinstance(table, sa.Table)
    return bool(
        column.unique
        or any(
            isinstance(each, sa.UniqueConstraint) and _has(each.columns, column)
            for each in table.constraints
        )
        or any(
            each.unique and any(_has(_columns(part), column) for part in each.expressions)
            for each in table.indexes
        )
    )


def _columns(expression: Any) -> Iterable[Any]:
    return () if isinstance(expression, str) else sa.sql.visitors.iterate(expression)


def _has(columns: Iterable[Any], column: sa.Column[Any]) -> bool:
    # Two columns compare to SQL.
    return any(each is column for each in columns)
