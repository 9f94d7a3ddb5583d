"""Events to encode."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask_scim.provisioning.changes import Cause
from flask_scim.provisioning.journal import Entry

MOMENT = datetime(2026, 11, 25, 13, 0, 0, 123456, tzinfo=UTC)


def make_entry(type: str = "user.created", **values: Any) -> Entry:
    """An event of a user ``7``, or of whatever is said."""
    kind = "Group" if type.startswith("group.") else "User"
    known: dict[str, Any] = {
        "connection_id": "acme",
        "position": 17,
        "id": "evt_0123456789abcdefghijkl",
        "type": type,
        "resource_type": kind,
        "resource_id": "7",
        "tenant": "1",
        "time": MOMENT,
        "object": {"userName": "ann", "externalId": "a-1"},
        "previous": {},
        "changed": ("externalId", "userName"),
        "added": (),
        "removed": (),
        "reason": None,
        "details": {},
        "cause": Cause("token:0123", "req_1"),
    } | values
    known.setdefault("added_count", len(known["added"]))
    known.setdefault("removed_count", len(known["removed"]))
    return Entry(**known)


def make_members_change(*added: str, removed: tuple[str, ...] = (), **values: Any) -> Entry:
    """An event of a group that members came to, or went from."""
    shown = {"object": {"displayName": "Crew"}, "changed": ("members",)} | values
    return make_entry("group.members_changed", added=added, removed=removed, **shown)
