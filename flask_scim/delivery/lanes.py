"""Who tells which destination of the events of which connection: in the host's database.

How far a destination has been told is one number for each connection; only events that did not go
out at once have rows of their own. A worker takes a *lane*, a destination and a connection, for a
while: whoever takes it after that, since a worker has died, fences the other one off.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from .batches import Row, settle
from .claims import Claim, Lane, Settled
from .destinations import Destination, read_destination
from .health import LONGEST_ERROR, Health, can_be_told, is_served
from .outcomes import FAR, PATIENCE, Attempt, Outcome
from .selection import Selection
from .settings import DeliverySettings
from .tables import DeliveryTables

#: For how long a worker has a lane unless it says that it lives.
LEASE = timedelta(seconds=60)


def utc_now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


class Lanes:
    """The lanes of the app.

    :param session: the host's session.
    :param tables: our tables.
    :param settings: the settings of delivery.
    :param clock: tells the moment.
    :param lease: for how long a worker has a lane unless it says that it lives.
    """

    def __init__(
        self,
        session: Any,
        tables: DeliveryTables,
        settings: DeliverySettings,
        clock: Callable[[], datetime] = utc_now,
        lease: timedelta = LEASE,
    ) -> None:
        self._session = session
        self._tables = tables
        self._settings = settings
        self._clock = clock
        self._lease = lease
        self._selection = Selection(session, tables)
        self._health = Health(session, tables, settings.failures)

    def find(self, most: int = 1_000) -> list[tuple[Lane, bool]]:
        """Find the lanes where there is something to do, which nobody is at.

        :param most: how many to find.
        :return: the lanes, and whether their destination is well.
        """
        self._session.rollback()
        now = self._clock()
        known, counted = self._tables.destinations.c, self._tables.counters.c
        told, waiting = self._tables.cursors.c, self._tables.deliveries.c
        cursor = self._tables.cursors
        of_lane = sa.and_(
            told.destination_id == known.id, told.connection_id == counted.connection_id
        )
        is_new = (
            sa.select(known.id, counted.connection_id, known.failures)
            .join_from(
                self._tables.destinations,
                self._tables.counters,
                sa.or_(known.connection_id.is_(None), known.connection_id == counted.connection_id),
            )
            .outerjoin(cursor, of_lane)
            .where(
                is_served(self._tables.destinations, now),
                self._is_free(now),
                sa.func.coalesce(told.position, 0) < counted.position,
            )
            .limit(most)
        )
        is_due = (
            sa.select(known.id, waiting.connection_id, known.failures)
            .distinct()
            .join_from(
                self._tables.deliveries,
                self._tables.destinations,
                waiting.destination_id == known.id,
            )
            .join(
                cursor,
                sa.and_(
                    told.destination_id == known.id, told.connection_id == waiting.connection_id
                ),
            )
            .where(
                is_served(self._tables.destinations, now),
                self._is_free(now),
                waiting.state == "waiting",
                sa.or_(waiting.due <= now, waiting.due > now + FAR),
            )
            .limit(most)
        )
        found = {
            Lane(id, connection_id): failures == 0
            for statement in (is_new, is_due)
            for id, connection_id, failures in self._session.execute(statement)
        }
        self._session.rollback()
        return sorted(found.items(), key=lambda each: not each[1])

    def claim(self, lane: Lane) -> Claim | None:
        """Take a lane, and find out what to send.

        :param lane: the lane.
        :return: the claim; ``None`` if somebody else has it, or there is nothing to do.
        """
        self._session.rollback()
        position = self._take(lane, holder := secrets.token_hex(16))
        if position is None:
            self._session.rollback()
            return None
        now = self._clock()
        destination = self._destination(lane.destination_id)
        if destination is None or not can_be_told(destination, now):
            self._session.rollback()
            return None
        batch = self._selection.choose(lane, destination, position, now)
        if not batch and batch.upto == position:
            self._session.rollback()
            return None
        self._session.commit()
        return Claim(lane, holder, destination, position, batch)

    def renew(self, claim: Claim) -> bool:
        """Say that the worker lives.

        :param claim: its claim.
        :return: whether the lane is still its own.
        """
        self._session.rollback()
        cursors = self._tables.cursors
        renewed = self._session.execute(
            cursors.update().where(*self._is_held(claim)).values(until=self._clock() + self._lease)
        )
        self._session.commit()
        return bool(renewed.rowcount)

    def settle(self, claim: Claim, attempts: Mapping[int, Attempt]) -> Settled | None:
        """Write down what came of a batch, and give the lane back.

        :param claim: the claim.
        :param attempts: what came of the events that were tried, by their places.
        :return: what became of it; ``None`` if somebody else has the lane by now, who will tell
            the destination once more.
        """
        now = self._clock()
        settlement = settle(claim.batch, attempts, self._settings.retries, claim.position, now)
        cursors, deliveries = self._tables.cursors, self._tables.deliveries
        given_back = self._session.execute(
            cursors.update()
            .where(*self._is_held(claim))
            .values(position=settlement.position, holder=None, until=None)
        )
        if not given_back.rowcount:
            self._session.rollback()
            return None
        of_lane = (
            deliveries.c.destination_id == claim.lane.destination_id,
            deliveries.c.connection_id == claim.lane.connection_id,
        )
        if settlement.done:
            self._session.execute(
                deliveries.delete().where(*of_lane, deliveries.c.position.in_(settlement.done))
            )
        if settlement.woken:
            self._session.execute(
                deliveries.update()
                .where(*of_lane, deliveries.c.position.in_(settlement.woken))
                .values(due=now)
            )
        self._write(claim, settlement.rows, now)
        outcomes = {attempt.outcome for attempt in attempts.values()}
        is_back = Outcome.DELIVERED in outcomes or Outcome.REFUSED in outcomes
        disabled = self._health.note(claim.destination, list(attempts.values()), is_back, now)
        self._session.commit()
        if is_back and claim.destination.failures >= PATIENCE:
            self._health.wake(claim.lane.destination_id, now)
        delivered = sum(each.outcome is Outcome.DELIVERED for each in attempts.values())
        return Settled(delivered, len(attempts) - delivered, disabled)

    def _take(self, lane: Lane, holder: str) -> int | None:
        """Take a lane; whoever comes at the same moment passes on to the next one."""
        cursors, now = self._tables.cursors, self._clock()
        columns = cursors.c
        of_lane = (
            columns.destination_id == lane.destination_id,
            columns.connection_id == lane.connection_id,
        )
        row = self._session.execute(
            sa.select(cursors).where(*of_lane).with_for_update(skip_locked=True)
        ).first()
        until = now + self._lease
        if row is None:
            values = {**lane._asdict(), "position": 0, "holder": holder, "until": until}
            try:
                with self._session.begin_nested():
                    self._session.execute(cursors.insert().values(values))
            except IntegrityError:
                return None
            return 0
        if row.until is not None and now < row.until <= now + 2 * self._lease:
            return None
        # SQLite locks no rows: whoever changes it first has it.
        taken = self._session.execute(
            cursors.update()
            .where(*of_lane, columns.holder.is_not_distinct_from(row.holder))
            .where(columns.position == row.position)
            .values(holder=holder, until=until)
        )
        return row.position if taken.rowcount else None

    def _write(self, claim: Claim, rows: Iterable[Row], now: datetime) -> None:
        table = self._tables.deliveries
        inserted, changed = [], []
        for row in rows:
            values: dict[str, Any] = {"attempts": row.attempts, "due": row.due, "updated": now}
            values["state"] = "dead" if row.is_dead else "waiting"
            if row.attempt is not None:
                values["status"] = row.attempt.reply.status
                values["error"] = row.attempt.reply.reason[:LONGEST_ERROR]
            if row.is_new:
                inserted.append(
                    {**claim.lane._asdict(), "position": row.entry.position}
                    | {"event_id": row.entry.id, "resource_type": row.entry.resource_type}
                    | {"resource_id": row.entry.resource_id, "status": None, "error": None}
                    | values
                )
            else:
                changed.append((row.entry.position, values))
        if inserted:
            self._session.execute(table.insert(), inserted)
        for position, values in changed:
            self._session.execute(
                table.update()
                .where(
                    table.c.destination_id == claim.lane.destination_id,
                    table.c.connection_id == claim.lane.connection_id,
                    table.c.position == position,
                )
                .values(values)
            )

    def _destination(self, id: str) -> Destination | None:
        table = self._tables.destinations
        row = self._session.execute(sa.select(table).where(table.c.id == id)).mappings().first()
        return None if row is None else read_destination(row)

    def _is_free(self, now: datetime) -> Any:
        columns = self._tables.cursors.c
        return sa.or_(
            columns.until.is_(None),
            columns.until <= now,
            columns.until > now + 2 * self._lease,
        )

    def _is_held(self, claim: Claim) -> tuple[Any, ...]:
        columns = self._tables.cursors.c
        return (
            columns.destination_id == claim.lane.destination_id,
            columns.connection_id == claim.lane.connection_id,
            columns.holder == claim.holder,
        )
