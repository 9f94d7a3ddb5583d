"""What the service says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.client import ENTERPRISE, USER, ScimClient
from tests.host import Host
from tests.web.answers import refusal

pytestmark = pytest.mark.one_database("the documents are made of what the app declares")

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
BASE = "http://localhost/scim/v2/acme"


def test_service_provider_config(scim: ScimClient) -> None:
    """The configuration says what is supported, and up to which size."""
    response = scim.get("/ServiceProviderConfig")
    assert response.status_code == 200
    assert response.mimetype == "application/scim+json"
    config = response.json
    assert config["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]
    assert config["patch"] == {"supported": True}
    assert config["filter"] == {"supported": True, "maxResults": 1_000}
    assert config["sort"] == {"supported": True}
    assert config["etag"] == {"supported": True}
    assert config["changePassword"] == {"supported": False}
    assert config["bulk"] == {
        "supported": True,
        "maxOperations": 1_000,
        "maxPayloadSize": 2_097_152,
    }
    assert config["pagination"] == {
        "cursor": True,
        "index": True,
        "defaultPaginationMethod": "index",
        "defaultPageSize": 100,
        "maxPageSize": 1_000,
        "cursorTimeout": 3_600,
    }
    assert "interopProfileConformant" not in config
    schemes = config["authenticationSchemes"]
    assert [scheme["type"] for scheme in schemes] == ["oauthbearertoken", "oauth2"]
    assert [scheme["primary"] for scheme in schemes] == [True, False]
    assert all({"name", "description"} <= set(scheme) for scheme in schemes)
    assert config["meta"] == {
        "resourceType": "ServiceProviderConfig",
        "location": f"{BASE}/ServiceProviderConfig",
    }


def test_service_provider_config_follows_the_settings(build: Callable[..., Host]) -> None:
    """The limits are those of the settings."""
    host = build(
        SCIM_MAX_PAGE_SIZE=7,
        SCIM_MAX_CONTENT_LENGTH=5_000,
        SCIM_MAX_BULK_OPERATIONS=0,
        SCIM_CURSOR_TIMEOUT=60,
    )
    config = host.connect("acme", tenant="1").get("/ServiceProviderConfig").json
    assert config["filter"]["maxResults"] == 7
    assert config["bulk"] == {"supported": False, "maxOperations": 0, "maxPayloadSize": 5_000}
    assert config["pagination"]["maxPageSize"] == config["pagination"]["defaultPageSize"] == 7
    assert config["pagination"]["cursorTimeout"] == 60


def test_resource_types(scim: ScimClient) -> None:
    """Every resource type is listed, and can be read by itself."""
    listed = scim.get("/ResourceTypes").json
    assert listed["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
    assert listed["totalResults"] == listed["itemsPerPage"] == len(listed["Resources"]) == 2
    user, group = listed["Resources"]
    description = user.pop("description")
    assert description
    assert user == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "schema": USER,
        "schemaExtensions": [{"schema": ENTERPRISE, "required": False}],
        "meta": {"resourceType": "ResourceType", "location": f"{BASE}/ResourceTypes/User"},
    }
    assert scim.get("/ResourceTypes/User").json == {**user, "description": description}
    assert scim.get("/ResourceTypes/Group").json == group
    assert (group["id"], group["endpoint"], group["schema"]) == ("Group", "/Groups", GROUP)


def test_schemas(scim: ScimClient) -> None:
    """Every schema is listed, and can be read by its URN."""
    listed = scim.get("/Schemas").json
    schemas = {schema["id"]: schema for schema in listed["Resources"]}
    assert set(schemas) == {USER, ENTERPRISE, GROUP}
    assert listed["totalResults"] == 3
    for urn, schema in schemas.items():
        assert schema["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:Schema"]
        assert schema["meta"] == {"resourceType": "Schema", "location": f"{BASE}/Schemas/{urn}"}
        assert scim.get(f"/Schemas/{urn}").json == schema


def attributes(scim: ScimClient, urn: str) -> dict[str, dict[str, Any]]:
    """The attributes of a schema by name."""
    found = scim.get(f"/Schemas/{urn}").json["attributes"]
    return {attribute["name"]: attribute for attribute in found}


def test_schemas_are_complete(scim: ScimClient) -> None:
    """Every attribute says all of its characteristics, and none is null."""
    kinds = {
        "string",
        "boolean",
        "decimal",
        "integer",
        "dateTime",
        "reference",
        "complex",
        "binary",
    }

    def check(attribute: dict[str, Any]) -> None:
        assert {
            *("name", "type", "multiValued", "description", "required"),
            *("mutability", "returned", "uniqueness"),
        } <= set(attribute)
        assert None not in attribute.values()
        assert attribute["description"]
        assert attribute["type"] in kinds
        assert attribute["mutability"] in ("readOnly", "readWrite", "immutable", "writeOnly")
        assert attribute["returned"] in ("always", "never", "default", "request")
        assert attribute["uniqueness"] in ("none", "server", "global")
        assert ("subAttributes" in attribute) is (attribute["type"] == "complex")
        assert ("referenceTypes" in attribute) is (attribute["type"] == "reference")
        for sub in attribute.get("subAttributes", []):
            check(sub)

    for urn in (USER, ENTERPRISE, GROUP):
        for attribute in attributes(scim, urn).values():
            check(attribute)


def test_kept_attributes_are_served(scim: ScimClient) -> None:
    """A host that keeps what nobody mapped serves the whole schemas."""
    core, enterprise = attributes(scim, USER), attributes(scim, ENTERPRISE)
    assert {"userName", "name", "emails", "active", "photos", "x509Certificates"} <= set(core)
    assert "password" not in core
    assert set(enterprise) == {
        "employeeNumber",
        "costCenter",
        "organization",
        "division",
        "department",
        "manager",
    }
    assert core["userName"]["uniqueness"] == "server"
    assert core["userName"]["required"] is True
    assert core["userName"]["caseExact"] is False


def test_unmapped_attributes_are_hidden(build: Callable[..., Host]) -> None:
    """A host that ignores what nobody mapped serves what is mapped, and says no more."""
    host = build(SCIM_UNMAPPED="ignore")
    scim = host.connect("acme", tenant="1")
    core, enterprise = attributes(scim, USER), attributes(scim, ENTERPRISE)
    expected = {"userName", "name", "emails", "phoneNumbers", "addresses", "active", "title"}
    assert expected | {"userType", "locale", "displayName", "groups"} == set(core) - {
        "id",
        "externalId",
        "meta",
    }
    assert set(enterprise) == {"employeeNumber"}
    assert {sub["name"] for sub in core["name"]["subAttributes"]} == {"givenName", "familyName"}
    created = scim.create("ann", nickName="Annie", **{ENTERPRISE: {"department": "R&D"}})
    assert "nickName" not in created
    assert ENTERPRISE not in created
    served = {"schemas", "id", "externalId", "meta", ENTERPRISE} | set(core)
    assert set(created) <= served


def test_extension_that_nobody_mapped_is_hidden(build: Callable[..., Host]) -> None:
    """An extension of which nothing is mapped is not served at all."""
    scim = build({"userName": "username"}, SCIM_UNMAPPED="ignore").connect("acme", tenant="1")
    assert [schema["id"] for schema in scim.get("/Schemas").json["Resources"]] == [USER, GROUP]
    assert scim.get("/ResourceTypes/User").json["schemaExtensions"] == []
    assert refusal(scim.get(f"/Schemas/{ENTERPRISE}")) == (404, None)
    assert {"userName", "active"} <= set(attributes(scim, USER)) <= {
        *("userName", "active", "id", "externalId", "meta", "groups"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "/ResourceTypes/Device",
        "/ResourceTypes/user",
        "/Schemas/User",
        "/Schemas/%00",
        "/Schemas/x/y",
        "/ServiceProviderConfig/1",
    ],
)
def test_what_is_not_there(scim: ScimClient, path: str) -> None:
    """What is not served is not found."""
    assert refusal(scim.get(path)) == (404, None)


PATHS = [
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/Schemas",
    f"/Schemas/{USER}",
]


@pytest.mark.parametrize("path", PATHS)
def test_filter_is_forbidden(scim: ScimClient, path: str) -> None:
    """Discovery takes no filter (RFC 7644, section 4)."""
    assert refusal(scim.get(path, filter='name eq "User"')) == (403, None)


@pytest.mark.parametrize("path", PATHS)
def test_paging_and_sorting_are_passed_over(scim: ScimClient, path: str) -> None:
    """What else a list can be asked for changes nothing here."""
    query = {"startIndex": "x", "count": "0", "sortBy": "y", "attributes": "name"}
    assert scim.get(path, **query).json == scim.get(path).json


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_read_only(scim: ScimClient, path: str, method: str) -> None:
    """Nobody writes here."""
    response = scim.request(method, path)
    assert refusal(response) == (405, None)
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", PATHS)
def test_any_scope_will_do(host: Host, scim: ScimClient, path: str) -> None:
    """Whoever has a token may look, with whatever scope."""
    with host.app.app_context():
        scim.token, _ = host.scim.tokens.issue("acme", ["delete:users"])
    assert scim.get(path).status_code == 200


def test_dialects_see_the_same(host: Host, scim: ScimClient) -> None:
    """What is served does not depend on who asks."""
    entra = host.connect("entra", idp="entra", tenant="1")
    own, others = (client.get("/Schemas").text.replace(client.base, "") for client in (scim, entra))
    assert own == others
