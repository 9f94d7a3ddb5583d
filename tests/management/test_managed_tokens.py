"""Tokens over the management API."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.client import ScimClient
from tests.host import Host
from tests.management.admin import Admin, problem
from tests.marks import refused_early

PATH = "/connections/globex/scim-configuration/tokens"


@pytest.fixture(autouse=True)
def globex(admin: Admin) -> None:
    """A connection without tokens."""
    admin.ask("POST", "/connections", {"id": "globex", "tenant": "7"}, 201)


def client(admin: Admin, token: str) -> ScimClient:
    """An identity provider with a token of the connection."""
    return ScimClient(admin.http, "/scim/v2/globex", token)


def test_issue_and_list(admin: Admin) -> None:
    """A token is shown when it is issued; the list tells when it was used, and not the token."""
    body = {"scopes": ["get:users", "patch:users"], "token_lifetime": 900}
    issued = admin.ask("POST", PATH, body, 201)
    token = issued.pop("token")
    assert set(issued) == {"token_id", "scopes", "created_at", "valid_until"}
    assert issued["scopes"] == body["scopes"]
    created, until = (datetime.fromisoformat(issued[f]) for f in ("created_at", "valid_until"))
    assert until - created == timedelta(seconds=900)
    assert admin.ask("GET", PATH) == [{**issued, "last_used_at": None}]
    assert client(admin, token).get("/Users").status_code == 200
    response = admin.request("GET", PATH)
    used = datetime.fromisoformat(response.json[0]["last_used_at"])
    assert abs(datetime.now(UTC) - used) < timedelta(minutes=1)
    assert not [part for part in token.split(".")[1:] if part in response.text]


@pytest.mark.parametrize(
    ("body", "scopes", "lasts"),
    [
        ({}, 10, False),
        ({"token_lifetime": None}, 10, False),
        ({"scopes": ["entra"], "token_lifetime": 86_400}, 8, True),
        ({"scopes": ["get:groups"]}, 1, False),
    ],
)
def test_defaults(admin: Admin, body: dict[str, Any], scopes: int, lasts: bool) -> None:
    """A token has all scopes and no end unless the body says so; presets have names."""
    issued = admin.ask("POST", PATH, body, 201)
    assert len(issued["scopes"]) == scopes
    assert (issued["valid_until"] is not None) == lasts


@pytest.mark.parametrize("path", ["", "/rotate"])
def test_without_body(admin: Admin, path: str) -> None:
    """Nothing needs to be said."""
    if path:
        admin.ask("POST", PATH, status=201)
    sent = admin.request("POST", PATH + path, data=b"", content_type="application/json")
    assert sent.status_code == 201


def test_rotate(admin: Admin) -> None:
    """A token is followed by one like it, and stays good until it is revoked."""
    first = admin.ask("POST", PATH, {"scopes": ["get:users"], "token_lifetime": 1_000}, 201)
    second = admin.ask("POST", f"{PATH}/rotate", status=201)
    assert second["scopes"] == first["scopes"]
    assert [each["token_id"] for each in admin.ask("GET", PATH)] == [
        second["token_id"],
        first["token_id"],
    ]
    for token in (first, second):
        assert client(admin, token["token"]).get("/Users").status_code == 200
    status, message = problem(admin.request("POST", f"{PATH}/rotate"))
    assert (status, first["token_id"] in message) == (409, True)
    admin.ask("DELETE", f"{PATH}/{first['token_id']}", status=204)
    assert client(admin, first["token"]).get("/Users").status_code == 401
    third = admin.ask("POST", f"{PATH}/rotate", {"token_lifetime": 2_000}, 201)
    created, until = (datetime.fromisoformat(third[f]) for f in ("created_at", "valid_until"))
    assert until - created == timedelta(seconds=2_000)


def test_rotate_nothing(admin: Admin) -> None:
    """There has to be a token that another one can follow."""
    status, message = problem(admin.request("POST", f"{PATH}/rotate"))
    assert (status, "issue one" in message) == (409, True)


def test_third_token(admin: Admin) -> None:
    """A connection has two tokens; one that is revoked makes room."""
    first = admin.ask("POST", PATH, status=201)
    admin.ask("POST", PATH, status=201)
    assert problem(admin.request("POST", PATH))[0] == 409
    assert len(admin.ask("GET", PATH)) == 2
    admin.ask("DELETE", f"{PATH}/{first['token_id']}", status=204)
    admin.ask("POST", PATH, status=201)


@refused_early
@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("", {"token_lifetime": 899}, "900"),
        ("", {"token_lifetime": 0}, "900"),
        ("", {"token_lifetime": -1}, "900"),
        ("", {"token_lifetime": 10**12}, "ten years"),
        ("", {"token_lifetime": "900"}, "token_lifetime: "),
        ("", {"token_lifetime": 900.5}, "token_lifetime: "),
        ("", {"token_lifetime": True}, "token_lifetime: "),
        ("", {"scopes": []}, "scopes: "),
        ("", {"scopes": [""]}, "scopes.0: It names no scope"),
        ("", {"scopes": [" ,"]}, "scopes.0: It names no scope"),
        ("", {"scopes": ["  "]}, "scopes.0: It names no scope"),
        ("", {"scopes": ["get:cars"]}, "get:users"),
        ("", {"scopes": [None]}, "scopes.0: "),
        ("", {"scopes": "get:users"}, "scopes: "),
        ("", {"scopes": None}, "scopes: "),
        ("", {"lifetime": 900}, "lifetime: There is no such field"),
        ("", [], "JSON object"),
        ("/rotate", {"token_lifetime": 899}, "900"),
        ("/rotate", {"token_lifetime": None}, "token_lifetime: "),
        ("/rotate", {"scopes": ["get:users"]}, "scopes: There is no such field"),
    ],
)
def test_refused_token(admin: Admin, path: str, body: Any, words: str) -> None:
    """What cannot be issued is refused with words that say why."""
    if path:
        admin.ask("POST", PATH, status=201)
    before = admin.ask("GET", PATH)
    status, message = problem(admin.request("POST", PATH + path, body))
    assert status == 400
    assert words in message
    assert admin.ask("GET", PATH) == before


@pytest.mark.parametrize("id", ["0011223344556677", "x" * 99, "a%00b", "%ED%A0%80", "é"])
def test_revoke_unknown(admin: Admin, id: str) -> None:
    """What is no token is not revoked."""
    assert problem(admin.request("DELETE", f"{PATH}/{id}"))[0] == 404


def test_revoke_twice(admin: Admin) -> None:
    """A token that is revoked is gone from the list."""
    issued = admin.ask("POST", PATH, status=201)
    admin.ask("DELETE", f"{PATH}/{issued['token_id']}", status=204)
    assert admin.ask("GET", PATH) == []
    assert problem(admin.request("DELETE", f"{PATH}/{issued['token_id']}"))[0] == 404


def test_token_of_another_connection(admin: Admin, other: ScimClient) -> None:
    """A token of another connection is not there: it is not told of, and stays good."""
    (token,) = admin.ask("GET", "/connections/other/scim-configuration/tokens")
    refused = problem(admin.request("DELETE", f"{PATH}/{token['token_id']}"))
    unknown = problem(admin.request("DELETE", f"{PATH}/0011223344556677"))
    assert refused[1].replace(token["token_id"], "") == unknown[1].replace("0011223344556677", "")
    assert other.get("/Users").status_code == 200


def test_nothing_secret_in_logs(
    admin: Admin, managed: Host, caplog: pytest.LogCaptureFixture
) -> None:
    """No log line holds a token, or a part of it that is secret."""
    with caplog.at_level(logging.DEBUG):
        token = admin.ask("POST", PATH, status=201)["token"]
        admin.ask("POST", f"{PATH}/rotate", status=201)
        admin.ask("GET", PATH)
    assert not [part for part in token.split(".")[1:] if part in caplog.text]
