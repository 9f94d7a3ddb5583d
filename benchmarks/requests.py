"""Requests, and how they are handed to an app in this process."""

from __future__ import annotations

import gc
import io
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    :param method: the method.
    :param path: the path.
    :param query: the query, encoded.
    :param body: the body; empty for none.
    """

    method: str
    path: str
    query: str = ""
    body: bytes = b""

    @property
    def target(self) -> str:
        """Path and query, encoded."""
        return quote(self.path) + (f"?{self.query}" if self.query else "")

    def environ(self, token: str) -> dict[str, Any]:
        """A fresh environment as a WSGI server makes it, since an app writes into it."""
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "REQUEST_URI": self.target,
            "CONTENT_TYPE": "application/scim+json" if self.body else "",
            "CONTENT_LENGTH": str(len(self.body)) if self.body else "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_USER_AGENT": "benchmarks",
            "HTTP_ACCEPT": "application/scim+json",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }


class Answer(NamedTuple):
    """What an app answered, how many seconds it took, and what the app calls the request."""

    status: int
    body: bytes
    seconds: float
    request_id: str = ""


class Contender(Protocol):
    """One of the apps that are compared."""

    def send(self, sent: Request) -> Answer:
        """Send a request and read the whole answer."""
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """An app in this process.

    :param app: the app.
    :param engine: its engine, whose statements are counted.
    :param token: the token to send.
    :param flush: writes what waits for the log.
    :param clock: what tells the time, in seconds.
    """

    app: Flask
    engine: sa.Engine
    token: str
    flush: Callable[[], object]
    clock: Callable[[], float] = time.perf_counter

    def send(self, sent: Request) -> Answer:
        """Send a request and read the whole answer."""
        environ = sent.environ(self.token)
        status, headers = "", {}

        def start_response(line: str, fields: Any, _error: Any = None) -> Any:
            nonlocal status, headers
            status, headers = line, dict(fields)

        began = self.clock()
        chunks: Any = self.app.wsgi_app(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        seconds = self.clock() - began
        return Answer(int(status[:3]), body, seconds, headers.get("X-Request-Id", ""))

    def peak(self, sent: Request) -> int:
        """Send a request; return how many bytes it needed at its height."""
        gc.collect()
        tracemalloc.start()
        try:
            self.send(sent)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def statements(self, sent: Request) -> tuple[Answer, list[str]]:
        """Send a request; return the answer and the SQL statements that it took.

        The row of the log is among them, also where it is written behind the answer. The note of a
        token's last use is left out: it is written once a minute.
        """
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if not statement.startswith("UPDATE scim_token"):
                seen.append(statement)

        self.flush()
        event.listen(self.engine, "before_cursor_execute", note)
        try:
            answer = self.send(sent)
            self.flush()
        finally:
            event.remove(self.engine, "before_cursor_execute", note)
        return answer, seen
