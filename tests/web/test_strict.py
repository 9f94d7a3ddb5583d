"""Strict connections: the interoperability profile, and what only they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.client import ENTERPRISE, PATCH, USER, ScimClient
from tests.host import MAPPING, Host
from tests.web.answers import refusal

#: A few attributes; the rest is ignored, so that a strict connection does not know it.
FEW: dict[str, Any] = {
    "userName": "username",
    "name.familyName": "last_name",
    "emails": [{"type": "work", "value": "email"}],
    "active": "!blocked",
    f"{ENTERPRISE}:employeeNumber": "number",
}


@pytest.fixture
def host_of_few(share: Callable[..., Host]) -> Host:
    """An app that keeps few attributes."""
    return share(FEW, SCIM_UNMAPPED="ignore")


@pytest.fixture
def strict(host_of_few: Host) -> ScimClient:
    """A strict connection."""
    return host_of_few.connect("strict", tenant="1", strict=True)


@pytest.fixture
def lenient(host_of_few: Host) -> ScimClient:
    """A lenient one."""
    return host_of_few.connect("lenient", tenant="1")


@pytest.mark.parametrize(
    "attributes",
    [
        {"nickName": "x"},
        {"password": "secret"},
        {"nonsense": "x"},
        {"name": {"givenName": "x"}},
        {"name": {"nonsense": "x"}},
        {"emails": [{"value": "a@b.c", "display": "x"}]},
        {ENTERPRISE: {"department": "x"}},
        {"urn:nonsense": {"a": 1}},
    ],
)
def test_unknown_attributes(
    strict: ScimClient, lenient: ScimClient, attributes: dict[str, Any]
) -> None:
    """What nobody keeps is refused on a strict connection, and passed over on others."""
    body = {"schemas": [USER], "userName": "ann", **attributes}
    refused = strict.post("/Users", body)
    assert refused.status_code == 400, refused.text
    assert refused.json["scimType"] in ("invalidSyntax", "invalidValue")
    assert "secret" not in refused.text
    assert lenient.post("/Users", body).status_code == 201


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("nickName", "invalidPath"),
        ("password", "invalidPath"),
        ("name.givenName", "invalidPath"),
        (f"{ENTERPRISE}:department", "invalidPath"),
        ('emails[display eq "x"].value', "invalidFilter"),
    ],
)
def test_unknown_paths(strict: ScimClient, lenient: ScimClient, path: str, expected: str) -> None:
    """A path to what nobody keeps is invalid on a strict connection."""
    operation = {"op": "replace", "path": path, "value": "x"}
    id = strict.create("ann")["id"]
    assert refusal(strict.patch(f"/Users/{id}", operation)) == (400, expected)
    if "[" not in path:
        id = lenient.create("bob")["id"]
        assert lenient.patch(f"/Users/{id}", operation).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"filter": 'nickName eq "x"'},
        {"filter": f'{ENTERPRISE}:department eq "x"'},
        {"filter": 'emails[display eq "x"]'},
    ],
)
def test_unknown_filters(strict: ScimClient, lenient: ScimClient, query: dict[str, str]) -> None:
    """A filter by what nobody keeps is refused; others find nothing."""
    assert refusal(strict.get("/Users", **query)) == (400, "invalidFilter")
    assert lenient.get("/Users", **query).json["totalResults"] == 0


def test_unknown_names(strict: ScimClient, lenient: ScimClient) -> None:
    """So is what nobody keeps in a sort or among the attributes to return."""
    assert refusal(strict.get("/Users", sortBy="nickName")) == (400, "invalidValue")
    assert refusal(lenient.get("/Users", sortBy="nickName")) == (400, "invalidValue")
    assert refusal(strict.get("/Users", attributes="nickName")) == (400, "invalidValue")
    assert lenient.get("/Users", attributes="nickName").status_code == 200


def test_strict_round_trip(strict: ScimClient) -> None:
    """What is kept can be written, read, changed and found."""
    attributes = {
        "name": {"familyName": "Sol"},
        "emails": [{"type": "work", "value": "ann@example.com"}],
        "active": True,
    }
    schemas = {"schemas": [USER, ENTERPRISE], ENTERPRISE: {"employeeNumber": "17"}}
    created = strict.create("ann", **attributes, **schemas)
    assert attributes.items() <= created.items()
    assert created[ENTERPRISE] == {"employeeNumber": "17"}
    patched = strict.patch(
        f"/Users/{created['id']}",
        {"op": "replace", "path": "name.familyName", "value": "Mar"},
        {"op": "replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "18"},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@example.com"},
    )
    assert patched.status_code == 200, patched.text
    assert strict.find('emails.value eq "a@example.com" and name.familyName eq "mar"') == ["ann"]
    replaced = strict.put(f"/Users/{created['id']}", {"schemas": [USER], "userName": "ann"})
    assert "emails" not in replaced.json


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "replace", "value": {"active": False}}, "invalidSyntax"),
        ({"op": "Replace", "path": "active", "value": False}, "invalidSyntax"),
        ({"op": "replace", "path": "active", "value": "False"}, "invalidValue"),
        ({"op": "replace", "path": 'emails[type eq "work"]', "value": {}}, "invalidPath"),
    ],
)
def test_dialects_are_refused(host_of_few: Host, operation: dict[str, Any], expected: str) -> None:
    """What identity providers send beside the standard is refused, whoever sends it."""
    strict = host_of_few.connect("entra", tenant="1", idp="entra", strict=True)
    id = strict.create("ann")["id"]
    assert refusal(strict.patch(f"/Users/{id}", operation)) == (400, expected)


def test_discovery_names_what_is_kept(strict: ScimClient, lenient: ScimClient) -> None:
    """Schemas list what is kept and nothing else, and only a strict connection conforms."""
    for client in (strict, lenient):
        schemas = {each["id"]: each for each in client.get("/Schemas").json["Resources"]}
        user = {each["name"]: each for each in schemas[USER]["attributes"]}
        assert set(user) == {"userName", "name", "emails", "active", "groups"}
        assert [each["name"] for each in user["name"]["subAttributes"]] == ["familyName"]
        assert {each["name"] for each in user["emails"]["subAttributes"]} == {"type", "value"}
        assert [each["name"] for each in schemas[ENTERPRISE]["attributes"]] == ["employeeNumber"]
    assert strict.get("/ServiceProviderConfig").json["interopProfileConformant"] is True
    assert "interopProfileConformant" not in lenient.get("/ServiceProviderConfig").json


def test_no_promise_that_is_not_kept(build: Callable[..., Host]) -> None:
    """Pages smaller than the profile's do not conform to it."""
    strict = build(SCIM_DEFAULT_PAGE_SIZE=50).connect("strict", tenant="1", strict=True)
    assert "interopProfileConformant" not in strict.get("/ServiceProviderConfig").json


