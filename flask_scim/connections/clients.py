"""OAuth clients of connections: their secrets as hashes, or their public keys (:rfc:`6749`)."""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ..provisioning.changes import Event, Kind
from ..store.sql.failures import translated
from .news import tell_credential
from .replays import use_once
from .rows import CREDENTIAL_ID, hash_secret, lock_connection, note_use, read_owner, revoke
from .scopes import read_scopes

#: How a client authenticates at the token endpoint.
METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
_BY_KEY = "private_key_jwt"
#: Lets scanners for leaked secrets recognise one.
_PREFIX = "scim_cs_"
#: How many clients of a connection can be good at once.
_MOST = 2


@dataclass(frozen=True, slots=True)
class Client:
    """What is known of a client; never its secret.

    :param id: its ``client_id``.
    :param connection_id: the connection that it opens.
    :param method: how it authenticates, one of ``METHODS``.
    :param scopes: what it may do.
    :param created: when it was added.
    :param last_used: when it last got or used an access token, to the minute; ``None`` for never.
    :param revoked: when it was revoked, ``None`` if it was not.
    :param key_ids: the ``kid`` of each of its public keys that has one.
    """

    id: str
    connection_id: str
    method: str
    scopes: tuple[str, ...]
    created: datetime
    last_used: datetime | None = None
    revoked: datetime | None = None
    key_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """A client, and what it proves itself with.

    :param client: what is known of it.
    :param secret_hash: the SHA-256 of its secret; ``None`` where it has keys.
    :param keys: its public keys.
    """

    client: Client
    secret_hash: str | None = field(repr=False)
    keys: tuple[dict[str, Any], ...] = field(repr=False)


