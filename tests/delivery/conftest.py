"""Apps that tell receivers on this machine of what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_scim import destination_disabled
from tests.delivery.outgoing import SETTINGS, Outgoing
from tests.host import Host, make_host


@pytest.fixture
def outgoing(build: Callable[..., Host]) -> Iterator[Outgoing]:
    """An app with a connection ``acme``, whose receivers may be on this machine."""
    yield from _hearing(build(**SETTINGS))


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Host]:
    """An app on SQLite, for what is the same on every database."""
    host = make_host(f"sqlite:///{tmp_path / 'local.db'}", **SETTINGS)
    with host.app.app_context():
        host.db.create_all()
    yield host
    with host.app.app_context():
        host.db.engine.dispose()


@pytest.fixture
def here(local: Host) -> Iterator[Outgoing]:
    """The same as ``outgoing``, on SQLite."""
    yield from _hearing(local)


def _hearing(host: Host) -> Iterator[Outgoing]:
    made = Outgoing(host, host.connect("acme", tenant="1"))

    def hear(_: Any, destination: Any, reason: str) -> None:
        made.disabled.append((destination.id, reason))

    with destination_disabled.connected_to(hear, sender=host.app):
        yield made
