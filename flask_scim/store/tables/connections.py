"""The tables of connections: who may come in, and with what."""

from __future__ import annotations

import sqlalchemy as sa

from .types import JsonType, UtcDateTime, owner


def add_connection_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of connections, one row for each identity provider of a customer."""
    return sa.Table(
        "scim_connection",
        metadata,
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant", sa.String(255)),
        sa.Column("idp", sa.String(32), nullable=False),
        sa.Column("strict", sa.Boolean, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("domains", JsonType, nullable=False),
        # What it has chosen otherwise than the app.
        sa.Column("policy", JsonType, nullable=False),
        # Where attributes sit otherwise than the app says: pairs by the name of the resource type.
        sa.Column("mapping", JsonType),
        sa.Column("updated", UtcDateTime),
    )


def add_token_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of bearer tokens, which holds a hash in place of each secret."""
    return sa.Table(
        "scim_token",
        metadata,
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column(
            "connection_id",
            sa.ForeignKey("scim_connection.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("scopes", JsonType, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("expires", UtcDateTime),
        sa.Column("last_used", UtcDateTime),
        sa.Column("revoked", UtcDateTime),
        # Of how many days before its end the app has been told, and whether of its being idle.
        sa.Column("warned", sa.Integer),
        sa.Column("idle_told", sa.Boolean, nullable=False),
    )


def add_client_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of OAuth clients, with a hash of the secret or the public keys of each."""
    return sa.Table(
        "scim_oauth_client",
        metadata,
        sa.Column("id", sa.String(16), primary_key=True),
        owner(),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("secret_hash", sa.String(64)),
        sa.Column("jwks", JsonType),
        sa.Column("scopes", JsonType, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("last_used", UtcDateTime),
        sa.Column("revoked", UtcDateTime),
    )


def add_assertion_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of client assertions that were used, each until it would end anyway."""
    return sa.Table(
        "scim_oauth_assertion",
        metadata,
        # SHA-256 of the client and the assertion's own id, which may be of any length and case.
        sa.Column("id", sa.String(64), primary_key=True),
        owner(),
        sa.Column("client_id", sa.String(16), nullable=False),
        sa.Column("expires", UtcDateTime, nullable=False),
        sa.Index("ix_scim_oauth_assertion_expires", "client_id", "expires"),
    )


def add_end_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of those who have lost access lately, one row each time, to count them."""
    return sa.Table(
        "scim_own_end",
        metadata,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column(
            "connection_id",
            sa.ForeignKey("scim_connection.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("time", UtcDateTime, nullable=False),
        # How many there have been with this one, and how many of them had had access before the
        # window began: two rows tell how many came between them.
        sa.Column("ended", sa.Integer, nullable=False),
        sa.Column("known", sa.Integer, nullable=False),
        # How many people had, where somebody has counted them.
        sa.Column("base", sa.Integer),
        sa.Index("ix_scim_own_end_time", "connection_id", "time"),
    )
