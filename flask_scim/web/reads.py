"""Requests that only read: how they begin, before anything is read, and how they end."""

from __future__ import annotations

from collections.abc import Callable

from flask import Request

_END = "flask_scim.end_of_reading"


def begin_reading(sent: Request, glance: Callable[[], Callable[[], None]]) -> Callable[[], None]:
    """Read without a transaction from here on.

    A request that changes nothing does so until its answer is made, see :func:`end_reading`.

    :param sent: the request in hand.
    :param glance: begins that, and returns what ends it.
    :return: ends it for any other request.
    """
    end = glance()
    is_search = sent.method == "POST" and sent.path.endswith("/.search")
    if sent.method not in ("GET", "HEAD") and not is_search:
        return end
    sent.environ[_END] = end
    return _go_on


def end_reading(sent: Request) -> None:
    """End what a request has begun: the host's own hooks come after, and may write.

    :param sent: the request.
    """
    end = sent.environ.pop(_END, None)
    if end is not None:
        end()


def _go_on() -> None:
    """Leave a request as it is."""
