"""The people of a connection a few at a time, for what is done to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...protocol.errors import InvalidFilter
from ...protocol.parser import parse_filter
from ...protocol.resolver import resolve_filter
from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..sql.backends import Backend, Sql
from .filters import compile_filter


@dataclass(frozen=True, slots=True)
class Person:
    """One of them, by name.

    :param key: the primary key of the host's row.
    :param id: the SCIM ``id``.
    :param name: what the identity provider calls the person: ``userName``.
    """

    key: Any
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Roster:
    """The people that a connection has provisioned.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: the connection.
    :param binding: where the attributes of its people sit.
    """

    session: Session
    backend: Backend
    connection: Connection
    binding: Binding

    def count(self, *, active: bool = False) -> int:
        """Count them.

        :param active: whether to count those alone who are not deactivated.
        :return: how many there are.
        """
        self.backend.prepare(self.binding.connect(self.session))
        counted = self._narrowed(self.binding.select(sa.func.count()), active=active)
        return self.session.scalar(counted) or 0

    def take(self, after: Any, most: int, *, active: bool = False) -> list[Person]:
        """Read some of them, in the order of their keys.

        :param after: the key behind which to begin; ``None`` for the first of all.
        :param most: the most to read.
        :param active: whether to read those alone who are not deactivated.
        :return: the people.
        """
        binding = self.binding
        id, named = binding.id, binding.unique or binding.id
        columns = (binding.key, id.column, named.column)
        statement = self._narrowed(binding.select(*columns), active=active)
        if after is not None:
            statement = statement.where(binding.key > after)
        self.backend.prepare(binding.connect(self.session))
        found = self.session.execute(statement.order_by(binding.key).limit(most))
        return [
            Person(key, id.codec.decode(raw), str(named.codec.decode(name)))
            for key, raw, name in found
        ]

    def release(self, people: list[Person]) -> None:
        """Forget that people are the connection's; what it had deleted before stays so.

        :param people: the people.
        """
        record = self.binding.table
        self.session.execute(
            record.delete().where(
                record.c.connection_id == self.connection.id,
                record.c.row_id.in_([person.key for person in people]),
                record.c.deleted.is_(None),
            )
        )
        self.session.commit()

    def _narrowed(self, statement: sa.Select[Any], *, active: bool) -> sa.Select[Any]:
        statement = statement.where(*self.binding.own(self.connection))
        return statement.where(self._is_active()) if active else statement

    def _is_active(self) -> Sql:
        condition = resolve_filter(parse_filter("active ne false"), self.binding.resource_type)
        try:
            return compile_filter(condition, self.binding, self.backend, {})
        except InvalidFilter:
            # A function of the app's says who is active, and SQL cannot ask it.
            return sa.true()
