"""Requests that only read: how they begin, before anything is read, and how they end."""

from __future__ import annotations

from collections.abc import Callable

from .current import this_request

_END = "flask_scim.end_of_reading"


def begin_reading(glance: Callable[[], Callable[[], None]]) -> Callable[[], None]:
    """Read without a transaction from here on.

    A request that changes nothing does so until its answer is made, see :func:`end_reading`.

    :param glance: begins that, and returns what ends it.
    :return: ends it for any other request.
    """
    end = glance()
    request = this_request()
    is_search = request.method == "POST" and request.path.endswith("/.search")
    if request.method not in ("GET", "HEAD") and not is_search:
        return end
    request.environ[_END] = end
    return _go_on


def end_reading() -> None:
    """End what the request in hand has begun: the host's own hooks come after, and may write."""
    end = this_request().environ.pop(_END, None)
    if end is not None:
        end()


def _go_on() -> None:
    """Leave a request as it is."""
