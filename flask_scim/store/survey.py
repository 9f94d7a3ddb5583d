"""What the database holds, for those who administer it."""

from __future__ import annotations

import sqlalchemy as sa

from .columns.binding import Binding


def find_missing_tables(connection: sa.Connection, metadata: sa.MetaData) -> list[str]:
    """Find the tables of ours that the database lacks.

    :param connection: a connection to the database.
    :param metadata: the host's metadata, with our tables.
    :return: their names in order.
    """
    inspector = sa.inspect(connection)
    return sorted(
        table.name
        for table in metadata.tables.values()
        if table.name.startswith("scim_")
        and not inspector.has_table(table.name, schema=table.schema)
    )


def count_resources(connection: sa.Connection, binding: Binding, connection_id: str) -> int:
    """Count the resources of a connection, whatever has become of the host's rows.

    :param connection: a connection to the database.
    :param binding: the resource type.
    :param connection_id: the connection whose resources they are.
    :return: how many there are.
    """
    columns = binding.table.c
    statement = sa.select(sa.func.count()).where(
        columns.connection_id == connection_id, columns.deleted.is_(None)
    )
    return connection.scalar(statement) or 0
