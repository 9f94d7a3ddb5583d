"""What a destination is told next: events that wait, and new ones from the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..provisioning.journal import Entry
from ..store.journal.outbox import read_entry
from .batches import Batch, Waiting, find_due, make_batch
from .claims import Lane
from .destinations import Destination
from .outcomes import FAR, PATIENCE
from .tables import DeliveryTables

#: How many events a worker takes at once.
BATCH = 50
#: How many events may wait in a lane before nothing new is taken: they are not to become a second
#: outbox.
MOST_WAITING = 1_000


class Selection:
    """Chooses among the events that there are.

    :param session: the host's session.
    :param tables: our tables.
    """

    def __init__(self, session: Any, tables: DeliveryTables) -> None:
        self._session = session
        self._tables = tables

    def choose(self, lane: Lane, destination: Destination, position: int, now: datetime) -> Batch:
        """Choose what a destination is told next of the events of a connection.

        :param lane: the destination and the connection.
        :param destination: what is known of the destination.
        :param position: up to where it has been told.
        :param now: the moment.
        :return: what to send.
        """
        waiting = self._waiting(lane)
        due, blocked = find_due(waiting, now, now + FAR)
        # One event shows whether a destination that was away is back.
        most = 1 if destination.failures >= PATIENCE else BATCH
        entries = self._entries(lane, [each.position for each in due[:most]])
        new: list[Entry] = []
        upto = position
        if len(waiting) < MOST_WAITING:
            new, upto = self._new(lane, destination, position)
        return make_batch(due, entries, blocked, new, upto, most)

    def _waiting(self, lane: Lane) -> list[Waiting]:
        columns = self._tables.deliveries.c
        rows = self._session.execute(
            sa.select(
                columns.position,
                columns.resource_type,
                columns.resource_id,
                columns.attempts,
                columns.due,
            )
            .where(
                columns.destination_id == lane.destination_id,
                columns.connection_id == lane.connection_id,
                columns.state == "waiting",
            )
            .order_by(columns.position)
            .limit(MOST_WAITING + BATCH)
        )
        return [
            Waiting(row.position, (row.resource_type, row.resource_id), row.attempts, row.due)
            for row in rows
        ]

    def _entries(self, lane: Lane, positions: list[int]) -> dict[int, Entry]:
        if not positions:
            return {}
        columns = self._tables.events.c
        rows = self._session.execute(
            sa.select(self._tables.events).where(
                columns.connection_id == lane.connection_id, columns.position.in_(positions)
            )
        ).mappings()
        return {row["position"]: read_entry(row) for row in rows}

    def _new(self, lane: Lane, destination: Destination, position: int) -> tuple[list[Entry], int]:
        """The next new events that a destination wants, and up to where there are no others."""
        counted, columns = self._tables.counters.c, self._tables.events.c
        # What comes between this statement and the next one is beyond it.
        last = self._session.scalar(
            sa.select(counted.position).where(counted.connection_id == lane.connection_id)
        )
        upto = max(position, last or 0)
        statement = (
            sa.select(self._tables.events)
            .where(
                columns.connection_id == lane.connection_id,
                columns.position > position,
                columns.position <= upto,
            )
            .order_by(columns.position)
            .limit(BATCH)
        )
        if destination.types is not None:
            statement = statement.where(sa.or_(*map(self._is_of_type, destination.types)))
        if destination.connection_id is not None:
            # One of the same name, and of another tenant, may have been here before.
            owners = self._tables.connections
            tenant = sa.select(owners.c.tenant).where(owners.c.id == destination.connection_id)
            statement = statement.where(
                columns.tenant.is_not_distinct_from(tenant.scalar_subquery())
            )
        entries = [read_entry(row) for row in self._session.execute(statement).mappings()]
        return entries, entries[-1].position if len(entries) == BATCH else upto

    def _is_of_type(self, type: str) -> Any:
        column = self._tables.events.c.type
        if type.endswith(".*"):
            return column.startswith(type.removesuffix("*"), autoescape=True)
        return column == type
