"""Deletes what the outbox need not keep any more: old events that nobody is still to be told of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from .tables import DeliveryTables

#: How many events are deleted in one transaction, so that it holds up nobody.
BATCH = 1_000


class Pruning:
    """Deletes old events, each connection's by itself.

    :param session: the host's session.
    :param tables: our tables.
    """

    def __init__(self, session: Any, tables: DeliveryTables) -> None:
        self._session = session
        self._tables = tables

    def run(self, days: int, *, dead: bool = False) -> Iterator[int]:
        """Delete events that are older than some days, and that all destinations are done with.

        What a destination has not come to stays, whatever its state; so does what is tried again.

        :param days: how many days to keep events.
        :param dead: whether to delete what was given up as well, so that nobody can redeliver it.
        :return: after each batch, how many it had.
        """
        # What was read before belongs to an older snapshot.
        self._session.rollback()
        before = datetime.now(UTC) - timedelta(days=days)
        for connection_id, position in self._find_limits().items():
            yield from self._prune(connection_id, position, before, dead=dead)

    def _find_limits(self) -> dict[str, int]:
        """Up to where all destinations have been told, for each connection."""
        counted, told = self._tables.counters.c, self._tables.cursors.c
        known = self._tables.destinations.c
        limits: dict[str, int] = {
            row.connection_id: row.position
            for row in self._session.execute(sa.select(counted.connection_id, counted.position))
        }
        places = {
            (row.destination_id, row.connection_id): row.position
            for row in self._session.execute(
                sa.select(self._tables.cursors).with_only_columns(
                    told.destination_id, told.connection_id, told.position
                )
            )
        }
        for id, only in self._session.execute(sa.select(known.id, known.connection_id)).all():
            for connection_id in limits if only is None else [only] * (only in limits):
                place = places.get((id, connection_id), 0)
                limits[connection_id] = min(limits[connection_id], place)
        return limits

    def _prune(
        self, connection_id: str, position: int, before: datetime, *, dead: bool
    ) -> Iterator[int]:
        events, counters = self._tables.events, self._tables.counters
        deliveries = self._tables.deliveries
        is_kept = sa.exists().where(
            deliveries.c.connection_id == events.c.connection_id,
            deliveries.c.position == events.c.position,
            deliveries.c.state.in_(("waiting",) if dead else ("waiting", "dead")),
        )
        found = (
            sa.select(events.c.position)
            .where(
                events.c.connection_id == connection_id,
                events.c.position <= position,
                events.c.time < before,
                ~is_kept,
            )
            .order_by(events.c.position)
            .limit(BATCH)
        )
        while places := self._session.scalars(found).all():
            self._session.rollback()
            # First of all it is known, so that nobody reads over what is missing.
            columns = counters.c
            is_news = (columns.connection_id == connection_id, columns.pruned < places[-1])
            self._session.execute(counters.update().where(*is_news).values(pruned=places[-1]))
            self._session.commit()
            for table in (deliveries, events) if dead else (events,):
                is_it = (table.c.connection_id == connection_id, table.c.position.in_(places))
                self._session.execute(table.delete().where(*is_it))
            self._session.commit()
            yield len(places)
