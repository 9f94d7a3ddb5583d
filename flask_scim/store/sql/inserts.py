"""Inserts that meet rows which are there already, on every database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import Session

from .kept import kept

#: Databases that return what an upsert has written.
_TELLING = ("postgresql", "sqlite")


def insert_or_ignore(session: Session, table: sa.FromClause) -> Any:
    """Make an insert that passes over a row whose key is there already.

    :param session: the session that is going to run it.
    :param table: the table.
    :return: the statement, without values.
    """
    assert isinstance(table, sa.Table)
    return insert_or_ignore_on(table, session.get_bind().dialect.name)


@kept
def insert_or_ignore_on(table: sa.Table, dialect: str) -> Any:
    """Make the same for a database, by what SQLAlchemy calls that."""
    match dialect:
        case "postgresql":
            return postgresql.insert(table).on_conflict_do_nothing()
        case "sqlite":
            return sqlite.insert(table).on_conflict_do_nothing()
        case _:
            return mysql.insert(table).prefix_with("IGNORE")


def insert_or_change(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    changed: tuple[str, ...],
    counted: str | None = None,
) -> int | None:
    """Insert rows, and change those whose primary key is there already.

    :param connection: the connection to the database.
    :param table: the table.
    :param rows: the rows, with their keys.
    :param changed: the columns of rows that are there which get the new values.
    :param counted: the one that counts on by one instead.
    :return: how far it has come for the only row, where the database says so by itself.
    """
    tells = counted is not None and len(rows) == 1 and connection.dialect.name in _TELLING
    statement = _insert_or_change(table, connection.dialect.name, changed, counted, tells)
    written = connection.execute(statement, rows[0] if len(rows) == 1 else list(rows))
    return int(written.scalar_one()) if tells else None


@kept
def _insert_or_change(
    table: sa.Table, dialect: str, changed: tuple[str, ...], counted: str | None, tells: bool
) -> Any:
    counting = {} if counted is None else {counted: table.c[counted] + 1}
    if dialect in _TELLING:
        onto = (postgresql if dialect == "postgresql" else sqlite).insert(table)
        onto = onto.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: onto.excluded[name] for name in changed} | counting,
        )
        return onto.returning(*(table.c[name] for name in counting)) if tells else onto
    over = mysql.insert(table)
    return over.on_duplicate_key_update({name: over.inserted[name] for name in changed} | counting)
