"""What a request has left in the log and in the outbox."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

#: What no two rows have in common.
_VOLATILE = frozenset({"id", "time", "request_id", "duration", "position"})


class Traces:
    """Finds the rows of requests.

    :param engine: the database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        metadata = sa.MetaData()
        metadata.reflect(engine, only=["scim_own_request", "scim_own_event"])
        self._tables = {
            "log": (metadata.tables["scim_own_request"], "id"),
            "outbox": (metadata.tables["scim_own_event"], "position"),
        }

    def find(self, request_id: str) -> dict[str, list[dict[str, Any]]]:
        """Read what a request has left in each, without what differs every time.

        :param request_id: the request, by what its answer says.
        """
        found = {}
        with self._engine.connect() as connection:
            for name, (table, order) in self._tables.items():
                is_its = table.c.request_id == request_id
                rows = connection.execute(sa.select(table).where(is_its).order_by(order))
                found[name] = [
                    {key: value for key, value in row.items() if key not in _VOLATILE}
                    for row in rows.mappings()
                ]
        return found