class Clients:
    """The OAuth clients of all connections.

    :param session: the host's session.
    :param table: our table of clients.
    :param assertions: our table of client assertions that were used.
    :param connections: our table of connections.
    :param plurals: the resource types that are served, as ``users``.
    :param read_keys: reads public keys; ``None`` where the extra ``oauth`` is not installed.
    :param commit: commits a change and tells of it.
    """

    def __init__(
        self,
        session: Any,
        table: sa.Table,
        assertions: sa.Table,
        connections: sa.Table,
        plurals: Sequence[str],
        read_keys: Callable[[Any], list[dict[str, Any]]] | None,
        commit: Callable[[Sequence[Event]], None],
    ) -> None:
        self._session = session
        self._table = table
        self._assertions = assertions
        self._connections = connections
        self._plurals = plurals
        self._read_keys = read_keys
        self._commit = commit

    def add(
        self,
        connection_id: str,
        method: str = METHODS[0],
        scopes: Iterable[str] = (),
        jwks: Any = None,
    ) -> tuple[str | None, Client]:
        """Add a client; a connection has two at the most, so that one can take over from another.

        :param connection_id: the connection that it opens.
        :param method: how it authenticates: ``client_secret_basic``, ``client_secret_post``, which
            may use HTTP Basic too, or ``private_key_jwt``.
        :param scopes: what it may do, such as ``get:users``, or the name of an identity provider
            for what that one needs; everything where none is given.
        :param jwks: its public keys as a JSON Web Key Set, with ``private_key_jwt`` only.
        :return: the secret, which cannot be read again, ``None`` with ``private_key_jwt``; and
            what is known of the client.
        :raises ValueError: if there is no such connection, method or scope, the keys cannot be
            used, the connection has two clients, or the extra ``oauth`` is not installed.
        """
        if self._read_keys is None:
            raise ValueError(
                'OAuth stands on Authlib; install it with: pip install "Flask-SCIM[oauth]".'
            )
        if method not in METHODS:
            raise ValueError(f"{method!r} is no method; choose from {', '.join(METHODS)}.")
        if (jwks is None) is (method == _BY_KEY):
            raise ValueError(f"Give jwks, the client's public keys, with {_BY_KEY} and only there.")
        keys = None if jwks is None else self._read_keys(jwks)
        allowed = read_scopes(scopes, self._plurals)
        connection = lock_connection(self._session, self._connections, connection_id)
        if len(self._clients_of(connection_id, self._table.c.revoked.is_(None))) >= _MOST:
            self._session.rollback()
            raise ValueError(
                f"{connection_id} has {_MOST} clients that are good; revoke one first."
            )
        secret = None if keys else _PREFIX + secrets.token_urlsafe(32)
        client = Client(
            secrets.token_hex(8),
            connection_id,
            method,
            allowed,
            datetime.now(UTC),
            key_ids=_key_ids(keys),
        )
        self._session.execute(
            self._table.insert().values(
                id=client.id,
                connection_id=connection_id,
                method=method,
                secret_hash=secret and hash_secret(secret),
                jwks=keys,
                scopes=list(allowed),
                created=client.created,
            )
        )
        self._commit([tell_credential(Kind.ADDED, connection, "Client", client)])
        return secret, client

    def list(self, connection_id: str) -> builtins.list[Client]:
        """List the clients of a connection, newest first.

        :param connection_id: the connection.
        :return: what is known of them.
        :raises ValueError: if there is no such connection.
        """
        read_owner(self._session, self._connections, connection_id)
        return self._clients_of(connection_id)

    def revoke(self, id: str) -> None:
        """Revoke a client and every access token that it has, from this moment on.

        :param id: the client's id.
        :raises ValueError: if there is no such client.
        """
        row = revoke(self._session, self._table, id, "client")
        if row is not None:
            client = read_client(row)
            connection = read_owner(self._session, self._connections, client.connection_id)
            self._commit([tell_credential(Kind.REVOKED, connection, "Client", client)])

    def find(self, connection_id: str, id: str) -> Registered | None:
        """Find a client that is good.

        :param connection_id: the connection that it must be of.
        :param id: the client's id, as somebody sent it.
        :return: the client; ``None`` if there is none.
        """
        if not CREDENTIAL_ID.fullmatch(id):
            return None
        with translated("client"):
            row = (
                self._session.execute(sa.select(self._table).where(self._table.c.id == id))
                .mappings()
                .first()
            )
        if row is None or row["connection_id"] != connection_id or row["revoked"] is not None:
            return None
        return Registered(read_client(row), row["secret_hash"], tuple(row["jwks"] or ()))

    def use_assertion(self, client: Client, jti: str, expires: datetime) -> bool:
        """Note that a client has authenticated with an assertion.

        :param client: the client.
        :param jti: the assertion's own id.
        :param expires: when the assertion ends.
        :return: whether it is the first time, in any process.
        :raises ServiceUnavailable: if the database is busy.
        """
        return use_once(
            self._session, self._assertions, client.id, client.connection_id, jti, expires
        )

    def note_use(self, client: Client) -> None:
        """Note that a client was used, at most once a minute."""
        note_use(self._session, self._table, client.id, client.last_used, datetime.now(UTC))

    def _clients_of(self, connection_id: str, *conditions: Any) -> builtins.list[Client]:
        columns = self._table.c
        rows = self._session.execute(
            sa.select(self._table)
            .where(columns.connection_id == connection_id, *conditions)
            .order_by(columns.created.desc(), columns.id)
        ).mappings()
        return [read_client(row) for row in rows]


def read_client(row: Any) -> Client:
    """Read a client from a row of its table.

    :param row: the columns by name.
    :return: the client.
    """
    names = ("id", "connection_id", "method", "created", "last_used", "revoked")
    return Client(
        **{name: row[name] for name in names},
        scopes=tuple(row["scopes"]),
        key_ids=_key_ids(row["jwks"]),
    )


def _key_ids(keys: Iterable[dict[str, Any]] | None) -> tuple[str, ...]:
    return tuple(key["kid"] for key in keys or () if "kid" in key)
