"""``/Me``: the resource of whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.client import PATCH, USER, ScimClient
from tests.host import Host
from tests.web.answers import refusal


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_me_without_an_answer(scim: ScimClient, method: str) -> None:
    """Where the app does not say who asks, nobody can be meant."""
    assert refusal(scim.request(method, "/Me", {})) == (501, None)


def test_me_wants_a_token(scim: ScimClient) -> None:
    """Whoever has no token is nobody."""
    assert refusal(ScimClient(scim.http, scim.base, "none").get("/Me")) == (401, None)


@pytest.fixture
def mine(build: Callable[..., Host]) -> tuple[Host, ScimClient, str]:
    """An app that takes whoever asks for ann, and her id."""
    host = build()
    scim = host.connect("acme", tenant="1")
    id = scim.create("ann")["id"]
    host.scim.me(lambda connection: host.db.session.get(host.User, int(id)))
    return host, scim, id


def test_me_is_an_alias(mine: tuple[Host, ScimClient, str]) -> None:
    """Everything that can be done to the resource can be done to /Me, which says where it is."""
    _, scim, id = mine
    read = scim.get("/Me")
    assert read.json == scim.get(f"/Users/{id}").json
    assert read.json["meta"]["location"].endswith(f"/Users/{id}")
    assert scim.get("/Me", attributes="userName").json["userName"] == "ann"
    headers = {"If-None-Match": read.headers["ETag"]}
    assert scim.request("GET", "/Me", headers=headers).status_code == 304
    patched = scim.patch("/Me", {"op": "replace", "path": "title", "value": "Boss"})
    assert patched.json["title"] == "Boss"
    headers = {"If-Match": read.headers["ETag"]}
    body: dict[str, Any] = {"schemas": [PATCH], "Operations": [{"op": "remove", "path": "title"}]}
    assert refusal(scim.request("PATCH", "/Me", body, headers=headers)) == (412, None)
    replaced = scim.put("/Me", {"schemas": [USER], "userName": "anna"})
    assert (replaced.json["id"], replaced.json["userName"]) == (id, "anna")
    assert scim.delete("/Me").status_code == 204
    assert refusal(scim.get("/Me")) == (404, None)


def test_me_cannot_be_created(mine: tuple[Host, ScimClient, str]) -> None:
    """Whoever is somebody is there already."""
    response = mine[1].post("/Me", {"schemas": [USER], "userName": "eve"})
    assert refusal(response) == (405, None)
    assert "POST" not in response.headers["Allow"]


def test_me_needs_the_scope(mine: tuple[Host, ScimClient, str]) -> None:
    """An alias opens nothing that the token does not."""
    host, scim, _ = mine
    with host.app.app_context():
        token, _ = host.scim.tokens.issue("acme", ["get:users"])
    reader = ScimClient(scim.http, scim.base, token)
    assert reader.get("/Me").status_code == 200
    assert refusal(reader.delete("/Me")) == (403, None)


def test_me_stays_within_the_connection(mine: tuple[Host, ScimClient, str]) -> None:
    """A row that is none of the connection's is nobody to it."""
    host, _, _ = mine
    other = host.connect("other", tenant="2")
    for request in (other.get("/Me"), other.delete("/Me")):
        assert refusal(request) == (404, None)
    host.scim.me(lambda connection: None)
    assert refusal(other.get("/Me")) == (404, None)
