"""Walls: nothing of one customer is in reach of another's token."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import USER, ScimClient
from tests.host import Host
from tests.web.answers import refusal, stored

ANN: dict[str, Any] = {
    "schemas": [USER],
    "userName": "ann@example.com",
    "externalId": "a-1",
    "emails": [{"type": "work", "value": "ann@example.com"}],
    "title": "Dr",
}
MASK = {"schemas": [USER], "userName": "mask@example.com"}


@pytest.fixture
def other(host: Host) -> ScimClient:
    """A client on the connection ``other`` of tenant 2."""
    return host.connect("other", tenant="2")


@pytest.fixture
def beside(host: Host) -> ScimClient:
    """A client on a second connection of tenant 1."""
    return host.connect("beside", tenant="1")


@pytest.fixture(params=["other", "beside"])
def stranger(request: pytest.FixtureRequest) -> ScimClient:
    """A client on another connection, of another tenant and of the same."""
    found: ScimClient = request.getfixturevalue(request.param)
    return found


def test_by_id(host: Host, scim: ScimClient, stranger: ScimClient) -> None:
    """A user of another connection cannot be read, changed or deleted by id."""
    id = scim.post("/Users", ANN).json["id"]
    before = stored(host)
    operation = {"op": "replace", "path": "active", "value": False}
    for response in (
        stranger.get(f"/Users/{id}"),
        stranger.put(f"/Users/{id}", MASK),
        stranger.patch(f"/Users/{id}", operation),
        stranger.patch(f"/Users/{id}", {"op": "remove", "path": "title"}),
        stranger.delete(f"/Users/{id}"),
    ):
        assert refusal(response) == (404, None)
        assert response.json == stranger.get(f"/Users/{id}").json
    assert before == stored(host)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("If-Match", 'W/"1"'),
        ("If-Match", 'W/"9"'),
        ("If-Match", "*"),
        ("If-None-Match", 'W/"1"'),
        ("If-None-Match", "*"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_by_version(
    scim: ScimClient, stranger: ScimClient, method: str, header: str, value: str
) -> None:
    """A version does not tell that there is a user: the answer is 404, not 304 or 412."""
    id = scim.post("/Users", ANN).json["id"]
    body: Any = {"PUT": MASK, "PATCH": {"Operations": [{"op": "remove", "path": "title"}]}}
    response = stranger.request(method, f"/Users/{id}", body.get(method), headers={header: value})
    assert refusal(response) == (404, None)
    assert "ETag" not in response.headers


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"filter": "userName pr"},
        {"filter": 'userName eq "ann@example.com"'},
        {"filter": 'userName ne "x"'},
        {"filter": 'not (userName eq "x")'},
        {"filter": 'userName eq "x" or userName pr'},
        {"filter": "active eq true or active eq false"},
        {"filter": 'externalId eq "a-1"'},
        {"filter": 'emails[type eq "work"].value eq "ann@example.com"'},
        {"filter": 'emails.value co "@" or title pr'},
        {"filter": 'meta.created gt "2000-01-01T00:00:00Z"'},
        {"filter": 'meta.version eq "W/\\"1\\""'},
        {"filter": 'schemas eq "urn:ietf:params:scim:schemas:core:2.0:User" or id pr'},
        {"count": "0"},
        {"startIndex": "2"},
        {"sortBy": "userName", "attributes": "userName"},
    ],
)
def test_by_search(scim: ScimClient, stranger: ScimClient, query: dict[str, str]) -> None:
    """No search finds or counts a user of another connection."""
    scim.post("/Users", ANN)
    response = stranger.get("/Users", **query)
    assert response.status_code == 200
    assert (response.json["totalResults"], response.json["Resources"]) == (0, [])


def test_by_id_in_a_filter(scim: ScimClient, stranger: ScimClient) -> None:
    """Nor does a search by id."""
    id = scim.post("/Users", ANN).json["id"]
    for filter in (f'id eq "{id}"', f'id eq "{id}" or userName pr', 'id ne "0"'):
        assert stranger.get("/Users", filter=filter).json["totalResults"] == 0


def test_same_name_in_both_tenants(scim: ScimClient, other: ScimClient) -> None:
    """A name is unique within a customer; that another one has it cannot be found out."""
    first, second = scim.post("/Users", ANN), other.post("/Users", ANN)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["id"] != second.json["id"]
    for client, own in ((scim, first.json), (other, second.json)):
        assert client.get("/Users").json["Resources"] == [own]
        path = f"/Users/{own['id']}"
        assert client.put(path, {**ANN, "userName": "ANN@example.com"}).status_code == 200
        assert client.delete(path).status_code == 204
        assert client.post("/Users", ANN).status_code == 201


def test_rename_to_a_name_of_another_tenant(scim: ScimClient, other: ScimClient) -> None:
    """A rename does not tell of another customer's names either."""
    scim.post("/Users", ANN)
    id = other.post("/Users", MASK).json["id"]
    rename = {"op": "replace", "path": "userName", "value": ANN["userName"]}
    assert other.patch(f"/Users/{id}", rename).status_code == 200


