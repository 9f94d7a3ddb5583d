"""Who has signed in through a connection: the subjects of its identity provider, kept."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..protocol.values import is_sound
from ..provisioning.ports import Connection
from .backends import Sql, insert_or_ignore
from .binding import Binding

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
    if not 0 < len(subject) <= _LONGEST or not is_sound(subject):
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


def _make_key(subject: str) -> str:
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()
