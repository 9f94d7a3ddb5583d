"""All that commands, endpoints and the app itself ask of delivery."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from ..provisioning.changes import Cause
from ..provisioning.journal import Entry
from ..store.journal.outbox import make_event_id
from .backlog import Backlog
from .carriers import Carrier, Means, Signer, make_carrier
from .deliverer import Deliverer, Office, Requests
from .destinations import Destination
from .lanes import Lanes
from .outcomes import Attempt
from .polling import Polling
from .pruning import Pruning
from .registry import Destinations
from .settings import DeliverySettings


class Keys(Signer, Protocol):
    """Signs security event tokens, and says what to check the signatures with."""

    def describe(self) -> dict[str, Any]:
        """Describe the public keys."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryDesk:
    """What there is to ask of delivery in one app.

    :param settings: its settings.
    :param destinations: finds its destinations.
    :param backlog: finds what has not been delivered.
    :param lanes: finds who tells whom.
    :param polling: finds who hands out tokens.
    :param pruning: finds what deletes old events.
    :param means: what carriers need.
    :param signer: signs security event tokens; ``None`` where nothing can.
    :param context: makes the context of the app, for threads.
    :param notify: tells the app that a destination was disabled, and why.
    :param requests: the requests that wait for a worker.
    """

    settings: DeliverySettings
    destinations: Callable[[], Destinations]
    backlog: Callable[[], Backlog]
    lanes: Callable[[], Lanes]
    polling: Callable[[], Polling]
    pruning: Callable[[], Pruning]
    means: Means
    signer: Keys | None
    context: Callable[[], Any]
    notify: Callable[[Destination, str], None]
    requests: Requests

    @property
    def has_tokens(self) -> bool:
        """Whether the app can make security event tokens."""
        return self.signer is not None and self.settings.issuer is not None

    def deliverer(self, threads: int = 8, only: Collection[str] | None = None) -> Deliverer:
        """Make workers.

        :param threads: how many destinations, or connections of them, to work on at once.
        :param only: the ids of the destinations to tell; left out, all.
        :return: the workers.
        """
        self.destinations().add_callables()
        office = Office(self.context, self.lanes, self._carrier, self.notify, self.requests)
        return Deliverer(office, threads, only)

    def test(self, destination: Destination) -> Attempt:
        """Send a test event to a destination, at once and whatever its state.

        :param destination: the destination.
        :return: what came of it.
        :raises ValueError: if it cannot be told.
        """
        carrier = self._carrier(destination)()
        try:
            return carrier.tell(make_test_event(destination))
        finally:
            carrier.close()

    def _carrier(self, destination: Destination) -> Callable[[], Carrier]:
        secrets = self.destinations().secrets_of(destination)
        # What is wrong with the destination is to be known before any thread begins.
        make_carrier(destination, secrets, self.means).close()
        return lambda: make_carrier(destination, secrets, self.means)


def make_test_event(destination: Destination) -> Entry:
    """Make an event that says nothing but that it has arrived.

    :param destination: whom it is for.
    :return: the event, which is in no outbox.
    """
    return Entry(
        connection_id=destination.connection_id or "test",
        position=0,
        id=make_event_id(),
        type="destination.test",
        resource_type="Destination",
        resource_id=destination.id,
        tenant=None,
        time=datetime.now(UTC),
        object=None,
        previous={},
        changed=(),
        added=(),
        removed=(),
        added_count=0,
        removed_count=0,
        reason="Somebody wants to know whether events arrive.",
        details={},
        cause=Cause("host"),
    )
