"""What becomes of its users when a connection is switched off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..protocol.errors import NotFound, ScimError, ServiceUnavailable
from ..provisioning.ports import Connection, State
from ..provisioning.service import Service
from ..store.queries.roster import Person, Roster

#: How many people are read at once, and released in one transaction.
_BATCH = 100
#: How many names a preview shows, and how many refusals an outcome.
_SHOWN_NAMES = 10
_SHOWN_REFUSALS = 100


class Leaving(StrEnum):
    """What becomes of the users of a connection that is switched off."""

    #: They stay as they are, and the connection's.
    KEEP = "keep"
    #: They stay as they are, and are the application's own from then on.
    RELEASE = "release"
    #: They are deactivated, as if their identity provider had done it.
    DEACTIVATE = "deactivate"


@dataclass(frozen=True, slots=True)
class Preview:
    """What switching a connection off would do.

    :param users: what becomes of its users.
    :param total: how many it has.
    :param affected: how many of them it would change.
    :param names: the first of these.
    """

    users: Leaving
    total: int
    affected: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Somebody who stays as they are.

    :param id: the SCIM ``id``.
    :param name: what the identity provider calls the person.
    :param reason: why, in the words of whoever refused.
    """

    id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has been done.

    :param done: how many people have been released or deactivated.
    :param refused: how many stay as they are.
    :param refusals: the first of these.
    :param following: the key behind which to go on; ``None`` where everything is done.
    """

    done: int = 0
    refused: int = 0
    refusals: tuple[Refusal, ...] = ()
    following: Any = None


def _say_nothing(_: int) -> None:
    """Tell nobody."""


class Closing:
    """Switches connections of an app off.

    :param find: finds a connection by its name; ``None`` if there is none.
    :param disable: disables a connection.
    :param roster: finds the people of a connection.
    :param service: makes what changes them.
    """

    def __init__(
        self,
        find: Callable[[str], Connection | None],
        disable: Callable[[str], Connection],
        roster: Callable[[Connection], Roster],
        service: Callable[[Connection], Service],
    ) -> None:
        self._find = find
        self._disable = disable
        self._roster = roster
        self._service = service

    def preview(self, id: str, users: str = Leaving.KEEP) -> Preview:
        """Tell what switching a connection off would do; nothing is changed.

        :param id: the connection.
        :param users: what would become of its users: ``keep``, ``release`` or ``deactivate``.
        :return: how many it would change, and the first of them.
        :raises ValueError: if there is no such connection, or nothing of the kind.
        """
        leaving, roster = _read(users), self._roster(self._existing(id))
        total = roster.count()
        if leaving is Leaving.KEEP:
            return Preview(leaving, total, 0, ())
        active = leaving is Leaving.DEACTIVATE
        first = roster.take(None, _SHOWN_NAMES, active=active)
        affected = roster.count(active=True) if active else total
        return Preview(leaving, total, affected, tuple(person.name for person in first))

    def close(
        self,
        id: str,
        users: str = Leaving.KEEP,
        *,
        after: Any = None,
        limit: int | None = None,
        tell: Callable[[int], None] = _say_nothing,
    ) -> Outcome:
        """Disable a connection, and let its users go as is said.

        Each deactivation is a change of its own, with its guards and events, and people are
        released in batches: what breaks off is taken up again by the same call.

        :param id: the connection.
        :param users: what becomes of its users: ``keep``, ``release`` or ``deactivate``.
        :param after: where an outcome said to go on; left out, at the beginning.
        :param limit: how many people to see to at the most; left out, all.
        :param tell: is called now and then, with how many were seen to since the last time.
        :return: what has been done.
        :raises ValueError: if there is no such connection, or nothing of the kind.
        :raises ServiceUnavailable: if the database is busy; the same call goes on from there.
        """
        leaving, connection = _read(users), self._existing(id)
        if connection.state is not State.DISABLED:
            connection = self._disable(id)
        outcome = Outcome(following=after)
        if leaving is Leaving.KEEP:
            return Outcome()
        roster, service = self._roster(connection), self._service(connection)
        while limit is None or limit > 0:
            most = _BATCH if limit is None else min(_BATCH, limit)
            active = leaving is Leaving.DEACTIVATE
            people = roster.take(outcome.following, most, active=active)
            if active:
                refusals = [each for person in people if (each := _deactivate(service, person))]
            else:
                refusals = []
                roster.release(people)
            outcome = _add(outcome, people, refusals)
            tell(len(people))
            if len(people) < most:
                return _add(outcome, [], [])
            limit = None if limit is None else limit - len(people)
        return outcome

    def _existing(self, id: str) -> Connection:
        connection = self._find(id)
        if connection is None:
            raise ValueError(f"There is no connection {id[:100]!r}.")
        return connection


def _read(users: str) -> Leaving:
    try:
        return Leaving(users)
    except ValueError:
        allowed = " or ".join(repr(str(each)) for each in Leaving)
        raise ValueError(f"users must be {allowed}, not {users[:100]!r}.") from None


def _deactivate(service: Service, person: Person) -> Refusal | None:
    """Deactivate somebody as their identity provider would; tell who refuses that, and why."""
    switch = {"op": "replace", "path": "active", "value": False}
    try:
        service.patch(person.id, [switch])
    except NotFound:
        # Whoever has been deleted meanwhile has no access that could end.
        return None
    except ServiceUnavailable:
        raise
    except ScimError as error:
        return Refusal(person.id, person.name, error.detail)
    return None


def _add(outcome: Outcome, people: list[Person], refusals: list[Refusal]) -> Outcome:
    """What has been done with some more people; behind the last of all there are none."""
    return Outcome(
        outcome.done + len(people) - len(refusals),
        outcome.refused + len(refusals),
        (outcome.refusals + tuple(refusals))[:_SHOWN_REFUSALS],
        people[-1].key if people else None,
    )
