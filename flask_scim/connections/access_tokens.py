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
from ..store.sql.failures import translated
from ..store.sql.kept import kept
from ..store.sql.statements import run
from .admission import Grant, attribute
from .clients import Client
from .rows import note_use, read_opened, select_opened

_log = logging.getLogger("flask_scim.connections")
PREFIX = "scim_at_"
#: No longer than what servers take as one header.
_LONGEST = 8_000
#: The parameter that says which client is read.
_ID = "flask_scim_id"


def is_access_token(text: str) -> bool:
    """Tell an access token from a token of another kind."""
    return text.startswith(PREFIX)


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
        if not is_access_token(text):
            return None
        id, connection_id, expires, scopes = self._read(text)
        if expires <= time.time():
            expired = Unauthorized("The access token has expired; get a new one.")
            raise attribute(expired, connection_id, f"client:{id}")
        with translated("client"):
            statement = _select_client(self._clients, self._connections)
            row = run(self._session, statement, {_ID: id}).first()
        found: tuple[Any, ...] = (None, None) if row is None else tuple(row)
        last_used, revoked_at, *columns = found
        connection = read_opened(columns) if columns else None
        if connection is None or connection.id != connection_id:
            raise Unauthorized("The client of this access token is not known here.")
        if revoked_at is not None:
            _log.warning("Client %s of connection %s has been revoked.", id, connection_id)
            revoked = Unauthorized("The client of this access token has been revoked.")
            raise attribute(revoked, connection_id, f"client:{id}")
        note_use(self._session, self._clients, id, last_used, datetime.now(UTC))
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


@kept
def _select_client(clients: sa.Table, connections: sa.Table) -> sa.Select[Any]:
    """Select the client of a token, and then its connection."""
    return (
        sa.select(clients.c.last_used, clients.c.revoked, *select_opened(connections))
        .join(connections, clients.c.connection_id == connections.c.id)
        .where(clients.c.id == sa.bindparam(_ID))
    )
