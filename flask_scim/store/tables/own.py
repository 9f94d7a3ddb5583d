"""The tables that every app has, whatever its resource types are."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from .connections import (
    add_assertion_table,
    add_client_table,
    add_connection_table,
    add_end_table,
    add_token_table,
)
from .deliveries import add_cursor_table, add_delivery_table, add_destination_table
from .journal import (
    add_counter_table,
    add_deferred_table,
    add_event_table,
    add_request_table,
    add_step_table,
)


class OwnTables(NamedTuple):
    """The tables that stand beside those of the resource types, whatever these are.

    :param connections: the connections.
    :param tokens: their bearer tokens.
    :param clients: their OAuth clients.
    :param assertions: what these have authenticated with, and cannot again.
    :param ends: whose access identity providers have ended lately.
    :param events: what has happened, which outlives its connection.
    :param counters: how many events each connection has had.
    :param requests: the log of requests.
    :param destinations: who is told of events.
    :param cursors: how far each of them has been told.
    :param deliveries: the events that are told again, and those that could not be told.
    :param deferred: the requests that are carried out later.
    :param steps: what has been done of them.
    """

    connections: sa.Table
    tokens: sa.Table
    clients: sa.Table
    assertions: sa.Table
    ends: sa.Table
    events: sa.Table
    counters: sa.Table
    requests: sa.Table
    destinations: sa.Table
    cursors: sa.Table
    deliveries: sa.Table
    deferred: sa.Table
    steps: sa.Table

    @property
    def owned(self) -> tuple[sa.Table, ...]:
        """Those whose rows belong to a connection."""
        own = (self.tokens, self.clients, self.assertions, self.ends, self.requests)
        return *own, self.steps, self.deferred


def add_own_tables(metadata: sa.MetaData) -> OwnTables:
    """Add the tables that every app has.

    :param metadata: the host's metadata.
    :return: the tables.
    """
    return OwnTables(
        add_connection_table(metadata),
        add_token_table(metadata),
        add_client_table(metadata),
        add_assertion_table(metadata),
        add_end_table(metadata),
        add_event_table(metadata),
        add_counter_table(metadata),
        add_request_table(metadata),
        add_destination_table(metadata),
        add_cursor_table(metadata),
        add_delivery_table(metadata),
        add_deferred_table(metadata),
        add_step_table(metadata),
    )


def taken_names(metadata: sa.MetaData) -> frozenset[str]:
    """List the names that no resource type can have, since its table is another's already.

    Names have letters and digits only: one more table of ours is safe as ``scim_own_…``.

    :param metadata: the host's metadata.
    :return: the names in lower case.
    """
    tables = (name.lower() for name in metadata.tables)
    return frozenset(name.removeprefix("scim_") for name in tables if name.startswith("scim_"))
