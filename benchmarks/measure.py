"""Requests in turn to several apps, in this process, and what each cost."""

from __future__ import annotations

import gc
import io
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a WSGI server hands it over.

    :param method: the method.
    :param path: the path.
    :param query: the query, encoded.
    :param body: the body; empty for none.
    """

    method: str
    path: str
    query: str = ""
    body: bytes = b""

    def environ(self, token: str) -> dict[str, Any]:
        """A fresh environment, since an app writes into it."""
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "REQUEST_URI": quote(self.path) + (f"?{self.query}" if self.query else ""),
            "CONTENT_TYPE": "application/scim+json" if self.body else "",
            "CONTENT_LENGTH": str(len(self.body)) if self.body else "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What an app answered."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Contender:
    """One of the apps that are compared.

    :param app: the app.
    :param engine: its engine, whose statements are counted.
    :param token: the token to send.
    """

    app: Flask
    engine: sa.Engine
    token: str

    def send(self, sent: Request) -> Answer:
        """Send a request and read the whole answer."""
        return self._send(sent.environ(self.token))

    def time(self, sent: Request) -> tuple[float, Answer]:
        """Send a request; return how many seconds the answer took, and the answer."""
        environ = sent.environ(self.token)
        began = time.perf_counter()
        answer = self._send(environ)
        return time.perf_counter() - began, answer

    def peak(self, sent: Request) -> int:
        """Send a request; return how many bytes it needed at its height."""
        gc.collect()
        tracemalloc.start()
        try:
            self.send(sent)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def count(self, sent: Request) -> int:
        """Send a request; return how many SQL statements it took.

        The note of a token's last use is left out: it is written once a minute.
        """
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if not statement.startswith("UPDATE scim_token"):
                seen.append(statement)

        event.listen(self.engine, "before_cursor_execute", note)
        try:
            self.send(sent)
        finally:
            event.remove(self.engine, "before_cursor_execute", note)
        return len(seen)

    def _send(self, environ: dict[str, Any]) -> Answer:
        status = ""

        def start_response(line: str, _headers: Any, _error: Any = None) -> Any:
            nonlocal status
            status = line

        chunks = self.app.wsgi_app(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return Answer(int(status[:3]), body)


@dataclass(frozen=True, slots=True)
class Workload:
    """Something to measure.

    :param name: what it is called in the table.
    :param requests: the requests, sent one after the other and each one counted.
    :param status: what each answer has to be.
    :param restore: puts the database back after the requests; it is not measured.
    :param weighs: whether memory is measured too.
    """

    name: str
    requests: tuple[Request, ...]
    status: int = 200
    restore: Callable[[], None] | None = None
    weighs: bool = False


@dataclass(slots=True)
class Cost:
    """What a workload cost one app: the seconds of each request, the most statements and bytes."""

    seconds: list[float] = field(default_factory=list)
    statements: int = 0
    peak: int = 0

    @property
    def median(self) -> float:
        """The median in milliseconds."""
        return statistics.median(self.seconds) * 1_000

    @property
    def p95(self) -> float:
        """What 95 of 100 requests stay below, in milliseconds."""
        return statistics.quantiles(self.seconds, n=20, method="inclusive")[-1] * 1_000


def measure(
    workloads: Sequence[Workload], contenders: Sequence[Contender], seconds: float, least: int = 7
) -> list[list[Cost]]:
    """Measure workloads on apps in turn, A B A B, so that a slow moment of the machine meets all.

    :param workloads: what to send.
    :param contenders: the apps; their answers have to be of the same length.
    :param seconds: how long to go on.
    :param least: how often each app is asked at the least.
    :return: for each workload, what it cost each of the apps.
    """
    costs = [[_weigh(workload, each) for each in contenders] for workload in workloads]
    for workload in workloads:
        # The last warming up also compares the answers.
        answers = [[answer for _, answer in _run(workload, each)] for each in contenders]
        for first, other in zip(answers[0], answers[-1], strict=True):
            # A version may have a digit more.
            if abs(len(first.body) - len(other.body)) > 8:
                raise AssertionError(f"{workload.name}: answers differ: {first} {other}"[:1_000])
    gc.collect()
    end = time.monotonic() + seconds
    rounds = 0
    while rounds < least or time.monotonic() < end:
        for workload, row in zip(workloads, costs, strict=True):
            for contender, cost in zip(contenders, row, strict=True):
                cost.seconds += [taken for taken, _ in _run(workload, contender)]
        rounds += 1
    return costs


def _weigh(workload: Workload, contender: Contender) -> Cost:
    _run(workload, contender)
    cost = Cost(statements=max(map(contender.count, workload.requests)))
    if workload.restore is not None:
        workload.restore()
    if workload.weighs:
        cost.peak = max(map(contender.peak, workload.requests))
    return cost


def _run(workload: Workload, contender: Contender) -> list[tuple[float, Answer]]:
    timed = [contender.time(sent) for sent in workload.requests]
    for _, answer in timed:
        if answer.status != workload.status:
            raise AssertionError(
                f"{workload.name}: {contender.app.name} answered {answer.status}:"
                f" {answer.body[:300].decode()}"
            )
    if workload.restore is not None:
        workload.restore()
    return timed
