"""Connections over the management API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from flask_scim import Connection
from tests.client import ScimClient
from tests.host import Host
from tests.management.admin import Admin, mount, problem
from tests.marks import refused_early

NEW: dict[str, Any] = {
    "id": "globex",
    "name": "Globex Corporation",
    "idp": "okta",
    "tenant": "7",
    "strict": True,
    "domains": ["Globex.example", "bücher.example"],
    "policy": {"unknown_members": "ignore"},
    "mapping": {"User": [{"scim": "userName", "app": "username"}]},
}


def stored(host: Host) -> list[Connection]:
    """The connections as they are stored."""
    with host.app.app_context():
        return host.scim.connections.list()


def test_add_and_read(admin: Admin, managed: Host) -> None:
    """A connection is added with all that it can have, and read again."""
    began = datetime.now(UTC).replace(microsecond=0)
    added = admin.ask("POST", "/connections", NEW, 201)
    created = datetime.fromisoformat(added.pop("created_at"))
    assert began <= created <= datetime.now(UTC)
    assert added == {
        **NEW,
        "domains": ["globex.example", "xn--bcher-kva.example"],
        "state": "active",
        "endpoint": "http://localhost/scim/v2/globex",
        "updated_at": None,
    }
    read = admin.ask("GET", "/connections/globex")
    assert {**read, "created_at": None} == {**added, "created_at": None}
    (connection,) = stored(managed)
    assert (connection.id, connection.tenant, connection.idp) == ("globex", "7", "okta")
    assert connection.strict is True


def test_add_with_least(admin: Admin) -> None:
    """All but the name in the URL, and the tenant where there are tenants, has a default."""
    added = admin.ask("POST", "/connections", {"id": "acme", "tenant": "1"}, 201)
    assert (added["name"], added["idp"], added["strict"]) == ("acme", "generic", False)
    assert added["domains"] == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "New"}, {"name": "New"}),
        ({"name": None}, {"name": "globex"}),
        ({"idp": "entra"}, {"idp": "entra"}),
        ({"strict": False}, {"strict": False}),
        ({"domains": []}, {"domains": []}),
        ({"domains": ["a.example"]}, {"domains": ["a.example"]}),
        ({"policy": {"unknown_members": "refuse"}}, {"policy": {"unknown_members": "refuse"}}),
        ({"policy": {"unknown_members": None}}, {"policy": {}}),
        ({"policy": {}}, {}),
        ({"state": "paused"}, {"state": "paused"}),
        ({"state": "disabled"}, {"state": "disabled"}),
        ({"state": "active"}, {}),
        ({"name": "New", "state": "paused"}, {"name": "New", "state": "paused"}),
        ({}, {}),
    ],
)
def test_change(admin: Admin, changes: dict[str, Any], expected: dict[str, Any]) -> None:
    """What is named changes, and all else stays."""
    before = admin.ask("POST", "/connections", NEW, 201)
    changed = admin.ask("PATCH", "/connections/globex", changes)
    assert (changed["updated_at"] is None) == (not changes)
    assert changed == {**before, **expected, "updated_at": changed["updated_at"]}
    assert admin.ask("GET", "/connections/globex") == changed


@pytest.mark.parametrize(("state", "status"), [("active", 200), ("paused", 503), ("disabled", 403)])
def test_state(admin: Admin, acme: ScimClient, state: str, status: int) -> None:
    """The state decides what the identity provider is answered, and can be taken back."""
    admin.ask("PATCH", "/connections/acme", {"state": state})
    assert acme.get("/Users").status_code == status
    admin.ask("PATCH", "/connections/acme", {"state": "active"})
    assert acme.get("/Users").status_code == 200


def test_remove(admin: Admin, managed: Host, acme: ScimClient, other: ScimClient) -> None:
    """A connection goes with its tokens; the app's rows and other connections stay."""
    acme.create("ann")
    admin.ask("DELETE", "/connections/acme", status=204)
    assert problem(admin.request("GET", "/connections/acme"))[0] == 404
    assert acme.get("/Users").status_code == 401
    assert other.get("/Users").status_code == 200
    with managed.app.app_context():
        assert managed.db.session.query(managed.User).count() == 1


