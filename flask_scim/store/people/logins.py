"""Who has signed in through a connection: the subjects of its identity provider, kept."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...protocol.errors import InvalidValue
from ...protocol.syntax import Operator
from ...protocol.values import comparable, is_sound, load_simple
from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..sql.backends import Backend, Sql
from ..sql.inserts import insert_or_ignore

#: More than any identity provider makes a subject of.
_LONGEST = 1_024


def is_of_subject(binding: Binding, connection: Connection, subject: str) -> Sql:
    """The condition that a row is of whoever has signed in through a connection as a subject.

    It says nothing of tenants: who asks for rows narrows them to the connection's own.

    :param binding: the resource type of the rows.
    :param connection: the connection.
    :param subject: what its identity provider calls the person, exactly.
    :return: the condition, which an index serves.
    """
    statement = select_subject(binding, connection, subject)
    return sa.false() if statement is None else binding.key.in_(statement)


def select_subject(
    binding: Binding, connection: Connection, subject: str, *columns: Any
) -> sa.Select[Any] | None:
    """Select the key of the row of whoever has signed in through a connection as a subject.

    :param binding: the resource type of the rows.
    :param connection: the connection.
    :param subject: what its identity provider calls the person, exactly.
    :param columns: what else to select.
    :return: the statement; ``None`` where nobody signs in as such a resource.
    """
    table = binding.logins
    if table is None:
        return None
    return sa.select(table.c.row_id, *columns).where(
        table.c.connection_id == connection.id, table.c.subject_key == _make_key(subject)
    )


def find_login(
    session: Session,
    backend: Backend,
    binding: Binding,
    connection: Connection,
    subject: str,
    key: tuple[str, ...],
) -> Any:
    """Find who signs in through a connection as a subject, in one query.

    Whom SCIM has provisioned goes before whoever has signed in so before; whom it has deleted is
    found last of all, so that nobody takes them for a stranger.

    :param session: the host's session, which is not flushed.
    :param backend: the database behind it.
    :param binding: the resource type of people.
    :param connection: the connection.
    :param subject: what its identity provider calls the person.
    :param key: the attribute that is the person's key in the identity provider, by its keys.
    :return: the host's object; ``None`` if nobody of the connection's tenant is known so.
    """
    if not _is_subject(subject):
        return None
    found = [statement for statement in (
        _select_keyed(backend, binding, connection, subject, key),
        select_subject(binding, connection, subject, sa.literal(1).label("rank")),
    ) if statement is not None]  # fmt: skip
    known = sa.union_all(*found).subquery()
    statement = (
        binding.select_joined(binding.model)
        .join(known, known.c.row_id == binding.key)
        .where(binding.is_of_tenant(connection))
        .order_by(known.c.rank, binding.key)
        .limit(1)
    )
    backend.prepare(binding.connect(session))
    with session.no_autoflush:
        return session.scalars(statement).first()


def keep_subject(
    session: Session, binding: Binding, connection: Connection, subject: str, key: Any
) -> None:
    """Remember that a person has signed in; a second time changes nothing.

    :param session: the host's session, whose transaction it takes part in.
    :param binding: the resource type of the person's row.
    :param connection: the connection.
    :param subject: what its identity provider calls the person.
    :param key: the primary key of the person's row.
    :raises ValueError: if the subject cannot be kept, or is kept for somebody else.
    """
    if not _is_subject(subject):
        raise ValueError(f"A subject is a text of 1 to {_LONGEST} characters.")
    table, bound = binding.logins, binding.connect(session)
    statement = select_subject(binding, connection, subject)
    assert table is not None
    assert statement is not None
    if bound.scalar(statement) is None:
        values = {
            "connection_id": connection.id,
            "subject_key": _make_key(subject),
            "subject": subject,
            "row_id": key,
            "created": datetime.now(UTC),
        }
        bound.execute(insert_or_ignore(session, table), [values])
    if bound.scalar(statement) != key:
        raise ValueError(
            f"{subject[:100]!r} of {connection.id} has signed in as another person before."
        )


def _select_keyed(
    backend: Backend,
    binding: Binding,
    connection: Connection,
    subject: str,
    key: tuple[str, ...],
) -> sa.Select[Any] | None:
    """Select whom the connection has provisioned, by the person's key in the identity provider."""
    record = binding.record.c
    place = next((each for each in binding.places if each.path.keys == key), None)
    if place is None or place.column is None:
        return None
    try:
        value = comparable(place.path.leaf, load_simple(place.path.leaf, subject, "subject"))
    except InvalidValue:
        return None
    rank = sa.case((record.deleted.is_(None), 0), else_=2)
    return binding.select(record.row_id.label("row_id"), rank.label("rank")).where(
        record.connection_id == connection.id,
        place.codec.compare(backend, place.column, Operator.EQ, value),
    )


def _is_subject(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and is_sound(text)


def _make_key(subject: str) -> str:
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()
