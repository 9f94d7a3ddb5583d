"""Events as they are kept: exactly one row each, in the order of their connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from .changes import Cause, Event
from .ports import Connection, Document

#: How many of the members who came or went are listed; beyond these they are counted.
MOST_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as the outbox keeps it, in values that JSON has.

    :param connection_id: the connection that it is of, which may be gone by now.
    :param position: where it stands in the order of the connection, from 1 and without a gap.
    :param id: its own id, ``evt_`` and 22 letters and digits.
    :param type: what happened, such as ``user.created``.
    :param resource_type: the name of the type of its subject, such as ``User``.
    :param resource_id: the SCIM ``id`` of its subject.
    :param tenant: the tenant of the connection, as text.
    :param time: when it was written down.
    :param object: the subject afterwards, or before where it is gone; ``None`` where a member was
        deleted, or what is kept of a person was forgotten.
    :param previous: what the changed attributes were, in the shape of the object.
    :param changed: the names of the attributes that changed.
    :param added: the ids of the members who came, at most 1,000.
    :param removed: the ids of the members who went, at most 1,000.
    :param added_count: how many came in all.
    :param removed_count: how many went in all.
    :param reason: why, in words.
    :param details: what else there is to say.
    :param cause: what brought it about.
    """

    connection_id: str
    position: int
    id: str
    type: str
    resource_type: str
    resource_id: str
    tenant: str | None
    time: datetime
    object: Document | None
    previous: Document
    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    added_count: int
    removed_count: int
    reason: str | None
    details: Mapping[str, Any]
    cause: Cause


class Outbox(Protocol):
    """The events of all connections, written with the changes that they tell of."""

    def append(self, events: Iterable[Event], cause: Cause) -> list[Event]:
        """Write events down, as the last thing before the commit of the change.

        Until then nobody else gets a place in the order of the connection. So whoever has read the
        event at one place has been able to read all those before it.

        :param events: what happened, in order.
        :param cause: what brought it about.
        :return: the same events, each with its id, place, time and cause.
        """
        ...

    def read(self, connection: Connection, after: int = 0, most: int = 100) -> Sequence[Entry]:
        """Read events of a connection in their order.

        :param connection: the connection; what one of another tenant with the same name has left
            behind is out of reach.
        :param after: the place after which to begin.
        :param most: how many to read.
        :return: the events.
        """
        ...

    def find_pruned(self, connection_id: str) -> int:
        """Find up to where events of a connection may have been deleted; 0 if none was."""
        ...


def make_entry(event: Event) -> Entry:
    """Bring an event into the form in which it is kept.

    :param event: the event, with its id, place, time and cause.
    :return: the entry.
    """
    assert event.time is not None
    assert event.cause is not None
    return Entry(
        event.connection.id,
        event.position,
        event.event_id,
        event.type,
        event.resource_type,
        event.id,
        event.connection.tenant,
        event.time,
        event.before if event.after is None else event.after,
        event.previous,
        event.changed,
        tuple(sorted(event.added)[:MOST_LISTED]),
        tuple(sorted(event.removed)[:MOST_LISTED]),
        len(event.added),
        len(event.removed),
        event.reason,
        event.details,
        event.cause,
    )
