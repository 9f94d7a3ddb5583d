"""Decorators for views: who is in a group, or has a role, gets in, and others are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from flask_login import LoginManager

from flask_scim import ConfigurationError
from tests.roles.staff import Staff, map_role

Make = Callable[..., Staff]


def open_office(make_staff: Make, *, login: bool = False) -> tuple[Staff, str, str]:
    """An app with two views, and the ids of somebody who may see them and of somebody else."""
    staff = make_staff(lambda s: s.scim.roles(s.Person.roles, key=s.Role.slug))
    if login:
        manager = LoginManager(staff.app)
        manager.user_loader(lambda id: find(staff, id))
        staff.Person.is_authenticated = True

    @staff.app.get("/support/<word>")
    @staff.scim.requires_group("Support", "x-2")
    def support(word: str) -> str:
        """Show the queue."""
        return f"queue {word}"

    @staff.app.get("/agents/<word>")
    @staff.scim.requires_role("lead", "agent")
    def agents(word: str) -> str:
        """Show the desk."""
        return f"desk {word}"

    assert support.__doc__ == "Show the queue."
    acme = staff.connect()
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    map_role(staff, "agent", acme.create_group("Support", ann)["id"])
    return staff, ann, bob


def knock(staff: Staff, id: str | None) -> list[tuple[int, str]]:
    """Try both doors as somebody, or as nobody."""
    client: FlaskClient = staff.app.test_client()
    with client.session_transaction() as kept:
        kept["_user_id"] = id
    answers = [client.get(path) for path in ("/support/x", "/agents/x")]
    return [(each.status_code, each.text) for each in answers]


def find(staff: Staff, id: Any) -> Any:
    """The row of a person, within the app's context."""
    return None if id is None else staff.db.session.get(staff.Person, int(id))


def check(staff: Staff, ann: str, bob: str) -> None:
    """See who gets in."""
    assert knock(staff, ann) == [(200, "queue x"), (200, "desk x")]
    for other in (bob, None):
        (first, said), (second, _) = knock(staff, other)
        assert (first, second) == (403, 403)
        assert "You are in no group that may see this." in said


def test_who_gets_in_by_a_function(make_staff: Make) -> None:
    """The app says who is signed in."""
    staff, ann, bob = open_office(make_staff)
    with pytest.raises(ConfigurationError, match="Say who is signed in"):
        knock_loudly(staff.app)
    staff.scim.signed_in(lambda: find(staff, session.get("_user_id")))
    check(staff, ann, bob)
    staff.scim.signed_in(lambda: "ann")
    with pytest.raises(ConfigurationError, match="users are rows of Person"):
        knock_loudly(staff.app)


def test_who_gets_in_by_flask_login(make_staff: Make) -> None:
    """Flask-Login says who is signed in, where the app has it and nothing else is said."""
    check(*open_office(make_staff, login=True))


def knock_loudly(app: Flask) -> None:
    """Knock, and let what goes wrong out."""
    app.testing = True
    try:
        app.test_client().get("/agents/x")
    finally:
        app.testing = False
