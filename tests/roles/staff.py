"""An app whose people have roles, kept in one of the ways in which an app can keep them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column, relationship

import flask_scim
from flask_scim import SCIM, Refs
from flask_scim.roles.roles import Roles
from tests.client import ScimClient
from tests.host import SETTINGS, furnish

#: The roles that the app has, of every tenant.
ROLES = ("admin", "agent", "lead", "owner")


class Grade(enum.Enum):
    """What somebody may do, where it is one thing."""

    MEMBER = "member"
    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"
    OWNER = "owner"


class Staff:
    """An app with people, teams within teams, and roles.

    :param url: where its database is.
    """

    def __init__(self, url: str) -> None:
        self.db = db = SQLAlchemy()
        self.scim = SCIM(db)
        self.app = Flask("staff")
        self.app.config.update(SETTINGS | {"SQLALCHEMY_DATABASE_URI": url})
        self.roles: Roles | None = None

        class Role(db.Model):  # type: ignore[name-defined,misc]
            """What somebody may do."""

            __tablename__ = "staff_role"
            id: Mapped[int] = mapped_column(primary_key=True)
            firm: Mapped[str | None] = mapped_column(sa.String(20))
            slug: Mapped[str] = mapped_column(sa.String(50))
            title: Mapped[str | None] = mapped_column(sa.String(50))

        person_role = sa.Table(
            "staff_person_role",
            db.metadata,
            sa.Column("person_id", sa.ForeignKey("staff_person.id"), primary_key=True),
            sa.Column("role_id", sa.ForeignKey(Role.id), primary_key=True),
        )
        in_team = sa.Table(
            "staff_in_team",
            db.metadata,
            sa.Column("team_id", sa.ForeignKey("staff_team.id"), primary_key=True),
            sa.Column("person_id", sa.ForeignKey("staff_person.id"), primary_key=True),
        )
        part_of = sa.Table(
            "staff_part_of",
            db.metadata,
            sa.Column("whole_id", sa.ForeignKey("staff_team.id"), primary_key=True),
            sa.Column("part_id", sa.ForeignKey("staff_team.id"), primary_key=True),
        )

        class Person(db.Model):  # type: ignore[name-defined,misc]
            """Somebody."""

            __tablename__ = "staff_person"
            id: Mapped[int] = mapped_column(primary_key=True)
            firm: Mapped[str] = mapped_column(sa.String(20))
            username: Mapped[str] = mapped_column(sa.String(100))
            is_active: Mapped[bool] = mapped_column(default=True)
            profile: Mapped[Any] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
            grade: Mapped[Grade] = mapped_column(sa.Enum(Grade), default=Grade.MEMBER)
            level: Mapped[str | None] = mapped_column(sa.String(20))
            roles: Mapped[list[Role]] = relationship(secondary=person_role, order_by=Role.slug)

        class Team(db.Model):  # type: ignore[name-defined,misc]
            """Some of them."""

            __tablename__ = "staff_team"
            # Apart from the ids of people, so that a member is one or the other.
            id: Mapped[int] = mapped_column(primary_key=True)
            public_id: Mapped[str] = mapped_column(
                sa.String(40), default=lambda: f"team-{next(_numbers)}"
            )
            firm: Mapped[str] = mapped_column(sa.String(20))
            name: Mapped[str] = mapped_column(sa.String(100))
            people: Mapped[list[Person]] = relationship(secondary=in_team)
            parts: Mapped[list[Team]] = relationship(
                secondary=part_of,
                primaryjoin=lambda: Team.id == part_of.c.whole_id,
                secondaryjoin=lambda: Team.id == part_of.c.part_id,
            )

        self.Person, self.Team, self.Role = Person, Team, Role
        self.person_role, self.in_team = person_role, in_team

    def declare(
        self,
        roles: Callable[[Staff], Roles | None],
        mapping: dict[str, Any] | None = None,
        *,
        nested: bool = True,
    ) -> Staff:
        """Say where everything sits."""
        person, team = self.Person, self.Team
        self.scim.users(
            person,
            {"userName": person.username, "active": person.is_active, **(mapping or {})},
            tenant=person.firm,
        )
        self.scim.groups(
            team,
            {
                "displayName": team.name,
                "members": [
                    Refs(team.people, "User"),
                    *([Refs(team.parts, "Group")] if nested else []),
                ],
            },
            tenant=team.firm,
            id=team.public_id,
        )
        self.roles = roles(self)
        self.db.init_app(self.app)
        self.scim.init_app(self.app)
        return self

    def furnish(self) -> None:
        """Let the tables be there, and no rows but the roles."""
        with self.app.app_context():
            furnish(self.db)
            rows = (self.Role(slug=slug, title=slug.capitalize()) for slug in ROLES)
            self.db.session.add_all(rows)
            self.db.session.commit()

    def let_go(self) -> None:
        """Close what is open to the database."""
        with self.app.app_context():
            self.db.session.remove()
            self.db.engine.dispose()

    def connect(self, name: str = "acme", tenant: str = "acme", **options: Any) -> ScimClient:
        """Add a connection and a token, and return a client with both."""
        with self.app.app_context():
            self.scim.connections.add(name, tenant=tenant, **options)
            token, _ = self.scim.tokens.issue(name)
        return ScimClient(self.app.test_client(), f"/scim/v2/{name}", token)

    def add(self, username: str, *roles: str, firm: str = "acme", **values: Any) -> int:
        """Add a person whom SCIM does not know, with roles that the app gives."""
        with self.app.app_context():
            person = self.Person(firm=firm, username=username, **values)
            person.roles = [self.role(slug) for slug in roles]
            self.db.session.add(person)
            self.db.session.commit()
            key: int = person.id
            return key

    def role(self, slug: str) -> Any:
        """The row of a role, within the app's context."""
        return self.db.session.scalars(sa.select(self.Role).filter_by(slug=slug)).first()

    def change(self, id: str | int, function: Callable[[Any], None]) -> None:
        """Let the app itself change a person."""
        with self.app.app_context():
            person = self.db.session.get(self.Person, int(id))
            function(person)
            self.db.session.commit()

    def held(self, id: str | int) -> list[str]:
        """The roles of a person as a relationship has them."""
        with self.app.app_context():
            person = self.db.session.get(self.Person, int(id))
            return [role.slug for role in person.roles]

    def value(self, id: str | int, name: str) -> Any:
        """A value of a person's row."""
        with self.app.app_context():
            return getattr(self.db.session.get(self.Person, int(id)), name)

    def notes(self) -> list[tuple[Any, ...]]:
        """What is noted of grants: person, role, origin, in order."""
        table = self.db.metadata.tables["scim_role_grant"]
        with self.app.app_context():
            rows = self.db.session.execute(
                sa.select(table.c.row_id, table.c.role, table.c.origin).order_by(
                    table.c.row_id, table.c.role, table.c.origin
                )
            )
            return [tuple(row) for row in rows]

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

    @contextmanager
    def told(self) -> Iterator[list[tuple[str, str, list[str]]]]:
        """What is told of roles inside: the kind, the person's name and the roles."""
        found: list[tuple[str, str, list[str]]] = []

        def hear(_app: Flask, *, event: Any, user: Any, **_: Any) -> None:
            found.append((str(event.kind), user.username, event.details["roles"]))

        with ExitStack() as stack:
            for signal in (flask_scim.role_granted, flask_scim.role_revoked):
                stack.enter_context(signal.connected_to(hear, sender=self.app))
            yield found


def _count() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


_numbers = _count()


def enter(client: ScimClient, group: str, *ids: str) -> None:
    """Let members come into a group."""
    named = [{"value": id} for id in ids]
    answer = client.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": named})
    assert answer.status_code in (200, 204), answer.text


def leave(client: ScimClient, group: str, *ids: str) -> Any:
    """Let members go, and return the answer."""
    named = [{"value": id} for id in ids]
    return client.patch(f"/Groups/{group}", {"op": "remove", "path": "members", "value": named})


def map_role(
    staff: Staff, role: str, group: str | None, connection: str = "acme", **options: Any
) -> Any:
    """Let a group stand for a role."""
    assert staff.roles is not None
    with staff.app.app_context():
        return staff.roles.map(connection, role, group=group, **options)


def unmap_role(staff: Staff, role: str, group: str, **options: Any) -> Any:
    """Let a group not stand for a role any more."""
    assert staff.roles is not None
    with staff.app.app_context():
        return staff.roles.unmap("acme", role, group=group, **options)
