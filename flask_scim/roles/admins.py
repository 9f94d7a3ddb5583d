"""The administrators of a customer, of whom one has to stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..protocol.errors import Forbidden
from ..protocol.syntax import Operator
from ..provisioning.ports import Connection
from ..store.columns.binding import Binding
from ..store.columns.holders.holder import Holder
from ..store.sql.backends import Backend, Sql

#: Selects the administrators of the customer of a connection, those who can sign in.
AdminSelect = Callable[[Connection], sa.Select[Any]]


class Admins:
    """Who may administer a customer's account, and must not be the last to go.

    :param session: the host's session.
    :param backend: the database behind it.
    :param users: the resource type of people.
    :param holder: where the app keeps roles.
    :param roles: the roles that make somebody an administrator.
    :param select: what the app says itself of who is one; it goes before the roles.
    """

    def __init__(
        self,
        session: Session,
        backend: Backend,
        users: Binding,
        holder: Holder,
        roles: frozenset[str],
        select: AdminSelect | None,
    ) -> None:
        self._session = session
        self._backend = backend
        self._users = users
        self._holder = holder
        self._roles = roles
        self._select = select

    def concerns(self, roles: set[str]) -> bool:
        """Tell whether the loss of some roles could leave a customer without an administrator."""
        return bool(roles) if self._select is not None else not self._roles.isdisjoint(roles)

    def check(self, connection: Connection) -> None:
        """Refuse what has left a customer without an administrator.

        :param connection: a connection of the customer.
        :raises Forbidden: if nobody active is one any more, as things stand in the session.
        """
        self._session.flush()
        if self._find_one(connection) is None:
            raise self._refusal()

    def check_without(self, connection: Connection, rows: set[Any]) -> None:
        """Refuse what would leave a customer without an administrator; see :meth:`check`.

        Where the app says itself who is one, nobody can tell it beforehand, and nothing is refused.

        :param connection: a connection of the customer.
        :param rows: the primary keys of those who would not be one any more.
        """
        if self._select is not None:
            return
        found = self._session.scalars(self._statement(connection).distinct().limit(len(rows) + 1))
        if rows.issuperset(found):
            raise self._refusal()

    def is_last(self, connection: Connection, row: Any) -> bool:
        """Tell whether a person is the only active administrator of a customer, by their roles.

        Another one is locked until the transaction ends, so that of two changes that take away the
        last two at once, one finds none left.

        :param connection: a connection of the customer.
        :param row: the primary key of the person.
        :return: whether they are one, and nobody else is.
        """
        if not self._roles or self._find_one(connection, self._users.key == row) is None:
            return False
        return self._find_one(connection, self._users.key != row) is None

    def _find_one(self, connection: Connection, *conditions: Sql) -> Any:
        users = self._users
        statement = self._statement(connection).where(*conditions).limit(1)
        # A read that locks sees what others have committed, whenever this transaction began.
        return self._session.scalar(statement.with_for_update(of=users.model))

    def _statement(self, connection: Connection) -> sa.Select[Any]:
        users = self._users
        if self._select is not None:
            return self._select(connection).with_only_columns(users.key).order_by(None)
        statement = users.select_rows(connection.id, users.key)
        statement = statement.where(users.is_of_tenant(connection), self._is_active())
        self._backend.prepare(users.connect(self._session))
        return self._holder.narrow(statement, self._backend, sorted(self._roles))

    def _is_active(self) -> Sql:
        record = self._users.record.c
        for place in self._users.places:
            if place.path.keys == ("active",) and place.column is not None:
                is_active = place.codec.compare(self._backend, place.column, Operator.EQ, True)
                if place.column is record.active:
                    # Whom SCIM does not know is active, as far as anybody can tell.
                    return sa.or_(record.active.is_(None), is_active)
                return is_active
        return sa.true()

    def _refusal(self) -> Forbidden:
        needed = "an administrator"
        if self._select is None:
            named = " or ".join(repr(role) for role in sorted(self._roles))
            needed = f"anybody active with the role {named}"
        return Forbidden(
            f"This would leave the customer without {needed}. Give the role to somebody else first."
        )
