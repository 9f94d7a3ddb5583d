"""A breaker for each connection: too many people who lose access in a short time hold it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..protocol.errors import ServiceUnavailable
from ..provisioning.intents import Intent
from ..provisioning.policy import Policy
from ..provisioning.ports import Connection, State
from .ends import Ends

#: So many people may go whatever share of all they are, or a small customer could lose nobody.
_FLOOR = 5
#: When a client of a held connection may try again, in seconds.
_PAUSE = 300


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a connection is held.

    :param ended: how many people would have lost access in the window, the last one among them.
    :param allowed: how many may.
    :param window: its length in seconds.
    :param people: how many had access before it, where that is what the limit is a share of.
    """

    ended: int
    allowed: int
    window: int
    people: int | None = None

    def __str__(self) -> str:
        of = "" if self.people is None else f" of {self.people}"
        return (
            f"An identity provider would have ended the access of {self.ended}{of} people within "
            f"{self.window} seconds, where {self.allowed} are allowed."
        )


class Tripped(ServiceUnavailable):
    """What a request asks for is too much for its connection, which is to be held.

    :param connection_id: the connection.
    :param hold: why.
    """

    def __init__(self, connection_id: str, hold: Hold) -> None:
        super().__init__(_words(), _PAUSE)
        self.connection_id = connection_id
        self.hold = hold


def refuse_held(connection: Connection) -> None:
    """Refuse to change anything for a connection that is held.

    :param connection: the connection.
    :raises ServiceUnavailable: if it is.
    """
    _refuse_if_held(connection.state)


class Breaker:
    """Refuses to let too many people of a connection lose access, over all processes.

    :param session: the host's session, in the transaction that ends somebody's access.
    :param connections: our table of connections.
    :param ends: our table of those who have lost access lately.
    :param count_people: counts the people of a connection who have access and had it at a moment.
    """

    def __init__(
        self,
        session: Any,
        connections: sa.Table,
        ends: sa.Table,
        count_people: Callable[[Connection, datetime], int],
    ) -> None:
        self._session = session
        self._connections = connections
        self._ends = ends
        self._count_people = count_people

    def count(self, intent: Intent, policy: Policy) -> None:
        """Count somebody who is about to lose access; what is undone is not counted.

        :param intent: what is about to be done to a person.
        :param policy: the choices of the connection.
        :raises Tripped: if it is one too many.
        :raises ServiceUnavailable: if the connection is held by now.
        """
        connection, window = intent.connection, policy.breaker_window
        if not (window and (policy.breaker_count or policy.breaker_share)):
            return
        ends = self._ends_of(connection)
        counted = ends.count(timedelta(seconds=window), intent.since)
        _refuse_if_held(counted.state)
        if policy.breaker_count and counted.ended >= policy.breaker_count:
            hold = Hold(counted.ended + 1, policy.breaker_count, window)
            raise Tripped(connection.id, hold)
        known, base = counted.known, counted.base
        if policy.breaker_share and counted.is_known and known >= _FLOOR:
            if base is None:
                base = self._count_people(connection, counted.before) + known
            allowed = max(_FLOOR, base * policy.breaker_share // 100)
            if known >= allowed:
                raise Tripped(connection.id, Hold(known + 1, allowed, window, base))
        ends.note(counted, base)

    def reset(self, connection: Connection) -> None:
        """Begin to count anew, in the transaction in hand."""
        self._ends_of(connection).forget()

    def _ends_of(self, connection: Connection) -> Ends:
        return Ends(self._session, self._connections, self._ends, connection.id)


def _refuse_if_held(state: Any) -> None:
    if state == State.HELD:
        raise ServiceUnavailable(_words(), _PAUSE)


def _words() -> str:
    return (
        "Too many people would have lost access in a short time, so the application holds this "
        "connection until its administrators have looked; nothing was changed. If it is meant, ask "
        "them to resume the connection."
    )
