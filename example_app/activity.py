"""What identity providers do, written down as it is told by the signals of Flask-SCIM."""

from __future__ import annotations

from typing import Any

from flask import Flask

from flask_scim import (
    Connection,
    Event,
    user_created,
    user_deactivated,
    user_deleted,
    user_reactivated,
    user_updated,
)

from .database import db
from .models import Activity, User

SIGNALS = (user_created, user_updated, user_deactivated, user_reactivated, user_deleted)


def init_app(app: Flask) -> None:
    """Listen to the signals of this app."""
    for signal in SIGNALS:
        signal.connect(record, app)


def record(_app: Flask, *, event: Event, user: User, connection: Connection, **_: Any) -> None:
    """Add a line to the activity, in a transaction of its own: the change is committed already."""
    db.session.add(
        Activity(
            organization_id=user.organization_id,
            user_id=user.id,
            username=user.username,
            connection=connection.id,
            event=event.type,
            changed=", ".join(name.rpartition(":")[2] for name in event.changed)[:1000],
        )
    )
    db.session.commit()
