"""The outbox in the host's database: events in the transaction of the change they tell of."""

from __future__ import annotations

import secrets
import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ...provisioning.changes import Cause, Event
from ...provisioning.journal import Entry, make_entry
from ...provisioning.ports import Connection
from ..sql.kept import kept
from .positions import can_insert_in_order, insert_in_order, take_positions

_LETTERS = (string.digits + string.ascii_letters).encode()
#: The letter of each byte; the last bytes, which would make some letters likelier, have none.
_BY_BYTE = bytes(_LETTERS[byte % len(_LETTERS)] for byte in range(256))
_WITHOUT = bytes(range(256 - 256 % len(_LETTERS), 256))
#: The columns of an event that are fields of its entry.
_NAMES = Entry.__slots__[:-1]


class SqlOutbox:
    """The events of all connections.

    :param session: the host's session.
    :param events: our table of events.
    :param counters: our table of how many each connection has had.
    """

    def __init__(self, session: Any, events: sa.Table, counters: sa.Table) -> None:
        self._session = session
        self._events = events
        self._counters = counters

    def append(self, events: Iterable[Event], cause: Cause) -> list[Event]:
        """Write events down, as the last thing before the commit of the change."""
        told = list(events)
        if not told:
            return told
        # The unit of work must not come after this, since others wait for the commit from now on.
        self._session.flush()
        connection = self._session.connection(bind_arguments={"clause": self._events})
        time = datetime.now(UTC)
        if len(told) == 1 and can_insert_in_order(connection):
            (event,) = told
            event = replace(event, event_id=make_event_id(), time=time, cause=cause)
            row = _row(make_entry(event))
            place = insert_in_order(connection, self._counters, self._events, row)
            return [replace(event, position=place)]
        counts = Counter([event.connection.id for event in told])
        # All transactions take the counters of several connections in one order.
        places = {
            id: take_positions(connection, self._counters, id, count)
            for id, count in sorted(counts.items())
        }
        for index, event in enumerate(told):
            id = event.connection.id
            told[index] = replace(
                event, event_id=make_event_id(), position=places[id], time=time, cause=cause
            )
            places[id] += 1
        connection.execute(_insert(self._events), [_row(make_entry(event)) for event in told])
        return told

    def read(self, connection: Connection, after: int = 0, most: int = 100) -> list[Entry]:
        """Read events of a connection in their order."""
        columns = self._events.c
        statement = (
            sa.select(self._events)
            .where(
                columns.connection_id == connection.id,
                columns.position > after,
                columns.tenant.is_not_distinct_from(connection.tenant),
            )
            .order_by(columns.position)
            .limit(most)
        )
        return [read_entry(row) for row in self._session.execute(statement).mappings()]

    def find_pruned(self, connection_id: str) -> int:
        """Find up to where events of a connection may have been deleted; 0 if none was."""
        columns = self._counters.c
        statement = sa.select(columns.pruned).where(columns.connection_id == connection_id)
        return int(self._session.scalar(statement) or 0)


@kept
def _insert(events: sa.Table) -> sa.Insert:
    return events.insert()


def make_event_id() -> str:
    """Make the id of an event, of 131 random bits."""
    letters = b""
    while len(letters) < 22:
        letters += secrets.token_bytes(32).translate(_BY_BYTE, _WITHOUT)
    return f"evt_{letters[:22].decode()}"


def read_entry(row: Any) -> Entry:
    """Read an event from a row of its table.

    :param row: the columns by name.
    :return: the event.
    """
    listed = {name: tuple(row[name] or ()) for name in ("changed", "added", "removed")}
    shown = {name: row[name] or {} for name in ("previous", "details")}
    cause = Cause(row["actor"], row["request_id"])
    return Entry(**{name: row[name] for name in _NAMES} | listed | shown, cause=cause)


def _row(entry: Entry) -> dict[str, Any]:
    """The columns of an entry; what is empty takes no room."""
    columns = {name: getattr(entry, name) for name in _NAMES}
    listed = {name: list(columns[name]) or None for name in ("added", "removed")}
    shown = {name: dict(columns[name]) or None for name in ("previous", "details")}
    cause = {"actor": entry.cause.actor[:255], "request_id": entry.cause.request_id}
    return columns | listed | shown | cause | {"changed": list(entry.changed)}
