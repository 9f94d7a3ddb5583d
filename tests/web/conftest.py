"""Apps with other settings, and receivers of every signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

import flask_scim
from tests.host import Host

SIGNALS = (
    "user_created",
    "user_updated",
    "user_deactivated",
    "user_reactivated",
    "user_deleted",
)


@pytest.fixture
def sent(host: Host) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The signals that were sent: the name of each, and what it carried."""
    found: list[tuple[str, dict[str, Any]]] = []

    def receiver(name: str) -> Callable[..., None]:
        def receive(sender: Flask, **carried: Any) -> None:
            found.append((name, {"sender": sender, **carried}))

        return receive

    with ExitStack() as stack:
        for name in SIGNALS:
            stack.enter_context(
                getattr(flask_scim, name).connected_to(receiver(name), sender=host.app)
            )
        yield found


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
