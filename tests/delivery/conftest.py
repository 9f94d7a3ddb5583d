"""Apps that tell receivers on this machine of what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flask_scim import destination_disabled
from tests.delivery.outgoing import SETTINGS, Outgoing
from tests.host import Host


@pytest.fixture
def outgoing(build: Callable[..., Host]) -> Iterator[Outgoing]:
    """An app with a connection ``acme``, whose receivers may be on this machine."""
    host = build(**SETTINGS)
    made = Outgoing(host, host.connect("acme", tenant="1"))

    def hear(_: Any, destination: Any, reason: str) -> None:
        made.disabled.append((destination.id, reason))

    with destination_disabled.connected_to(hear, sender=host.app):
        yield made
