"""An identity provider that speaks to the app over HTTP, and notes what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from blinker import Signal
from flask import Flask

from flask_scim import Event

from .activity import SIGNALS

Body = dict[str, Any]

_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True)
class Exchange:
    """A request, its answer, and the signals that fired meanwhile.

    :param problem: what was not as expected, if anything.
    """

    who: str
    method: str
    path: str
    status: int
    happened: str
    signals: tuple[str, ...]
    problem: str | None


@dataclass
class Journal:
    """All exchanges, and the signals since the latest one."""

    exchanges: list[Exchange] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    @contextmanager
    def listening(self, app: Flask) -> Iterator[None]:
        """Hear the signals of an app."""

        def hear(_app: Flask, *, event: Event, **_: Any) -> None:
            self.heard.append(event.type.replace(".", "_"))

        connected: list[Signal] = list(SIGNALS.values())
        for signal in connected:
            signal.connect(hear, app)
        try:
            yield
        finally:
            for signal in connected:
                signal.disconnect(hear, app)

    def note(self, who: str, method: str, path: str, expected: Expected, answer: Answer) -> None:
        """Add an exchange."""
        signals, self.heard[:] = tuple(self.heard), []
        problem = None
        if answer.status != expected.status:
            problem = f"expected {expected.status}, got {answer.status}: {answer.text[:300]}"
        elif signals != expected.signals:
            problem = f"expected the signals {expected.signals}, heard {signals}"
        elif expected.check is not None and not _holds(expected.check, answer.body):
            problem = f"the answer is not as expected: {answer.text[:300]}"
        exchange = Exchange(who, method, path, answer.status, expected.what, signals, problem)
        self.exchanges.append(exchange)

    @property
    def problems(self) -> list[Exchange]:
        """The exchanges that did not go as expected."""
        return [exchange for exchange in self.exchanges if exchange.problem]


@dataclass(frozen=True)
class Expected:
    """What a request is for, and how it should be answered.

    :param what: what it is for.
    :param status: the status of the answer.
    :param signals: the signals that the app should get.
    :param check: tells whether the body of the answer is right.
    """

    what: str
    status: int
    signals: tuple[str, ...] = ()
    check: Callable[[Body], bool] | None = None


@dataclass(frozen=True)
class Answer:
    """What the app answered."""

    status: int
    headers: dict[str, str]
    text: str
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Body:
        """The JSON object that came; an empty one if none did."""
        body = json.loads(self.text) if "json" in self.headers.get("content-type", "") else {}
        return body if isinstance(body, dict) else {}


def send(
    origin: str,
    method: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    content: str | None = None,
) -> Answer:
    """Send one request on a connection of its own."""
    connection = HTTPConnection(urlsplit(origin).netloc, timeout=60)
    try:
        data = None if content is None else content.encode()
        connection.request(method, path, data, {"Connection": "close", **(headers or {})})
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    cookies = [SimpleCookie(line) for line in response.headers.get_all("Set-Cookie", [])]
    return Answer(
        response.status,
        {name.lower(): value for name, value in response.getheaders()},
        text,
        {name: morsel.value for cookie in cookies for name, morsel in cookie.items()},
    )


def _holds(check: Callable[[Body], bool], body: Body) -> bool:
    try:
        return check(body)
    except (KeyError, IndexError, TypeError):
        return False


@dataclass(frozen=True)
class IdentityProvider:
    """One side of a connection.

    :param name: its name in the journal.
    :param base_url: what its admin has entered as the URL.
    :param token: what its admin has entered as the token.
    :param media_type: how it calls its bodies.
    """

    name: str
    base_url: str
    token: str
    media_type: str
    journal: Journal

    def get(self, path: str, expected: Expected, **query: str) -> Body:
        """Read a resource, or list some."""
        return self._request(
            "GET", path + ("?" + urlencode(query, quote_via=quote) if query else ""), expected
        )

    def post(self, path: str, body: Body, expected: Expected) -> Body:
        """Create a resource."""
        return self._request("POST", path, expected, body)

    def put(self, path: str, body: Body, expected: Expected) -> Body:
        """Replace a resource."""
        return self._request("PUT", path, expected, body)

    def patch(self, path: str, operations: list[Body], expected: Expected) -> Body:
        """Change a resource."""
        return self._request(
            "PATCH", path, expected, {"schemas": [_PATCH], "Operations": operations}
        )

    def delete(self, path: str, expected: Expected) -> Body:
        """Delete a resource."""
        return self._request("DELETE", path, expected)

    def _request(
        self, method: str, path: str, expected: Expected, body: Body | None = None
    ) -> Body:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/scim+json",
            "User-Agent": f"{self.name} (example)",
        }
        content = None
        if body is not None:
            headers["Content-Type"] = self.media_type
            content = json.dumps(body)
        parts = urlsplit(self.base_url)
        answer = send(self.base_url, method, parts.path + path, headers=headers, content=content)
        self.journal.note(self.name, method, unquote(path), expected, answer)
        return answer.body
