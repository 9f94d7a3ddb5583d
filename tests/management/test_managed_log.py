"""The log over HTTP: for administrators, a page at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import USER, ScimClient
from tests.management.admin import Admin, problem

PATH = "/connections/acme/logs"


@pytest.fixture
def asked(acme: ScimClient, other: ScimClient) -> str:
    """Requests of ``acme`` and of another connection; the id of a user of ``acme``."""
    body = {"schemas": [USER], "userName": "ann@example.com"}
    id: str = acme.request("POST", "/Users", body, buffered=True).json["id"]
    acme.request("POST", "/Users", body, buffered=True)
    acme.request("GET", f"/Users/{id}", buffered=True)
    other.request("GET", "/Users/17", buffered=True)
    return id


def test_log(admin: Admin, asked: str) -> None:
    """The newest request comes first, with its explanation, and none of another connection."""
    page = admin.ask("GET", PATH)
    assert page["next"] is None
    assert [(each["method"], each["status"]) for each in page["logs"]] == [
        ("GET", 200),
        ("POST", 409),
        ("POST", 201),
    ]
    refused = page["logs"][1]
    assert refused["detail"] == "userName '…' is taken by another User."
    assert refused["explanation"][0].startswith("Somebody else")
    assert page["logs"][2]["resource_id"] == asked
    assert "ann@example.com" not in str(page)


def test_pages(admin: Admin, asked: str) -> None:
    """It is read a page at a time."""
    pages = admin.pages(PATH, "logs", 2)
    assert [[each["status"] for each in page] for page in pages] == [[200, 409], [201]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("errors=true", [409]),
        ("status=2", [200, 201]),
        ("status=201", [201]),
        ("method=GET", [200]),
        ("user={user}", [200, 201]),
        ("since=2000-01-01T00:00:00Z", [200, 409, 201]),
        ("since=2999-01-01T00:00:00Z", []),
        ("request_id=nothing", []),
    ],
)
def test_search(admin: Admin, asked: str, query: str, expected: list[int]) -> None:
    """It can be narrowed down."""
    found = admin.ask("GET", f"{PATH}?{query.format(user=asked)}")["logs"]
    assert [each["status"] for each in found] == expected


def test_a_page_of_another_search(admin: Admin, asked: str) -> None:
    """Where a page ends is of use for the same question of the same connection alone."""
    following: Any = admin.ask("GET", f"{PATH}?take=1")["next"]
    for path in (
        f"{PATH}?errors=true&from={following}",
        f"/connections/other/logs?from={following}",
    ):
        assert problem(admin.request("GET", path))[0] == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/connections/nobody/logs", 404),
        (f"{PATH}?status=9xx", 400),
        (f"{PATH}?status=0", 400),
        (f"{PATH}?since=soon", 400),
        (f"{PATH}?user=%00", 400),
        (f"{PATH}?nonsense=1", 400),
    ],
)
def test_refusals(admin: Admin, asked: str, path: str, status: int) -> None:
    """What cannot be searched for is refused."""
    assert problem(admin.request("GET", path))[0] == status
