"""An app that tells receivers on this machine of what happens, by a clock that tests set."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from flask_scim.delivery.desk import DeliveryDesk
from flask_scim.delivery.destinations import Destination
from flask_scim.delivery.lanes import Lanes
from flask_scim.delivery.tables import DeliveryTables
from tests.client import ScimClient
from tests.delivery.receivers import Received, Receiver
from tests.host import Host
from tests.waiting import PATIENCE

SETTINGS: dict[str, Any] = {
    "SCIM_DELIVERY_HTTP": True,
    "SCIM_DELIVERY_PRIVATE": True,
    "SCIM_DELIVERY_TIMEOUT": PATIENCE,
}
_TABLES = {
    "connections": "scim_connection",
    "events": "scim_own_event",
    "counters": "scim_own_counter",
    "destinations": "scim_own_destination",
    "cursors": "scim_own_delivery_cursor",
    "deliveries": "scim_own_delivery",
}


@dataclass(slots=True)
class Outgoing:
    """The app, a client of its connection ``acme``, and the clock of its workers.

    The clock stands still between :meth:`pass_by`, so that nothing becomes due because a test is
    slow. It begins so far ahead that all which a test writes has happened before.

    :param host: the app.
    :param scim: the client.
    :param clock: the moment, as the workers see it.
    :param disabled: the destinations that were disabled, and why, as signals told it.
    """

    host: Host
    scim: ScimClient
    clock: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(hours=1))
    disabled: list[tuple[str, str]] = field(default_factory=list)

    @property
    def desk(self) -> DeliveryDesk:
        """What there is to ask of delivery."""
        desk: DeliveryDesk = self.host.app.extensions["scim"].delivery
        return desk

    @property
    def tables(self) -> DeliveryTables:
        """The tables that delivery works on."""
        metadata = self.host.db.metadata
        return DeliveryTables(**{name: metadata.tables[table] for name, table in _TABLES.items()})

    def now(self) -> datetime:
        """The moment, as the workers see it."""
        return self.clock

    def pass_by(self, **time: float) -> None:
        """Let time go by."""
        self.clock += timedelta(**time)

    def lanes(self, **settings: Any) -> Lanes:
        """Who tells whom, by the clock of the workers."""
        chosen = replace(self.desk.settings, **settings)
        return Lanes(self.host.db.session, self.tables, chosen, self.now)

    def add(self, target: Any, kind: str = "webhook", **options: Any) -> str:
        """Add a destination and return its id."""
        url = target.url if isinstance(target, Receiver) else target
        with self.host.app.app_context():
            return self.host.scim.destinations.add(url, kind, **options)[1].id

    def get(self, id: str) -> Destination:
        """Read a destination."""
        with self.host.app.app_context():
            return self.host.scim.destinations.existing(id)

    def deliver(self, **settings: Any) -> int:
        """Deliver all that is to be delivered just now, and count it."""
        desk = replace(self.desk, lanes=lambda: self.lanes(**settings))
        with self.host.app.app_context():
            return desk.deliverer().run(once=True, pause=0.05)

    def count(self, table: str, **values: Any) -> int:
        """Count rows."""
        counted = getattr(self.tables, table)
        statement = sa.select(sa.func.count()).select_from(counted).filter_by(**values)
        with self.host.app.app_context():
            return int(self.host.db.session.scalar(statement) or 0)


def read(received: Received) -> dict[str, Any]:
    """What a message of Standard Webhooks says."""
    payload: dict[str, Any] = json.loads(received.body)
    return payload


def told(receiver: Receiver) -> list[str]:
    """The types of what came to a receiver."""
    return [read(received)["type"] for received in receiver.received]


def positions(receiver: Receiver, subject: str | None = None) -> list[int]:
    """The places of what came to a receiver, of one subject or of all, each when it first came."""
    found = [read(received)["data"] for received in receiver.received]
    wanted = [data["position"] for data in found if subject in (None, data["resource_id"])]
    return list(dict.fromkeys(wanted))
