"""Pages of a list by what comes before or after a place in it, however deep that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import NullType

from ..provisioning.ports import Position, Query
from .backends import Backend, Sql

# A name that no column of a host has: MariaDB reads it in ORDER BY.
_VALUE = "flask_scim_sort_value"


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

    def within(self, query: Query) -> list[Sql]:
        """Narrow a list to what a query wants of it.

        :param query: the query.
        :return: conditions on the rows.
        """
        conditions = []
        if query.after is not None:
            conditions.append(self._beyond(query.after, backwards=False))
        if query.before is not None:
            conditions.append(self._beyond(query.before, backwards=True))
        return conditions

    @property
    def _label(self) -> sa.Label[Any]:
        assert self.value is not None
        return sa.type_coerce(self.value, NullType()).label(_VALUE)

    def _beyond(self, position: Position, *, backwards: bool) -> Sql:
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

    @staticmethod
    def _key_beyond(key: Sql, position: Position, *, descending: bool) -> Sql:
        raw = sa.type_coerce(key, NullType())
        beyond: Sql = raw < position.key if descending else raw > position.key
        return beyond
