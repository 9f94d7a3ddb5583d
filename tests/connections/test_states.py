"""Paused, disabled and back: what an identity provider is answered, and that nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.client import GROUP, PATCH, USER, ScimClient
from tests.host import Host
from tests.marks import refused_early
from tests.web.answers import refusal, stored
from tests.web.bulks import BULK, delete, entitle, user

SEARCH = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}
BOB = {"schemas": [USER], "userName": "bob"}
TITLE = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "Dr"}]}

#: Every kind of request there is; ``{}`` stands for the id of a user.
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/Users", None),
    ("GET", "/Users?filter=userName+eq+%22ann%22", None),
    ("GET", "/Users?cursor=", None),
    ("GET", "/Users/{}", None),
    ("POST", "/Users", BOB),
    ("PUT", "/Users/{}", BOB),
    ("PATCH", "/Users/{}", TITLE),
    ("DELETE", "/Users/{}", None),
    ("GET", "/Groups", None),
    ("POST", "/Groups", {"schemas": [GROUP], "displayName": "ops"}),
    ("POST", "/Users/.search", SEARCH),
    ("POST", "/.search", SEARCH),
    ("GET", "", None),
    ("GET", "/Me", None),
    ("POST", "/Bulk", {"schemas": [BULK], "Operations": [user("bob"), entitle("/Users/1"),
                                                         delete("/Users/1")]}),
    ("GET", "/ServiceProviderConfig", None),
    ("GET", "/ResourceTypes", None),
    ("GET", "/Schemas", None),
    ("GET", f"/Schemas/{USER}", None),
    ("POST", "/Users", "no JSON object"),
]  # fmt: skip

Change = Callable[[str], object]


@pytest.fixture
def ann(scim: ScimClient) -> str:
    """The id of a user of ``acme``; the last use of its token has been noted."""
    id: str = scim.create("ann")["id"]
    return id


def become(host: Host, change: str, id: str = "acme") -> None:
    """Pause, disable or resume a connection."""
    with host.app.app_context():
        getattr(host.scim.connections, change)(id)


def send(scim: ScimClient, request: tuple[str, str, Any], ann: str) -> TestResponse:
    """Send a request."""
    method, path, body = request
    return scim.request(method, path.replace("{}", ann), body)


@refused_early
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: f"{each[0]} {each[1]}")
def test_paused(host: Host, scim: ScimClient, ann: str, request_: Any) -> None:
    """A paused connection is asked to come back, whatever it wants, and nothing is read or done."""
    before = stored(host)
    become(host, "pause")
    with host.statements() as statements:
        response = send(scim, request_, ann)
    assert refusal(response) == (503, None)
    assert response.headers["Retry-After"] == "300"
    assert "paused" in response.json["detail"]
    assert len(statements) == 1
    assert before == stored(host)


@refused_early
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: f"{each[0]} {each[1]}")
def test_disabled(host: Host, scim: ScimClient, ann: str, request_: Any) -> None:
    """A disabled connection is refused, whatever it wants, and nothing is read or done."""
    before = stored(host)
    become(host, "disable")
    with host.statements() as statements:
        response = send(scim, request_, ann)
    assert refusal(response) == (403, None)
    assert "switched off" in response.json["detail"]
    assert "Retry-After" not in response.headers
    assert len(statements) == 1
    assert before == stored(host)


@pytest.mark.parametrize("change", ["pause", "disable"])
def test_resumed(host: Host, scim: ScimClient, ann: str, change: str) -> None:
    """A connection that goes on finds everything as it was, with the same token and cursor."""
    scim.create("bob")
    before = scim.get(f"/Users/{ann}")
    cursor = scim.get("/Users", cursor="", count=1).json["nextCursor"]
    become(host, change)
    assert scim.get("/Users", cursor=cursor).status_code in (403, 503)
    become(host, "resume")
    assert scim.get(f"/Users/{ann}").json == before.json
    headers = {"If-None-Match": before.headers["ETag"]}
    assert scim.request("GET", f"/Users/{ann}", headers=headers).status_code == 304
    assert scim.get("/Users", cursor=cursor).json["Resources"][0]["userName"] == "bob"
    assert scim.patch(f"/Users/{ann}", TITLE["Operations"][0]).json["title"] == "Dr"


def test_every_change_of_state(host: Host, scim: ScimClient, ann: str) -> None:
    """Every state can follow on every other one, and on itself."""
    expected = {"pause": 503, "disable": 403, "resume": 200}
    order = "pause pause disable disable pause resume resume disable resume pause resume"
    for change in order.split():
        become(host, change)
        assert scim.get(f"/Users/{ann}").status_code == expected[change]


def test_others_go_on(host: Host, scim: ScimClient) -> None:
    """Another connection of the same customer is served while one is paused."""
    beside = host.connect("beside", tenant="1")
    become(host, "pause")
    assert scim.get("/Users").status_code == 503
    assert beside.create("bob")["userName"] == "bob"


@pytest.mark.parametrize("change", ["pause", "disable"])
def test_strangers_do_not_learn_of_it(host: Host, scim: ScimClient, change: str) -> None:
    """Whoever has no token of a connection is not told of its state."""
    beside = host.connect("beside", tenant="1")
    texts = ["noise", beside.token]
    strangers = [ScimClient(scim.http, scim.base, text) for text in texts]
    before = [each.get("/Users").json for each in strangers]
    become(host, change)
    assert [each.get("/Users").json for each in strangers] == before
    with host.app.app_context():
        (token,) = host.scim.tokens.list("acme")
        host.scim.tokens.revoke(token.id)
    assert refusal(scim.get("/Users")) == (401, None)


def test_paused_between_two_requests_of_a_session(host: Host, scim: ScimClient, ann: str) -> None:
    """A pause holds from the next request on, and what came before it is done."""
    assert scim.patch(f"/Users/{ann}", TITLE["Operations"][0]).status_code == 200
    become(host, "pause")
    remove = {"op": "remove", "path": "title"}
    assert refusal(scim.patch(f"/Users/{ann}", remove)) == (503, None)
    become(host, "resume")
    assert scim.get(f"/Users/{ann}").json["title"] == "Dr"
    assert "title" not in scim.patch(f"/Users/{ann}", remove).json
