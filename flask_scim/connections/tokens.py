"""Bearer tokens: shown once, stored as a hash, bound to one connection (:rfc:`6750`)."""

from __future__ import annotations

import builtins
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from itsdangerous import BadSignature, Signer

from ..protocol.errors import Unauthorized
from ..provisioning.changes import Event, Kind
from ..provisioning.ports import Connection
from ..store.sql.failures import translated
from ..store.sql.kept import kept
from ..store.sql.statements import run
from .admission import attribute
from .connections import Clash
from .expiry import WARNINGS, Notice, warning_due
from .news import tell_credential
from .rows import (
    as_text,
    hash_secret,
    is_same,
    lock_connection,
    note_use,
    read_flat,
    read_opened,
    read_owner,
    revoke,
    select_opened,
)
from .scopes import EVENTS, read_scopes
from .watch import Watch

_log = logging.getLogger("flask_scim.connections")
_PREFIX = "scim_"
_LONGEST = 512
_SHORTEST, _LONGEST_LIFE = 900, 10 * 366 * 86_400
#: How many tokens of a connection can be good at once.
_MOST = 2


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


#: What is read of a token to tell whether it is good, and the parameter that says which.
_COLUMNS, _ID = (*Token.__slots__, "secret_hash", "warned"), "flask_scim_id"


class Tokens:
    """The tokens of all connections.

    :param session: the host's session.
    :param table: our table of tokens.
    :param connections: our table of connections.
    :param keys: gives the keys to sign with; the last one signs, all of them verify.
    :param plurals: the resource types that are served, as ``users``.
    :param commit: commits a change and tells of it.
    :param notify: the same, of a token that ends soon or that nobody uses any more.
    """

    def __init__(
        self,
        session: Any,
        table: sa.Table,
        connections: sa.Table,
        keys: Callable[[], Sequence[str]],
        plurals: Sequence[str],
        commit: Callable[[Sequence[Event]], None],
        notify: Callable[[Notice, Event], None],
    ) -> None:
        self._session = session
        self._table = table
        self._connections = connections
        self._keys = keys
        self._plurals = plurals
        self._commit = commit
        self._watch = Watch(session, table, connections, notify)

    def issue(
        self, connection_id: str, scopes: Iterable[str] = (), expires_in: int | None = None
    ) -> tuple[str, Token]:
        """Issue a token; a connection has two at the most, so that one can take over from another.

        :param connection_id: the connection that it opens.
        :param scopes: what it allows, such as ``get:users``, or the name of an identity provider
            for what that one needs; everything where none is given.
        :param expires_in: how long it is good, in seconds, at least 900; ``None`` for ever.
        :return: the token, which cannot be read again, and what is known of it.
        :raises ValueError: if there is no such connection or scope, the time is out of range, or
            the connection has two tokens.
        """
        allowed = read_scopes(scopes, self._plurals)
        _check_lifetime(expires_in)
        connection = lock_connection(self._session, self._connections, connection_id)
        if len(self._active(connection_id, allowed)) >= _MOST:
            self._session.rollback()
            raise Clash(f"{connection_id} has {_MOST} tokens that are good; revoke one first.")
        return self._make(Kind.ISSUED, connection, allowed, expires_in)

    def rotate(self, connection_id: str, expires_in: int | None = None) -> tuple[str, Token]:
        """Issue a token like the newest one of a connection, which stays good until it is revoked.

        :param connection_id: the connection.
        :param expires_in: how long it is good, in seconds; left out, as long as the other was.
        :return: the token, which cannot be read again, and what is known of it.
        :raises ValueError: if the connection has no token that is good, or two already.
        """
        _check_lifetime(expires_in)
        connection = lock_connection(self._session, self._connections, connection_id)
        active = self._active(connection_id)
        if len(active) != 1:
            self._session.rollback()
            raise Clash(
                f"{connection_id} has no token that is good; issue one."
                if not active
                else f"{connection_id} has {_MOST} tokens that are good; revoke {active[-1].id}, "
                f"the older one, first."
            )
        (token,) = active
        if expires_in is None and token.expires is not None:
            expires_in = round((token.expires - token.created).total_seconds())
        return self._make(Kind.ROTATED, connection, token.scopes, expires_in)

    def verify(self, text: str) -> tuple[Connection, Token]:
        """Find the connection that a token opens.

        :param text: the token as the client sent it.
        :return: the connection, and what is known of the token.
        :raises Unauthorized: if the token is forged, unknown, expired or revoked.
        """
        id, secret = self._read(text)
        with translated("token"):
            statement = _select_opened(self._table, self._connections)
            found = run(self._session, statement, {_ID: id}).first()
        stored = hash_secret("") if found is None else found.secret_hash
        if not is_same(stored, hash_secret(secret)) or found is None:
            raise Unauthorized("The bearer token is not known here.")
        id, connection_id, scopes, *moments = found[: len(Token.__slots__)]
        token = Token(id, connection_id, tuple(read_flat(scopes)), *moments)
        now = datetime.now(UTC)
        if token.revoked is not None:
            raise _refused(token, "has been revoked")
        if token.expires is not None and token.expires <= now:
            raise _refused(token, "has expired")
        note_use(self._session, self._table, token.id, token.last_used, now)
        connection = read_opened(found[len(_COLUMNS) :])
        self._watch.tell_end(token, found.warned, now)
        return connection, token

    def check(self) -> builtins.list[Notice]:
        """Tell of every token that ends soon, or that another one has taken over from.

        :return: what was told, each once and never again.
        """
        # Whoever asks every day in one long session would else be shown the same day for ever.
        self._session.commit()
        now, columns = datetime.now(UTC), self._table.c
        soon = now + timedelta(days=WARNINGS[0])
        rows = self._session.execute(
            sa.select(self._table).where(
                columns.revoked.is_(None), columns.expires > now, columns.expires <= soon
            )
        ).mappings()
        told = [self._watch.tell_end(_read_token(row), row["warned"], now) for row in rows.all()]
        for connection_id in self._session.scalars(
            sa.select(columns.connection_id)
            .where(columns.revoked.is_(None))
            .group_by(columns.connection_id)
            .having(sa.func.count() > 1)
        ).all():
            told.append(self._watch.tell_idle(self._active(connection_id), now))
        return [notice for notice in told if notice is not None]

    def list(self, connection_id: str) -> builtins.list[Token]:
        """List the tokens of a connection, newest first.

        :param connection_id: the connection.
        :return: what is known of them.
        :raises ValueError: if there is no such connection.
        """
        read_owner(self._session, self._connections, connection_id)
        return self._tokens_of(connection_id)

    def revoke(self, id: str) -> None:
        """Revoke a token, from this moment on.

        :param id: the token's id.
        :raises ValueError: if there is no such token.
        """
        row = revoke(self._session, self._table, id, "token")
        if row is not None:
            token = _read_token(row)
            connection = read_owner(self._session, self._connections, token.connection_id)
            self._commit([tell_credential(Kind.REVOKED, connection, "Token", token)])

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

    def _make(
        self, kind: Kind, connection: Connection, allowed: tuple[str, ...], expires_in: int | None
    ) -> tuple[str, Token]:
        now = datetime.now(UTC)
        expires = None if expires_in is None else now + timedelta(seconds=expires_in)
        id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        text = _PREFIX + self._signer().sign(f"{id}.{secret}").decode()
        token = Token(id, connection.id, allowed, now, expires, None, None)
        self._session.execute(
            self._table.insert().values(
                id=id,
                connection_id=connection.id,
                secret_hash=hash_secret(secret),
                scopes=list(allowed),
                created=now,
                expires=expires,
                # Whoever issues a token of a week knows that it ends within a month.
                warned=warning_due(expires, now),
                idle_told=False,
            )
        )
        self._commit([tell_credential(kind, connection, "Token", token)])
        return text, token

    def _tokens_of(self, connection_id: str, *conditions: Any) -> builtins.list[Token]:
        columns = self._table.c
        rows = self._session.execute(
            sa.select(self._table)
            .where(columns.connection_id == connection_id, *conditions)
            .order_by(columns.created.desc(), columns.id)
        ).mappings()
        return [_read_token(row) for row in rows]

    def _active(self, connection_id: str, scopes: tuple[str, ...] = ()) -> builtins.list[Token]:
        """The tokens of a connection that are good, newest first.

        Those that read events and nothing else are counted apart: they belong to somebody else
        than the identity provider, and take nothing over from its tokens.
        """
        columns, now = self._table.c, datetime.now(UTC)
        is_good = sa.or_(columns.expires.is_(None), columns.expires > now)
        good = self._tokens_of(connection_id, columns.revoked.is_(None), is_good)
        reads_events = scopes == (EVENTS,)
        return [token for token in good if (token.scopes == (EVENTS,)) is reads_events]

    def _signer(self) -> Signer:
        return _make_signer(tuple(self._keys()))


