"""Which connections have rows of the host as their resources."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..columns.binding import Binding


def find_owners(session: Session, binding: Binding, keys: Any) -> list[tuple[Any, sa.RowMapping]]:
    """Find the connections that have some rows as their resources.

    :param session: the host's session, which is not flushed.
    :param binding: the resource type of the rows.
    :param keys: the primary keys of the rows, or a statement that selects them.
    :return: the key of a row, with the columns of a connection by name; in the order of both.
    """
    record = binding.table
    (reference,) = record.c.connection_id.foreign_keys
    connections: Any = reference.column.table
    statement = (
        sa.select(record.c.row_id.label("row_id"), connections)
        .join(connections, reference.column == record.c.connection_id)
        .where(record.c.row_id.in_(keys), record.c.deleted.is_(None))
        .order_by(record.c.row_id, record.c.connection_id)
    )
    found = binding.connect(session).execute(statement).mappings()
    return [(row["row_id"], row) for row in found]