@pytest.mark.parametrize(("take", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_list(admin: Admin, managed: Host, take: int, sizes: list[int]) -> None:
    """The list comes in pages, by name, with each connection once."""
    names = [f"c{number}" for number in range(5)]
    for name in reversed(names):
        admin.ask("POST", "/connections", {"id": name, "tenant": "1"}, 201)
    pages = admin.pages("/connections", "connections", take)
    assert [len(page) for page in pages] == sizes
    assert [each["id"] for page in pages for each in page] == names


def test_pages_cost_the_same(admin: Admin, managed: Host) -> None:
    """A page costs one statement, wherever it begins and whatever it holds."""
    for number in range(12):
        admin.ask("POST", "/connections", {"id": f"c{number}", "tenant": "1"}, 201)
    start = admin.ask("GET", "/connections?take=2")["next"]
    for query in ("take=1", "take=10", f"take=9&from={start}"):
        with managed.statements() as statements:
            admin.ask("GET", f"/connections?{query}")
        assert len(statements) == 1, statements


def test_only_connection(build: Callable[..., Host]) -> None:
    """In an app with one connection at the prefix itself, no other has an endpoint."""
    admin = mount(build(SCIM_CONNECTION="acme"))
    for name, endpoint in (("acme", "http://localhost/scim/v2"), ("other", None)):
        added = admin.ask("POST", "/connections", {"id": name, "tenant": "1"}, 201)
        assert added["endpoint"] == endpoint


@refused_early
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "id: Missing"),
        ([], 400, "JSON object"),
        (None, 400, "id: Missing"),
        ("globex", 400, "JSON object"),
        ({**NEW, "id": None}, 400, "id: "),
        ({**NEW, "id": 7}, 400, "id: "),
        ({**NEW, "id": ""}, 400, "cannot be the name"),
        ({**NEW, "id": "a/b"}, 400, "cannot be the name"),
        ({**NEW, "id": "ä"}, 400, "cannot be the name"),
        ({**NEW, "id": "x" * 65}, 400, "cannot be the name"),
        ({**NEW, "id": "acme"}, 409, "already"),
        ({**NEW, "name": 7}, 400, "name: "),
        ({**NEW, "name": "x" * 256}, 400, "name: "),
        ({**NEW, "name": "a\0b"}, 400, "NUL"),
        ({**NEW, "idp": "nobody"}, 400, "no identity provider"),
        ({**NEW, "idp": ""}, 400, "no identity provider"),
        ({**NEW, "idp": None}, 400, "idp: "),
        ({**NEW, "tenant": 7}, 400, "tenant: "),
        ({**NEW, "tenant": None}, 400, "tenant"),
        ({**NEW, "tenant": "seven"}, 400, "tenant"),
        ({**NEW, "tenant": "9" * 255}, 400, "tenant"),
        ({**NEW, "strict": "yes"}, 400, "strict: "),
        ({**NEW, "strict": None}, 400, "strict: "),
        ({**NEW, "domains": "globex.example"}, 400, "domains: "),
        ({**NEW, "domains": ["no domain"]}, 400, "no domain"),
        ({**NEW, "domains": [None]}, 400, "domains.0: "),
        ({**NEW, "policy": {"unknown_members": "drop"}}, 400, "'refuse' or 'ignore'"),
        ({**NEW, "policy": {"unknown": "drop"}}, 400, "no choice 'unknown'"),
        ({**NEW, "policy": ["unknown_members"]}, 400, "policy: "),
        ({**NEW, "state": "active"}, 400, "state: There is no such field"),
        ({**NEW, "created_at": "x"}, 400, "created_at: There is no such field"),
        ({**NEW, "x" * 9_000: 1}, 400, "There is no such field"),
        ({**NEW, **{f"x{number}": 1 for number in range(9_000)}}, 400, "There is no such field"),
        ({**NEW, "id": "x" * 9_000}, 400, "id: "),
    ],
)
def test_refused_addition(
    admin: Admin, managed: Host, acme: ScimClient, body: Any, status: int, words: str
) -> None:
    """What cannot be added is refused with words that say why, and nothing is stored."""
    response = admin.request("POST", "/connections", body)
    assert problem(response)[0] == status
    assert words in problem(response)[1]
    assert [connection.id for connection in stored(managed)] == ["acme"]


