"""One connection at the plain prefix (``SCIM_CONNECTION``), for apps with a single customer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flask_scim import ConfigurationError
from tests.client import ENTERPRISE, GROUP, PATCH, USER, ScimClient
from tests.host import Host, make_host
from tests.web.answers import refusal
from tests.web.bulks import entitle, group, id_of, send, statuses, user

ROOT = "http://localhost/scim/v2"


@pytest.fixture
def plain(build: Callable[..., Host]) -> Host:
    """An app whose only connection is ``acme``."""
    return build(SCIM_CONNECTION="acme")


@pytest.fixture
def only(plain: Host) -> ScimClient:
    """A client of the only connection."""
    client = plain.connect("acme", tenant="1")
    client.base = "/scim/v2"
    return client


def links(body: Any) -> set[str]:
    """Every URI that a body refers to."""
    match body:
        case dict():
            own = {
                value
                for name, value in body.items()
                if name in ("$ref", "location") and isinstance(value, str)
            }
            return own.union(*map(links, body.values()))
        case list():
            return set().union(*map(links, body))
        case _:
            return set()


def test_resources(only: ScimClient) -> None:
    """Everything that can be done to a resource is done below the prefix itself."""
    created = only.post("/Users", {"schemas": [USER], "userName": "ann"})
    location = f"{ROOT}/Users/{created.json['id']}"
    assert created.status_code == 201
    assert created.headers["Location"] == created.json["meta"]["location"] == location
    path = f"/Users/{created.json['id']}"
    assert only.get(path).json == created.json
    assert only.get("/Users").json["Resources"] == [created.json]
    assert only.patch(path, {"op": "add", "path": "title", "value": "Dr"}).json["title"] == "Dr"
    replaced = only.put(path, {"schemas": [USER], "userName": "anna"})
    assert replaced.json["meta"]["location"] == location
    assert only.delete(path).status_code == 204
    assert refusal(only.get(path)) == (404, None)


def test_references(only: ScimClient) -> None:
    """A reference leads to a resource that is there."""
    boss = only.create("boss")["id"]
    ann = only.create("ann", **{ENTERPRISE: {"manager": {"value": boss}}})["id"]
    team = only.create_group("ops", ann)
    found = [only.get(path).json for path in (f"/Users/{ann}", f"/Groups/{team['id']}")]
    found += [only.get("/Users").json, only.get("/Groups").json, only.get("").json]
    seen = links(found)
    assert seen == {f"{ROOT}/Users/{ann}", f"{ROOT}/Users/{boss}", f"{ROOT}/Groups/{team['id']}"}
    for link in seen:
        assert only.get(link.removeprefix(ROOT)).json["meta"]["location"] == link


def test_lists(only: ScimClient) -> None:
    """Searches by GET and POST, over one type and over all, by index and by cursor."""
    for name in ("ann", "bob"):
        only.create(name)
    only.create_group("ops")
    assert only.find('userName eq "ann"') == ["ann"]
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}
    assert only.post("/Users/.search", body).json["totalResults"] == 2
    assert only.post("/Groups/.search", body).json["totalResults"] == 1
    assert only.post("/.search", body).json["totalResults"] == 3
    assert only.get("").json["totalResults"] == 3
    assert only.get("/").json["totalResults"] == 3
    first = only.get("/Users", cursor="", count=1).json
    second = only.get("/Users", cursor=first["nextCursor"]).json
    assert second["Resources"][0]["userName"] == "bob"


def test_bulk(only: ScimClient) -> None:
    """Bulk takes paths with and without the prefix, and says where things are."""
    made = send(only, user("ann"), group("ops", "ann"))
    assert statuses(made) == ["201", "201"]
    assert made[0]["location"] == f"{ROOT}/Users/{id_of(made[0])}"
    path = f"/Users/{id_of(made[0])}"
    assert statuses(send(only, entitle(path), entitle(f"{ROOT}{path}"))) == ["200", "200"]
    assert only.get(f"/Groups/{id_of(made[1])}").json["members"][0]["$ref"] == made[0]["location"]


def test_me(plain: Host, only: ScimClient) -> None:
    """/Me stands below the prefix, and tells where the resource is."""
    assert refusal(only.get("/Me")) == (501, None)
    id = only.create("ann")["id"]
    plain.scim.me(lambda connection: plain.db.session.get(plain.User, int(id)))
    assert only.get("/Me").json["meta"]["location"] == f"{ROOT}/Users/{id}"


def test_discovery(only: ScimClient) -> None:
    """What describes the service is below the prefix, and so is all that it points to."""
    for path in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas"):
        response = only.get(path)
        assert response.status_code == 200
        seen = links(response.json)
        assert seen
        for link in seen:
            assert link.startswith(f"{ROOT}{path}")
            assert only.get(link.removeprefix(ROOT)).json["meta"]["location"] == link
    types = only.get("/ResourceTypes").json["Resources"]
    assert {each["endpoint"] for each in types} == {"/Users", "/Groups"}


def test_document(plain: Host) -> None:
    """The OpenAPI document knows no connection in any path, and each path in it is served."""
    http = plain.app.test_client()
    response = http.get("/scim/v2/openapi.json")
    assert "connection_id" not in response.text
    paths = response.json["paths"]
    assert {"/scim/v2/Users", "/scim/v2/Users/{id}", "/scim/v2/Bulk", "/scim/v2/.search"} <= {
        *paths
    }
    for path, operations in paths.items():
        assert path.startswith("/scim/v2")
        declared = [each["name"] for each in operations.get("parameters", [])]
        assert declared == (["id"] if "{id}" in path else [])
        for method in operations.keys() - {"parameters"}:
            refused = http.open(path.replace("{id}", "1"), method=method.upper(), json={})
            assert refusal(refused) == (401, None), (method, path)
    assert http.get("/scim/v2/docs").status_code == 200


def test_errors(only: ScimClient) -> None:
    """What leads nowhere below the prefix is answered by SCIM, and other paths by the app."""
    assert refusal(only.get("/acme/Users")) == (404, None)
    assert refusal(only.get("/Nonsense")) == (404, None)
    assert refusal(only.get("/v2/Users")) == (400, "invalidVers")
    assert refusal(only.request("PUT", "/Users", {})) == (405, None)
    assert only.http.get("/elsewhere").mimetype == "text/html"


def test_other_connections(plain: Host, only: ScimClient) -> None:
    """Another connection's token opens nothing, neither at the prefix nor at a path of its own."""
    other = plain.connect("other", tenant="1")
    ann = only.create("ann")["id"]
    assert refusal(other.get("/Users")) == (404, None)
    other.base = "/scim/v2"
    requests = [
        other.get("/Users"),
        other.get(f"/Users/{ann}"),
        other.patch(f"/Users/{ann}", {"op": "add", "path": "title", "value": "Dr"}),
        other.delete(f"/Users/{ann}"),
        other.get("/Schemas"),
        other.get(""),
        other.post("/Bulk", {}),
    ]
    assert [refusal(each) for each in requests] == [(401, None)] * len(requests)
    assert only.find("userName pr") == ["ann"]


