"""The tables that Flask-SCIM adds to the host's metadata."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT
from sqlalchemy.dialects.postgresql import JSONB

from ..config import ConfigurationError

#: JSON in the type that the database reads fastest.
JsonType = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment in UTC to the microsecond, on databases with and without time zones."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


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
        _owner(),
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
        _owner(),
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
        # 1 of somebody who had access before the window began, else 0: so that they add up.
        sa.Column("known", sa.SmallInteger, nullable=False),
        # How many people had, where somebody has counted them.
        sa.Column("base", sa.Integer),
        sa.Index("ix_scim_own_end_time", "connection_id", "time"),
    )


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


def add_deferred_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table of requests that wait for a worker; a row goes when its request is done."""
    return sa.Table(
        "scim_own_deferred",
        metadata,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        _owner(),
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
        _owner(),
        sa.Column("outcome", JsonType, nullable=False),
    )


def _destination() -> sa.Column[Any]:
    return sa.Column(
        "destination_id",
        sa.ForeignKey("scim_own_destination.id", ondelete="CASCADE"),
        primary_key=True,
    )


def _owner() -> sa.Column[Any]:
    return sa.Column(
        "connection_id",
        sa.ForeignKey("scim_connection.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )


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