def test_an_extension_nobody_keeps_is_not_there(build: Callable[..., Host]) -> None:
    """A resource type names the extensions of which something is kept."""
    mapping = {path: source for path, source in MAPPING.items() if ENTERPRISE not in path}
    client = build(mapping, SCIM_UNMAPPED="ignore").connect("strict", tenant="1", strict=True)
    assert client.get("/ResourceTypes/User").json["schemaExtensions"] == []
    assert refusal(client.get(f"/Schemas/{ENTERPRISE}")) == (404, None)
    body = {"schemas": [USER, ENTERPRISE], "userName": "ann", ENTERPRISE: {"department": "x"}}
    assert client.post("/Users", body).status_code == 400


def test_a_message_names_itself(strict: ScimClient) -> None:
    """Messages without their URN are refused."""
    id = strict.create("ann")["id"]
    operations = [{"op": "replace", "path": "active", "value": False}]
    for body in ({"Operations": operations}, {"schemas": [], "Operations": operations}):
        assert refusal(strict.request("PATCH", f"/Users/{id}", body)) == (400, "invalidSyntax")
    assert refusal(strict.post("/Users/.search", {})) == (400, "invalidSyntax")
    body = {"schemas": [PATCH], "Operations": operations}
    assert strict.request("PATCH", f"/Users/{id}", body).status_code == 200
