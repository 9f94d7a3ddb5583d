"""What identity providers do, written down as it is told by the signals of Flask-SCIM."""

from __future__ import annotations

from typing import Any

from flask import Flask

from flask_scim import (
    Connection,
    Event,
    group_created,
    group_deleted,
    group_members_changed,
    group_updated,
    role_granted,
    role_revoked,
    user_adopted,
    user_created,
    user_deactivated,
    user_deleted,
    user_reactivated,
    user_updated,
)

from .database import db
from .models import Activity, Team, User

SIGNALS = {
    "user_created": user_created,
    "user_adopted": user_adopted,
    "user_updated": user_updated,
    "user_deactivated": user_deactivated,
    "user_reactivated": user_reactivated,
    "user_deleted": user_deleted,
    "role_granted": role_granted,
    "role_revoked": role_revoked,
    "group_created": group_created,
    "group_updated": group_updated,
    "group_members_changed": group_members_changed,
    "group_deleted": group_deleted,
}


def init_app(app: Flask) -> None:
    """Listen to the signals of this app."""
    for signal in SIGNALS.values():
        signal.connect(record, app)


def record(
    _app: Flask,
    *,
    event: Event,
    connection: Connection,
    user: User | None = None,
    group: Team | None = None,
    **_: Any,
) -> None:
    """Add a line to the activity, in a transaction of its own: the change is committed already."""
    came_and_went = [f"+{id}" for id in sorted(event.added)]
    came_and_went += [f"-{id}" for id in sorted(event.removed)]
    names = [name.rpartition(":")[2] for name in event.changed]
    names = event.details.get("roles", names)
    # A group that a deleted person leaves is told of with its id alone.
    known = event.before or event.after or {}
    name = group.name if group else known.get("displayName", "")
    db.session.add(
        Activity(
            organization_id=connection.tenant,
            user_id=user.id if user else None,
            username=user.username if user else name,
            connection=connection.id,
            event=event.type,
            changed=", ".join(came_and_went or names)[:1000],
        )
    )
    db.session.commit()
