"""Another app, with which groups sit on models of other shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_scim import SCIM
from tests.client import ScimClient
from tests.host import SETTINGS, furnish


class Models:
    """Models of another app: people, and crews that they are in by way of memberships.

    :param url: where the database is.
    """

    def __init__(self, url: str) -> None:
        self.db = db = SQLAlchemy()
        self.scim = SCIM(db)
        self.app = Flask("crews")
        self.app.config.update(SETTINGS | {"SQLALCHEMY_DATABASE_URI": url})

        class Person(db.Model):  # type: ignore[name-defined,misc]
            """Somebody."""

            id: Mapped[int] = mapped_column(primary_key=True)
            username: Mapped[str] = mapped_column(sa.String(100))

        class Membership(db.Model):  # type: ignore[name-defined,misc]
            """That somebody is in a crew."""

            crew_id: Mapped[int] = mapped_column(sa.ForeignKey("crew.id"), primary_key=True)
            person_id: Mapped[int] = mapped_column(sa.ForeignKey(Person.id), primary_key=True)
            role: Mapped[str] = mapped_column(sa.String(20))
            since: Mapped[datetime] = mapped_column(default=datetime.now)
            level: Mapped[int] = mapped_column(server_default="7")
            person: Mapped[Person] = relationship()

        with_people = sa.Table(
            "crew_person",
            db.metadata,
            sa.Column("crew_id", sa.ForeignKey("crew.id"), primary_key=True),
            sa.Column("person_id", sa.ForeignKey(Person.id), primary_key=True),
        )
        with_parts = sa.Table(
            "crew_part",
            db.metadata,
            sa.Column("whole_id", sa.ForeignKey("crew.id"), primary_key=True),
            sa.Column("part_id", sa.ForeignKey("crew.id"), primary_key=True),
        )

        class Crew(db.Model):  # type: ignore[name-defined,misc]
            """Who works together."""

            # Apart from the ids of people.
            id: Mapped[int] = mapped_column(primary_key=True, default=lambda: next(_ids))
            name: Mapped[str] = mapped_column(sa.String(100))
            memberships: Mapped[list[Membership]] = relationship()
            people: Mapped[list[Person]] = relationship(secondary=with_people)
            parts: Mapped[list[Crew]] = relationship(
                secondary=with_parts,
                primaryjoin=lambda: Crew.id == with_parts.c.whole_id,
                secondaryjoin=lambda: Crew.id == with_parts.c.part_id,
            )

        self.Person, self.Membership, self.Crew = Person, Membership, Crew

    def furnish(self) -> None:
        """Let the tables be there, without rows."""
        with self.app.app_context():
            furnish(self.db)

    def connect(self, name: str = "acme", **options: Any) -> ScimClient:
        """Add a connection and a token, and return a client with both."""
        with self.app.app_context():
            self.scim.connections.add(name, **options)
            token, _ = self.scim.tokens.issue(name)
        return ScimClient(self.app.test_client(), f"/scim/v2/{name}", token)

    def rows(self, statement: Any) -> list[tuple[Any, ...]]:
        """What a statement selects."""
        with self.app.app_context():
            return [tuple(row) for row in self.db.session.execute(statement)]


_ids = count(1_000_001)

Declare = Callable[[Models], None]


@contextmanager
def served(url: str, declare: Declare) -> Iterator[Models]:
    """The app with a declaration, and no tables yet."""
    models = Models(url)
    models.scim.users(models.Person, {"userName": models.Person.username})
    declare(models)
    models.db.init_app(models.app)
    models.scim.init_app(models.app)
    yield models
    with models.app.app_context():
        models.db.session.remove()
        models.db.engine.dispose()
