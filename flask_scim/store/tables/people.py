"""The tables of the people of an app: who has signed in, and whose access has ended."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from .types import UtcDateTime


def add_login_table(metadata: sa.MetaData, host: sa.Table) -> sa.Table:
    """Add the table of the subjects under which people have signed in through a connection.

    :param metadata: the host's metadata.
    :param host: the table of the host's model of users.
    :return: the table; ``row_id`` is its typed foreign key to the host's row.
    """
    (key,) = host.primary_key.columns
    return sa.Table(
        "scim_own_login",
        metadata,
        sa.Column(
            "connection_id",
            sa.ForeignKey("scim_connection.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        # SHA-256 of the subject, which is exact: letter case counts, and every blank.
        sa.Column("subject_key", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(1024), nullable=False),
        sa.Column(
            "user_id",
            key.type,
            sa.ForeignKey(key, ondelete="CASCADE"),
            key="row_id",
            nullable=False,
            index=True,
        ),
        sa.Column("created", UtcDateTime, nullable=False),
    )


class AccessTables(NamedTuple):
    """The tables of the access that people of the app have had.

    :param access: how often the access of each has ended, which outlives the person and the
        connection: what began before must not begin to count again.
    :param revocations: what is to be ended for whom, and what became of it.
    :param sessions: whose the sessions are that Flask-Session keeps in the database.
    :param logouts: other apps that are to be told that somebody is signed out.
    """

    access: sa.Table
    revocations: sa.Table
    sessions: sa.Table
    logouts: sa.Table


def add_access_tables(metadata: sa.MetaData, host: sa.Table) -> AccessTables:
    """Add the tables of access, one row for a person and one for each way in of theirs.

    :param metadata: the host's metadata.
    :param host: the table of the host's model of users.
    :return: the tables; ``row_id`` has the type of the host's key, and does not refer to it.
    """
    (key,) = host.primary_key.columns
    return AccessTables(
        sa.Table(
            "scim_own_access",
            metadata,
            _person(key),
            sa.Column("epoch", sa.Integer, nullable=False),
            sa.Column("ended", UtcDateTime, nullable=False),
            sa.Column("cause", sa.String(64), nullable=False),
            sa.Column("connection_id", sa.String(64)),
            # Whether an identity provider has put the person out, and not let them in again.
            sa.Column("out", sa.Boolean, nullable=False),
            # Out, though no column of the host's says so.
            sa.Column("barred", sa.Boolean, nullable=False),
        ),
        sa.Table(
            "scim_own_revocation",
            metadata,
            _person(key),
            sa.Column("name", sa.String(64), primary_key=True),
            sa.Column("epoch", sa.Integer, nullable=False),
            sa.Column("resource_id", sa.String(255), nullable=False),
            sa.Column("connection_id", sa.String(64)),
            sa.Column("cause", sa.String(64), nullable=False),
            sa.Column("since", UtcDateTime, nullable=False),
            # When to try next; a process that tries moves it on, lest it dies. NULL: it took.
            sa.Column("due", UtcDateTime, index=True),
            sa.Column("attempts", sa.Integer, nullable=False),
            sa.Column("took", UtcDateTime),
            sa.Column("ended", sa.BigInteger),
            sa.Column("error", sa.String(500)),
        ),
        sa.Table(
            "scim_own_session",
            metadata,
            sa.Column("session_id", sa.String(255), primary_key=True),
            sa.Column("user_id", key.type, key="row_id", nullable=False, index=True),
            sa.Column("epoch", sa.Integer, nullable=False),
        ),
        sa.Table(
            "scim_own_logout",
            metadata,
            _person(key),
            # SHA-256 of what follows: a key of one length.
            sa.Column("id", sa.String(64), primary_key=True),
            sa.Column("client_id", sa.String(255), nullable=False),
            sa.Column("uri", sa.Text, nullable=False),
            sa.Column("sub", sa.String(255)),
            sa.Column("sid", sa.String(255)),
            sa.Column("attempts", sa.Integer, nullable=False),
            sa.Column("told", UtcDateTime),
            sa.Column("error", sa.String(500)),
        ),
    )


def _person(key: sa.Column[Any]) -> sa.Column[Any]:
    return sa.Column("user_id", key.type, primary_key=True, key="row_id", autoincrement=False)
