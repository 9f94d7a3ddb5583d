"""A host app with resources of its own: devices, and users with an extension."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_scim import (
    SCIM,
    Attribute,
    Extension,
    Mutability,
    Refs,
    ResourceType,
    Schema,
    Type,
    Uniqueness,
)
from tests.client import ScimClient
from tests.host import SETTINGS

DEVICE = "urn:example:params:scim:schemas:acme:2.0:Device"
BADGE = "urn:example:params:scim:schemas:extension:acme:2.0:User"


def references(name: str, kind: str, **characteristics: Any) -> Attribute:
    """An attribute whose entries are other resources."""
    return Attribute(
        name,
        Type.COMPLEX,
        multi_valued=True,
        sub_attributes=(
            Attribute("value", case_exact=True),
            Attribute("$ref", Type.REFERENCE, reference_types=(kind,)),
            Attribute("display", mutability=Mutability.READ_ONLY),
        ),
        **characteristics,
    )


DEVICE_TYPE = ResourceType(
    "Device",
    "/Devices",
    Schema(
        DEVICE,
        "Device",
        "A thing that people work with.",
        (
            Attribute("serialNumber", required=True, uniqueness=Uniqueness.SERVER),
            Attribute("displayName"),
            Attribute("active", Type.BOOLEAN),
            Attribute("managed", Type.BOOLEAN),
            Attribute("ports", Type.INTEGER),
            Attribute("weight", Type.DECIMAL),
            Attribute("bought", Type.DATETIME),
            Attribute("manual", Type.REFERENCE, reference_types=("external",), case_exact=True),
            Attribute("certificate", Type.BINARY, case_exact=True),
            Attribute("model", mutability=Mutability.IMMUTABLE),
            Attribute("firmware", mutability=Mutability.READ_ONLY),
            Attribute(
                "location",
                Type.COMPLEX,
                sub_attributes=(Attribute("site", required=True), Attribute("room")),
            ),
            Attribute(
                "interfaces",
                Type.COMPLEX,
                multi_valued=True,
                sub_attributes=(
                    Attribute("value", case_exact=True),
                    Attribute("type", canonical_values=("wired", "wireless")),
                    Attribute("speed", Type.INTEGER),
                ),
            ),
            Attribute("tags", multi_valued=True),
            references("users", "User"),
            references("groups", "Group", mutability=Mutability.READ_ONLY),
        ),
    ),
    description="The things that people work with.",
)
BADGE_SCHEMA = Schema(
    BADGE,
    "Badge",
    "What a door reads.",
    (
        Attribute("badge", case_exact=True),
        Attribute("doors", Type.INTEGER),
        # The core schema has references of that name.
        Attribute("groups"),
    ),
)


class Fleet:
    """An app whose users work with devices, and whose teams have both.

    :param url: where its database is.
    :param config: settings of the app.
    """

    def __init__(self, url: str, **config: Any) -> None:
        self.db = db = SQLAlchemy()
        self.scim = scim = SCIM(db)
        self.app = Flask("fleet")
        self.app.config.update(SETTINGS | {"SQLALCHEMY_DATABASE_URI": url} | config)

        class User(db.Model):  # type: ignore[name-defined,misc]
            """Somebody."""

            __tablename__ = "fleet_user"
            id: Mapped[int] = mapped_column(primary_key=True)
            tenant_id: Mapped[int]
            username: Mapped[str] = mapped_column(sa.String(100))
            badge: Mapped[str | None] = mapped_column(sa.String(20))
            doors: Mapped[int | None]
            clubs: Mapped[str | None] = mapped_column(sa.String(20))

        class Device(db.Model):  # type: ignore[name-defined,misc]
            """Something."""

            __tablename__ = "fleet_device"
            id: Mapped[int] = mapped_column(primary_key=True)
            tenant_id: Mapped[int]
            serial: Mapped[str] = mapped_column(sa.String(100))
            name: Mapped[str | None] = mapped_column(sa.String(100))
            in_use: Mapped[bool] = mapped_column(default=True)
            managed: Mapped[bool | None]
            ports: Mapped[int | None]
            weight: Mapped[float | None] = mapped_column(sa.Double)
            bought: Mapped[datetime | None]
            manual: Mapped[str | None] = mapped_column(sa.String(200))
            certificate: Mapped[str | None] = mapped_column(sa.Text)
            model: Mapped[str | None] = mapped_column(sa.String(50))
            firmware: Mapped[str] = mapped_column(sa.String(50), default="1.0")
            site: Mapped[str | None] = mapped_column(sa.String(50))
            details: Mapped[Any] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
            users: Mapped[list[User]] = relationship(secondary=lambda: in_hand)

        class Team(db.Model):  # type: ignore[name-defined,misc]
            """Who and what works together."""

            __tablename__ = "fleet_team"
            id: Mapped[int] = mapped_column(primary_key=True)
            tenant_id: Mapped[int]
            name: Mapped[str] = mapped_column(sa.String(100))
            users: Mapped[list[User]] = relationship(secondary=lambda: of_people)
            devices: Mapped[list[Device]] = relationship(secondary=lambda: of_things)

        in_hand, of_people, of_things = (
            sa.Table(
                f"{near}_{far}",
                db.metadata,
                sa.Column(f"{near}_id", sa.ForeignKey(f"{near}.id"), primary_key=True),
                sa.Column(f"{far}_id", sa.ForeignKey(f"{far}.id"), primary_key=True, index=True),
            )
            for near, far in (
                ("fleet_device", "fleet_user"),
                ("fleet_team", "fleet_user"),
                ("fleet_team", "fleet_device"),
            )
        )
        self.User, self.Device, self.Team = User, Device, Team
        self.users = scim.users(
            User,
            {
                "userName": User.username,
                BADGE: {"badge": User.badge, "doors": User.doors, "groups": User.clubs},
            },
            extensions=[Extension(BADGE_SCHEMA)],
            tenant=User.tenant_id,
        )
        self.groups = scim.groups(
            Team,
            {
                "displayName": Team.name,
                "members": [Refs(Team.users, "User"), Refs(Team.devices, "Device")],
            },
            tenant=Team.tenant_id,
        )
        self.devices = scim.resource(
            DEVICE_TYPE,
            Device,
            {
                "serialNumber": Device.serial,
                "displayName": Device.name,
                "active": Device.in_use,
                "managed": Device.managed,
                "ports": Device.ports,
                "weight": Device.weight,
                "bought": Device.bought,
                "manual": Device.manual,
                "certificate": Device.certificate,
                "model": Device.model,
                "firmware": Device.firmware,
                "location": {"site": Device.site, "room": "details.room"},
                "interfaces": "details.interfaces",
                "tags": "details.tags",
                "users": Refs(Device.users, "User"),
            },
            tenant=Device.tenant_id,
        )
        db.init_app(self.app)
        scim.init_app(self.app)

    def connect(self, name: str = "acme", *scopes: str, **options: Any) -> ScimClient:
        """Add a connection and a token, and return a client with both."""
        with self.app.app_context():
            self.scim.connections.add(name, **{"tenant": "1", **options})
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

    def rows(self, statement: Any) -> list[tuple[Any, ...]]:
        """What a statement selects."""
        with self.app.app_context():
            return [tuple(row) for row in self.db.session.execute(statement)]


def create(scim: ScimClient, serial: str, **attributes: Any) -> dict[str, Any]:
    """Create a device and return it."""
    response = scim.post("/Devices", {"schemas": [DEVICE], "serialNumber": serial, **attributes})
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json
    return created


def find(scim: ScimClient, filter: str, **query: Any) -> list[str]:
    """The serial numbers of the devices that a filter selects."""
    response = scim.get("/Devices", filter=filter, **query)
    assert response.status_code == 200, response.text
    return [resource["serialNumber"] for resource in response.json["Resources"]]
