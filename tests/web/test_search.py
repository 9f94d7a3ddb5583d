"""Searches by POST, and over every resource type at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.client import ENTERPRISE, ScimClient
from tests.host import Host
from tests.marks import refused_early
from tests.web.answers import refusal

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


def search(scim: ScimClient, path: str = "/Users", **asked: Any) -> Any:
    """What a search finds."""
    response = scim.post(f"{path}/.search", {"schemas": [SEARCH], **asked})
    assert response.status_code == 200, response.text
    assert response.mimetype == "application/scim+json"
    return response.json


def names(found: dict[str, Any]) -> list[str]:
    """Users by userName, groups by displayName."""
    return [each.get("userName") or each["displayName"] for each in found["Resources"]]


@pytest.fixture
def crowd(scim: ScimClient) -> ScimClient:
    """Three users, two groups."""
    for name in ("ann", "bob", "cid"):
        scim.create(name, nickName=f"nick {name}", externalId=f"x-{name}")
    for name in ("ops", "dev"):
        scim.create_group(name, externalId=f"x-{name}")
    return scim


def test_search_is_a_list(crowd: ScimClient) -> None:
    """A search by POST answers as the same list by GET does."""
    asked = {"filter": 'userName ge "b"', "sortBy": "userName", "sortOrder": "descending"}
    listed = crowd.get("/Users", **asked, count=1, startIndex=2, attributes="userName").json
    found = search(crowd, **asked, count=1, startIndex=2, attributes=["userName"])
    assert names(found) == ["bob"]
    assert listed == found


def test_search_takes_keys_in_any_case(crowd: ScimClient) -> None:
    """Names in messages ignore letter case, and null says nothing."""
    found = search(crowd, FILTER='userName eq "bob"', SORTBY=None, Count=None, extra=1)
    assert names(found) == ["bob"]
    assert search(crowd, attributes="userName,id")["Resources"][0].keys() == {
        "schemas",
        "id",
        "userName",
    }
    assert "nickName" not in search(crowd, excludedAttributes=["nickName"])["Resources"][0]


@refused_early
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], (400, "invalidSyntax")),
        ("x", (400, "invalidSyntax")),
        ({"schemas": "x"}, (400, "invalidSyntax")),
        ({"schemas": ["urn:nonsense"]}, (400, "invalidSyntax")),
        ({"filter": 1}, (400, "invalidValue")),
        ({"filter": "nonsense"}, (400, "invalidFilter")),
        ({"filter": 'password eq "x"'}, (400, "invalidFilter")),
        ({"filter": 'nonsense eq "x"'}, (400, "invalidFilter")),
        ({"sortBy": "nonsense"}, (400, "invalidValue")),
        ({"sortBy": "name"}, (400, "invalidValue")),
        ({"sortBy": "members"}, (400, "invalidValue")),
        ({"sortBy": ["userName"]}, (400, "invalidValue")),
        ({"sortOrder": "up"}, (400, "invalidValue")),
        ({"count": "many"}, (400, "invalidValue")),
        ({"count": True}, (400, "invalidValue")),
        ({"count": 1.5}, (400, "invalidValue")),
        ({"startIndex": {}}, (400, "invalidValue")),
        ({"count": "x", "cursor": ""}, (400, "invalidCount")),
        ({"cursor": 1}, (400, "invalidValue")),
        ({"cursor": "", "startIndex": 1}, (400, "invalidValue")),
        ({"cursor": "nonsense"}, (400, "invalidCursor")),
        ({"attributes": [1]}, (400, "invalidValue")),
        ({"attributes": {"a": 1}}, (400, "invalidValue")),
        ({"attributes": ["userName"], "excludedAttributes": ["id"]}, (400, "invalidValue")),
    ],
)
@pytest.mark.parametrize("path", ["/Users", ""])
def test_bad_search(
    crowd: ScimClient, path: str, body: Any, expected: tuple[int, str | None]
) -> None:
    """A search that cannot be read is refused with what is wrong."""
    if isinstance(body, dict):
        body = {"schemas": [SEARCH], **body}
    assert expected == refusal(crowd.post(f"{path}/.search", body))


def test_search_needs_the_scope_to_read(host: Host, scim: ScimClient) -> None:
    """A search is a read, whatever its method; the root shows what the token may read."""
    scim.create("ann")
    scim.create_group("ops")
    writer = host.connect("writer", "post:users", "post:groups", tenant="1")
    for path in ("/Users", "/Groups", ""):
        assert refusal(writer.post(f"{path}/.search", {})) == (403, None)
    assert refusal(writer.get("/")) == (403, None)
    with host.app.app_context():
        token, _ = host.scim.tokens.issue("acme", ["get:groups"])
    reader = ScimClient(scim.http, scim.base, token)
    assert names(search(reader, "")) == ["ops"]
    assert refusal(reader.post("/Users/.search", {})) == (403, None)


@pytest.mark.parametrize("path", ["", "/"])
def test_root_lists_every_type(crowd: ScimClient, path: str) -> None:
    """The root lists the users, then the groups, with one total."""
    listed = crowd.get(path).json
    assert listed["totalResults"] == 5
    assert names(listed) == ["ann", "bob", "cid", "ops", "dev"]
    assert [each["meta"]["resourceType"] for each in listed["Resources"]] == ["User"] * 3 + [
        "Group"
    ] * 2
    assert listed["Resources"][3]["meta"]["location"].endswith(
        f"/Groups/{listed['Resources'][3]['id']}"
    )


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ('meta.resourceType eq "Group"', ["ops", "dev"]),
        ('meta.resourceType eq "User" and userName ne "ann"', ["bob", "cid"]),
        ('userName eq "ann"', ["ann"]),
        ('not (userName eq "ann")', ["bob", "cid", "ops", "dev"]),
        ('userName ne "ann"', ["bob", "cid", "ops", "dev"]),
        ('displayName eq "ops" or userName eq "cid"', ["cid", "ops"]),
        ("userName eq null", ["ops", "dev"]),
        ("userName ne null", ["ann", "bob", "cid"]),
        ("userName pr", ["ann", "bob", "cid"]),
        ("not (userName pr)", ["ops", "dev"]),
        ('emails[type eq "work"]', []),
        ('not (emails[type eq "work"])', ["ann", "bob", "cid", "ops", "dev"]),
        ('externalId sw "x-"', ["ann", "bob", "cid", "ops", "dev"]),
        (f'{ENTERPRISE}:department eq "x" or displayName eq "dev"', ["dev"]),
        ('members[value eq "nobody"] or nickName ew "bob"', ["bob"]),
    ],
)
def test_root_filter(crowd: ScimClient, filter: str, expected: list[str]) -> None:
    """What only another type has is an attribute without a value."""
    found = search(crowd, "", filter=filter)
    assert names(found) == expected
    assert found["totalResults"] == len(expected)
    assert found == crowd.get("", filter=filter).json


@pytest.mark.parametrize("filter", ['nonsense eq "x"', "userName gt", "userName eq 1 or x pr"])
def test_root_bad_filter(crowd: ScimClient, filter: str) -> None:
    """What no type has is a mistake."""
    assert refusal(crowd.get("", filter=filter)) == (400, "invalidFilter")


@pytest.mark.parametrize(
    ("sort_by", "order", "expected"),
    [
        ("externalId", "ascending", ["ann", "bob", "cid", "dev", "ops"]),
        ("externalId", "descending", ["ops", "dev", "cid", "bob", "ann"]),
        ("userName", "descending", ["dev", "ops", "cid", "bob", "ann"]),
        ("userName", "ascending", ["ann", "bob", "cid", "ops", "dev"]),
        ("meta.created", "ascending", ["ann", "bob", "cid", "ops", "dev"]),
        ("meta.created", "descending", ["dev", "ops", "cid", "bob", "ann"]),
    ],
)
def test_root_sort(crowd: ScimClient, sort_by: str, order: str, expected: list[str]) -> None:
    """Results of several types are in one order; those without the attribute are absent ones."""
    assert names(search(crowd, "", sortBy=sort_by, sortOrder=order)) == expected
    pages = [
        names(search(crowd, "", sortBy=sort_by, sortOrder=order, startIndex=start, count=2))
        for start in (1, 3, 5, 7)
    ]
    assert pages == [expected[:2], expected[2:4], expected[4:], []]


def test_root_sort_reaches_so_far(build: Callable[..., Host]) -> None:
    """Far inside a sorted list of several types only a cursor leads."""
    scim = build(SCIM_MAX_PAGE_SIZE=5).connect("acme", tenant="1")
    assert search(scim, "", sortBy="externalId", startIndex=46, count=5)["Resources"] == []
    refused = scim.get("", sortBy="externalId", startIndex=47, count=5)
    assert refusal(refused) == (400, "tooMany")
    assert "cursor" in refused.json["detail"]
    assert search(scim, "", startIndex=1_000_000)["Resources"] == []


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("sort_by", [None, "externalId", "userName"])
def test_root_pages(crowd: ScimClient, count: int, sort_by: str | None) -> None:
    """Pages of several types, by index and by cursor, are parts of the whole list."""
    whole = names(search(crowd, "", sortBy=sort_by))
    by_index = [
        name
        for start in range(1, 7, count)
        for name in names(search(crowd, "", sortBy=sort_by, startIndex=start, count=count))
    ]
    assert by_index == whole
    by_cursor: list[str] = []
    page = search(crowd, "", sortBy=sort_by, cursor="", count=count)
    while True:
        assert page.get("totalResults") == (5 if count >= 5 else None)
        assert page["itemsPerPage"] == len(page["Resources"]) <= count
        assert "startIndex" not in page
        by_cursor += names(page)
        if "nextCursor" not in page:
            break
        page = search(crowd, "", sortBy=sort_by, cursor=page["nextCursor"], count=count)
    assert by_cursor == whole


def test_root_counts_alone(crowd: ScimClient) -> None:
    """With a count of 0 there is nothing but the total."""
    for asked in ({"count": 0}, {"count": 0, "cursor": ""}, {"count": -1}):
        found = search(crowd, "", **asked)
        assert (found["totalResults"], found["Resources"]) == (5, [])


def test_root_cost_is_constant(host: Host, crowd: ScimClient) -> None:
    """However many there are, a search over all types takes as many statements."""
    costs = []
    for _ in range(2):
        for asked in ({}, {"sortBy": "externalId"}, {"cursor": ""}):
            with host.statements() as statements:
                search(crowd, "", count=2, **asked)
            costs.append(len(statements))
        for number in range(6):
            crowd.create(f"more {number}{len(costs)}")
            crowd.create_group(f"more {number}{len(costs)}")
    assert costs[:3] == costs[3:]


def test_root_attributes(crowd: ScimClient) -> None:
    """Names that one type alone has are asked of it alone."""
    found = search(crowd, "", attributes=["userName", "displayName"])
    assert [each.keys() - {"schemas", "id"} for each in found["Resources"]] == [
        {"userName"}
    ] * 3 + [{"displayName"}] * 2


def test_sort_without_the_urn(scim: ScimClient) -> None:
    """A forgiving connection takes an extension's attribute without its URN, as in a filter."""
    for name, department in (("ann", "b"), ("bob", "a"), ("cid", None)):
        extension = {"department": department} if department else {}
        scim.create(name, **{ENTERPRISE: extension})
    for sort_by in ("department", f"{ENTERPRISE}:department"):
        assert names(search(scim, sortBy=sort_by)) == ["bob", "ann", "cid"]
