"""A host app for tests, whose users have a column of every kind that a mapping can name."""

from __future__ import annotations

import enum
import uuid
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.schema import CreateIndex, CreateTable

from flask_scim import SCIM, Refs, computed
from tests.client import ENTERPRISE, ScimClient

#: What every app of the tests is set to: what a request has left in the log can be read at once.
SETTINGS: dict[str, Any] = {"SECRET_KEY": "secret", "SCIM_LOG_DELAY": 0}


class Plan(enum.Enum):
    """What a user pays for."""

    FREE = "free"
    FULL = "full"


@dataclass(slots=True)
class Host:
    """An app, its database, its extension and its models."""

    app: Flask
    db: SQLAlchemy
    scim: SCIM
    User: Any
    Office: Any
    Team: Any

    def connect(self, name: str, *scopes: str, **options: Any) -> ScimClient:
        """Add a connection and a token, and return a client with both."""
        with self.app.app_context():
            self.scim.connections.add(name, **options)
            token, _ = self.scim.tokens.issue(name, scopes)
        return ScimClient(self.app.test_client(), f"/scim/v2/{name}", token)

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The SQL statements that run inside, in order."""
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        with self.app.app_context():
            engine = self.db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)


MAPPING: dict[str, Any] = {
    "userName": "username",
    "name.givenName": "first_name",
    "name.familyName": "last_name",
    "emails": [
        {"type": "work", "primary": True, "value": "email"},
        {"type": "other", "value": "profile.second_email"},
    ],
    "phoneNumbers": [{"type": "mobile", "value": "profile.phone.mobile"}],
    "addresses": "profile.addresses",
    "active": "!blocked",
    "title": "profile.title",
    "userType": "plan",
    "locale": "office.locale",
    f"{ENTERPRISE}:employeeNumber": "number",
}


def make_host(
    url: str,
    mapping: dict[str, Any] | None = None,
    *,
    tenant: bool = True,
    untouchable: Any = None,
    offers: Iterable[str] = (),
    users: dict[str, Any] | None = None,
    **config: Any,
) -> Host:
    """Make an app.

    :param url: where its database is.
    :param mapping: what to map in place of :data:`MAPPING`.
    :param tenant: whether users belong to tenants.
    :param untouchable: what says that a user is untouchable.
    :param offers: what the mappings of connections may name beside that of the app.
    :param users: what else to declare of users.
    :param config: more settings of the app.
    :return: the app and what belongs to it; its tables are not there yet.
    """
    db = SQLAlchemy()
    scim = SCIM(db)

    class Office(db.Model):  # type: ignore[name-defined,misc]
        """Where a user works."""

        id: Mapped[int] = mapped_column(primary_key=True)
        locale: Mapped[str | None] = mapped_column(sa.String(20))

    class User(db.Model):  # type: ignore[name-defined,misc]
        """A user."""

        __tablename__ = "host_user"
        id: Mapped[int] = mapped_column(primary_key=True)
        public_id: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
        tenant_id: Mapped[int | None]
        username: Mapped[str] = mapped_column(sa.String(100))
        email: Mapped[str | None] = mapped_column(sa.String(100))
        first_name: Mapped[str | None] = mapped_column(sa.String(50))
        last_name: Mapped[str] = mapped_column(sa.String(50))
        blocked: Mapped[bool] = mapped_column(default=False)
        plan: Mapped[Plan | None] = mapped_column(sa.Enum(Plan))
        number: Mapped[int | None]
        seen: Mapped[datetime | None]
        is_admin: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
        profile: Mapped[Any] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
        office_id: Mapped[int | None] = mapped_column(sa.ForeignKey(Office.id))
        office: Mapped[Office | None] = relationship()

    members = sa.Table(
        "host_team_member",
        db.metadata,
        sa.Column("team_id", sa.ForeignKey("host_team.id"), primary_key=True),
        sa.Column("user_id", sa.ForeignKey("host_user.id"), primary_key=True, index=True),
    )

    class Team(db.Model):  # type: ignore[name-defined,misc]
        """Users who work together."""

        __tablename__ = "host_team"
        id: Mapped[int] = mapped_column(primary_key=True)
        tenant_id: Mapped[int | None]
        name: Mapped[str] = mapped_column(sa.String(100))
        users: Mapped[list[User]] = relationship(secondary=members)

    declared = {**MAPPING, "displayName": computed(_display_name, User.last_name)}
    scim.users(
        User,
        declared if mapping is None else mapping,
        tenant=User.tenant_id if tenant else None,
        untouchable=untouchable,
        offers=offers,
        **(users or {}),
    )
    scim.groups(
        Team,
        {"displayName": Team.name, "members": Refs(Team.users, "User")},
        tenant=Team.tenant_id if tenant else None,
    )
    app = Flask("host")
    app.config.update(SETTINGS | {"SQLALCHEMY_DATABASE_URI": url, "SCIM_UNMAPPED": "keep"} | config)
    db.init_app(app)
    scim.init_app(app)
    return Host(app, db, scim, User, Office, Team)


def furnish(db: SQLAlchemy) -> None:
    """Let an app have its tables, without rows, in a database that several apps have in turn.

    Servers take their time to make tables: those that apps before it have left stay, unless one of
    its own has the name of one that is not the same.
    """
    place = _place(db.engine.url)
    before = _standing.get(place)
    if before is not None and before.metadata is db.metadata:
        empty(db)
        return
    ours = _describe(db)
    if before is not None and any(
        before.described.get(name, statements) != statements for name, statements in ours.items()
    ):
        clear(db.engine.url)
        before = None
    if before is not None:
        # All others were emptied for it.
        empty(db, before.metadata)
    there = {} if before is None else before.described
    if not ours.keys() <= there.keys():
        db.create_all()
    _standing[place] = _Standing(db.metadata, there | ours)


def clear(url: str | sa.URL) -> None:
    """Take away all tables of such a database."""
    engine = sa.create_engine(url)
    there = sa.MetaData()
    with warnings.catch_warnings():
        # An index on an expression cannot be read back, and goes with its table.
        warnings.simplefilter("ignore", SAWarning)
        there.reflect(engine)
    there.drop_all(engine)
    engine.dispose()
    forget_tables(url)


def forget_tables(url: str | sa.URL) -> None:
    """Forget what stood in such a database, which has no tables any more."""
    _standing.pop(_place(url), None)


def _place(url: str | sa.URL) -> tuple[str, str | None]:
    """What a database is known by, however it is connected to."""
    url = sa.make_url(url)
    return url.get_backend_name(), url.database


def empty(db: SQLAlchemy, metadata: sa.MetaData | None = None) -> None:
    """Delete all rows, at the cost of one statement and one more for each table that has any.

    :param db: the database.
    :param metadata: the tables, where they are those of another app.
    """
    tables = (metadata or db.metadata).sorted_tables
    filled = sa.union_all(
        *(
            sa.select(sa.literal(index)).where(sa.exists().select_from(table))
            for index, table in enumerate(tables)
        )
    )
    for index in sorted(db.session.scalars(filled), reverse=True):
        db.session.execute(tables[index].delete())
    db.session.commit()


@dataclass(slots=True)
class _Standing:
    """The tables of the app that a database had last, and what made each table that is in it."""

    metadata: sa.MetaData
    described: dict[str, list[str]]


_standing: dict[tuple[str, str | None], _Standing] = {}


def _describe(db: SQLAlchemy) -> dict[str, list[str]]:
    dialect = db.engine.dialect
    return {
        name: [
            str(CreateTable(table).compile(dialect=dialect)),
            *sorted(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes),
        ]
        for name, table in db.metadata.tables.items()
    }


def _display_name(user: Any) -> str | None:
    return user.last_name or None
