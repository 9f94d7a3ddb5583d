"""Switching a connection off through the management API."""

from __future__ import annotations

import pytest

from flask_scim.management import closing
from tests.client import ScimClient
from tests.management.admin import Admin, problem

PATH = "/connections/acme/closing"


def test_preview_and_deactivate(
    admin: Admin, acme: ScimClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request sees to some users, and says where the next one goes on."""
    monkeypatch.setattr(closing, "_MOST", 2)
    ids = [acme.create(name)["id"] for name in ("ann", "bob", "cid")]
    assert admin.ask("GET", f"{PATH}?users=deactivate") == {
        "users": "deactivate",
        "total": 3,
        "affected": 3,
        "names": ["ann", "bob", "cid"],
    }
    first = admin.ask("POST", PATH, {"users": "deactivate"})
    assert (first["done"], first["refused"], first["refusals"]) == (2, 0, [])
    assert admin.ask("GET", "/connections/acme")["state"] == "disabled"
    rest = admin.ask("POST", PATH, {"users": "deactivate", "from": first["next"]})
    assert (rest["done"], rest["next"]) == (1, None)
    users = admin.ask("GET", "/connections/acme/users")["users"]
    assert [(user["id"], user["active"]) for user in users] == [(id, False) for id in ids]


def test_release(admin: Admin, acme: ScimClient) -> None:
    """Those who are released are users of the connection no more."""
    acme.create("ann")
    assert admin.ask("POST", PATH, {"users": "release"})["done"] == 1
    assert admin.ask("GET", "/connections/acme/users")["users"] == []


def test_refused(admin: Admin, acme: ScimClient, other: ScimClient) -> None:
    """What cannot be meant is refused: another choice, or a place of another connection."""
    assert problem(admin.request("POST", PATH, {"users": "fire"}))[0] == 400
    assert problem(admin.request("GET", f"{PATH}?users=fire"))[0] == 400
    assert problem(admin.request("POST", PATH, {"from": "nowhere"}))[0] == 400
    assert problem(admin.request("POST", "/connections/nobody/closing", {}))[0] == 404
    assert problem(admin.request("GET", "/connections/nobody/closing"))[0] == 404
    assert admin.ask("GET", "/connections/acme")["state"] == "active"