def test_hosts_own_rows_of_another_tenant(host: Host, scim: ScimClient) -> None:
    """A row of another customer that SCIM never saw does not take a name here."""
    with host.app.app_context():
        host.db.session.add(host.User(username="ann@example.com", last_name="", tenant_id=2))
        host.db.session.add(host.User(username="ann@example.com", last_name="", tenant_id=None))
        host.db.session.commit()
    assert scim.post("/Users", ANN).status_code == 201


def test_row_that_moves_to_another_tenant(host: Host, scim: ScimClient, other: ScimClient) -> None:
    """A row that the app hands to another customer is out of reach from then on."""
    id = scim.post("/Users", ANN).json["id"]
    with host.app.app_context():
        host.db.session.get(host.User, int(id)).tenant_id = 2
        host.db.session.commit()
    for client in (scim, other):
        assert client.get(f"/Users/{id}").status_code == 404
        assert client.delete(f"/Users/{id}").status_code == 404
        assert client.get("/Users").json["totalResults"] == 0


def test_same_name_on_a_second_connection(host: Host, scim: ScimClient, beside: ScimClient) -> None:
    """Two identity providers of one customer cannot both have a name, and see only their own."""
    scim.post("/Users", ANN)
    before = stored(host)
    for name in ("ann@example.com", "ANN@EXAMPLE.COM"):
        response = beside.post("/Users", {**ANN, "userName": name})
        assert refusal(response) == (409, "uniqueness")
    assert before == stored(host)
    id = beside.post("/Users", MASK).json["id"]
    rename = {"op": "replace", "path": "userName", "value": "Ann@example.com"}
    assert refusal(beside.patch(f"/Users/{id}", rename)) == (409, "uniqueness")
    assert beside.find("userName pr") == ["mask@example.com"]
    assert scim.find("userName pr") == ["ann@example.com"]


def test_refused_name_tells_nothing_of_its_owner(scim: ScimClient, beside: ScimClient) -> None:
    """A name that is taken is all that the answer tells."""
    id = scim.post("/Users", {**ANN, "userName": "secretive"}).json["id"]
    response = beside.post("/Users", {**ANN, "userName": "secretive"})
    assert f"/{id}" not in response.text
    assert "acme" not in response.text
    assert "a-1" not in response.text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_token_at_another_connections_path(
    host: Host, scim: ScimClient, stranger: ScimClient, method: str
) -> None:
    """A token does not open the path of another connection, though both are good."""
    id = scim.post("/Users", ANN).json["id"]
    stranger.base = scim.base
    before = stored(host)
    path = "/Users" if method == "POST" else f"/Users/{id}"
    response = stranger.request(method, path, None if method in ("GET", "DELETE") else MASK)
    assert refusal(response) == (401, None)
    assert before == stored(host)


def test_body_cannot_choose_the_tenant(host: Host, scim: ScimClient) -> None:
    """Whatever a body says, the row belongs to the connection's tenant."""
    body = {**ANN, "tenant_id": 2, "tenant": "2", "meta": {"tenant": "2"}}
    id = scim.post("/Users", body).json["id"]
    scim.patch(f"/Users/{id}", {"op": "add", "value": {"tenant_id": 2, "tenant": 2}})
    with host.app.app_context():
        assert host.db.session.get(host.User, int(id)).tenant_id == 1


def test_deleted_user_of_another_connection(scim: ScimClient, other: ScimClient) -> None:
    """A deleted user is not brought back by another customer's identity provider."""
    id = scim.post("/Users", ANN).json["id"]
    scim.delete(f"/Users/{id}")
    assert other.post("/Users", ANN).json["id"] != id
    assert scim.get("/Users").json["totalResults"] == 0


@pytest.mark.parametrize("tenant", [None, "", "one", "1.0", " 1"])
def test_connection_without_tenant(host: Host, tenant: str | None) -> None:
    """Where users belong to tenants, a connection of none, or of no possible one, is not made."""
    with pytest.raises(ValueError, match="tenant"):
        host.connect("nobody", tenant=tenant)
    with host.app.app_context():
        assert host.scim.connections.list() == []