@refused_early
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "JSON object"),
        ({"id": "other"}, "id: There is no such field"),
        ({"tenant": "2"}, "tenant: There is no such field"),
        ({"idp": ""}, "idp: "),
        ({"idp": "nobody"}, "no identity provider"),
        ({"strict": 2}, "strict: "),
        ({"state": "gone"}, "state: "),
        ({"state": None}, "state: "),
        ({"state": ["active"]}, "state: "),
        ({"domains": {}}, "domains: "),
        ({"name": "New", "state": "gone"}, "state: "),
        ({"domains": ["x"], "state": "disabled"}, "no domain"),
    ],
)
def test_refused_change(
    admin: Admin, managed: Host, acme: ScimClient, body: Any, words: str
) -> None:
    """What cannot be changed is refused with words that say why, and nothing changes at all."""
    before = stored(managed)
    status, message = problem(admin.request("PATCH", "/connections/acme", body))
    assert status == 400
    assert words in message
    assert stored(managed) == before


PATHS = [
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("GET", "/scim-configuration"),
    ("POST", "/scim-configuration"),
    ("PATCH", "/scim-configuration"),
    ("DELETE", "/scim-configuration"),
    ("GET", "/scim-configuration/default-mapping"),
    ("GET", "/scim-configuration/tokens"),
    ("POST", "/scim-configuration/tokens"),
    ("POST", "/scim-configuration/tokens/rotate"),
    ("DELETE", "/scim-configuration/tokens/0011223344556677"),
    ("GET", "/users"),
    ("GET", "/users/1"),
    ("GET", "/users/1/groups"),
    ("DELETE", "/users/1"),
    ("GET", "/groups"),
    ("GET", "/groups/1"),
    ("GET", "/groups/1/members"),
    ("DELETE", "/groups/1"),
]


@pytest.mark.parametrize("name", ["nobody", "ACME", "a%00b", "%ED%A0%80", "%F0%9F%98%80", "x" * 99])
def test_no_such_connection(admin: Admin, acme: ScimClient, name: str) -> None:
    """What is asked of a connection that is not there is refused with 404, by every endpoint."""
    for method, path in PATHS:
        status, message = problem(admin.request(method, f"/connections/{name}{path}"))
        assert (status, "There is no connection" in message) == (404, True), (method, path)


@refused_early
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("take=0", "take: "),
        ("take=101", "take: "),
        ("take=x", "take: "),
        ("take=1&take=2", "twice"),
        ("from=x", "cursor"),
        ("from=" + "x" * 20_000, "cursor"),
        ("form=x", "form: There is no such field"),
        ("page=2", "page: There is no such field"),
    ],
)
@pytest.mark.parametrize("path", ["/connections", "/connections/acme/users"])
def test_refused_page(admin: Admin, acme: ScimClient, path: str, query: str, words: str) -> None:
    """What is no page is refused: a list that began again by mistake would never end."""
    status, message = problem(admin.request("GET", f"{path}?{query}"))
    assert status == 400
    assert words in message


@refused_early
@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"data": b"{}"}, 415, "application/json"),
        ({"data": b"{}", "content_type": "text/plain"}, 415, "application/json"),
        ({"data": b"{}", "content_type": "application/scim+json"}, 415, "application/json"),
        ({"data": {"id": "x"}}, 415, "application/json"),
        ({"data": b"", "content_type": "text/plain"}, 415, "application/json"),
        ({"data": b"", "content_type": "application/json"}, 400, "empty"),
        ({"data": b"{", "content_type": "application/json"}, 400, "JSON"),
        ({"data": b"\xff", "content_type": "application/json"}, 400, "JSON"),
        ({"data": b"[" * 99_999, "content_type": "application/json"}, 400, "JSON"),
        ({"data": b'{"id": NaN}', "content_type": "application/json"}, 400, "JSON"),
        ({"data": b" " * 3_000_000, "content_type": "application/json"}, 413, "bytes"),
    ],
)
def test_refused_body(admin: Admin, options: dict[str, Any], status: int, words: str) -> None:
    """What is no JSON, or is not said to be JSON, is refused."""
    found, message = problem(admin.request("POST", "/connections", **options))
    assert found == status
    assert words in message
