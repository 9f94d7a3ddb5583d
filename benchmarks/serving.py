"""Apps behind gunicorn, each asked over one connection that is kept alive."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from flask import Flask

from .bare.app import make_bare
from .host import make_host
from .requests import Answer, Request

#: How each app is served.
GUNICORN = ("--worker-class", "gthread", "--workers", "1", "--threads", "1", "--keep-alive", "600")
_PATIENCE = 20


class Served:
    """An app that is served, as one client sees it.

    :param port: where it listens, on this machine.
    :param token: the token to send.
    """

    def __init__(self, port: int, token: str) -> None:
        self._head = (
            f"Host: localhost\r\nUser-Agent: benchmarks\r\nAccept: application/scim+json\r\n"
            f"Authorization: Bearer {token}\r\n"
        )
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, sent: Request) -> Answer:
        """Send a request and read the whole answer."""
        head = f"{sent.method} {sent.target} HTTP/1.1\r\n{self._head}"
        if sent.body:
            head += f"Content-Type: application/scim+json\r\nContent-Length: {len(sent.body)}\r\n"
        raw = f"{head}\r\n".encode() + sent.body
        began = time.perf_counter()
        self._socket.sendall(raw)
        status, fields, start = self._read_head()
        body = bytearray(start)
        length = int(fields[b"content-length"]) if b"content-length" in fields else 0
        if b"transfer-encoding" in fields:
            raise ConnectionError("An answer in chunks is not read here.")
        while len(body) < length:
            body += self._receive()
        return Answer(status, bytes(body), time.perf_counter() - began)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _read_head(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Read the status and the headers, and what of the body has come with them."""
        received = self._receive()
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, start = received.partition(b"\r\n\r\n")
        line, *fields = head.lower().split(b"\r\n")
        named = (field.partition(b":") for field in fields)
        return int(line[9:12]), {name: value for name, _, value in named}, start

    def _receive(self) -> bytes:
        received = self._socket.recv(1 << 18)
        if not received:
            raise ConnectionError("The server has closed the connection.")
        return received


def serve(kind: str, url: str) -> Flask:
    """Make an app for gunicorn.

    :param kind: ``host`` for the one that has Flask-SCIM, ``bare`` for the other.
    :param url: its database.
    """
    return make_host(url)[0] if kind == "host" else make_bare(url)


@contextmanager
def serving(url: str, token: str) -> Iterator[list[Served]]:
    """Serve both apps, Flask-SCIM first.

    :param url: their database.
    :param token: the token to send.
    """
    with ExitStack() as stack:
        ports = [
            stack.enter_context(listening(f"benchmarks.serving:serve({kind!r}, {url!r})"))
            for kind in ("host", "bare")
        ]
        contenders = [Served(port, token) for port in ports]
        for contender in contenders:
            stack.callback(contender.close)
        yield contenders


@contextmanager
def listening(
    app: str, python: str = sys.executable, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run gunicorn; the port it listens on.

    :param app: the module, and what in it makes the app.
    :param python: the interpreter of the environment that has the app.
    :param environment: the variables of the process; ``None`` for those of this one.
    """
    port = _free_port()
    command = [python, "-m", "gunicorn", *GUNICORN, "--log-level", "warning"]
    process = subprocess.Popen([*command, "--bind", f"127.0.0.1:{port}", app], env=environment)
    try:
        _wait(process, port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("gunicorn does not answer.")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
