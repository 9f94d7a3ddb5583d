"""Receivers: real servers on 127.0.0.1 that answer as badly as they are told to."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import PATIENCE

Answer = Callable[[Any, "Received"], None]


@dataclass(frozen=True, slots=True)
class Received:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """A server, what came to it, and how it answers.

    :param port: where it listens.
    :param answer: answers a request.
    :param received: what came, in order.
    :param connections: how many connections were made.
    """

    port: int
    answer: Answer
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/hook?of=acme"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the other side hangs up on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.receiver.connections += 1

    def do_POST(self) -> None:  # the library's name
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            # Whoever sent it was killed.
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, body)
        self.server.receiver.received.append(received)
        self.server.receiver.answer(self, received)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def receiving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver, over TLS where there is a context for it."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.receiver = Receiver(server.server_address[1], answer)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.receiver
        finally:
            server.shutdown()
            thread.join()


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer with a status; ``_`` in the name of a header is a dash."""

    def say(handler: Any, _: Received) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return say


def say_raw(*pieces: bytes, pause: float = 0.0) -> Answer:
    """Send bytes, with a pause between them, and hang up."""

    def say(handler: Any, _: Received) -> None:
        handler.close_connection = True
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(pause)

    return say


def hang(handler: Any, _: Received) -> None:
    """Say nothing until the other side gives up."""
    handler.close_connection = True
    handler.connection.settimeout(PATIENCE)
    handler.rfile.read(1)
