"""The table of the resources of one type."""

from __future__ import annotations

import sqlalchemy as sa

from ...config import ConfigurationError
from .types import JsonType, UtcDateTime


def add_record_table(metadata: sa.MetaData, name: str, host: sa.Table) -> sa.Table:
    """Add the table of records, one row for each resource of a connection.

    :param metadata: the host's metadata.
    :param name: the resource type's name in lower case.
    :param host: the table of the host's model.
    :return: the table; ``row_id`` is its typed foreign key to the host's row.
    :raises ConfigurationError: if the host's table has no single-column primary key.
    """
    keys = list(host.primary_key.columns)
    if len(keys) != 1:
        raise ConfigurationError(
            f"{host.name} has a primary key of {len(keys)} columns; Flask-SCIM needs one column."
        )
    return sa.Table(
        f"scim_{name}",
        metadata,
        sa.Column(
            "connection_id",
            sa.ForeignKey("scim_connection.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column(
            f"{name}_id",
            keys[0].type,
            sa.ForeignKey(keys[0], ondelete="CASCADE"),
            primary_key=True,
            key="row_id",
            index=True,
            autoincrement=False,
        ),
        sa.Column("external_id", sa.String(255)),
        # SHA-256 of the folded name: one length, one order and one case rule on every database.
        sa.Column("unique_key", sa.String(64)),
        sa.Column("active", sa.Boolean),
        # The client has unassigned it: answers are silent of it, and access stays as it was.
        sa.Column("active_removed", sa.Boolean, nullable=False, server_default=sa.false()),
        # The account was taken over before its person was heard of: who comes first is them.
        sa.Column("awaited", sa.Boolean, nullable=False, server_default=sa.false()),
        # What was sent last of each attribute, hashed, where the app's own changes stand meanwhile.
        sa.Column("sent", JsonType),
        sa.Column("attributes", JsonType),
        sa.Column("extras", JsonType),
        # Whether e-mail addresses are among the attributes, for those who look for one of them.
        sa.Column("keeps_emails", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("modified", UtcDateTime, nullable=False),
        sa.Column("deleted", UtcDateTime),
        sa.UniqueConstraint("connection_id", "unique_key", name=f"uq_scim_{name}_unique_key"),
        # Those without one are left out: where they are many, SQLite would take an index that has
        # them for one that tells nobody apart.
        sa.Index(
            f"ix_scim_{name}_external_id",
            *("connection_id", "external_id"),
            sqlite_where=sa.text("external_id IS NOT NULL"),
            postgresql_where=sa.text("external_id IS NOT NULL"),
        ),
        sa.Index(
            f"ix_scim_{name}_keeps_emails",
            *("connection_id", "keeps_emails"),
            sqlite_where=sa.text("keeps_emails = 1"),
            postgresql_where=sa.text("keeps_emails"),
        ),
    )
