"""What a request has left in the log and in the outbox."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

#: What no two rows have in common.
_VOLATILE = frozenset({"id", "time", "request_id", "duration", "position"})


class Traces:
    """Reads what has come since it was read last.

    :param engine: the database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        metadata = sa.MetaData()
        metadata.reflect(engine, only=["scim_own_request", "scim_own_event"])
        tables = metadata.tables
        self._tables = {
            "log": (tables["scim_own_request"], "id"),
            "outbox": (tables["scim_own_event"], "position"),
        }
        self._last = dict.fromkeys(self._tables, 0)
        self.read()

    def read(self) -> dict[str, list[dict[str, Any]]]:
        """Read the new rows of each, without what differs every time."""
        found = {}
        with self._engine.connect() as connection:
            for name, (table, order) in self._tables.items():
                place = table.c[order]
                statement = sa.select(table).where(place > self._last[name]).order_by(place)
                rows = connection.execute(statement).mappings().all()
                if rows:
                    self._last[name] = rows[-1][order]
                found[name] = [
                    {key: value for key, value in row.items() if key not in _VOLATILE}
                    for row in rows
                ]
        return found
