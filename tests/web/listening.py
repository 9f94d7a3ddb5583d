"""Receivers of every signal of one app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flask import Flask

import flask_scim

#: The name of each signal, and what it carried.
Sent = list[tuple[str, dict[str, Any]]]

_SIGNALS = (
    "user_created",
    "user_updated",
    "user_deactivated",
    "user_reactivated",
    "user_deleted",
)


@contextmanager
def listen(app: Flask) -> Iterator[Sent]:
    """Collect the signals that an app sends inside."""
    found: Sent = []

    def receiver(name: str) -> Callable[..., None]:
        def receive(sender: Flask, **carried: Any) -> None:
            found.append((name, {"sender": sender, **carried}))

        return receive

    with ExitStack() as stack:
        for name in _SIGNALS:
            stack.enter_context(getattr(flask_scim, name).connected_to(receiver(name), sender=app))
        yield found