def test_missing_connection(plain: Host) -> None:
    """As long as the connection is not there, every token is refused; once it is, all is well."""
    other = plain.connect("other", tenant="1")
    other.base = "/scim/v2"
    assert refusal(other.get("/Users")) == (401, None)
    assert refusal(ScimClient(other.http, "/scim/v2", "noise").get("/Users")) == (401, None)
    client = plain.connect("acme", tenant="1")
    client.base = "/scim/v2"
    assert client.create("ann")["userName"] == "ann"
    with plain.app.app_context():
        plain.scim.connections.remove("acme")
    assert refusal(client.get("/Users")) == (401, None)


def test_state(plain: Host, only: ScimClient) -> None:
    """The only connection can be paused and disabled too."""
    with plain.app.app_context():
        plain.scim.connections.pause("acme")
    assert refusal(only.get("/Users")) == (503, None)
    with plain.app.app_context():
        plain.scim.connections.disable("acme")
    assert refusal(only.get("/Users")) == (403, None)


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "<connection_id>", ".", "é", "a" * 65, 7, True, [], b"acme"]
)
def test_wrong_setting(name: Any) -> None:
    """A setting that can name no connection is refused at the start."""
    with pytest.raises(ConfigurationError, match="SCIM_CONNECTION must be the name"):
        make_host("sqlite://", SCIM_CONNECTION=name)


def test_other_prefix(build: Callable[..., Host]) -> None:
    """The prefix may be any other path."""
    host = build(SCIM_CONNECTION="acme", SCIM_URL_PREFIX="/provisioning")
    client = host.connect("acme", tenant="1")
    client.base = "/provisioning"
    created = client.create("ann")
    assert created["meta"]["location"] == f"http://localhost/provisioning/Users/{created['id']}"
    body = {"schemas": [PATCH], "Operations": []}
    assert refusal(client.request("PATCH", "/v3/Users", body)) == (400, "invalidVers")
    assert json.loads(client.get("/openapi.json").text)["paths"]
    assert client.create_group("ops", schemas=[GROUP])["meta"]["location"].startswith(
        "http://localhost/provisioning/Groups/"
    )
