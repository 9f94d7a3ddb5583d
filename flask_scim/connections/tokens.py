"""Bearer tokens: shown once, stored as a hash, bound to one connection (:rfc:`6750`)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from itsdangerous import BadSignature, Signer
from sqlalchemy.exc import OperationalError

from ..protocol.errors import Unauthorized
from ..provisioning.ports import Connection
from ..store.failures import translated
from .scopes import read_scopes

_PREFIX = "scim_"
_LONGEST = 512
_LAST_USED_STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; never its secret.

    :param id: its name in lists and logs.
    :param connection_id: the connection that it opens.
    :param scopes: what it allows.
    :param created: when it was issued.
    :param expires: when it ends, ``None`` for never.
    :param last_used: when it was last used, to the minute; ``None`` for never.
    :param revoked: when it was revoked, ``None`` if it was not.
    """

    id: str
    connection_id: str
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None
    last_used: datetime | None
    revoked: datetime | None


class Tokens:
    """The tokens of all connections.

    :param session: the host's session.
    :param table: our table of tokens.
    :param connections: our table of connections.
    :param keys: gives the keys to sign with; the last one signs, all of them verify.
    :param plurals: the resource types that are served, as ``users``.
    """

    def __init__(
        self,
        session: Any,
        table: sa.Table,
        connections: sa.Table,
        keys: Callable[[], Sequence[str]],
        plurals: Sequence[str],
    ) -> None:
        self._session = session
        self._table = table
        self._connections = connections
        self._keys = keys
        self._plurals = plurals

    def issue(
        self, connection_id: str, scopes: Iterable[str] = (), expires_in: int | None = None
    ) -> tuple[str, Token]:
        """Issue a token.

        :param connection_id: the connection that it opens.
        :param scopes: what it allows, such as ``get:users``; everything where none is given.
        :param expires_in: how long it is good, in seconds; ``None`` for ever.
        :return: the token, which cannot be read again, and what is known of it.
        :raises ValueError: if there is no such connection or scope, or the time is not above 0.
        """
        allowed = read_scopes(scopes, self._plurals)
        if expires_in is not None and not 0 < expires_in <= 10 * 366 * 86_400:
            raise ValueError("A token lasts at least one second and at most ten years.")
        self._check_connection(connection_id)
        now = datetime.now(UTC)
        expires = None if expires_in is None else now + timedelta(seconds=expires_in)
        id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        text = _PREFIX + self._signer().sign(f"{id}.{secret}").decode()
        token = Token(id, connection_id, allowed, now, expires, None, None)
        self._session.execute(
            self._table.insert().values(
                id=id,
                connection_id=connection_id,
                secret_hash=_hash(secret),
                scopes=list(allowed),
                created=now,
                expires=expires,
            )
        )
        self._session.commit()
        return text, token

    def verify(self, text: str) -> tuple[Connection, Token]:
        """Find the connection that a token opens.

        :param text: the token as the client sent it.
        :return: the connection, and what is known of the token.
        :raises Unauthorized: if the token is forged, unknown, expired or revoked.
        """
        id, secret = self._read(text)
        tokens, connections = self._table.c, self._connections.c
        statement = (
            sa.select(self._table, self._connections)
            .join(self._connections, tokens.connection_id == connections.id)
            .where(tokens.id == id)
        )
        with translated("token"):
            found = self._session.execute(statement).first()
        now = datetime.now(UTC)
        stored = found._mapping[tokens.secret_hash] if found else _hash("")
        if not hmac.compare_digest(stored, _hash(secret)) or found is None:
            raise Unauthorized("The bearer token is not known here.")
        values = found._mapping
        token = Token(
            id,
            values[tokens.connection_id],
            tuple(values[tokens.scopes]),
            values[tokens.created],
            values[tokens.expires],
            values[tokens.last_used],
            values[tokens.revoked],
        )
        if token.revoked is not None:
            raise Unauthorized("The bearer token has been revoked; issue a new one.")
        if token.expires is not None and token.expires <= now:
            raise Unauthorized("The bearer token has expired; issue a new one.")
        self._note_use(token, now)
        connection = Connection(
            values[connections.id],
            values[connections.tenant],
            values[connections.idp],
            values[connections.strict],
            values[connections.created],
        )
        return connection, token

    def list(self, connection_id: str) -> list[Token]:
        """List the tokens of a connection, newest first.

        :param connection_id: the connection.
        :return: what is known of them.
        :raises ValueError: if there is no such connection.
        """
        self._check_connection(connection_id)
        columns = self._table.c
        rows = self._session.execute(
            sa.select(self._table)
            .where(columns.connection_id == connection_id)
            .order_by(columns.created.desc(), columns.id)
        ).mappings()
        return [
            Token(**{**row, "scopes": tuple(row["scopes"])})
            for row in ({name: row[name] for name in Token.__slots__} for row in rows)
        ]

    def revoke(self, id: str) -> None:
        """Revoke a token, from this moment on.

        :param id: the token's id.
        :raises ValueError: if there is no such token.
        """
        revoked = self._session.execute(
            self._table.update()
            .where(self._table.c.id == id)
            .values(revoked=sa.func.coalesce(self._table.c.revoked, datetime.now(UTC)))
        )
        self._session.commit()
        if not revoked.rowcount:
            raise ValueError(f"There is no token {id!r}.")

    def _read(self, text: str) -> tuple[str, str]:
        refused = Unauthorized("The bearer token is not known here.")
        if not text.startswith(_PREFIX) or len(text) > _LONGEST or not text.isascii():
            raise refused
        try:
            signed = self._signer().unsign(text.removeprefix(_PREFIX)).decode()
        except BadSignature:
            raise refused from None
        id, _, secret = signed.partition(".")
        return id, secret

    def _note_use(self, token: Token, now: datetime) -> None:
        if token.last_used is not None and now - token.last_used < _LAST_USED_STEP:
            return
        noted = self._table.update().where(self._table.c.id == token.id).values(last_used=now)
        try:
            self._session.execute(noted)
            self._session.commit()
        except OperationalError:
            # A busy database must not refuse a request for the sake of a note.
            self._session.rollback()

    def _check_connection(self, id: str) -> None:
        column = self._connections.c.id
        found = self._session.execute(sa.select(column).where(column == id)).scalar()
        # MariaDB compares without case; the name of a connection is exact.
        if found != id:
            raise ValueError(f"There is no connection {id!r}.")

    def _signer(self) -> Signer:
        return Signer(list(self._keys()), salt="flask-scim.token")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
