"""A relying party of OpenID Connect, behind a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwk, jwt

ISSUER = "https://your.app"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class RelyingParty:
    """Takes logout tokens as the specification wants it, or does what it is told.

    :param keys: the public keys of the provider.
    """

    def __init__(self, keys: dict[str, Any]) -> None:
        self.keys = jwk.KeySet.import_key_set(keys)
        #: What it was told, as claims; every one of them verified.
        self.heard: list[dict[str, Any]] = []
        #: How many requests there were.
        self.asked = 0
        #: ``204``, another status, ``"garbage"``, ``"hang"`` or ``"drop"``, by the path.
        self.behaviour: dict[str, Any] = {}
        self.port = 0

    def uri(self, path: str = "/logout") -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}{path}"

    @contextmanager
    def listening(self) -> Iterator[RelyingParty]:
        """Listen for a while."""
        party = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                party.answer(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        self.asked += 1
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        match self.behaviour.get(handler.path, 204):
            case "drop":
                handler.connection.close()
            case "hang":
                # Until the other side gives up.
                handler.rfile.read(1)
            case "garbage":
                handler.wfile.write(b"\xff\x00 no HTTP at all\r\n\r\n")
            case int() as status:
                said = b"" if status < 300 else b'{"error":"invalid_request"}'
                if status < 300:
                    assert handler.headers["Content-Type"] == "application/x-www-form-urlencoded"
                    (token,) = parse_qs(body.decode(), strict_parsing=True)["logout_token"]
                    self.heard.append(self.verify(token))
                handler.send_response(status)
                handler.send_header("Content-Length", str(len(said)))
                handler.end_headers()
                handler.wfile.write(said)

    def verify(self, token: str) -> dict[str, Any]:
        """Check a token as section 2.6 wants it."""
        read = jwt.decode(token, self.keys, algorithms=["ES256", "RS256"])
        assert read.header["typ"] == "logout+jwt"
        claims = read.claims
        assert claims["iss"] == ISSUER
        assert claims["events"] == {EVENT: {}}
        assert "nonce" not in claims
        assert claims.get("sub") or claims.get("sid")
        now = time.time()
        assert now - 60 < claims["iat"] <= now + 1
        assert claims["iat"] < claims["exp"] <= claims["iat"] + 120
        return json.loads(json.dumps(claims))  # type: ignore[no-any-return]
