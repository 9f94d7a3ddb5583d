"""An app whose people belong to several organisations, by way of memberships."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_scim import SCIM
from tests.client import ScimClient
from tests.host import SETTINGS


@dataclass(slots=True)
class Office:
    """The app, its extension and its models."""

    app: Flask
    db: SQLAlchemy
    scim: SCIM
    users: Any
    Person: Any
    Membership: Any

    def connect(self, name: str, organisation: str, **options: Any) -> ScimClient:
        """Add an organisation, a connection of it and a token, and return a client."""
        organisations = self.db.metadata.tables["org_organisation"]
        with self.app.app_context():
            self.db.session.execute(organisations.insert(), [{"id": organisation}])
            self.db.session.commit()
            self.scim.connections.add(name, tenant=organisation, **options)
            token, _ = self.scim.tokens.issue(name)
        return ScimClient(self.app.test_client(), f"/scim/v2/{name}", token)

    def memberships(self) -> set[tuple[Any, ...]]:
        """Who is a member of what, in which role, and whether that is in use."""
        with self.app.app_context():
            rows = self.db.session.scalars(sa.select(self.Membership))
            return {
                (row.person.email, row.organisation_id, row.role, row.is_active) for row in rows
            }

    def people(self) -> dict[str, str | None]:
        """The given name of each person, by address."""
        with self.app.app_context():
            rows = self.db.session.scalars(sa.select(self.Person))
            return {row.email: row.first_name for row in rows}


def make_office(url: str, **config: Any) -> Office:
    """Make the app; its tables are not there yet."""
    db = SQLAlchemy()
    scim = SCIM(db)

    class Organisation(db.Model):  # type: ignore[name-defined,misc]
        """A customer."""

        __tablename__ = "org_organisation"
        id: Mapped[str] = mapped_column(sa.String(20), primary_key=True)

    class Person(db.Model):  # type: ignore[name-defined,misc]
        """Somebody, wherever they belong."""

        __tablename__ = "org_person"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column(sa.String(100), unique=True)
        first_name: Mapped[str | None] = mapped_column(sa.String(50))

    class Membership(db.Model):  # type: ignore[name-defined,misc]
        """That somebody belongs to a customer."""

        __tablename__ = "org_membership"
        __table_args__ = (sa.UniqueConstraint("person_id", "organisation_id"),)
        id: Mapped[int] = mapped_column(primary_key=True)
        person_id: Mapped[int] = mapped_column(sa.ForeignKey(Person.id), index=True)
        organisation_id: Mapped[str] = mapped_column(sa.ForeignKey(Organisation.id))
        role: Mapped[str] = mapped_column(sa.String(20), default="member")
        title: Mapped[str | None] = mapped_column(sa.String(50))
        is_active: Mapped[bool] = mapped_column(default=True)
        person: Mapped[Person] = relationship()

    users = scim.users(
        Membership,
        {
            "userName": "person.email",
            "name.givenName": "person.first_name",
            "title": Membership.title,
            "active": Membership.is_active,
        },
        tenant=Membership.organisation_id,
        person=Membership.person,
    )
    app = Flask("office")
    app.config.update(SETTINGS | {"SQLALCHEMY_DATABASE_URI": url} | config)
    db.init_app(app)
    scim.init_app(app)
    return Office(app, db, scim, users, Person, Membership)
