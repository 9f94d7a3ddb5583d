"""The SCIM configuration of a connection over the management API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import ScimClient
from tests.host import Host
from tests.management.admin import Admin, problem
from tests.marks import refused_early

PATH = "/connections/acme/scim-configuration"


def test_read(admin: Admin, managed: Host, acme: ScimClient) -> None:
    """The configuration has the shape of Auth0's."""
    found = admin.ask("GET", PATH)
    connection = admin.ask("GET", "/connections/acme")
    mapping = {pair["scim"]: pair["app"] for pair in found.pop("mapping")}
    assert found == {
        "connection_id": "acme",
        "connection_name": "acme",
        "strategy": "generic",
        "tenant_name": "1",
        "user_id_attribute": "userName",
        "created_at": connection["created_at"],
        "updated_on": connection["created_at"],
    }
    assert mapping["userName"] == "username"
    assert mapping['emails[type eq "work" and primary eq true].value'] == "email"
    assert mapping["active"] == "!blocked"


def test_default_mapping(admin: Admin, managed: Host, acme: ScimClient) -> None:
    """The default is the identity provider's, fitted to what the app lets be named."""
    admin.ask("PATCH", "/connections/acme", {"idp": "okta"})
    found = admin.ask("GET", f"{PATH}/default-mapping")["mapping"]
    mapping = {pair["scim"]: pair["app"] for pair in found}
    assert mapping["userName"] == "username"
    assert mapping["emails[primary eq true].value"] == "email"
    assert mapping["active"] == "!blocked"
    changed = admin.ask("PATCH", PATH, {"mapping": found})
    assert {pair["scim"] for pair in found} <= {pair["scim"] for pair in changed["mapping"]}


def test_disable_and_enable(admin: Admin, acme: ScimClient) -> None:
    """To delete it is to disable SCIM, to post it to enable SCIM; tokens and users stay."""
    acme.create("ann")
    admin.ask("DELETE", PATH, status=204)
    assert acme.get("/Users").status_code == 403
    assert admin.ask("GET", "/connections/acme")["state"] == "disabled"
    for method in ("GET", "PATCH", "DELETE"):
        status, message = problem(admin.request(method, PATH))
        assert (status, "POST" in message) == (404, True)
    assert len(admin.ask("GET", f"{PATH}/tokens")) == 1
    enabled = admin.ask("POST", PATH, status=201)
    assert {**enabled, "updated_on": None} == {**admin.ask("GET", PATH), "updated_on": None}
    assert acme.find("userName pr") == ["ann"]


@pytest.mark.parametrize("body", [b"", b"null", b"{}"])
def test_enable_without_body(admin: Admin, acme: ScimClient, body: bytes) -> None:
    """To enable SCIM needs no body."""
    admin.ask("DELETE", PATH, status=204)
    response = admin.request("POST", PATH, data=body, content_type="application/json")
    assert response.status_code == 201


@pytest.mark.parametrize("state", ["active", "paused"])
def test_enable_twice(admin: Admin, acme: ScimClient, state: str) -> None:
    """What is enabled is not enabled again, and one that is paused stays so."""
    admin.ask("PATCH", "/connections/acme", {"state": state})
    assert problem(admin.request("POST", PATH))[0] == 409
    assert admin.ask("GET", "/connections/acme")["state"] == state
    assert admin.ask("GET", PATH)["connection_id"] == "acme"


def test_write_back(admin: Admin, acme: ScimClient) -> None:
    """A tool may write back what it has read."""
    found = admin.ask("GET", PATH)
    body = {name: found[name] for name in ("user_id_attribute", "mapping")}
    assert admin.ask("PATCH", PATH, body) == found
    body["mapping"] = body["mapping"][::-1]
    assert admin.ask("PATCH", PATH, body) == found


def test_change_mapping(admin: Admin, managed: Host, acme: ScimClient) -> None:
    """A mapping is the connection's from the next request on, until it is taken back."""
    acme.create("ann", title="Chef")
    pairs = [{"scim": "userName", "app": "username"}, {"scim": "nickName", "app": "profile.title"}]
    pairs.append({"scim": "name.familyName", "app": "last_name", "read_only": True})
    found = admin.ask("PATCH", PATH, {"mapping": pairs})
    assert [pair for pair in found["mapping"] if "scim" in pair][:3] == pairs
    assert found["updated_on"] == admin.ask("GET", "/connections/acme")["updated_at"]
    (shown,) = acme.get("/Users").json["Resources"]
    assert shown["nickName"] == "Chef"
    assert acme.find('nickName eq "chef"') == ["ann"]
    assert admin.ask("GET", "/connections/acme")["mapping"] == {"User": pairs}
    assert admin.ask("PATCH", PATH, {"mapping": None})["mapping"] != found["mapping"]
    assert admin.ask("GET", "/connections/acme")["mapping"] is None
    (shown,) = acme.get("/Users").json["Resources"]
    assert shown["title"] == "Chef"


def test_enable_with_a_mapping(admin: Admin, acme: ScimClient) -> None:
    """The request that enables SCIM may bring the mapping along."""
    admin.ask("DELETE", PATH, status=204)
    pairs = [{"scim": "userName", "app": "email"}]
    assert admin.ask("POST", PATH, {"mapping": pairs}, status=201)["mapping"] == pairs


@refused_early
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"user_id_attribute": "externalId"}, "user_id_attribute is what the application"),
        ({"user_id_attribute": None}, "user_id_attribute is what the application"),
        ({"user_id_attribute": 7}, "user_id_attribute: "),
        ({"mapping": []}, "userName is required and not mapped"),
        ({"mapping": [{"scim": "userName", "app": "public_id"}]}, "does not offer 'public_id'"),
        ({"mapping": [{"scim": "userName"}]}, "mapping.0.app: "),
        ({"mapping": [{"scim": "a", "auth0": "b"}]}, "mapping.0.auth0: There is no such field"),
        ({"mapping": [None]}, "mapping.0: "),
        ({"mapping": "x"}, "mapping: "),
        ({"strategy": "okta"}, "strategy: There is no such field"),
        ([], "JSON object"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_refused_change(admin: Admin, acme: ScimClient, method: str, body: Any, words: str) -> None:
    """What cannot be is refused as a whole, and not ignored."""
    if method == "POST":
        admin.ask("DELETE", PATH, status=204)
    status, message = problem(admin.request(method, PATH, body))
    assert status == 400
    assert words in message
    expected = "disabled" if method == "POST" else "active"
    assert admin.ask("GET", "/connections/acme")["state"] == expected
