"""The app's own roles: which groups stand for them, and who has which."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from ..config import ConfigurationError
from ..provisioning.changes import Event
from ..provisioning.ports import Connection, Deadlock
from ..store.changes.tracking import writing
from ..store.sql.failures import translated
from .book import RoleBook
from .giving import give, take_back
from .grants import DEFAULT, FIRST, LAST, Origin, Shift
from .held import HeldRole, has_any, list_held
from .mapped import GroupRole, RolesOfGroups
from .membership import PAGE
from .previews import Preview, make_preview

_ATTEMPTS = 6


class Roles:
    """The roles of an app.

    :param open: finds the roles of the current app as they are kept.
    :param find: finds a connection by its name.
    :param follow: does in the transaction what follows from what happened, and tells of all of it.
    :param publish: tells the app what happened, after commit.
    """

    def __init__(
        self,
        open: Callable[[], RoleBook],
        find: Callable[[str], Connection | None],
        follow: Callable[[Sequence[Event]], Sequence[Event]],
        publish: Callable[[Sequence[Event]], None],
    ) -> None:
        self._open = open
        self._find = find
        self._follow = follow
        self._publish = publish

    @property
    def is_declared(self) -> bool:
        """Whether the current app has any."""
        try:
            self._open()
        except ConfigurationError:
            return False
        return True

    @property
    def _book(self) -> RoleBook:
        return self._open()

    @property
    def _session(self) -> Session:
        return self._book.session

    def groups(
        self,
        connection_id: str,
        group_id: str | None = None,
        *,
        after: int = 0,
        most: int | None = None,
    ) -> tuple[list[GroupRole], list[int]]:
        """List which groups of a connection stand for which roles.

        :param connection_id: the connection.
        :param group_id: the SCIM ``id`` of one group; ``None`` for all.
        :param after: the key of the one after which to begin.
        :param most: the most to list; ``None`` for all.
        :return: the roles of groups, in the order in which they were mapped, and the key of each.
        :raises ValueError: if there is no such connection.
        """
        self._connection(connection_id)
        groups = self._book.circle.groups
        return self._book.mapped.list(connection_id, groups, group_id, after=after, most=most)

    def is_last_admin(self, user: Any, connection: Connection) -> bool:
        """Tell whether a person is the only active one of a customer with a role ``admin=…``.

        :param user: the person's row.
        :param connection: a connection of the customer.
        :return: whether they have it, and nobody else has.
        """
        return self._book.admins.is_last(connection, self._book.users.key_of(user))

    def check_admins(self, connection: Connection) -> None:
        """Refuse what has left a customer without an administrator, in the transaction in hand.

        :param connection: a connection of the customer.
        :raises Forbidden: if nobody active is one any more.
        """
        self._book.admins.check(connection)

    def map(
        self,
        connection_id: str,
        roles: str | Iterable[str],
        *,
        group: str | None = None,
        external_id: str | None = None,
        precedence: int = DEFAULT,
        dry_run: bool = False,
    ) -> Preview:
        """Let a group stand for a role, or for several: whoever is in it has them.

        A group is named by its SCIM ``id`` or by its ``externalId``; never by its name, which an
        identity provider may give to any group.

        :param connection_id: the connection.
        :param roles: the role, or all of them.
        :param group: the SCIM ``id`` of the group.
        :param external_id: its ``externalId``.
        :param precedence: where a person can have one role, the lowest decides.
        :param dry_run: whether to change nothing.
        :return: who gains a role, and who loses one.
        :raises ValueError: if something is not there, or may not be.
        :raises Forbidden: if it would leave a customer without an administrator.
        """
        connection, wanted = self._connection(connection_id), _read_roles(roles)
        for role in wanted:
            self._book.check_role(connection, role)
        if isinstance(precedence, bool) or not FIRST <= precedence <= LAST:
            raise ValueError(f"precedence must be a whole number from {FIRST} to {LAST}.")

        def change() -> Shift:
            book = self._book
            key = book.lock_group(connection, group, external_id, dry_run=dry_run)
            mapped = book.mapped.of(connection.id)
            before = mapped.get(key, {})
            after = before | dict.fromkeys(wanted, precedence)
            if len(after) > max(book.rules.per_group, len(before)):
                raise ValueError(f"A group may stand for {book.rules.per_group} roles at the most.")
            distinct = {role for some in mapped.values() for role in some}
            if len(distinct | after.keys()) > max(book.rules.distinct, len(distinct)):
                raise ValueError(
                    f"The groups of a connection may stand for {book.rules.distinct} roles at the "
                    "most."
                )
            for role in wanted:
                if not dry_run and before.get(role) != precedence:
                    book.mapped.add(connection.id, key, role, precedence)
            return book.compute(connection, {key: after}, dry_run=dry_run)

        return self._run(connection, change, dry_run=dry_run)

    def unmap(
        self,
        connection_id: str,
        roles: str | Iterable[str],
        *,
        group: str | None = None,
        external_id: str | None = None,
        dry_run: bool = False,
    ) -> Preview:
        """Let a group not stand for a role any more: whoever has it by the group alone loses it.

        See :meth:`map`.
        """
        connection, unwanted = self._connection(connection_id), _read_roles(roles)

        def change() -> Shift:
            book = self._book
            key = book.lock_group(connection, group, external_id, dry_run=dry_run)
            before = book.mapped.of(connection.id, [key]).get(key, {})
            for role in unwanted:
                if role not in before:
                    raise ValueError(f"The group does not stand for {role[:100]!r}.")
                if not dry_run:
                    book.mapped.drop(connection.id, key, role)
            left = {role: each for role, each in before.items() if role not in unwanted}
            return book.compute(connection, {key: left}, dry_run=dry_run)

        return self._run(connection, change, dry_run=dry_run)

    def sync(self, connection_id: str, *, dry_run: bool = False) -> Preview:
        """Put right what the app has changed of groups and roles past SCIM.

        Whoever is in a group has its roles again, and whoever is in none any more loses them.

        :param connection_id: the connection.
        :param dry_run: whether to change nothing.
        :return: who gains a role, and who loses one.
        :raises ValueError: if there is no such connection.
        :raises Forbidden: if it would leave a customer without an administrator.
        """
        connection = self._connection(connection_id)

        def change() -> Shift:
            if not dry_run:
                self._book.lock_connection(connection)
            mapped = self._book.mapped.of(connection.id)
            stale = self._book.grants.groups_of(connection.id) - mapped.keys()
            roles: RolesOfGroups = {**mapped, **{group: {} for group in stale}}
            return self._book.compute(connection, roles, repair=True, dry_run=dry_run)

        return self._run(connection, change, dry_run=dry_run)

    def of(self, user: Any, *, take: int | None = PAGE, after: str | None = None) -> list[HeldRole]:
        """List the roles of a person and where they come from, with one statement.

        :param user: the person's row.
        :param take: the most to list; ``None`` for all.
        :param after: the role after which to begin.
        :return: the roles by name.
        """
        return list_held(self._book, user, take=take, after=after)

    def of_id(
        self, connection_id: str, id: str, *, take: int | None = PAGE, after: str | None = None
    ) -> list[HeldRole]:
        """List the roles of a person whom a connection knows; see :meth:`of`.

        :param connection_id: the connection.
        :param id: the SCIM ``id`` of the person.
        :param take: the most to list; ``None`` for all.
        :param after: the role after which to begin.
        :return: the roles by name; none where there is no such person.
        :raises ValueError: if there is no such connection.
        """
        connection, users = self._connection(connection_id), self._book.users
        raw = users.id.codec.parse(id)
        if raw is None:
            return []
        statement = users.select(users.model).where(users.id.column == raw)
        user = self._session.scalars(statement.where(*users.own(connection))).first()
        return [] if user is None else self.of(user, take=take, after=after)

    def has(self, user: Any, roles: Iterable[str]) -> bool:
        """Tell whether a person has one of some roles, with one statement.

        :param user: the person's row.
        :param roles: the roles, whoever has given them.
        :return: whether they do.
        """
        return has_any(self._book, user, roles)

    def grant(
        self,
        user: Any,
        roles: Iterable[str],
        origin: Origin = Origin.MANUAL,
        connection: Connection | None = None,
    ) -> list[Event]:
        """Give a person roles, in the transaction in hand; see :meth:`withdraw`.

        :param user: the person's row.
        :param roles: the roles.
        :param origin: who gives them.
        :param connection: the connection that they come by; of the app's own none is needed.
        :return: what happened, for whoever commits to tell of.
        :raises InvalidValue: if the app has no such role.
        :raises Forbidden: if it may not be given that way.
        """
        return give(self._book, user, roles, origin, connection)

    def withdraw(
        self,
        user: Any,
        roles: Iterable[str] | None = None,
        origin: Origin = Origin.MANUAL,
        connection: Connection | None = None,
    ) -> list[Event]:
        """Take back what was given to a person, in the transaction in hand.

        A role that somebody else has given too stays.

        :param user: the person's row.
        :param roles: the roles; ``None`` for all.
        :param origin: who has given them.
        :param connection: the connection that they came by.
        :return: what happened, for whoever commits to tell of.
        :raises Forbidden: if it would leave a customer without an administrator.
        """
        return take_back(self._book, user, roles, origin, connection)

    def _run(
        self, connection: Connection, change: Callable[[], Shift], *, dry_run: bool
    ) -> Preview:
        """Do in one transaction what an administrator wants, and tell of it."""
        attempt = 1
        while True:
            try:
                with translated("role"):
                    preview, told = self._attempt(connection, change, dry_run=dry_run)
                break
            except Deadlock:
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))
                attempt += 1
        self._publish(told)
        return preview

    def _attempt(
        self, connection: Connection, change: Callable[[], Shift], *, dry_run: bool
    ) -> tuple[Preview, Sequence[Event]]:
        # What was read before belongs to an older snapshot.
        self._session.commit()
        told: Sequence[Event] = ()
        try:
            with writing(self._session):
                shift = change()
                if dry_run:
                    self._book.check_admins(connection, shift, dry_run=True)
                preview = make_preview(self._book, shift)
                if not dry_run:
                    told = self._follow(self._book.tell(connection, shift))
                    self._session.commit()
        finally:
            # Of what was only looked at, and of what failed, nothing stays.
            self._session.rollback()
        return preview, told

    def _connection(self, id: str) -> Connection:
        connection = self._find(id)
        if connection is None:
            raise ValueError(f"There is no connection {id[:100]!r}.")
        return connection


def _read_roles(roles: str | Iterable[str]) -> list[str]:
    wanted = list(dict.fromkeys([roles] if isinstance(roles, str) else roles))
    if not wanted:
        raise ValueError("Name a role.")
    return wanted
