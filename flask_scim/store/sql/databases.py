"""Which database it is."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .backends import Backend
from .mysql import MySQL
from .postgresql import PostgreSQL
from .sqlite import SQLite


def find_backend(connection: Connection) -> Backend:
    """Find the backend of a database.

    :param connection: a connection to it; MariaDB and MySQL are asked for their collations.
    :return: the backend, for as long as the tables stay as they are.
    :raises NotImplementedError: if the database is none that is supported.
    """
    match connection.dialect.name:
        case "postgresql":
            return PostgreSQL()
        case "sqlite":
            return SQLite()
        case "mysql" | "mariadb":
            is_mariadb = getattr(connection.dialect, "is_mariadb", False)
            caseless = connection.execute(
                sa.text(
                    "SELECT table_name, column_name FROM information_schema.columns"
                    " WHERE table_schema = database() AND collation_name LIKE '%ci'"
                )
            )
            return MySQL(
                "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin",
                frozenset((table, column) for table, column in caseless),
                tells_rows=connection.dialect.insert_returning,
            )
        case name:
            raise NotImplementedError(
                f"Flask-SCIM works on SQLite, PostgreSQL, MariaDB and MySQL, not on {name}."
            )
