"""Apps with other settings, and receivers of every signal."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.host import Host
from tests.web.listening import Sent, listen


@pytest.fixture
def sent(host: Host) -> Iterator[Sent]:
    """The signals that were sent: the name of each, and what it carried."""
    with listen(host.app) as found:
        yield found


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else gets."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what can only be asked of PostgreSQL where it would run on another database."""
    callspecs = {item: getattr(item, "callspec", None) for item in items}
    others = [
        item
        for item, spec in callspecs.items()
        if "postgresql" in getattr(item, "fixturenames", ())
        and (spec is None or spec.params["database"] != "postgresql")
    ]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in set(others)]
