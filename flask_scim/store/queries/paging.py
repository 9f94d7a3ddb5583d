"""Pages of a list by what comes before or after a place in it, however deep that is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import NullType

from ...provisioning.ports import Position, Query
from ..sql.backends import Backend, Sql

# A name that no column of a host has: MariaDB reads it in ORDER BY.
_VALUE = "flask_scim_sort_value"
#: What SQLAlchemy takes for an Integer; what is larger is a BigInteger.
_INTEGER_BITS = 31
#: The parameters of a page.
_COUNT, _OFFSET, _PLACE = "flask_scim_count", "flask_scim_offset", "flask_scim"


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list: a value, if it is sorted by one, then the key, so that it is total.

    Upwards nothing assigned is at the end. Downwards all of it is the other way round.

    :param backend: the database.
    :param key: the key of the record.
    :param host_key: the same key in the host's row.
    :param value: the value; ``None`` for the order of the keys.
    :param descending: whether the list is sorted downwards.
    """

    backend: Backend
    key: Sql
    host_key: Sql
    value: Sql | None = None
    descending: bool = False

    @property
    def columns(self) -> tuple[Sql, ...]:
        """What to select to know the position of each row."""
        # Values are taken as the driver gives them: so they come back to it, and compare alike.
        key = sa.type_coerce(self.key, NullType()).label("flask_scim_key")
        return (key,) if self.value is None else (key, self._label)

    def by(self, *, backwards: bool = False) -> tuple[Sql, ...]:
        """Write what goes into ``ORDER BY``.

        :param backwards: whether the rows are wanted from the end of the list.
        :return: expressions, some of them by the names of :attr:`columns`.
        """
        descending = self.descending != backwards
        key = self.key.desc() if descending else self.key.asc()
        if self.value is None:
            return (key,)
        return (*self.backend.sorted(self._label, descending=descending), key)

    def beyond(self, position: Position, *, backwards: bool) -> Sql:
        """The condition that a row comes after a place, or before it."""
        descending = self.descending != backwards
        is_beyond = self._key_beyond(self.key, position, descending=descending)
        if self.value is None:
            # PostgreSQL would read the host's rows from the first one on, did it not know this.
            of_host = self._key_beyond(self.host_key, position, descending=descending)
            return sa.and_(is_beyond, of_host)
        value = sa.type_coerce(self.value, NullType())
        absent = value.is_(None)
        if position.value is None:
            absent_beyond = sa.and_(absent, is_beyond)
            return sa.or_(absent_beyond, value.is_not(None)) if descending else absent_beyond
        if descending:
            at_least = value <= position.value
            return sa.and_(at_least, sa.or_(value < position.value, is_beyond))
        at_least = value >= position.value
        return sa.or_(sa.and_(at_least, sa.or_(value > position.value, is_beyond)), absent)

    @property
    def _label(self) -> sa.Label[Any]:
        assert self.value is not None
        return sa.type_coerce(self.value, NullType()).label(_VALUE)

    @staticmethod
    def _key_beyond(key: Sql, position: Position, *, descending: bool) -> Sql:
        raw = sa.type_coerce(key, NullType())
        beyond: Sql = raw < position.key if descending else raw > position.key
        return beyond


class Cut:
    """The part of a list that a query wants: its shape is a statement's, the rest are values.

    :param query: the query.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._places = {"after": query.after, "before": query.before}

    @property
    def backwards(self) -> bool:
        """Whether the rows come from the end of the part to its beginning."""
        return self._query.before is not None and self._query.after is None

    @property
    def shape(self) -> tuple[Any, ...]:
        """What makes its statement differ from others."""
        query = self._query
        kinds = (
            place and (_kind(place.key), _kind(place.value)) for place in self._places.values()
        )
        return (query.sort_by, query.descending, self.is_deep, *kinds)

    @cached_property
    def values(self) -> dict[str, Any]:
        """The values of the parameters, by name."""
        values: dict[str, Any] = {_COUNT: self._query.count}
        if self.is_deep:
            values[_OFFSET] = self._query.start_index - 1
        for name, place in self._places.items():
            if place is not None:
                values |= {f"{_PLACE}_{name}_key": place.key, f"{_PLACE}_{name}_value": place.value}
        return values

    @property
    def is_deep(self) -> bool:
        """Whether the database has to pass over what comes before the part."""
        return self._query.start_index > 1

    def apply(
        self,
        statement: sa.Select[Any],
        order: Order,
        *,
        sorts: bool = True,
        keys: sa.Select[Any] | None = None,
    ) -> sa.Select[Any]:
        """Narrow a statement to the part.

        :param statement: selects the whole list.
        :param order: the order of the list.
        :param sorts: whether there is anything to sort.
        :param keys: selects the keys of the whole list, where to pass over them takes less.
        :return: the statement, to be run with :attr:`values`.
        """
        by = order.by(backwards=self.backwards)
        if keys is not None:
            part = self._limited(keys.order_by(*by)).subquery("flask_scim_part")
            return statement.join(part, part.c[0] == order.key).order_by(*by)
        for name, place in self._places.items():
            if place is not None:
                key = _parameter(f"{_PLACE}_{name}_key", place.key)
                value = _parameter(f"{_PLACE}_{name}_value", place.value)
                backwards = name == "before"
                statement = statement.where(order.beyond(Position(key, value), backwards=backwards))
        if sorts:
            statement = statement.order_by(*by)
        return self._limited(statement)

    def _limited(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        statement = statement.limit(sa.bindparam(_COUNT, type_=sa.Integer()))
        if self.is_deep:
            statement = statement.offset(sa.bindparam(_OFFSET, type_=sa.Integer()))
        return statement


def _kind(value: Any) -> Any:
    """What decides the type that :func:`_parameter` gives a value: some numbers are too large."""
    return type(value), isinstance(value, int) and value.bit_length() > _INTEGER_BITS


def _parameter(name: str, value: Any) -> Sql | None:
    """A parameter of the type that a value would be written with; NULL is no value."""
    return None if value is None else sa.bindparam(name, type_=sa.literal(value).type)
