"""Roles that a sign-in gives: they go with the next one that does not, and nobody else's do."""

from __future__ import annotations

from typing import Any

from flask_scim.roles.grants import Origin
from tests.roles.staff import Staff


def sign_in(staff: Staff, *roles: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Let Ann sign in, and return her roles with who has given them, and what was refused."""
    db = staff.db
    ann = db.session.scalar(db.select(staff.Person).filter_by(username="ann"))
    connection = staff.scim.connections.get("acme")
    synced = staff.scim.sync_at_login(ann, {"sub": "s-1"}, connection, roles=roles)
    db.session.commit()
    held = {each.role: set(each.origins) for each in staff.scim.roles_of(ann)}
    return held, dict(synced.passed_over)


def test_roles_come_and_go_with_sign_ins(staff: Staff) -> None:
    """A sign-in replaces what the one before has given, and leaves the app's own alone."""
    staff.connect().create("ann")
    login, manual = Origin.LOGIN, Origin.MANUAL
    with staff.app.app_context():
        assert sign_in(staff, "agent", "lead") == ({"agent": {login}, "lead": {login}}, {})
        ann = staff.db.session.scalar(staff.db.select(staff.Person).filter_by(username="ann"))
        assert staff.roles is not None
        staff.roles.grant(ann, ["agent"])
        staff.db.session.commit()
        assert sign_in(staff, "lead") == ({"agent": {manual}, "lead": {login}}, {})
        assert sign_in(staff) == ({"agent": {manual}}, {})


def test_what_a_sign_in_cannot_give(staff: Staff) -> None:
    """A role that there is not, or that is not theirs to give, stops nobody from signing in."""
    staff.connect().create("ann")
    with staff.app.app_context():
        held, refused = sign_in(staff, "agent", "owner", "king")
        assert held == {"agent": {Origin.LOGIN}}
        assert set(refused) == {"owner", "king"}


def test_whoever_may_not_sign_in(staff: Staff) -> None:
    """Somebody who is deactivated gets nothing."""
    staff.connect().create("ann", active=False)
    with staff.app.app_context():
        assert sign_in(staff, "agent") == ({}, {})
