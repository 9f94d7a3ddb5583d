"""The OpenAPI document keeps to its specification, and says what the service has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from tests.client import ScimClient
from tests.examiners.contract import Document, read_document
from tests.examiners.everything import make_everything
from tests.host import Host

pytestmark = pytest.mark.one_database("the document is made of what the app declares")

#: How OpenAPI names the types of SCIM.
TYPES = {
    "string": "string",
    "reference": "string",
    "dateTime": "string",
    "binary": "string",
    "boolean": "boolean",
    "decimal": "number",
    "integer": "integer",
    "complex": "object",
}


@pytest.fixture
def everything(elsewhere: str) -> Iterator[tuple[Flask, ScimClient]]:
    """An app that has every attribute of the RFC, and more of its own."""
    with make_everything(elsewhere) as made:
        yield made


@pytest.fixture
def document(everything: tuple[Flask, ScimClient]) -> Document:
    """Its document."""
    return read_document(everything[0])


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize("unmapped", ["ignore", "keep"])
def test_specification(build: Callable[..., Host], version: str, unmapped: str) -> None:
    """The document of users and groups is valid in either version of OpenAPI."""
    host = build(SCIM_OPENAPI_VERSION=version, SCIM_UNMAPPED=unmapped)
    document = read_document(host.app)
    assert document["openapi"] == version
    validate(document)


def test_specification_with_more(document: Document) -> None:
    """So is that of an app with a resource type and an extension of its own."""
    validate(document)
    assert {"Device", "NewDevice", "DeviceList"} <= set(document["components"]["schemas"])


def test_specification_of_an_only_connection(build: Callable[..., Host]) -> None:
    """So is that of an app whose paths do not name the connection, since there is one alone."""
    document = read_document(build(SCIM_CONNECTION="acme").app)
    validate(document)
    assert not [path for path in document["paths"] if "connection_id" in path]


def test_every_route_is_documented(
    everything: tuple[Flask, ScimClient], document: Document
) -> None:
    """The document has each route of a connection, its methods and the parts of its path."""
    routes: dict[str, set[str]] = {}
    for rule in everything[0].url_map.iter_rules():
        if rule.endpoint.startswith("scim."):
            path = re.sub(r"<(\w+)>", r"{\1}", rule.rule)
            methods = {method.lower() for method in rule.methods or ()} - {"head", "options"}
            routes.setdefault(path, set()).update(methods)
    assert {path: set(item) - {"parameters"} for path, item in document["paths"].items()} == routes
    for path, item in document["paths"].items():
        assert {part["name"] for part in item["parameters"]} == set(re.findall(r"{(\w+)}", path))
        assert all(part["description"] for part in item["parameters"])


def test_every_operation_is_documented_in_full(document: Document) -> None:
    """Each operation names its errors, the media types of all bodies, and needs a token."""
    assert document["security"] == [{"token": []}]
    media_types = ["application/scim+json", "application/json"]
    for path, item in document["paths"].items():
        for method in set(item) - {"parameters"}:
            operation = item[method]
            responses = operation["responses"]
            assert {"400", "401", "404", "500", "503"} <= set(responses), (method, path)
            assert "default" not in responses
            assert "security" not in operation
            for status, response in responses.items():
                assert response["description"]
                if status in ("204", "304"):
                    assert "content" not in response
                    continue
                assert list(response["content"]) == media_types
                if int(status) >= 400:
                    for shown in response["content"].values():
                        assert shown["schema"] == {"$ref": "#/components/schemas/ScimError"}
            if method in ("post", "put", "patch"):
                assert operation["requestBody"]["required"] is True
                assert list(operation["requestBody"]["content"]) == media_types


def test_served_attributes_are_documented(
    everything: tuple[Flask, ScimClient], document: Document
) -> None:
    """Answers and bodies have the attributes that the schemas of the service name, and no other."""
    assert_served(everything[1], document)


def test_unserved_attributes_are_not_documented(build: Callable[..., Host]) -> None:
    """What an app has no place for is in neither."""
    host = build(SCIM_UNMAPPED="ignore")
    document = read_document(host.app)
    assert "nickName" not in document["components"]["schemas"]["User"]["properties"]
    assert_served(host.connect("acme", tenant="1"), document)


def assert_served(client: ScimClient, document: Document) -> None:
    """Compare the messages of each resource type with what discovery says of it."""
    schemas = {each["id"]: each for each in client.get("/Schemas").json["Resources"]}
    for resource_type in client.get("/ResourceTypes").json["Resources"]:
        name = resource_type["name"]
        urns = [each["schema"] for each in resource_type["schemaExtensions"]]
        answer = document["components"]["schemas"][name]["properties"]
        body = document["components"]["schemas"][f"New{name}"]["properties"]
        assert set(answer) >= {"schemas", "id", "externalId", "meta", *urns}
        assert set(body) >= {"schemas", "externalId", *urns}
        assert not {"id", "meta"} & set(body)
        common = {"schemas", "id", "externalId", "meta", *urns}
        core = schemas[resource_type["schema"]]["attributes"]
        assert_same(core, {key: answer[key] for key in answer if key not in common}, seen=True)
        assert_same(core, {key: body[key] for key in body if key not in common}, seen=False)
        for urn in urns:
            assert_same(schemas[urn]["attributes"], answer[urn]["properties"], seen=True)
            assert_same(schemas[urn]["attributes"], body[urn]["properties"], seen=False)


def assert_same(attributes: list[dict[str, Any]], properties: Document, *, seen: bool) -> None:
    """Compare attributes with the properties of an answer (seen) or a body."""
    kept = [
        each
        for each in attributes
        if (each["returned"] != "never" if seen else each["mutability"] != "readOnly")
    ]
    assert [each["name"] for each in kept] == list(properties)
    for attribute in kept:
        described = properties[attribute["name"]]
        if attribute["multiValued"]:
            assert described["type"] == "array"
            described = described["items"]
        assert described["type"] == TYPES[attribute["type"]], attribute["name"]
        if attribute["type"] == "complex":
            assert_same(attribute["subAttributes"], described["properties"], seen=seen)
