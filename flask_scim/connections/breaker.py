"""A breaker for each connection: too many people who lose access in a short time hold it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..protocol.errors import ServiceUnavailable
from ..provisioning.intents import Intent
from ..provisioning.policy import Policy
from ..provisioning.ports import Connection, State
from ..store.sql.kept import kept

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
    """Counts the people of a connection who lose access, over all processes.

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
        database = self._connect()
        self._take_turn(database, connection)
        now = datetime.now(UTC)
        before = now - timedelta(seconds=window)
        ended, known, base = self._read(database, connection, before)
        if policy.breaker_count and ended >= policy.breaker_count:
            hold = Hold(ended + 1, policy.breaker_count, window)
            raise Tripped(connection.id, hold)
        is_known = intent.since is not None and intent.since <= before
        if policy.breaker_share and is_known and known >= _FLOOR:
            if base is None:
                base = self._count_people(connection, before) + known
            allowed = max(_FLOOR, base * policy.breaker_share // 100)
            if known >= allowed:
                raise Tripped(connection.id, Hold(known + 1, allowed, window, base))
        row = {"connection_id": connection.id, "time": now, "known": int(is_known), "base": base}
        database.execute(_insert(self._ends), row)

    def reset(self, connection: Connection) -> None:
        """Begin to count anew, in the transaction in hand."""
        is_own = self._ends.c.connection_id == connection.id
        self._session.execute(self._ends.delete().where(is_own))

    def _take_turn(self, database: sa.Connection, connection: Connection) -> None:
        """Let one process count at a time, and see what the others have done."""
        if not _writes_alone(database):
            _refuse_if_held(database.scalar(_take_turn(self._connections), {"of": connection.id}))

    def _read(
        self, database: sa.Connection, connection: Connection, before: datetime
    ) -> tuple[int, int, int | None]:
        """Count those who have lost access since a moment, and forget those before it."""
        asked = {"of": connection.id, "since": before}
        if _writes_alone(database):
            look = _look(self._connections, self._ends)
            state, written, ended, known, base = database.execute(look, asked).one()
            _refuse_if_held(state)
        else:
            # On these, other reads see what there was when the transaction first read something.
            locked = database.dialect.name in ("mysql", "mariadb")
            counted = database.execute(_count(self._ends, locked), asked)
            written, ended, known, base = counted.one()
        if written > ended:
            columns = self._ends.c
            is_over = sa.and_(columns.connection_id == connection.id, columns.time <= before)
            database.execute(self._ends.delete().where(is_over))
        return ended, int(known or 0), base

    def _connect(self) -> sa.Connection:
        database: sa.Connection = self._session.connection(bind_arguments={"clause": self._ends})
        return database


@kept
def _take_turn(connections: sa.Table) -> sa.Select[Any]:
    columns = connections.c
    locked = sa.select(columns.state).where(columns.id == sa.bindparam("of"))
    return locked.with_for_update(key_share=True)


@kept
def _count(ends: sa.Table, locked: bool) -> Any:
    """Count all who are written down, those since a moment, and those of them who were known."""
    counted = sa.select(*_counts(ends)).where(ends.c.connection_id == sa.bindparam("of"))
    return counted.with_for_update() if locked else counted


@kept
def _look(connections: sa.Table, ends: sa.Table) -> sa.Select[Any]:
    """Read what a connection is open for, and count the same."""
    columns = connections.c
    return (
        sa.select(columns.state, *_counts(ends))
        .select_from(connections.outerjoin(ends, ends.c.connection_id == columns.id))
        .where(columns.id == sa.bindparam("of"))
        .group_by(columns.id)
    )


def _counts(ends: sa.Table) -> list[Any]:
    columns = ends.c
    within = columns.time > sa.bindparam("since")
    return [
        sa.func.count(columns.id),
        sa.func.count(sa.case((within, 1))),
        sa.func.sum(sa.case((within, columns.known), else_=0)),
        sa.func.max(sa.case((within, columns.base))),
    ]


@kept
def _insert(ends: sa.Table) -> sa.Insert:
    return ends.insert()


def _writes_alone(database: sa.Connection) -> bool:
    """Tell whether nobody else writes anything until the transaction that has begun to ends."""
    return database.dialect.name == "sqlite"


def _refuse_if_held(state: Any) -> None:
    if state == State.HELD:
        raise ServiceUnavailable(_words(), _PAUSE)


def _words() -> str:
    return (
        "Too many people would have lost access in a short time, so the application holds this "
        "connection until its administrators have looked; nothing was changed. If it is meant, ask "
        "them to resume the connection."
    )
