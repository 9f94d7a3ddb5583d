"""What credentials of a connection have in common in the database."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ..provisioning.ports import Connection
from .connections import is_id, read_connection

#: What the ids of all credentials look like.
CREDENTIAL_ID = re.compile(r"[0-9a-f]{16}")
#: What of a connection is JSON, as a rule the same for many and in every request.
_JSON = ("domains", "policy")
#: How often the last use of a credential is written.
_STEP = timedelta(minutes=1)


def read_owner(session: Any, connections: sa.Table, id: str) -> Connection:
    """Read a connection that has to be there.

    :param session: the host's session.
    :param connections: our table of connections.
    :param id: the connection.
    :return: the connection.
    :raises ValueError: if there is none.
    """
    statement = sa.select(connections).where(connections.c.id == id)
    found = session.execute(statement).mappings().first() if is_id(id) else None
    # MariaDB compares without case; the name of a connection is exact.
    if found is None or found["id"] != id:
        raise _unknown(id)
    return read_connection(found)


def select_opened(connections: sa.Table) -> list[Any]:
    """Select the connection that a credential opens, for :func:`read_opened`.

    :param connections: our table of connections.
    :return: its columns.
    """
    return [as_text(connections.c[name]) for name in Connection.__slots__]


def read_opened(values: Iterable[Any]) -> Connection:
    """Read a connection that was selected by :func:`select_opened`.

    :param values: the values of its columns.
    :return: the connection.
    """
    columns = dict(zip(Connection.__slots__, values, strict=True))
    for name in _JSON:
        columns[name] = read_flat(columns[name])
    if columns["mapping"] is not None:
        columns["mapping"] = json.loads(columns["mapping"])
    return read_connection(columns)


def as_text(column: sa.Column[Any]) -> Any:
    """Select JSON as text: whoever has read the same before need not read it again.

    :param column: a column, of whichever type.
    :return: what to select.
    """
    return sa.cast(column, sa.Text) if isinstance(column.type, sa.JSON) else column


@lru_cache(maxsize=256)
def read_flat(text: str) -> Any:
    """Read JSON that has no lists or objects inside, and that nobody changes.

    :param text: the JSON.
    :return: the list or object: whoever hands it on makes a copy.
    """
    return json.loads(text)


def lock_connection(session: Any, connections: sa.Table, id: str) -> Connection:
    """Let nobody else change a connection, or add a credential, until the transaction ends.

    :param session: the host's session.
    :param connections: our table of connections.
    :param id: the connection.
    :return: the connection.
    :raises ValueError: if there is none.
    """
    read_owner(session, connections, id)
    # What was read before belongs to an older snapshot; an UPDATE locks on every database.
    session.commit()
    columns = connections.c
    locked = session.execute(connections.update().where(columns.id == id).values(id=columns.id))
    if not locked.rowcount:
        session.rollback()
        raise _unknown(id)
    return read_owner(session, connections, id)


def note_use(
    session: Any, table: sa.Table, id: str, last_used: datetime | None, now: datetime
) -> None:
    """Write down that a credential was used, at most once a minute.

    :param session: the host's session.
    :param table: our table of the credential.
    :param id: the credential.
    :param last_used: when it was used before; ``None`` for never.
    :param now: the moment.
    """
    if last_used is not None and now - last_used < _STEP:
        return
    try:
        session.execute(table.update().where(table.c.id == id).values(last_used=now))
        session.commit()
    except OperationalError:
        # A busy database must not refuse a request for the sake of a note.
        session.rollback()


def revoke(session: Any, table: sa.Table, id: str, what: str) -> Any:
    """Revoke a credential, from the commit on; a second time changes nothing.

    :param session: the host's session.
    :param table: our table of the credential.
    :param id: the credential.
    :param what: what it is called in messages.
    :return: its columns by name; ``None`` if it was revoked already.
    :raises ValueError: if there is none.
    """
    unknown = ValueError(f"There is no {what} {id[:100]!r}.")
    # Databases differ in what else they take for the same text, or for text at all.
    if not CREDENTIAL_ID.fullmatch(id):
        raise unknown
    # What was read before belongs to an older snapshot.
    session.commit()
    is_good = sa.and_(table.c.id == id, table.c.revoked.is_(None))
    revoked = session.execute(table.update().where(is_good).values(revoked=datetime.now(UTC)))
    row = session.execute(sa.select(table).where(table.c.id == id)).mappings().first()
    if row is None:
        raise unknown
    return row if revoked.rowcount else None


def hash_secret(secret: str) -> str:
    """Hash a secret of 256 random bits, which needs no salt; any other text hashes too."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_same(stored: str, hashed: str) -> bool:
    """Compare two hashes, in a time that does not tell how much of them agrees."""
    return hmac.compare_digest(stored, hashed)


def _unknown(id: str) -> ValueError:
    return ValueError(f"There is no connection {id[:100]!r}.")
