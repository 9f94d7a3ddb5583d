"""The app that is measured: users and teams, filled by bulk SQL and served by Flask-SCIM."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from flask_scim import SCIM, Refs

SECRET_KEY = "a key for benchmarks"
CONNECTION = "acme"
TENANT = 1
#: The groups, by how many members they have: with ids from 1, each called ``Group <members>``, each
#: with the users from 1 on.
SIZES = (10, 1_000, 9_990, 10_000, 100_000)
#: Beyond these, groups without members, so that a look-up has something to look through.
_OTHER_GROUPS = 1_000
_USERS = 100_010

_SERVER = os.environ.get(
    "TEST_POSTGRESQL_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
)


@dataclass(frozen=True, slots=True)
class Host:
    """An app, its database and a token of its one connection."""

    app: Flask
    db: SQLAlchemy
    token: str


def make_host(url: str) -> Host:
    """Make the app and fill its database.

    :param url: an empty database.
    """

    class Base(DeclarativeBase):
        pass

    db = SQLAlchemy(model_class=Base)
    scim = SCIM(db)

    class User(db.Model):
        __tablename__ = "person"
        id: Mapped[int] = mapped_column(primary_key=True)
        tenant_id: Mapped[int]
        username: Mapped[str] = mapped_column(sa.String(100))
        email: Mapped[str | None] = mapped_column(sa.String(100))
        active: Mapped[bool] = mapped_column(default=True)

    membership = sa.Table(
        "membership",
        db.metadata,
        sa.Column("team_id", sa.ForeignKey("team.id"), primary_key=True),
        sa.Column("person_id", sa.ForeignKey("person.id"), primary_key=True, index=True),
    )

    class Team(db.Model):
        __tablename__ = "team"
        id: Mapped[int] = mapped_column(primary_key=True)
        tenant_id: Mapped[int]
        name: Mapped[str] = mapped_column(sa.String(100))
        people: Mapped[list[User]] = relationship(secondary=membership)

    sa.Index("ix_person_username", User.tenant_id, sa.func.lower(User.username), unique=True)
    sa.Index("ix_team_name", Team.tenant_id, sa.func.lower(Team.name), unique=True)
    scim.users(
        User,
        {
            "userName": User.username,
            "emails": [{"type": "work", "primary": True, "value": User.email}],
            "active": User.active,
        },
        tenant=User.tenant_id,
    )
    scim.groups(
        Team,
        {"displayName": Team.name, "members": Refs(Team.people, "User")},
        tenant=Team.tenant_id,
    )
    app = Flask("host")
    app.config.update(SECRET_KEY=SECRET_KEY, SQLALCHEMY_DATABASE_URI=url)
    db.init_app(app)
    scim.init_app(app)
    with app.app_context():
        db.create_all()
        scim.connections.add(CONNECTION, tenant="1")
        token, _ = scim.tokens.issue(CONNECTION)
        _fill(db)
    return Host(app, db, token)


@contextmanager
def database(name: str) -> Iterator[str]:
    """The URL of an empty database, which is gone afterwards."""
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder, 'benchmark.db')}"
        return
    server = sa.create_engine(_SERVER, isolation_level="AUTOCOMMIT")
    own = f"flask_scim_bench_{os.getpid()}"
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {own}"))
        try:
            yield server.url.set(database=own).render_as_string(hide_password=False)
        finally:
            connection.execute(sa.text(f"DROP DATABASE {own} WITH (FORCE)"))
    server.dispose()


def _fill(db: SQLAlchemy) -> None:
    groups = ", ".join(f"({id}, 1, 'Group {size}')" for id, size in enumerate(SIZES, 1))
    statements = [
        "INSERT INTO person (id, tenant_id, username, email, active) "
        + _numbers("i, 1, 'user' || i || '@example.com', 'user' || i || '@example.com', true"),
        f"INSERT INTO team (id, tenant_id, name) VALUES {groups}",
        "INSERT INTO team (id, tenant_id, name) "
        + _numbers("i + 100, 1, 'Other ' || i", _OTHER_GROUPS),
        *(
            f"INSERT INTO scim_{kind} ({kind}_id, connection_id, unique_key, version, created,"
            f" modified) SELECT id, '{CONNECTION}', '{kind}' || id, 1, CURRENT_TIMESTAMP,"
            f" CURRENT_TIMESTAMP FROM {table}"
            for kind, table in (("user", "person"), ("group", "team"))
        ),
        *(
            f"UPDATE scim_group SET unique_key = '{_hash(f'group {size}')}' WHERE group_id = {id}"
            for id, size in enumerate(SIZES, 1)
        ),
        *(
            f"INSERT INTO membership (team_id, person_id) {_numbers(f'{id}, i', size)}"
            for id, size in enumerate(SIZES, 1)
        ),
    ]
    for statement in statements:
        db.session.execute(sa.text(statement))
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _numbers(columns: str, count: int = _USERS) -> str:
    """A select of a row for each number from 1."""
    return (
        "WITH RECURSIVE numbers(i) AS"
        f" (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {count})"
        f" SELECT {columns} FROM numbers"
    )
