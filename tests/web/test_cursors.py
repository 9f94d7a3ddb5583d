"""Pages by cursor (RFC 9865)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from itsdangerous import TimestampSigner

from tests.client import ScimClient
from tests.host import Host
from tests.web.answers import refusal

NAMES = ["ann", "Bob", "cid", "Dot", "eve", "fay", "gus"]
SORTS = [
    {},
    {"sortBy": "userName"},
    {"sortBy": "userName", "sortOrder": "descending"},
    {"sortBy": "nickName"},
    {"sortBy": "emails", "sortOrder": "descending"},
    {"sortBy": "meta.created"},
    {"sortBy": "meta.lastModified", "sortOrder": "descending"},
    {"sortBy": "id"},
    {"sortBy": "active"},
]


@pytest.fixture
def crowd(scim: ScimClient) -> ScimClient:
    """Seven users, some with a nick name and an e-mail address."""
    for number, name in enumerate(NAMES):
        nick = {"nickName": "é" * (number % 3)} if number % 3 else {}
        emails = [{"type": "work", "value": f"{name}@example.com"}] if number % 2 else []
        scim.create(name, emails=emails, **nick)
    return scim


def names(page: dict[str, Any]) -> list[str]:
    """The users of a page."""
    return [each["userName"] for each in page["Resources"]]


def walk(scim: ScimClient, direction: str, page: dict[str, Any], **query: Any) -> Iterator[Any]:
    """Go through the pages from one on, in a direction."""
    while True:
        yield page
        if direction not in page:
            return
        response = scim.get("/Users", cursor=page[direction], **query)
        assert response.status_code == 200, response.text
        page = response.json


@pytest.mark.parametrize("sort", SORTS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_there_and_back(crowd: ScimClient, sort: dict[str, str], count: int) -> None:
    """Pages one after another are the whole list, and so they are on the way back."""
    whole = names(crowd.get("/Users", **sort).json)
    first = crowd.get("/Users", cursor="", count=count, **sort).json
    pages = list(walk(crowd, "nextCursor", first, count=count, **sort))
    assert [name for page in pages for name in names(page)] == whole
    assert {page.get("totalResults") for page in pages} == {7 if len(pages) == 1 else None}
    assert "previousCursor" not in pages[0]
    assert all("previousCursor" in page for page in pages[1:])
    assert all(page["itemsPerPage"] == len(page["Resources"]) <= count for page in pages)
    assert not any("startIndex" in page for page in pages)
    back = list(walk(crowd, "previousCursor", pages[-1], count=count, **sort))
    assert list(map(names, reversed(back))) == list(map(names, pages))
    again = list(walk(crowd, "nextCursor", back[-1], count=count, **sort))
    assert list(map(names, again)) == list(map(names, pages))


def test_cursors_are_safe_in_urls(crowd: ScimClient) -> None:
    """A cursor has nothing that would have to be escaped, and is opaque to the client."""
    page = crowd.get("/Users", cursor="", count=2, sortBy="nickName").json
    assert re.fullmatch(r"[A-Za-z0-9._~-]+", page["nextCursor"])


def test_filter_and_attributes(crowd: ScimClient) -> None:
    """A filter belongs to the query; what is shown of the results may change."""
    query = {"filter": 'userName ge "b" and userName lt "g"', "sortBy": "userName", "count": 2}
    first = crowd.get("/Users", cursor="", **query).json
    assert names(first) == ["Bob", "cid"]
    page = crowd.get("/Users", cursor=first["nextCursor"], attributes="userName", **query).json
    assert names(page) == ["Dot", "eve"]
    assert page["Resources"][0].keys() == {"schemas", "id", "userName"}


def test_count_may_be_left_out(crowd: ScimClient) -> None:
    """A page is as large as the first one; another size is refused."""
    first = crowd.get("/Users", cursor="", count=3).json
    assert names(crowd.get("/Users", cursor=first["nextCursor"]).json) == ["Dot", "eve", "fay"]
    refused = crowd.get("/Users", cursor=first["nextCursor"], count=2)
    assert refusal(refused) == (400, "invalidCount")
    assert "3" in refused.json["detail"]


def test_only_the_total(crowd: ScimClient) -> None:
    """A count of 0, or below, gives the total and nothing else."""
    for count in (0, -5):
        page = crowd.get("/Users", cursor="", count=count).json
        assert page["totalResults"] == 7
        assert page["Resources"] == []
        assert "nextCursor" not in page


def test_totals(build: Callable[..., Host]) -> None:
    """An app can have the results of all pages counted; then every page says so."""
    scim = build(SCIM_CURSOR_TOTALS=True).connect("acme", tenant="1")
    for name in NAMES:
        scim.create(name)
    query = {"filter": 'userName ge "b"', "count": 4}
    for path in ("/Users", "/"):
        first = scim.get(path, cursor="", **query).json
        second = scim.get(path, cursor=first["nextCursor"], **query).json
        assert (first["totalResults"], second["totalResults"]) == (6, 6)


def test_the_largest_page(build: Callable[..., Host]) -> None:
    """A page is never larger than the settings allow."""
    scim = build(SCIM_MAX_PAGE_SIZE=2).connect("acme", tenant="1")
    for name in NAMES:
        scim.create(name)
    first = scim.get("/Users", cursor="", count=1_000).json
    assert first["itemsPerPage"] == 2
    assert names(scim.get("/Users", cursor=first["nextCursor"], count=1_000).json) == ["cid", "Dot"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"cursor": "nonsense"}, "invalidCursor"),
        ({"cursor": "a.b.c"}, "invalidCursor"),
        ({"cursor": "\0"}, "invalidCursor"),
        ({"cursor": "é" * 50}, "invalidCursor"),
        ({"cursor": "x" * 50_000}, "invalidCursor"),
        ({"cursor": "", "count": "many"}, "invalidCount"),
        ({"cursor": "", "count": ""}, "invalidCount"),
        ({"cursor": "", "startIndex": 1}, "invalidValue"),
        ({"count": "many"}, "invalidValue"),
    ],
)
def test_bad_parameters(crowd: ScimClient, query: dict[str, Any], expected: str) -> None:
    """What is no cursor and no count is refused."""
    assert refusal(crowd.get("/Users", **query)) == (400, expected)


def test_tampered(crowd: ScimClient) -> None:
    """A cursor that was changed in any place is none."""
    cursor = crowd.get("/Users", cursor="", count=2).json["nextCursor"]
    for place in range(0, len(cursor), 7):
        # At the end the two lowest of a letter's six bits say nothing; B differs from A in one.
        other = "A" if cursor[place] != "A" else "Q"
        changed = cursor[:place] + other + cursor[place + 1 :]
        assert refusal(crowd.get("/Users", cursor=changed)) == (400, "invalidCursor"), place


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/Users", {"filter": "userName pr"}),
        ("/Users", {"sortBy": "userName"}),
        ("/Users", {"sortOrder": "descending"}),
        ("/Groups", {}),
        ("/", {}),
    ],
)
def test_another_query(crowd: ScimClient, path: str, query: dict[str, Any]) -> None:
    """A cursor is good for the query that it came from."""
    cursor = crowd.get("/Users", cursor="", count=2).json["nextCursor"]
    refused = crowd.get(path, cursor=cursor, **query)
    assert refusal(refused) == (400, "invalidCursor")
    assert "another query" in refused.json["detail"]


def test_another_connection(host: Host, crowd: ScimClient) -> None:
    """A cursor of another connection, even of the same tenant, is as good as any noise."""
    cursor = crowd.get("/Users", cursor="", count=2).json["nextCursor"]
    for tenant in ("1", "2"):
        other = host.connect(f"other-{tenant}", tenant=tenant)
        refused = other.get("/Users", cursor=cursor)
        assert refusal(refused) == (400, "invalidCursor")
        noise = other.get("/Users", cursor="noise")
        assert refused.json == noise.json


def test_expired(build: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor ends; the refusal says for how long it was good."""
    now = int(time.time())
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now)
    scim = build(SCIM_CURSOR_TIMEOUT=60).connect("acme", tenant="1")
    for name in NAMES:
        scim.create(name)
    cursor = scim.get("/Users", cursor="", count=2).json["nextCursor"]
    now += 60
    assert scim.get("/Users", cursor=cursor).status_code == 200
    now += 1
    refused = scim.get("/Users", cursor=cursor)
    assert refusal(refused) == (400, "expiredCursor")
    assert "60 seconds" in refused.json["detail"]


