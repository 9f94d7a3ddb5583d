"""Requests that only read: what is done for them before anything is read, and after."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

_END = "flask_scim.end_of_reading"


def read_lightly(blueprint: Blueprint, glance: Callable[[], Callable[[], None]]) -> None:
    """Read without transactions in requests of a blueprint that change nothing.

    :param blueprint: the blueprint.
    :param glance: begins that, and returns what ends it.
    """

    def begin() -> None:
        if is_read():
            request.environ[_END] = glance()

    def end(response: Response) -> Response:
        # The host's own hooks come after this, and may write.
        stop = request.environ.pop(_END, None)
        if stop is not None:
            stop()
        return response

    blueprint.before_request(begin)
    blueprint.after_request(end)


def is_read() -> bool:
    """Tell whether the request in hand changes nothing."""
    return request.method in ("GET", "HEAD") or request.path.endswith("/.search")
