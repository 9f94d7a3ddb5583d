"""Scopes: what a token allows, by name and by what an identity provider needs."""

from __future__ import annotations

import pytest

from flask_scim.connections.scopes import all_scopes, preset, read_scopes
from tests.host import Host
from tests.marks import refused_early
from tests.web.answers import refusal

EVERY = ("get:users", "post:users", "put:users", "patch:users", "delete:users")
GROUPS = tuple(scope.replace("users", "groups") for scope in EVERY)
DEVICES = tuple(scope.replace("users", "devices") for scope in EVERY)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((), EVERY),
        (("get:users",), ("get:users",)),
        (("put:users get:users",), ("put:users", "get:users")),
        (("get:users,put:users", "get:users"), ("get:users", "put:users")),
        (EVERY, EVERY),
        (("entra",), ("get:users", "post:users", "patch:users", "delete:users")),
        (("okta",), ("get:users", "post:users", "put:users", "patch:users")),
        (("okta", "delete:users"), ("get:users", "post:users", "put:users", "patch:users",
                                    "delete:users")),
        (("get:users entra",), ("get:users", "post:users", "patch:users", "delete:users")),
    ],
)  # fmt: skip
def test_scopes(asked: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """Scopes may be given one by one, in one text or by a preset; without any, all are meant."""
    assert expected == read_scopes(asked, ["users"])
    assert all_scopes(["users"]) == EVERY


@pytest.mark.parametrize(
    ("idp", "missing"),
    [
        ("entra", {"put:users", "put:groups"}),
        ("okta", {"delete:users"}),
        ("onelogin", set()),
        ("generic", set()),
    ],
)
def test_presets(idp: str, missing: set[str]) -> None:
    """A preset has what the provider needs, and of the app's own types everything."""
    plurals = ["users", "groups", "devices"]
    found = preset(idp, plurals)
    assert set(all_scopes(plurals)) - set(found) == missing
    assert set(DEVICES) <= set(found) <= {*EVERY, *GROUPS, *DEVICES}
    assert len(set(found)) == len(found)


@refused_early
@pytest.mark.parametrize(
    "scope",
    ["get", "users", "get:groups", "GET:users", "*", "get:users;", "Entra", "onelogin", "\0", "é"],
)
def test_unknown_scope(host: Host, scope: str) -> None:
    """A scope that does not exist is refused with those that do, and nothing is issued."""
    with pytest.raises(ValueError, match=r"get:users, post:users.*entra, okta"):
        read_scopes(["get:users", scope], ["users"])
    with host.app.app_context():
        host.scim.connections.add("acme", tenant="1")
        if scope != "get:groups":
            with pytest.raises(ValueError, match="is no scope"):
                host.scim.tokens.issue("acme", [scope])
        assert host.scim.tokens.list("acme") == []


def test_preset_over_http(host: Host) -> None:
    """A token with the scopes of Okta deletes nobody, and the refusal says what it lacks."""
    scim = host.connect("acme", "okta", tenant="1")
    id = scim.create("ann")["id"]
    refused = scim.delete(f"/Users/{id}")
    assert refusal(refused) == (403, None)
    assert "delete:users" in refused.json["detail"]
    group = scim.create_group("ops", id)
    assert scim.delete(f"/Groups/{group['id']}").status_code == 204


@pytest.mark.parametrize("asked", [("",), (" , ",), ("", "\t")])
def test_blank_scopes(asked: tuple[str, ...]) -> None:
    """Whoever names no scope in so many words does not get all of them by a slip."""
    with pytest.raises(ValueError, match="No scope is named"):
        read_scopes(asked, ("users",))
