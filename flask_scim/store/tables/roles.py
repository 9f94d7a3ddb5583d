"""The tables of an app that has roles."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from .types import UtcDateTime


class RoleTables(NamedTuple):
    """The tables of an app that has roles.

    :param mapped: which groups stand for which roles.
    :param grants: who has which role, and where from.
    """

    mapped: sa.Table
    grants: sa.Table


def add_role_tables(metadata: sa.MetaData, users: sa.Table, groups: sa.Table | None) -> RoleTables:
    """Add the tables of roles.

    :param metadata: the host's metadata.
    :param users: the table of the host's users.
    :param groups: that of its groups; ``None`` if it has none.
    :return: the tables.
    """
    (user_key,) = users.primary_key.columns
    group_keys = [] if groups is None else list(groups.primary_key.columns)
    group_type = group_keys[0].type if group_keys else sa.Integer()
    refers = [sa.ForeignKey(key, ondelete="CASCADE") for key in group_keys]
    mapped = sa.Table(
        "scim_group_role",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "connection_id",
            sa.ForeignKey("scim_connection.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("group_id", group_type, *refers, nullable=False, index=True),
        sa.Column("role", sa.String(255), nullable=False),
        sa.Column("precedence", sa.Integer, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
    )
    grants = sa.Table(
        "scim_role_grant",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "user_id",
            user_key.type,
            sa.ForeignKey(user_key, ondelete="CASCADE"),
            nullable=False,
            index=True,
            key="row_id",
        ),
        sa.Column("role", sa.String(255), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        # What the app has given itself is nobody's.
        sa.Column("connection_id", sa.ForeignKey("scim_connection.id", ondelete="CASCADE")),
        # No foreign key: whoever had a role from a group that is gone must still be found.
        sa.Column("group_id", group_type),
        sa.Column("precedence", sa.Integer, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Index("ix_scim_role_grant_group_id", "connection_id", "group_id"),
    )
    return RoleTables(mapped, grants)
