"""The tables that delivery works on."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class DeliveryTables:
    """The tables that delivery works on; see :class:`~flask_scim.store.tables.own.OwnTables`."""

    connections: sa.Table
    events: sa.Table
    counters: sa.Table
    destinations: sa.Table
    cursors: sa.Table
    deliveries: sa.Table
