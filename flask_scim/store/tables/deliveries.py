"""The tables of events on their way out: to whom, and how far."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from .types import JsonType, UtcDateTime


def add_destination_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of destinations; no secret is in it, not even as a hash."""
    return sa.Table(
        "scim_own_destination",
        metadata,
        sa.Column("id", sa.String(16), primary_key=True),
        # Without one, it is told of the events of all.
        sa.Column(
            "connection_id", sa.ForeignKey("scim_connection.id", ondelete="CASCADE"), index=True
        ),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("target", sa.String(2_000), nullable=False),
        sa.Column("encoding", sa.String(16), nullable=False),
        sa.Column("audience", sa.String(255)),
        sa.Column("types", JsonType),
        sa.Column("state", sa.String(16), nullable=False),
        # Why it is disabled, if it was not a person who did it.
        sa.Column("reason", sa.String(500)),
        # What its secret is derived from, and was before it was rotated.
        sa.Column("nonce", sa.String(32), nullable=False),
        sa.Column("old_nonce", sa.String(32)),
        sa.Column("old_until", UtcDateTime),
        # How often in a row it could not be reached, and until when it is left alone.
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("resume", UtcDateTime),
        sa.Column("last_success", UtcDateTime),
        sa.Column("last_failure", UtcDateTime),
        sa.Column("last_error", sa.String(500)),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("updated", UtcDateTime),
    )


def add_cursor_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of how far a destination has been told of the events of a connection."""
    return sa.Table(
        "scim_own_delivery_cursor",
        metadata,
        _destination(),
        sa.Column("connection_id", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        # Which worker is at it, and until when the others believe that it lives.
        sa.Column("holder", sa.String(32)),
        sa.Column("until", UtcDateTime),
    )


def add_delivery_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of events that did not go out at once, and of those that wait behind them."""
    return sa.Table(
        "scim_own_delivery",
        metadata,
        _destination(),
        sa.Column("connection_id", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.String(26), nullable=False),
        sa.Column("resource_type", sa.String(64), nullable=False),
        sa.Column("resource_id", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        # When it is tried again; none while it waits behind another of its subject.
        sa.Column("due", UtcDateTime),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.String(500)),
        sa.Column("updated", UtcDateTime, nullable=False),
        sa.Index("ix_scim_own_delivery_due", "state", "due"),
        sa.Index("ix_scim_own_delivery_event", "event_id"),
    )


def _destination() -> sa.Column[Any]:
    return sa.Column(
        "destination_id",
        sa.ForeignKey("scim_own_destination.id", ondelete="CASCADE"),
        primary_key=True,
    )
