"""What has not been delivered, and what is to be delivered once more."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ..provisioning.journal import Entry
from ..store.journal.outbox import read_entry
from .destinations import Destination
from .tables import DeliveryTables


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An event that a destination has not been told, or not for certain.

    :param destination_id: the destination.
    :param connection_id: the connection that the event is of.
    :param position: where it stands in the order of that.
    :param event_id: the event.
    :param state: ``waiting``, or ``dead`` where it was given up.
    :param attempts: how often it was tried.
    :param due: when it is tried again; ``None`` while it waits behind another one, or never.
    :param status: the HTTP status of the last answer, 0 for none; ``None`` if it was not tried.
    :param error: what was wrong the last time.
    :param updated: when this was written.
    """

    destination_id: str
    connection_id: str
    position: int
    event_id: str
    state: str
    attempts: int
    due: datetime | None
    status: int | None
    error: str | None
    updated: datetime


class Backlog:
    """What has not been delivered.

    :param session: the host's session.
    :param tables: our tables.
    """

    def __init__(self, session: Any, tables: DeliveryTables) -> None:
        self._session = session
        self._tables = tables

    def list(
        self,
        destination_id: str,
        state: str | None = None,
        after: tuple[str, int] | None = None,
        most: int = 100,
    ) -> builtins.list[Undelivered]:
        """List what a destination has not been told, by connection and in order.

        :param destination_id: the destination.
        :param state: ``waiting`` or ``dead``; left out, both.
        :param after: the connection and the place after which to begin.
        :param most: how many to list.
        :return: what there is.
        """
        columns = self._tables.deliveries.c
        statement = (
            sa.select(self._tables.deliveries)
            .where(columns.destination_id == destination_id)
            .order_by(columns.connection_id, columns.position)
            .limit(most)
        )
        if state is not None:
            statement = statement.where(columns.state == state)
        if after is not None:
            connection_id, position = after
            statement = statement.where(
                sa.or_(
                    columns.connection_id > connection_id,
                    sa.and_(columns.connection_id == connection_id, columns.position > position),
                )
            )
        rows = self._session.execute(statement).mappings()
        return [Undelivered(**{name: row[name] for name in Undelivered.__slots__}) for row in rows]

    def count(self, destination_id: str) -> dict[str, int]:
        """Count what a destination has not been told.

        :param destination_id: the destination.
        :return: how many are ``new``, ``waiting`` and ``dead``.
        """
        columns = self._tables.deliveries.c
        counted = self._session.execute(
            sa.select(columns.state, sa.func.count())
            .where(columns.destination_id == destination_id)
            .group_by(columns.state)
        )
        found = {"new": self._count_new(destination_id), "waiting": 0, "dead": 0}
        return found | dict(iter(counted))

    def find(self, event_id: str) -> Entry | None:
        """Find an event by its id; ``None`` if there is none, or it is not kept any more."""
        columns = self._tables.events.c
        statement = sa.select(self._tables.events).where(columns.id == event_id)
        row = self._session.execute(statement).mappings().first()
        return read_entry(row) if row is not None and row["id"] == event_id else None

    def read(
        self, connection_id: str, after: int = 0, most: int = 100, types: Iterable[str] = ()
    ) -> builtins.list[Entry]:
        """Read the events of a connection, for those who may see those of all.

        :param connection_id: the connection.
        :param after: the place after which to begin.
        :param most: how many to read.
        :param types: of what to read; left out, of all.
        :return: the events.
        """
        columns, wanted = self._tables.events.c, list(types)
        statement = (
            sa.select(self._tables.events)
            .where(columns.connection_id == connection_id, columns.position > after)
            .order_by(columns.position)
            .limit(most)
        )
        if wanted:
            statement = statement.where(columns.type.in_(wanted))
        return [read_entry(row) for row in self._session.execute(statement).mappings()]

    def redeliver(self, entry: Entry, destination: Destination) -> None:
        """Tell a destination of an event once more, under the same id and whatever became of it.

        What the destination has been told since then is not told again: this one comes late.

        :param entry: the event.
        :param destination: the destination.
        :raises ValueError: if the destination is told of other events only.
        """
        if destination.connection_id not in (None, entry.connection_id):
            raise ValueError(f"{destination.id} is told of {destination.connection_id} alone.")
        if not destination.wants(entry.type):
            raise ValueError(f"{destination.id} is not told of {entry.type}.")
        table, now = self._tables.deliveries, datetime.now(UTC)
        place = {
            "destination_id": destination.id,
            "connection_id": entry.connection_id,
            "position": entry.position,
        }
        fresh = {"state": "waiting", "attempts": 0, "due": now, "updated": now}
        here = [table.c[name] == value for name, value in place.items()]
        changed = self._session.execute(table.update().where(*here).values(fresh))
        if not changed.rowcount and self._is_behind(place):
            self._session.execute(
                table.insert().values(
                    **place,
                    **fresh,
                    event_id=entry.id,
                    resource_type=entry.resource_type,
                    resource_id=entry.resource_id,
                )
            )
        self._session.commit()

    def redeliver_dead(self, destination_id: str) -> int:
        """Tell a destination once more of all that was given up.

        :param destination_id: the destination.
        :return: how many these are.
        """
        table, now = self._tables.deliveries, datetime.now(UTC)
        changed = self._session.execute(
            table.update()
            .where(table.c.destination_id == destination_id, table.c.state == "dead")
            .values(state="waiting", attempts=0, due=now, updated=now)
        )
        self._session.commit()
        return int(changed.rowcount)

    def rewind(self, destination: Destination, connection_id: str, after: int) -> int:
        """Tell a destination once more of all that has happened since some event.

        :param destination: the destination.
        :param connection_id: the connection.
        :param after: the place after which to begin.
        :return: how many events are to be told.
        :raises ValueError: if the destination is not told of that connection.
        """
        if destination.connection_id not in (None, connection_id):
            raise ValueError(f"{destination.id} is told of {destination.connection_id} alone.")
        cursors, deliveries = self._tables.cursors, self._tables.deliveries
        # Whoever is at it has to begin anew.
        self._session.execute(
            cursors.update()
            .where(
                cursors.c.destination_id == destination.id,
                cursors.c.connection_id == connection_id,
                cursors.c.position > after,
            )
            .values(position=after, holder=None, until=None)
        )
        self._session.execute(
            deliveries.delete().where(
                deliveries.c.destination_id == destination.id,
                deliveries.c.connection_id == connection_id,
                deliveries.c.position > after,
            )
        )
        self._session.commit()
        return self._count_new(destination.id)

    def _is_behind(self, place: dict[str, Any]) -> bool:
        """Whether a destination has passed a place; if not, it will come there."""
        columns = self._tables.cursors.c
        position = self._session.scalar(
            sa.select(columns.position).where(
                columns.destination_id == place["destination_id"],
                columns.connection_id == place["connection_id"],
            )
        )
        return position is not None and position >= place["position"]

    def _count_new(self, destination_id: str) -> int:
        """Count the events that nobody has come to, of whatever type."""
        known, counted = self._tables.destinations.c, self._tables.counters.c
        told = self._tables.cursors.c
        left = counted.position - sa.func.coalesce(told.position, 0)
        statement = (
            sa.select(sa.func.sum(left))
            .join_from(
                self._tables.destinations,
                self._tables.counters,
                sa.or_(known.connection_id.is_(None), known.connection_id == counted.connection_id),
            )
            .outerjoin(
                self._tables.cursors,
                sa.and_(
                    told.destination_id == known.id, told.connection_id == counted.connection_id
                ),
            )
            .where(known.id == destination_id)
        )
        return int(self._session.scalar(statement) or 0)
