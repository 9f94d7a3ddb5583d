"""An app whose people are of one organisation, and in its table of members as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_scim import SCIM, Refs
from tests.client import ScimClient
from tests.host import SETTINGS


@dataclass(slots=True)
class House:
    """The app, its extension and its model of people."""

    app: Flask
    db: SQLAlchemy
    scim: SCIM
    users: Any
    User: Any

    def connect(self, name: str, slug: str) -> ScimClient:
        """Add an organisation, a connection of it and a token, and return a client."""
        organisations = self.db.metadata.tables["home_organisation"]
        with self.app.app_context():
            self.db.session.execute(organisations.insert(), [{"slug": slug}])
            self.db.session.commit()
            self.scim.connections.add(name, tenant=slug)
            token, _ = self.scim.tokens.issue(name)
        return ScimClient(self.app.test_client(), f"/scim/v2/{name}", token)

    def members(self) -> set[tuple[Any, ...]]:
        """Who is a member of what, and since which plan."""
        tables = self.db.metadata.tables
        organisations, users = tables["home_organisation"], tables["home_user"]
        pairs = tables["home_member"]
        statement = (
            sa.select(users.c.username, organisations.c.slug, pairs.c.plan)
            .join(pairs, pairs.c.user_id == users.c.id)
            .join(organisations, pairs.c.organisation_id == organisations.c.id)
        )
        with self.app.app_context():
            return {tuple(row) for row in self.db.session.execute(statement)}


def make_house(url: str, *, by_object: bool = True, **config: Any) -> House:
    """Make the app; its tables are not there yet.

    :param url: where its database is.
    :param by_object: whether members are named by way of an association object.
    :param config: more settings.
    :return: the app.
    """
    db = SQLAlchemy()
    scim = SCIM(db)

    class User(db.Model):  # type: ignore[name-defined,misc]
        """Somebody."""

        __tablename__ = "home_user"
        id: Mapped[int] = mapped_column(primary_key=True)
        organisation_slug: Mapped[str | None] = mapped_column(
            sa.ForeignKey("home_organisation.slug")
        )
        username: Mapped[str] = mapped_column(sa.String(100))
        is_active: Mapped[bool] = mapped_column(default=True)

    class Member(db.Model):  # type: ignore[name-defined,misc]
        """That somebody belongs to a customer."""

        __tablename__ = "home_member"
        organisation_id: Mapped[int] = mapped_column(
            sa.ForeignKey("home_organisation.id"), primary_key=True
        )
        user_id: Mapped[int] = mapped_column(sa.ForeignKey(User.id), primary_key=True)
        plan: Mapped[str] = mapped_column(sa.String(20), server_default="free")
        user: Mapped[User] = relationship()

    class Organisation(db.Model):  # type: ignore[name-defined,misc]
        """A customer."""

        __tablename__ = "home_organisation"
        id: Mapped[int] = mapped_column(primary_key=True)
        slug: Mapped[str] = mapped_column(sa.String(20), unique=True)
        members: Mapped[list[Member]] = relationship()
        users: Mapped[list[User]] = relationship(
            secondary="home_member", viewonly=True, order_by=User.id
        )

    filled = Refs(Organisation.members, "User", fill=lambda: {"plan": "full"})
    users = scim.users(
        User,
        {"userName": User.username, "active": User.is_active},
        tenant=User.organisation_slug,
        members_of=filled if by_object else Organisation.users,
    )
    app = Flask("house")
    app.config.update(SETTINGS | {"SQLALCHEMY_DATABASE_URI": url} | config)
    db.init_app(app)
    scim.init_app(app)
    return House(app, db, scim, users, User)