@lru_cache(maxsize=16)
def _make_signer(keys: tuple[str, ...]) -> Signer:
    """Make what signs by some keys; an app has the same ones until it is started anew."""
    return Signer(list(keys), salt="flask-scim.token")


@kept
def _select_opened(tokens: sa.Table, connections: sa.Table) -> sa.Select[Any]:
    """Select a token, and then the connection that it opens."""
    columns = [as_text(tokens.c[name]) for name in _COLUMNS]
    return (
        sa.select(*columns, *select_opened(connections))
        .join(connections, tokens.c.connection_id == connections.c.id)
        .where(tokens.c.id == sa.bindparam(_ID))
    )


def _check_lifetime(seconds: int | None) -> None:
    if seconds is not None and not _SHORTEST <= seconds <= _LONGEST_LIFE:
        raise ValueError(f"A token lasts at least {_SHORTEST} seconds and at most ten years.")


def _refused(token: Token, why: str) -> Unauthorized:
    _log.warning("Token %s of connection %s %s.", token.id, token.connection_id, why)
    refused = Unauthorized(f"The bearer token {why}; issue a new one.")
    return attribute(refused, token.connection_id, f"token:{token.id}")


def _read_token(row: Any) -> Token:
    values = {name: row[name] for name in Token.__slots__}
    return Token(**values | {"scopes": tuple(values["scopes"])})
