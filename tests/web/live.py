"""An app behind a real socket."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from tests.waiting import PATIENCE


@dataclass(slots=True)
class Server:
    """A server on loopback.

    :param port: where it listens.
    """

    port: int

    def request(
        self, method: str, target: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request over a connection of its own; an iterable body is sent in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, target, body=body, headers=named)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, found, response.read()
        finally:
            connection.close()


@contextmanager
def serve(app: Flask) -> Iterator[Server]:
    """Serve an app on loopback for a while."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Server(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
