"""An app that has every attribute of the RFC, and resources and an extension of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_scim import SCIM, Extension, Refs, ResourceType, Type, hashed
from tests.client import ScimClient
from tests.host import SETTINGS, furnish
from tests.resources.fleet import BADGE_SCHEMA, DEVICE_TYPE


@contextmanager
def make_everything(url: str, *left_out: Type) -> Iterator[tuple[Flask, ScimClient]]:
    """Make the app and its tables, and a connection with every scope; the tables go afterwards.

    :param url: where its database is.
    :param left_out: types of which the app's own resources have no attribute.
    """
    db = SQLAlchemy()
    scim = SCIM(db)

    class User(db.Model):  # type: ignore[name-defined,misc]
        """Somebody."""

        __tablename__ = "every_user"
        id: Mapped[int] = mapped_column(primary_key=True)
        username: Mapped[str] = mapped_column(sa.String(200))
        name: Mapped[str | None] = mapped_column(sa.String(200))
        email: Mapped[str | None] = mapped_column(sa.String(200))
        password: Mapped[str | None] = mapped_column(sa.String(200))

    class Device(db.Model):  # type: ignore[name-defined,misc]
        """Something."""

        __tablename__ = "every_device"
        id: Mapped[int] = mapped_column(primary_key=True)
        serial: Mapped[str] = mapped_column(sa.String(200))
        users: Mapped[list[User]] = relationship(secondary=lambda: in_hand)

    in_hand = sa.Table(
        "every_device_user",
        db.metadata,
        sa.Column("device_id", sa.ForeignKey("every_device.id"), primary_key=True),
        sa.Column("user_id", sa.ForeignKey("every_user.id"), primary_key=True, index=True),
    )
    scim.users(
        User,
        {
            "userName": User.username,
            "displayName": User.name,
            "emails": [{"type": "work", "primary": True, "value": User.email}],
            "password": hashed(User.password, lambda text: str(len(text))),
        },
        extensions=[Extension(BADGE_SCHEMA)],
    )
    scim.groups()
    scim.resource(
        _without(DEVICE_TYPE, left_out),
        Device,
        {"serialNumber": Device.serial, "users": Refs(Device.users, "User")},
    )
    app = Flask("everything")
    app.config.update(SETTINGS | {"SQLALCHEMY_DATABASE_URI": url, "SCIM_UNMAPPED": "keep"})
    db.init_app(app)
    scim.init_app(app)
    with app.app_context():
        furnish(db)
        scim.connections.add("acme")
        token, _ = scim.tokens.issue("acme")
    try:
        yield app, ScimClient(app.test_client(), "/scim/v2/acme", token)
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def _without(resource_type: ResourceType, types: tuple[Type, ...]) -> ResourceType:
    schema = resource_type.schema
    kept = tuple(attribute for attribute in schema.attributes if attribute.type not in types)
    return replace(resource_type, schema=replace(schema, attributes=kept))
