"""The app's own roles: which groups stand for them, and who has which."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..config import ConfigurationError
from ..provisioning.changes import Event
from ..provisioning.ports import Connection, Deadlock
from ..store.changes.tracking import writing
from ..store.sql.failures import translated
from .grants import DEFAULT, FIRST, LAST, Grant, Origin, Shift, Stake, Wish, read_grant
from .mapped import GroupRole, RolesOfGroups
from .membership import PAGE
from .role_book import RoleBook

#: How many of those who gain or lose a role a preview names; beyond these they are counted.
MOST_NAMED = 1_000
_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class RoleChange:
    """That somebody gains a role, or loses it.

    :param user_id: the SCIM ``id`` of the person.
    :param name: the person's unique name.
    :param role: the role.
    """

    user_id: str
    name: str | None
    role: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change to the roles of groups comes to: before it is made, or as it was made.

    :param gained: how many gain a role.
    :param lost: how many lose one.
    :param gains: who gains which, at most 1,000 of them.
    :param losses: who loses which, at most 1,000 of them.
    """

    gained: int
    lost: int
    gains: list[RoleChange]
    losses: list[RoleChange]


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that a person has.

    :param role: the role.
    :param display: what people read; ``None`` for nothing else.
    :param origins: who has given it: ``scim``, ``login`` or ``manual``.
    :param groups: the SCIM ids of the groups that it came by.
    :param connections: the connections that it came by.
    """

    role: str
    display: str | None
    origins: frozenset[Origin]
    groups: frozenset[str]
    connections: frozenset[str]


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
            key = self._lock_group(connection, group, external_id, dry_run=dry_run)
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
            key = self._lock_group(connection, group, external_id, dry_run=dry_run)
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
        key, grants = self._book.users.key_of(user), self._book.tables.grants
        statement = self._book.holder.select(key)
        statement = statement.add_columns(*grants.c)
        joined = statement.outerjoin(grants, grants.c.row_id == self._book.holder.near)
        if self._book.groups is not None:
            groups = self._book.circle.groups
            joined = joined.outerjoin(groups.model, groups.key == grants.c.group_id)
            assert groups.id.column is not None
            joined = joined.add_columns(groups.id.column)
        names: dict[str, str | None] = {}
        reasons: dict[str, dict[Grant, Any]] = {}
        for held, display, *rest in self._session.execute(joined):
            names |= self._book.holder.decode(held, display)
            columns = dict(zip(grants.c.keys(), rest, strict=False))
            if columns["id"] is not None:
                grant = read_grant(columns)
                group = rest[len(grants.c)] if self._book.groups is not None else None
                reasons.setdefault(grant.role, {})[grant] = group
        found = [self._held(name, names[name], reasons.get(name, {})) for name in sorted(names)]
        return list(islice((each for each in found if after is None or each.role > after), take))

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
        holder, names = self._book.holder, set[str]()
        for held, display in self._session.execute(holder.select(self._book.users.key_of(user))):
            names.update(holder.decode(held, display))
        return not names.isdisjoint(roles)

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
        wanted, key = list(dict.fromkeys(roles)), self._book.users.key_of(user)
        stake = Stake(origin, connection.id if connection and origin != Origin.MANUAL else None)
        has = self._book.holder.read(self._session, [key]).get(key, {})
        self._book.check_given(connection, origin, [role for role in wanted if role not in has])

        def wish(row: Any, held: set[Grant]) -> set[Grant]:
            return held | {Grant(row, role, origin, stake.connection_id) for role in wanted}

        return self._decide_now(connection, user, stake, wish)

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
        gone = None if roles is None else set(roles)
        stake = Stake(origin, connection.id if connection and origin != Origin.MANUAL else None)

        def wish(_row: Any, held: set[Grant]) -> set[Grant]:
            return {grant for grant in held if gone is not None and grant.role not in gone}

        return self._decide_now(connection, user, stake, wish)

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
                preview = self._preview(shift)
                if not dry_run:
                    told = self._follow(self._book.tell(connection, shift))
                    self._session.commit()
        finally:
            # Of what was only looked at, and of what failed, nothing stays.
            self._session.rollback()
        return preview, told

    def _decide_now(
        self, connection: Connection | None, user: Any, stake: Stake, wish: Wish
    ) -> list[Event]:
        self._session.flush()
        tenant = connection.tenant if connection else None
        known = self._book.holder.known(self._session, tenant)
        key = self._book.users.key_of(user)
        shift = self._book.grants.decide(stake, wish, [key], known=known)
        self._session.expire(user)
        return [] if connection is None else self._book.tell(connection, shift, stake.origin)

    def _held(self, name: str, display: str | None, reasons: dict[Grant, Any]) -> HeldRole:
        codec = None if self._book.groups is None else self._book.circle.groups.id.codec
        groups = {codec.decode(raw) for raw in reasons.values() if codec and raw is not None}
        return HeldRole(
            name,
            display,
            frozenset(grant.origin for grant in reasons) or frozenset({Origin.MANUAL}),
            frozenset(groups),
            frozenset(grant.connection_id for grant in reasons if grant.connection_id),
        )

    def _preview(self, shift: Shift) -> Preview:
        gains, losses = (
            list(islice(some, MOST_NAMED)) for some in (sorted(shift.gained), sorted(shift.lost))
        )
        people = self._book.people(list(dict.fromkeys(row for row, _ in (*gains, *losses))))
        unique = self._book.users.unique

        def named(some: list[tuple[Any, str]]) -> list[RoleChange]:
            return [
                RoleChange(
                    self._book.users.id_of(people[row]),
                    None if unique is None else unique.read(people[row], {}),
                    role,
                )
                for row, role in some
                if row in people
            ]

        return Preview(len(shift.gained), len(shift.lost), named(gains), named(losses))

    def _lock_group(
        self, connection: Connection, group: str | None, external_id: str | None, *, dry_run: bool
    ) -> Any:
        """Find a group, and keep others from changing who is in it until the transaction ends."""
        circle = self._book.circle
        binding, record = circle.groups, circle.groups.record
        id = binding.id
        assert id.column is not None
        match group, external_id:
            case str(named), None:
                raw = id.codec.parse(named)
                is_it = sa.false() if raw is None else id.column == raw
            case None, str(named):
                is_it = record.c.external_id == named
            case _:
                raise ValueError("Name a group by its id or by its externalId, one of the two.")
        statement = binding.select(binding.key, id.column, record.c.external_id)
        statement = statement.where(is_it, *binding.own(connection))
        # A collation may find what differs in letter case; both are exact.
        found = [
            key
            for key, raw, external in self._session.execute(statement)
            if named == (external if group is None else id.codec.decode(raw))
        ]
        if not found:
            raise ValueError(f"There is no group {named[:100]!r} in {connection.id!r}.")
        if len(found) > 1:
            raise ValueError(
                f"There are {len(found)} groups with the externalId {named[:100]!r}; name one by "
                "its id."
            )
        if not dry_run:
            # An UPDATE locks on every database.
            own = (record.c.connection_id == connection.id, record.c.row_id == found[0])
            self._session.execute(record.update().where(*own).values(version=record.c.version))
            if circle.nested is not None:
                # In this order, as a change of its members does it.
                self._book.lock_connection(connection)
        return found[0]

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
