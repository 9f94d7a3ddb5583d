"""Places in the order of a connection, given one after another and without a gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.compiler import compiles

from ..sql.kept import kept


def take_positions(connection: sa.Connection, counters: sa.Table, id: str, count: int) -> int:
    """Take the next places in the order of a connection, in one statement.

    Until the transaction ends, nobody else can take any: they wait, and if it is undone, these
    places are theirs.

    :param connection: the connection to the database.
    :param counters: our table of counters.
    :param id: the connection whose order it is.
    :param count: how many places to take.
    :return: the first of them, from 1.
    """
    taken = {"of": id, "count": count}
    if connection.dialect.name in ("mysql", "mariadb"):
        counted = _count_on(counters, can_hold_on=_can_hold_on(connection.dialect))
        last = connection.execute(counted, taken).lastrowid
    else:
        counted = _count_and_return(counters, is_sqlite=connection.dialect.name == "sqlite")
        last = connection.execute(counted, taken).scalar_one()
    return int(last) - count + 1


def can_insert_in_order(connection: sa.Connection) -> bool:
    """Tell whether the database can do what :func:`insert_in_order` does."""
    return connection.dialect.name == "postgresql"


def insert_in_order(
    connection: sa.Connection, counters: sa.Table, table: sa.Table, row: Mapping[str, Any]
) -> int:
    """Take the next place in the order of a connection and insert a row there, in one statement.

    :param connection: the connection to the database.
    :param counters: our table of counters.
    :param table: the table of what is in order.
    :param row: the columns of the row; its ``position`` is the place.
    :return: the place, from 1.
    """
    inserted = _insert_in_order(counters, table)
    taken = {"of": row["connection_id"], "count": 1, **row}
    return int(connection.execute(inserted, taken).scalar_one())


@kept
def _insert_in_order(counters: sa.Table, table: sa.Table) -> Any:
    counted = _count_and_return(counters, is_sqlite=False).cte("counted")
    columns = [column for column in table.c if column.key != "position"]
    values = [sa.bindparam(column.key, type_=column.type) for column in columns]
    row = sa.select(*values, counted.c.position)
    inserted = table.insert().from_select([*columns, table.c.position], row)
    written = inserted.returning(table.c.position).cte("written")
    return sa.select(written.c.position)


@kept
def _count_and_return(counters: sa.Table, *, is_sqlite: bool) -> Any:
    """Count on, and return how far."""
    insert = sqlite.insert if is_sqlite else postgresql.insert
    count: sa.BindParameter[int] = sa.bindparam("count")
    counted = insert(counters).values(connection_id=sa.bindparam("of"), position=count)
    return counted.on_conflict_do_update(
        index_elements=[counters.c.connection_id],
        set_={"position": counters.c.position + count},
    ).returning(counters.c.position)


class _Latest(mysql.Insert):
    """An ``INSERT`` that counts on from the newest row, whatever the transaction has read."""

    # SQLAlchemy 2.0 keeps none of these.
    inherit_cache = mysql.Insert.inherit_cache


@compiles(_Latest)
def _compile_latest(element: _Latest, compiler: Any, **options: Any) -> str:
    # Since 11.6.2 MariaDB would refuse a row that has changed since the transaction first read
    # anything: no harm to a counter, whose old value nobody looks at.
    statement = compiler.visit_insert(element, **options)
    return f"SET STATEMENT innodb_snapshot_isolation = OFF FOR {statement}"


@kept
def _count_on(counters: sa.Table, *, can_hold_on: bool) -> Any:
    """Count on, and let the answer of the server itself say how far: it has no RETURNING here."""
    kind = _Latest if can_hold_on else mysql.Insert
    count: sa.BindParameter[int] = sa.bindparam("count")
    inserted = kind(counters).values(
        connection_id=sa.bindparam("of"), position=sa.func.last_insert_id(count)
    )
    return inserted.on_duplicate_key_update(
        position=sa.func.last_insert_id(counters.c.position + count)
    )


def _can_hold_on(dialect: sa.Dialect) -> bool:
    """Whether the server may hold a transaction to its snapshot, and can be asked not to."""
    version = dialect.server_version_info or ()
    is_mariadb = getattr(dialect, "is_mariadb", False)
    return is_mariadb and (version >= (11, 4, 2) or (10, 11, 8) <= version < (11,))
