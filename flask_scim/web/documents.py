"""What the OpenAPI document says, made from the same definitions that the endpoints follow."""

from __future__ import annotations

from typing import Any

from ..protocol.messages import ERROR, LIST_RESPONSE, PATCH_OP
from ..protocol.schema import Attribute, Mutability, ResourceType, Type

Operation = dict[str, Any]

_SCIM_JSON = "application/scim+json"
_TYPES: dict[Type, dict[str, Any]] = {
    Type.STRING: {"type": "string"},
    Type.BOOLEAN: {"type": "boolean"},
    Type.DECIMAL: {"type": "number"},
    Type.INTEGER: {"type": "integer"},
    Type.DATETIME: {"type": "string", "format": "date-time"},
    Type.BINARY: {"type": "string", "format": "byte"},
    Type.REFERENCE: {"type": "string"},
}


def components(resource_types: list[ResourceType]) -> dict[str, dict[str, Any]]:
    """Describe every message as a component of the document.

    :param resource_types: the resource types that are served.
    :return: JSON schemas by name.
    """
    described: dict[str, dict[str, Any]] = {
        "ScimError": _ERROR,
        "PatchOp": _PATCH,
        "Discovery": {"type": "object"},
    }
    for resource_type in resource_types:
        described[resource_type.name] = _describe_resource(resource_type)
        described[f"{resource_type.name}List"] = _describe_page(resource_type)
    return described


def describe_list(resource_type: ResourceType) -> Operation:
    """Document ``GET`` on the endpoint of a resource type."""
    return {
        "summary": f"List or look up: {resource_type.name}",
        "parameters": [
            _parameter("filter", "string", 'Which ones, as in userName eq "ann@example.com".'),
            _parameter("startIndex", "integer", "The position of the first one, from 1."),
            _parameter("count", "integer", "The most to return."),
            _parameter("sortBy", "string", "The attribute to sort by."),
            _parameter("sortOrder", "string", "ascending or descending."),
            *_PROJECTION,
        ],
        "responses": _responses({"200": _content(f"{resource_type.name}List")}),
    }


def describe_create(resource_type: ResourceType) -> Operation:
    """Document ``POST`` on the endpoint of a resource type."""
    return {
        "summary": f"Create: {resource_type.name}",
        "parameters": list(_PROJECTION),
        "requestBody": _body(resource_type.name),
        "responses": _responses({"201": _content(resource_type.name)}),
    }


def describe_get(resource_type: ResourceType) -> Operation:
    """Document ``GET`` on a resource."""
    return {
        "summary": f"Read: {resource_type.name}",
        "parameters": list(_PROJECTION),
        "responses": _responses(
            {"200": _content(resource_type.name), "304": {"description": "Unchanged."}}
        ),
    }


def describe_replace(resource_type: ResourceType) -> Operation:
    """Document ``PUT`` on a resource."""
    return {
        "summary": f"Replace: {resource_type.name}",
        "parameters": list(_PROJECTION),
        "requestBody": _body(resource_type.name),
        "responses": _responses({"200": _content(resource_type.name)}),
    }


def describe_patch(resource_type: ResourceType) -> Operation:
    """Document ``PATCH`` on a resource."""
    return {
        "summary": f"Change parts: {resource_type.name}",
        "parameters": list(_PROJECTION),
        "requestBody": _body("PatchOp"),
        "responses": _responses({"200": _content(resource_type.name)}),
    }


def describe_delete(resource_type: ResourceType) -> Operation:
    """Document ``DELETE`` on a resource."""
    return {
        "summary": f"Delete: {resource_type.name}",
        "responses": _responses({"204": {"description": "It is gone."}}),
    }


def describe_discovery(summary: str) -> Operation:
    """Document ``GET`` on a discovery endpoint."""
    return {"summary": summary, "responses": _responses({"200": _content("Discovery")})}


def _describe_resource(resource_type: ResourceType) -> dict[str, Any]:
    properties = {attribute.name: _describe(attribute) for attribute in resource_type.attributes}
    for extension in resource_type.extensions:
        properties[extension.schema.id] = {
            "type": "object",
            "properties": {
                attribute.name: _describe(attribute) for attribute in extension.schema.attributes
            },
        }
    required = [
        attribute.name for attribute in resource_type.schema.attributes if attribute.required
    ]
    return {"type": "object", "properties": properties, "required": ["schemas", *required]}


def _describe(attribute: Attribute) -> dict[str, Any]:
    if attribute.is_complex:
        described: dict[str, Any] = {
            "type": "object",
            "properties": {sub.name: _describe(sub) for sub in attribute.sub_attributes},
        }
    else:
        described = dict(_TYPES[attribute.type])
    if attribute.multi_valued:
        described = {"type": "array", "items": described}
    described["description"] = attribute.description
    if attribute.mutability is Mutability.READ_ONLY:
        described["readOnly"] = True
    if attribute.mutability is Mutability.WRITE_ONLY:
        described["writeOnly"] = True
    return described


def _describe_page(resource_type: ResourceType) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "schemas": _urns(LIST_RESPONSE),
            "totalResults": {"type": "integer"},
            "startIndex": {"type": "integer"},
            "itemsPerPage": {"type": "integer"},
            "Resources": {"type": "array", "items": _reference(resource_type.name)},
        },
        "required": ["schemas", "totalResults"],
    }


def _urns(urn: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "enum": [urn]}}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(name: str) -> dict[str, Any]:
    return {"description": name, "content": {_SCIM_JSON: {"schema": _reference(name)}}}


def _body(name: str) -> dict[str, Any]:
    return {"required": True, "content": {_SCIM_JSON: {"schema": _reference(name)}}}


def _responses(good: dict[str, Any]) -> dict[str, Any]:
    return {**good, "default": _content("ScimError")}


def _parameter(name: str, kind: str, description: str) -> dict[str, Any]:
    return {"in": "query", "name": name, "schema": {"type": kind}, "description": description}


_PROJECTION = (
    _parameter("attributes", "string", "What to return, separated by commas."),
    _parameter("excludedAttributes", "string", "What to leave out, separated by commas."),
)
_ERROR = {
    "type": "object",
    "properties": {
        "schemas": _urns(ERROR),
        "status": {"type": "string"},
        "scimType": {"type": "string"},
        "detail": {"type": "string"},
    },
    "required": ["schemas", "status"],
}
_PATCH = {
    "type": "object",
    "properties": {
        "schemas": _urns(PATCH_OP),
        "Operations": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "op": {"type": "string", "enum": ["add", "remove", "replace"]},
                    "path": {"type": "string"},
                    "value": {},
                },
                "required": ["op"],
            },
        },
    },
    "required": ["schemas", "Operations"],
}
