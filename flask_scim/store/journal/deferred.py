"""Requests that are carried out later, in the host's database.

Those of one connection are carried out one after another, in their order. A worker takes the oldest
for a while, and has it for longer with each step that it writes down; whoever takes it after that,
since the worker has died, goes on behind the last step, and fences the other one off.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ...provisioning.deferred import LONGEST, Deferred, Fenced, Taken
from ...provisioning.ports import State

#: For how long a worker has a request unless it writes down a step: longer than any operation may
#: take, or two workers would undo each other's work for ever.
LEASE = timedelta(minutes=5)


def utc_now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


class SqlDeferred:
    """The requests of all connections that wait.

    :param session: the host's session.
    :param table: our table of deferred requests.
    :param steps: our table of what has been done of them.
    :param connections: our table of connections.
    :param lease: for how long a worker has a request unless it writes down a step.
    :param clock: tells the moment.
    """

    def __init__(
        self,
        session: Any,
        table: sa.Table,
        steps: sa.Table,
        connections: sa.Table,
        lease: timedelta = LEASE,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._session = session
        self._table = table
        self._steps = steps
        self._connections = connections
        self._lease = lease
        self._clock = clock

    def count(self, connection_id: str) -> int:
        """Count the requests of a connection that wait."""
        counted = sa.select(sa.func.count()).select_from(self._table)
        return int(self._session.scalar(counted.filter_by(connection_id=connection_id)) or 0)

    def add(self, request: Deferred) -> None:
        """Let a request wait, in the transaction in hand."""
        body = {"operations": request.operations, "fail_on_errors": request.fail_on_errors}
        self._session.execute(
            self._table.insert().values(
                connection_id=request.connection_id,
                txn=request.txn,
                actor=request.actor[:255],
                scopes=list(request.scopes),
                request_id=request.request_id,
                root=request.root,
                user_agent=request.user_agent,
                body=json.dumps(body, ensure_ascii=False),
                created=request.created,
            )
        )

    def find(self) -> list[str]:
        """Find the connections of which a request can be taken; one that is paused has to wait."""
        is_open = self._connections.c.state.in_((State.ACTIVE, State.DISABLED))
        return self._find(sa.or_(is_open, self._is_old))

    def find_old(self) -> list[str]:
        """Find the connections of which a request has waited for too long."""
        return self._find(self._is_old)

    def find_waiting(self) -> datetime | None:
        """Find since when a request waits that nobody is at; ``None`` if there is none."""
        waits = sa.select(sa.func.min(self._table.c.created))
        found: datetime | None = self._session.scalar(waits.where(self._is_free(self._clock())))
        return found

    def take(self, connection_id: str) -> Taken | None:
        """Take the oldest request of a connection; ``None`` if somebody else is at it."""
        self._session.rollback()
        columns, now, holder = self._table.c, self._clock(), secrets.token_hex(16)
        of_connection = columns.connection_id == connection_id
        oldest = self._session.scalar(sa.select(sa.func.min(columns.id)).where(of_connection))
        # MariaDB would refuse to lock a row that has changed since.
        self._session.rollback()
        row = self._session.execute(
            sa.select(self._table).where(columns.id == oldest).with_for_update(skip_locked=True)
        ).first()
        # SQLite locks no rows: whoever changes it first has it.
        taken = row and self._session.execute(
            self._table.update()
            .where(
                columns.id == row.id,
                columns.holder.is_not_distinct_from(row.holder),
                self._is_free(now),
            )
            .values(holder=holder, until=now + self._lease)
        )
        if not taken or not taken.rowcount:
            self._session.rollback()
            return None
        done = sa.select(self._steps.c.name, self._steps.c.outcome)
        steps = self._session.execute(done.where(self._steps.c.deferred_id == row.id)).all()
        self._session.commit()
        return Taken(row.id, holder, _read(row), {each.name: each.outcome for each in steps})

    def note(self, taken: Taken, step: str, outcome: Mapping[str, Any]) -> None:
        """Write down what came of a step, in the transaction that does it."""
        until = self._clock() + self._lease
        held = self._table.update().where(*self._is_held(taken)).values(until=until)
        if not self._session.execute(held).rowcount:
            raise Fenced
        self._session.execute(
            self._steps.insert().values(
                deferred_id=taken.id,
                connection_id=taken.request.connection_id,
                name=step,
                outcome=dict(outcome),
            )
        )

    def release(self, taken: Taken) -> None:
        """Give a request back, so that somebody else goes on at once; commits."""
        given_back = self._table.update().where(*self._is_held(taken))
        self._session.execute(given_back.values(holder=None, until=None))
        self._session.commit()

    def finish(self, taken: Taken) -> None:
        """Forget a request that is done, in the transaction that tells what came of it."""
        gone = self._session.execute(self._table.delete().where(*self._is_held(taken)))
        if not gone.rowcount:
            raise Fenced
        # Not every database looks after foreign keys.
        of_it = self._steps.c.deferred_id == taken.id
        self._session.execute(self._steps.delete().where(of_it))

    def _find(self, condition: Any) -> list[str]:
        self._session.rollback()
        columns = self._table.c
        oldest = sa.select(sa.func.min(columns.id)).group_by(columns.connection_id)
        statement = (
            sa.select(columns.connection_id)
            .join(self._connections, self._connections.c.id == columns.connection_id)
            .where(columns.id.in_(oldest), self._is_free(self._clock()), condition)
            .order_by(columns.id)
        )
        found = list(self._session.scalars(statement))
        self._session.rollback()
        return found

    @property
    def _is_old(self) -> Any:
        return self._table.c.created < self._clock() - LONGEST

    def _is_free(self, now: datetime) -> Any:
        until = self._table.c.until
        # What lies further ahead than anything that is ever set was set by a wrong clock.
        return sa.or_(until.is_(None), until <= now, until > now + 2 * self._lease)

    def _is_held(self, taken: Taken) -> tuple[Any, ...]:
        return self._table.c.id == taken.id, self._table.c.holder == taken.holder


def _read(row: Any) -> Deferred:
    body = json.loads(row.body)
    return Deferred(
        row.connection_id,
        row.txn,
        row.actor,
        tuple(row.scopes),
        row.request_id,
        row.root,
        row.user_agent,
        body["operations"],
        body["fail_on_errors"],
        row.created,
    )
