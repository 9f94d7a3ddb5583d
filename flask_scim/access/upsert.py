"""Rows that are inserted, or changed where they are there: one statement on every database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite


def insert_or_change(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    changes: Mapping[str, Any],
) -> None:
    """Insert rows, and change those whose primary key is there already.

    :param connection: the connection to the database.
    :param table: the table.
    :param rows: the rows, with their keys.
    :param changes: what to set of rows that are there.
    """
    keys = list(table.primary_key.columns)
    match connection.dialect.name:
        case "postgresql":
            onto = postgresql.insert(table).values(rows)
            connection.execute(onto.on_conflict_do_update(index_elements=keys, set_=dict(changes)))
        case "sqlite":
            into = sqlite.insert(table).values(rows)
            connection.execute(into.on_conflict_do_update(index_elements=keys, set_=dict(changes)))
        case _:
            over = mysql.insert(table).values(rows)
            connection.execute(over.on_duplicate_key_update(dict(changes)))