def test_keys_can_be_rotated(build: Callable[..., Host]) -> None:
    """A cursor outlives the change of SECRET_KEY where the old key is a fallback."""
    scim = build().connect("acme", tenant="1")
    for name in NAMES:
        scim.create(name)
    cursor = scim.get("/Users", cursor="", count=2).json["nextCursor"]
    for fallbacks, status in (["secret"], 200), ([], 400):
        other = build(SECRET_KEY="new", SECRET_KEY_FALLBACKS=fallbacks)
        with other.app.app_context():
            token, _ = other.scim.tokens.issue("acme")
        client = ScimClient(other.app.test_client(), scim.base, token)
        assert client.get("/Users", cursor=cursor).status_code == status
        with other.app.app_context():
            other.scim.tokens.revoke(token.removeprefix("scim_").partition(".")[0])


def test_rows_that_come_and_go(crowd: ScimClient) -> None:
    """Rows that are made or deleted between pages neither hide others nor show them twice."""
    seen: list[str] = []
    first = crowd.get("/Users", cursor="", count=2, sortBy="userName").json
    for step, page in enumerate(walk(crowd, "nextCursor", first, count=2, sortBy="userName")):
        seen += names(page)
        crowd.create(f"aaa {step}")
        crowd.create(f"zzz {step}")
        crowd.delete(f"/Users/{page['Resources'][-1]['id']}")
        if step == 4:
            break
    assert [name for name in seen if name in NAMES] == NAMES
    assert len(seen) == len(set(seen))


def test_statements(host: Host, crowd: ScimClient) -> None:
    """Each page behind the first takes as many statements, and nobody counts again."""
    costs = []
    page = crowd.get("/Users", cursor="", count=2).json
    while "nextCursor" in page:
        with host.statements() as statements:
            page = crowd.get("/Users", cursor=page["nextCursor"], count=2).json
        costs.append(len(statements))
        assert not any("count(" in statement.lower() for statement in statements)
    assert len(costs) == 3
    assert len(set(costs)) == 1
