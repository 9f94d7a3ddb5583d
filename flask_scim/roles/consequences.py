"""What follows for people's roles from what an identity provider changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..provisioning.changes import Event, Kind
from ..provisioning.ports import Connection
from .book import RoleBook
from .grants import Grant, Origin, Shift, Stake
from .membership import Circle


class Consequences:
    """What follows from the changes of one request.

    :param book: the roles of the app.
    """

    def __init__(self, book: RoleBook) -> None:
        self._book = book
        #: By transaction: what was assigned in one that was undone has not happened.
        self._assigned: list[tuple[Any, Connection, Shift]] = []

    def assign(self, connection: Connection, key: Any, wanted: Sequence[str]) -> bool:
        """Let a person have the roles that their attribute ``roles`` names, and what others gave.

        :param connection: the connection whose identity provider says so.
        :param key: the primary key of the person.
        :param wanted: the roles.
        :return: whether anybody has got a role by it, or lost one.
        :raises InvalidValue: if the app has no such role.
        :raises Forbidden: if an identity provider may not give it.
        """
        has = self._book.holder.read(self._book.session, [key]).get(key, {})
        self._book.check_given(
            connection, Origin.SCIM, [role for role in wanted if role not in has]
        )
        given = {
            Grant(key, role, Origin.SCIM, connection.id, precedence=place)
            for place, role in enumerate(wanted)
            if self._book.rules.may_give(role)
        }
        known = self._book.holder.known(self._book.session, connection.tenant)
        stake = Stake(Origin.SCIM, connection.id)
        shift = self._book.grants.decide(stake, lambda *_: given, [key], known=known)
        self._assigned.append((self._book.session.get_transaction(), connection, shift))
        return bool(shift)

    def settle(self, events: Sequence[Event]) -> list[Event]:
        """Let roles follow from what an identity provider has changed, in its transaction.

        :param events: what it has changed.
        :return: who has got a role by it, and who has lost one.
        :raises Forbidden: if it would leave a customer without an administrator.
        """
        told: list[Event] = []
        transaction = self._book.session.get_transaction()
        for within, connection, shift in self._assigned:
            if within is transaction:
                told += self._book.tell(connection, shift, moves=False)
        self._assigned.clear()
        for connection in {event.connection.id: event.connection for event in events}.values():
            some = [event for event in events if event.connection.id == connection.id]
            told += self._book.tell(connection, self._follow_up(connection, some))
        return told

    def _follow_up(self, connection: Connection, events: list[Event]) -> Shift:
        shift = Shift()
        left = [
            each for each in events if each.kind is Kind.DELETED and each.resource_type == "User"
        ]
        if left:
            everything = Stake(Origin.SCIM, connection.id, None)
            rows = [self._book.users.key_of(each.row) for each in left]
            shift.add(self._book.grants.decide(everything, lambda *_: set(), rows))
        if self._book.groups is None:
            return shift
        groups = [each for each in events if each.resource_type == "Group"]
        keys = {id(each): self._book.circle.groups.key_of(each.row) for each in groups}
        new = {keys[id(each)] for each in groups if each.kind is Kind.CREATED}
        gone = {keys[id(each)] for each in groups if each.kind is Kind.DELETED}
        moved = {
            keys[id(each)]: (each.added | each.removed) - {other.id for other in left}
            for each in groups
            if each.kind is Kind.MEMBERS_CHANGED
        }
        # A group that has just come stands for nothing yet, and is in no other.
        changed = {key: ids for key, ids in moved.items() if key not in new and ids}
        if gone or changed:
            shift.add(self._follow_groups(connection, self._book.circle, gone, changed))
        return shift

    def _follow_groups(
        self,
        connection: Connection,
        circle: Circle,
        gone: set[Any],
        changed: dict[Any, frozenset[str]],
    ) -> Shift:
        if circle.nested is not None:
            # Two changes, one of them to a group within the group of the other, meet here.
            self._book.lock_connection(connection)
        touched = circle.above(changed)
        roles = self._book.mapped.of(connection.id, touched | gone)
        for group in gone & roles.keys():
            self._book.mapped.drop(connection.id, group)
        # Where the app deletes the row of a group, what it stood for is gone with it by now.
        roles |= {group: {} for group in gone}
        if not roles:
            return Shift()
        rows, is_all = circle.find_rows({id for ids in changed.values() for id in ids})
        if gone or not is_all:
            return self._book.compute(connection, roles)
        return self._book.compute(connection, roles, list(rows))
