"""The fleet on each database, and what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

import flask_scim
from flask_scim import Event
from tests.client import ScimClient
from tests.host import empty, furnish
from tests.resources.fleet import Fleet

SIGNALS = [name for name in flask_scim.__all__ if name.startswith(("user_", "group_", "resource_"))]


@pytest.fixture(scope="module")
def _fleet(elsewhere: str) -> Iterator[Fleet]:
    fleet = Fleet(elsewhere)
    with fleet.app.app_context():
        furnish(fleet.db)
    yield fleet
    with fleet.app.app_context():
        fleet.db.session.remove()
        fleet.db.engine.dispose()


@pytest.fixture
def fleet(_fleet: Fleet) -> Iterator[Fleet]:
    """The app, without rows."""
    yield _fleet
    with _fleet.app.app_context():
        empty(_fleet.db)


@pytest.fixture
def acme(fleet: Fleet) -> ScimClient:
    """A client with every scope on the connection ``acme`` of tenant 1."""
    return fleet.connect()


@pytest.fixture
def told(fleet: Fleet) -> Iterator[list[tuple[str, Event, Any]]]:
    """What the app was told: the signal, the event and the row that came with it."""
    found: list[tuple[str, Event, Any]] = []

    def hear(name: str) -> Any:
        def receive(sender: Flask, event: Event, connection: Any, **subject: Any) -> None:
            assert connection is event.connection
            ((key, row),) = subject.items()
            assert key == name.partition("_")[0]
            assert (row, str(row.id)) == (event.row, event.id)
            found.append((name, event, row))

        return receive

    with ExitStack() as stack:
        receivers = {name: hear(name) for name in SIGNALS}
        for name, receive in receivers.items():
            signal = getattr(flask_scim, name)
            stack.enter_context(signal.connected_to(receive, sender=fleet.app))
        yield found
