"""The tables of what has happened: events, the log of requests, and those carried out later."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import LONGTEXT

from .types import JsonType, UtcDateTime, owner


def add_event_table(metadata: sa.MetaData) -> sa.Table:
    """Add the outbox, one row for each event, in an order of each connection's own.

    Nothing refers to the connection: that it was removed is an event, too.
    """
    return sa.Table(
        "scim_own_event",
        metadata,
        sa.Column("connection_id", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(26), nullable=False, unique=True),
        sa.Column("type", sa.String(100), nullable=False),
        sa.Column("resource_type", sa.String(64), nullable=False),
        sa.Column("resource_id", sa.String(255), nullable=False),
        sa.Column("tenant", sa.String(255)),
        sa.Column("time", UtcDateTime, nullable=False, index=True),
        sa.Column("object", JsonType),
        sa.Column("previous", JsonType),
        sa.Column("changed", JsonType, nullable=False),
        sa.Column("added", JsonType),
        sa.Column("removed", JsonType),
        # Of very many members only the first are listed.
        sa.Column("added_count", sa.Integer, nullable=False),
        sa.Column("removed_count", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("details", JsonType),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Index("ix_scim_own_event_subject", "resource_type", "resource_id"),
    )


def add_counter_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table that gives events their places.

    A row of its own for each connection, since others lock that of the connection itself.
    """
    return sa.Table(
        "scim_own_counter",
        metadata,
        sa.Column("connection_id", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        # Up to where events may have been deleted.
        sa.Column("pruned", sa.BigInteger, nullable=False, server_default="0"),
    )


def add_request_table(metadata: sa.MetaData) -> sa.Table:
    """Add the log, one row for each request."""
    return sa.Table(
        "scim_own_request",
        metadata,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column(
            "connection_id",
            sa.ForeignKey("scim_connection.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("time", UtcDateTime, nullable=False, index=True),
        sa.Column("request_id", sa.String(64), nullable=False, index=True),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("duration", sa.Integer, nullable=False),
        sa.Column("actor", sa.String(255)),
        sa.Column("idp", sa.String(32)),
        sa.Column("user_agent", sa.String(255)),
        sa.Column("resource_type", sa.String(64)),
        sa.Column("resource_id", sa.String(255)),
        sa.Column("filter", sa.String(500)),
        sa.Column("scim_type", sa.String(32)),
        sa.Column("detail", sa.Text),
        sa.Column("quirks", JsonType),
        sa.Column("changed", JsonType),
        sa.Column("values", JsonType),
        sa.Column("added", JsonType),
        sa.Column("removed", JsonType),
        # Of very many members only the first are listed.
        sa.Column("added_count", sa.Integer, nullable=False),
        sa.Column("removed_count", sa.Integer, nullable=False),
        sa.Column("outcomes", JsonType),
        # It is read by time: what is written together comes later than what has a transaction.
        sa.Index("ix_scim_own_request_connection", "connection_id", "time", "id"),
        sa.Index("ix_scim_own_request_subject", "connection_id", "resource_id"),
        # Whoever follows the log has to see that no id comes twice.
        sqlite_autoincrement=True,
    )


def add_deferred_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of requests that wait for a worker; a row goes when its request is done."""
    return sa.Table(
        "scim_own_deferred",
        metadata,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        owner(),
        sa.Column("txn", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("scopes", JsonType, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("user_agent", sa.String(255)),
        # As text: databases differ in which numbers their JSON has.
        sa.Column("body", sa.Text().with_variant(LONGTEXT, "mysql", "mariadb"), nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("holder", sa.String(32)),
        sa.Column("until", UtcDateTime),
    )


def add_step_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of what has been done of such requests, written with each change itself."""
    return sa.Table(
        "scim_own_deferred_step",
        metadata,
        sa.Column(
            "deferred_id",
            sa.ForeignKey("scim_own_deferred.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("name", sa.String(16), primary_key=True),
        owner(),
        sa.Column("outcome", JsonType, nullable=False),
    )
