"""The app that is measured: people and teams of an organisation, provisioned by Flask-SCIM.

It is the example app with a column for all that Entra ID sends, and without pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, validates

from flask_scim import SCIM, Connection, Refs, computed

SECRET_KEY = "a key for benchmarks"
CONNECTION = "acme"
TENANT = "acme"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
#: The breaker counts, and lets pass any share and the largest number that can be set: more people
#: are switched off here within the hour than it lets pass by default, and some of them many times.
_BREAKER = {"SCIM_BREAKER_COUNT": 10**9 - 1, "SCIM_BREAKER_SHARE": 0}


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one app, which are the app's own even if another one has the same tables."""

    db: SQLAlchemy
    User: type[Any]
    Team: type[Any]


def make_models() -> Models:
    """Make the models of an app, with a validator as hosts have them."""

    class Base(DeclarativeBase):
        pass

    db = SQLAlchemy(model_class=Base)
    team_members = sa.Table(
        "team_members",
        Base.metadata,
        sa.Column("team_id", sa.ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
        ),
    )

    class User(db.Model):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
        organization_id: Mapped[str] = mapped_column(sa.String(40))
        username: Mapped[str] = mapped_column(sa.String(255))
        email: Mapped[str | None] = mapped_column(sa.String(255))
        given_name: Mapped[str | None] = mapped_column(sa.String(255))
        family_name: Mapped[str | None] = mapped_column(sa.String(255))
        full_name: Mapped[str | None] = mapped_column(sa.String(255))
        display_name: Mapped[str | None] = mapped_column(sa.String(255))
        title: Mapped[str | None] = mapped_column(sa.String(255))
        language: Mapped[str | None] = mapped_column(sa.String(20))
        phone: Mapped[str | None] = mapped_column(sa.String(255))
        mobile: Mapped[str | None] = mapped_column(sa.String(255))
        fax: Mapped[str | None] = mapped_column(sa.String(255))
        address: Mapped[str | None] = mapped_column(sa.String(1000))
        street: Mapped[str | None] = mapped_column(sa.String(255))
        city: Mapped[str | None] = mapped_column(sa.String(255))
        region: Mapped[str | None] = mapped_column(sa.String(255))
        postal_code: Mapped[str | None] = mapped_column(sa.String(20))
        country: Mapped[str | None] = mapped_column(sa.String(255))
        employee_number: Mapped[str | None] = mapped_column(sa.String(50))
        department: Mapped[str | None] = mapped_column(sa.String(255))
        cost_center: Mapped[str | None] = mapped_column(sa.String(50))
        division: Mapped[str | None] = mapped_column(sa.String(255))
        company: Mapped[str | None] = mapped_column(sa.String(255))
        is_active: Mapped[bool] = mapped_column(default=True)
        role: Mapped[str] = mapped_column(sa.String(20), default="agent")
        email_verified: Mapped[bool] = mapped_column(default=False)
        provisioned_by: Mapped[str | None] = mapped_column(sa.String(64))

        @validates("username")
        def strip(self, _key: str, value: str) -> str:
            return value.strip()

    class Team(db.Model):
        __tablename__ = "teams"
        id: Mapped[int] = mapped_column(primary_key=True)
        organization_id: Mapped[str] = mapped_column(sa.String(40))
        name: Mapped[str] = mapped_column(sa.String(100))
        members: Mapped[list[User]] = relationship(secondary=team_members)

    owner = User.organization_id
    sa.Index("uq_users_username", owner, sa.func.lower(User.username), unique=True)
    sa.Index("ix_users_email", owner, sa.func.lower(User.email))
    sa.Index("uq_teams_name", Team.organization_id, sa.func.lower(Team.name), unique=True)
    return Models(db, User, Team)


def make_app(name: str, url: str, db: SQLAlchemy, **config: Any) -> Flask:
    """Make an app with a database, set up like that of the example app.

    :param name: what it is called in tables.
    :param url: its database.
    :param db: its extension.
    :param config: more settings.
    """
    app = Flask(name)
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        SQLALCHEMY_DATABASE_URI=url,
        SCIM_UNMAPPED="keep",
        **config,
    )
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", _prepare_sqlite)
    return app


def make_host(url: str, **config: Any) -> tuple[Flask, Models, SCIM]:
    """Make the app that has Flask-SCIM.

    :param url: its database.
    :param config: more settings.
    """
    models = make_models()
    db, User, Team = models.db, models.User, models.Team  # noqa: N806
    scim = SCIM(db)
    users = scim.users(
        User,
        {
            "userName": User.username,
            "name.givenName": User.given_name,
            "name.familyName": User.family_name,
            "name.formatted": User.full_name,
            "displayName": User.display_name,
            "title": User.title,
            "preferredLanguage": User.language,
            "emails": [{"type": "work", "primary": True, "value": User.email}],
            "phoneNumbers": [
                {"type": "work", "value": User.phone},
                {"type": "mobile", "value": User.mobile},
                {"type": "fax", "value": User.fax},
            ],
            "addresses": [
                {
                    "type": "work",
                    "formatted": User.address,
                    "streetAddress": User.street,
                    "locality": User.city,
                    "region": User.region,
                    "postalCode": User.postal_code,
                    "country": User.country,
                }
            ],
            "active": User.is_active,
            ENTERPRISE: {
                "employeeNumber": User.employee_number,
                "department": User.department,
                "costCenter": User.cost_center,
                "division": User.division,
                "organization": User.company,
            },
        },
        tenant=User.organization_id,
        verified=User.email_verified,
        privileged=computed(lambda user: user.role == "admin", User.role == "admin"),
    )
    groups = scim.groups(
        Team,
        {"displayName": Team.name, "members": Refs(Team.members, "User")},
        tenant=Team.organization_id,
    )

    @users.creator
    def create(_document: dict[str, Any], connection: Connection) -> Any:
        return User(provisioned_by=connection.id)

    @groups.deleter
    def disband(team: Any, _connection: Connection) -> None:
        db.session.delete(team)

    app = make_app("host", url, db, **_BREAKER, **config)
    scim.init_app(app)
    return app, models, scim


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 15000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
