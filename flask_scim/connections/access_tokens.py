"""Access tokens: short-lived, signed, and good as long as their client is (:rfc:`6750`)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from itsdangerous import BadData, URLSafeSerializer

from ..protocol.errors import Unauthorized
from ..store.failures import translated
from .admission import Grant, attribute
from .clients import Client
from .connections import read_connection
from .rows import note_use

_log = logging.getLogger("flask_scim.connections")
PREFIX = "scim_at_"
#: No longer than what servers take as one header.
_LONGEST = 8_000


class AccessTokens:
    """The access tokens of all clients; none of them is stored.

    :param session: the host's session.
    :param clients: our table of clients.
    :param connections: our table of connections.
    :param keys: gives the keys to sign with; the last one signs, all of them verify.
    :param lifetime: for how many seconds a token is good.
    """

    def __init__(
        self,
        session: Any,
        clients: sa.Table,
        connections: sa.Table,
        keys: Callable[[], Sequence[str]],
        lifetime: int,
    ) -> None:
        self._session = session
        self._clients = clients
        self._connections = connections
        self._keys = keys
        self.lifetime = lifetime

    def issue(self, client: Client, scopes: Iterable[str]) -> str:
        """Issue a token.

        :param client: the client that gets it.
        :param scopes: what it allows.
        :return: the token.
        """
        expires = int(time.time()) + self.lifetime
        claims = [client.id, client.connection_id, expires, list(scopes)]
        return f"{PREFIX}{self._serializer().dumps(claims)}"

    def verify(self, text: str) -> Grant | None:
        """Find what a token allows.

        :param text: the token as the client sent it.
        :return: what it allows; ``None`` if it is a token of another kind.
        :raises Unauthorized: if it is forged or has expired, or its client is not good any more.
        """
        if not text.startswith(PREFIX):
            return None
        id, connection_id, expires, scopes = self._read(text)
        if expires <= time.time():
            expired = Unauthorized("The access token has expired; get a new one.")
            raise attribute(expired, connection_id, f"client:{id}")
        statement = (
            sa.select(self._clients.c.last_used, self._clients.c.revoked, self._connections)
            .join(self._connections, self._clients.c.connection_id == self._connections.c.id)
            .where(self._clients.c.id == id)
        )
        with translated("client"):
            row = self._session.execute(statement).first()
        found = None if row is None else row._mapping
        if found is None or found[self._connections.c.id] != connection_id:
            raise Unauthorized("The client of this access token is not known here.")
        if found[self._clients.c.revoked] is not None:
            _log.warning("Client %s of connection %s has been revoked.", id, connection_id)
            revoked = Unauthorized("The client of this access token has been revoked.")
            raise attribute(revoked, connection_id, f"client:{id}")
        now = datetime.now(UTC)
        note_use(self._session, self._clients, id, found[self._clients.c.last_used], now)
        columns = self._connections.c.items()
        connection = read_connection({name: found[column] for name, column in columns})
        return Grant(connection, frozenset(scopes), id, "client")

    def _read(self, text: str) -> tuple[str, str, int, list[str]]:
        refused = Unauthorized("The access token is not known here.")
        if len(text) > _LONGEST or not text.isascii():
            raise refused
        try:
            id, connection_id, expires, scopes = self._serializer().loads(text[len(PREFIX) :])
        except BadData:
            raise refused from None
        return id, connection_id, expires, scopes

    def _serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(list(self._keys()), salt="flask-scim.access-token")
