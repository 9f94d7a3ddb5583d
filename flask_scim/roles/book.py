"""The roles of an app as they are kept: computed, checked, locked and told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..config import ConfigurationError
from ..protocol.errors import Forbidden, InvalidValue
from ..provisioning.changes import Event, Kind
from ..provisioning.ports import Connection
from ..store.changes.tracking import move_version
from ..store.columns.binding import Binding
from ..store.columns.holders.holder import Holder
from ..store.columns.relations import chunks
from ..store.sql.backends import Backend
from ..store.tables.roles import RoleTables
from .admins import Admins, AdminSelect
from .grants import Grant, Grants, Origin, Shift, Stake
from .mapped import GroupRoles, RolesOfGroups
from .membership import Circle
from .rules import Rules


@dataclass
class RoleBook:
    """The roles of an app as they are kept.

    :param session: the host's session.
    :param backend: the database behind it.
    :param tables: our tables.
    :param holder: where the app keeps the roles.
    :param rules: what it says of them.
    :param users: the resource type of people.
    :param groups: who is in which group; ``None`` where the app has no groups.
    :param connections: our table of connections.
    :param admin_select: what the app says itself of who administers a customer's account.
    :param is_shown: whether people's roles are among their attributes.
    """

    session: Session
    backend: Backend
    tables: RoleTables
    holder: Holder
    rules: Rules
    users: Binding
    groups: Circle | None
    connections: sa.Table
    admin_select: AdminSelect | None = None
    is_shown: bool = False

    @cached_property
    def grants(self) -> Grants:
        """Who has which role and where from."""
        return Grants(self.session, self.tables.grants, self.holder, self.rules)

    @cached_property
    def mapped(self) -> GroupRoles:
        """Which groups stand for which roles."""
        return GroupRoles(self.session, self.tables.mapped)

    @cached_property
    def admins(self) -> Admins:
        """Who has to stay."""
        return Admins(
            self.session,
            self.backend,
            self.users,
            self.holder,
            self.rules.admin,
            self.admin_select,
        )

    @property
    def circle(self) -> Circle:
        """Who is in which group.

        :raises ConfigurationError: if the app has no groups.
        """
        if self.groups is None:
            raise ConfigurationError("Declare the groups first: scim.groups(…).")
        return self.groups

    def compute(
        self,
        connection: Connection,
        roles: RolesOfGroups,
        rows: list[Any] | None = None,
        *,
        repair: bool = False,
        dry_run: bool = False,
    ) -> Shift:
        """Let people have the roles of some groups as far as they are in these, and no further.

        :param connection: whose groups they are.
        :param roles: the groups, by primary key, and the roles that they stand for.
        :param rows: the primary keys of the people to look at; ``None`` for everybody.
        :param repair: whether to give again what was given and the app has taken since.
        :param dry_run: whether to write nothing.
        :return: who has really got a role, and who has lost one.
        """
        known = self.holder.known(self.session, connection.tenant)
        good = {
            group: {
                role: precedence
                for role, precedence in some.items()
                if self.rules.may_give(role) and (known is None or role in known)
            }
            for group, some in roles.items()
        }
        leads = self.circle.below(group for group in good if good[group])
        members = self.circle.members(connection, leads, rows)
        stake = Stake(Origin.SCIM, connection.id, frozenset(good))

        def wish(row: Any, _held: set[Grant]) -> set[Grant]:
            return {
                Grant(row, role, Origin.SCIM, connection.id, group, precedence)
                for group in members.get(row, ())
                for role, precedence in good[group].items()
            }

        concerned = rows if rows is not None else members.keys() | self.grants.rows_at(stake)
        return self.grants.decide(
            stake, wish, concerned, known=known, repair=repair, dry_run=dry_run
        )

    def tell(
        self,
        connection: Connection,
        shift: Shift,
        origin: Origin = Origin.SCIM,
        *,
        moves: bool = True,
    ) -> list[Event]:
        """Tell who has got a role and who has lost one.

        :param connection: the connection that it came by.
        :param shift: what has really changed.
        :param origin: who has given the roles.
        :param moves: whether the versions of the people have still to move.
        :return: one event for each person who has lost roles, and one for each who has got some.
        :raises Forbidden: if it has left the customer without an administrator.
        """
        if not shift:
            return []
        self.check_admins(connection, shift)
        if self.is_shown and moves:
            for part in chunks(shift.rows):
                move_version(self.session, self.users, part)
        causes = (*shift.gained.values(), *shift.lost.values())
        ids = self._ids_of({group for some in causes for group in some})
        people = self.people(shift.rows)
        told = []
        for kind, some in ((Kind.ROLE_REVOKED, shift.lost), (Kind.ROLE_GRANTED, shift.gained)):
            for row, roles in _by_person(some).items():
                if row not in people:
                    continue
                by = sorted({ids[group] for each in roles.values() for group in each & ids.keys()})
                details = {"roles": sorted(roles), "origin": origin.value, "groups": by}
                user = people[row]
                event = Event(
                    kind, "User", self.users.id_of(user), connection, None, None, ("roles",), user
                )
                told.append(replace(event, details=details))
        return told

    def check_admins(self, connection: Connection, shift: Shift, *, dry_run: bool = False) -> None:
        """Refuse a change that leaves a customer without an administrator.

        :param connection: a connection of the customer.
        :param shift: what has changed, or would.
        :param dry_run: whether nothing has been written.
        :raises Forbidden: if nobody active is one any more.
        """
        losers = {row for row, role in shift.lost if self.admins.concerns({role})}
        if not losers:
            return
        if dry_run:
            winners = {row for row, role in shift.gained if self.admins.concerns({role})}
            if not winners:
                self.admins.check_without(connection, losers)
            return
        self._lock_tenant(connection)
        self.admins.check(connection)

    def check_role(self, connection: Connection, role: str) -> None:
        """Refuse a role that no group of a connection can stand for.

        :param connection: the connection.
        :param role: the role.
        :raises ValueError: if there is no such role, or it is not to be given that way.
        """
        if not role or len(role) > 255:
            raise ValueError("A role has 1 to 255 characters.")
        known = self.holder.known(self.session, connection.tenant)
        if known is not None and role not in known:
            raise ValueError(f"This application has no role {role[:100]!r}.")
        if not self.rules.may_give(role):
            raise ValueError(f"{_not_theirs(role)}; only this application gives it.")

    def check_given(
        self, connection: Connection | None, origin: Origin, roles: Sequence[str]
    ) -> None:
        """Refuse roles that somebody is to be given and cannot.

        :param connection: the connection that they come by.
        :param origin: who gives them.
        :param roles: the roles.
        :raises InvalidValue: if the app has no such role.
        :raises Forbidden: if it may not be given that way.
        """
        tenant = connection.tenant if connection else None
        known = self.holder.known(self.session, tenant) if roles else None
        for role in roles:
            if not role or len(role) > 255 or (known is not None and role not in known):
                raise InvalidValue(f"This application has no role {role[:100]!r}.")
            if origin is not Origin.MANUAL and not self.rules.may_give(role):
                raise Forbidden(
                    f"{_not_theirs(role)}; ask an administrator of the application for it."
                )

    def people(self, rows: list[Any]) -> dict[Any, Any]:
        """Load people as they are now.

        :param rows: their primary keys.
        :return: their rows, by primary key.
        """
        self.session.flush()
        found: dict[Any, Any] = {}
        fresh = {"populate_existing": True}
        for part in chunks(rows):
            statement: sa.Select[Any] = sa.select(self.users.model).where(self.users.key.in_(part))
            loaded = self.session.scalars(statement, execution_options=fresh).unique()
            found |= {self.users.key_of(user): user for user in loaded}
        return found

    def lock_connection(self, connection: Connection) -> None:
        """Let changes to groups within groups of a connection come one after the other."""
        columns = self.connections.c
        is_it = columns.id == connection.id
        # An UPDATE locks on every database.
        self.session.execute(self.connections.update().where(is_it).values(id=columns.id))

    def lock_group(
        self, connection: Connection, group: str | None, external_id: str | None, *, dry_run: bool
    ) -> Any:
        """Find a group, and keep others from changing who is in it until the transaction ends.

        :param connection: whose group it is.
        :param group: its SCIM ``id``; ``None`` where it is named by the other.
        :param external_id: its ``externalId``; likewise.
        :param dry_run: whether to keep nobody from it.
        :return: the primary key of the group.
        :raises ValueError: if there is no such group, or several.
        """
        circle = self.circle
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
            for key, raw, external in self.session.execute(statement)
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
            self.session.execute(record.update().where(*own).values(version=record.c.version))
            if circle.nested is not None:
                # In this order, as a change of its members does it.
                self.lock_connection(connection)
        return found[0]

    def _lock_tenant(self, connection: Connection) -> None:
        """Let two changes that would take away the last administrators together meet."""
        columns, tenant = self.connections.c, connection.tenant
        is_same = columns.tenant.is_(None) if tenant is None else columns.tenant == tenant
        self.session.execute(self.connections.update().where(is_same).values(id=columns.id))

    def _ids_of(self, groups: set[Any]) -> dict[Any, str]:
        found: dict[Any, str] = {}
        if self.groups is None:
            return found
        binding = self.groups.groups
        codec, column = binding.id.codec, binding.id.column
        assert column is not None
        for part in chunks(list(groups)):
            statement = sa.select(binding.key, column).where(binding.key.in_(part))
            found |= {key: codec.decode(raw) for key, raw in self.session.execute(statement)}
        return found


def _not_theirs(role: str) -> str:
    return f"The role {role!r} is not for identity providers to give"


def _by_person(
    shift: dict[tuple[Any, str], frozenset[Any]],
) -> dict[Any, dict[str, frozenset[Any]]]:
    gathered: dict[Any, dict[str, frozenset[Any]]] = {}
    for (row, role), by in shift.items():
        gathered.setdefault(row, {})[role] = by
    return gathered
