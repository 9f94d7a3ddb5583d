"""The messages as JSON schemas of the OpenAPI document, made from the definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ..access.subjects import LONGEST_SUBJECT, SUBJECT_FORMATS, SUBJECT_NAMES
from ..protocol.descriptions import RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG
from ..protocol.errors import ScimError
from ..protocol.messages import (
    BULK_REQUEST,
    BULK_RESPONSE,
    ERROR,
    LIST_RESPONSE,
    PATCH_OP,
    SEARCH_REQUEST,
)
from ..protocol.schema import (
    COMMON_ATTRIBUTES,
    Attribute,
    Mutability,
    ResourceType,
    Returned,
    Schema,
    Type,
)

JsonSchema = dict[str, Any]

_TYPES: dict[Type, JsonSchema] = {
    Type.STRING: {"type": "string"},
    Type.BOOLEAN: {"type": "boolean"},
    Type.DECIMAL: {"type": "number"},
    Type.INTEGER: {"type": "integer", "format": "int64"},
    Type.DATETIME: {"type": "string", "format": "date-time"},
    Type.BINARY: {"type": "string", "format": "byte"},
    Type.REFERENCE: {"type": "string"},
}


def make_components(resource_types: Iterable[ResourceType]) -> dict[str, JsonSchema]:
    """Describe every message.

    What a client sends and what it gets are messages apart: one has no attributes that are read
    only, the other none that are never returned. Neither is closed, since both sides pass over
    what they do not know.

    :param resource_types: the resource types, with what of them is served.
    :return: JSON schemas by name.
    """
    described: dict[str, JsonSchema] = {
        "ScimError": _message(
            ERROR,
            {
                "status": {"type": "string", "pattern": "^[45][0-9]{2}$"},
                "scimType": {"type": "string", "enum": sorted(_scim_types(ScimError))},
                "detail": _TEXT,
            },
            ["status", "detail"],
        ),
        "PatchOp": _message(PATCH_OP, {"Operations": _list_of(_PATCH_OPERATION)}, ["Operations"]),
        "SearchRequest": _message(SEARCH_REQUEST, _SEARCH, []),
        "BulkRequest": _message(
            BULK_REQUEST,
            {
                "failOnErrors": {"type": "integer", "minimum": 1},
                "Operations": _list_of(_BULK_OPERATION),
            },
            ["Operations"],
        ),
        "BulkResponse": _message(
            BULK_RESPONSE, {"Operations": _list_of(_BULK_RESULT)}, ["Operations"]
        ),
        "GlobalTokenRevocation": _REVOCATION,
        "ServiceProviderConfig": _described(SERVICE_PROVIDER_CONFIG, ["patch", "bulk"]),
        "ResourceType": _described(RESOURCE_TYPE, ["id", "name", "endpoint", "schema"]),
        "ResourceTypeList": _page("ResourceType"),
        "Schema": _described(SCHEMA, ["id", "name", "attributes"]),
        "SchemaList": _page("Schema"),
    }
    names = []
    for resource_type in resource_types:
        name = resource_type.name
        names.append(name)
        described[name] = _answer(resource_type)
        described[f"New{name}"] = _body(resource_type)
        described[f"{name}List"] = _page(name)
    described["AnyResource"] = {"anyOf": [reference(name) for name in names]}
    described["AnyNewResource"] = {"anyOf": [reference(f"New{name}") for name in names]}
    described["ResourceList"] = _page("AnyResource")
    return described


def reference(name: str) -> JsonSchema:
    """Refer to a message by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(resource_type: ResourceType) -> JsonSchema:
    """What answers hold: what was asked for, so that hardly anything is sure to be there."""
    described = _object_of_type(resource_type, _is_seen)
    return described | {"required": ["schemas", "id"]}


def _body(resource_type: ResourceType) -> JsonSchema:
    """What the body of a POST or PUT has to hold."""
    described = _object_of_type(resource_type, _is_sent)
    needed = [each.schema.id for each in resource_type.extensions if each.required]
    return described | {"required": [*described["required"], *needed]}


def _object_of_type(
    resource_type: ResourceType, is_part: Callable[[Attribute], bool]
) -> JsonSchema:
    described = _object(resource_type.attributes, is_part)
    for extension in resource_type.extensions:
        described["properties"][extension.schema.id] = _object(extension.schema.attributes, is_part)
    urns = [resource_type.schema.id, *(each.schema.id for each in resource_type.extensions)]
    described["properties"]["schemas"] |= {"items": {"type": "string", "enum": urns}, "minItems": 1}
    return described


def _is_seen(attribute: Attribute) -> bool:
    return attribute.returned is not Returned.NEVER


def _is_sent(attribute: Attribute) -> bool:
    return attribute.mutability is not Mutability.READ_ONLY


def _described(schema: Schema, required: list[str]) -> JsonSchema:
    """What a discovery endpoint answers with."""
    described = _object((*_OF_DESCRIPTIONS, *schema.attributes), _is_seen)
    return described | {"required": ["schemas", *required, "meta"]}


def _object(attributes: Iterable[Attribute], is_part: Callable[[Attribute], bool]) -> JsonSchema:
    parts = [attribute for attribute in attributes if is_part(attribute)]
    described: JsonSchema = {
        "type": "object",
        "properties": {part.name: _value(part, is_part) for part in parts},
    }
    required = [part.name for part in parts if part.required and is_part is _is_sent]
    return described | ({"required": required} if required else {})


def _value(attribute: Attribute, is_part: Callable[[Attribute], bool]) -> JsonSchema:
    described = dict(_TYPES.get(attribute.type, {}))
    if attribute.is_complex:
        described = _object(attribute.sub_attributes, is_part)
    if attribute.multi_valued:
        # An entry that is a resource says which one; the rest of it is known of that.
        if attribute.is_reference and is_part is _is_sent:
            described["required"] = ["value"]
        described = _list_of(described)
    return described | {"description": attribute.description}


def _page(name: str) -> JsonSchema:
    return _message(
        LIST_RESPONSE,
        {
            "totalResults": _COUNT,
            "startIndex": {"type": "integer", "minimum": 1},
            "itemsPerPage": _COUNT,
            "nextCursor": _TEXT,
            "previousCursor": _TEXT,
            "Resources": _list_of(reference(name)),
        },
        ["totalResults", "itemsPerPage", "Resources"],
    )


def _message(urn: str, properties: dict[str, JsonSchema], required: list[str]) -> JsonSchema:
    schemas = {"type": "array", "items": {"type": "string", "enum": [urn]}, "minItems": 1}
    return {
        "type": "object",
        "properties": {"schemas": schemas, **properties},
        "required": ["schemas", *required],
    }


def _list_of(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


def _scim_types(kind: type[ScimError]) -> set[str]:
    own = set() if kind.scim_type is None else {kind.scim_type}
    return own.union(*map(_scim_types, kind.__subclasses__()))


#: What a description has of the attributes that every resource has.
_OF_DESCRIPTIONS = tuple(
    replace(
        attribute,
        sub_attributes=tuple(
            sub for sub in attribute.sub_attributes if sub.name in ("resourceType", "location")
        ),
    )
    for attribute in COMMON_ATTRIBUTES
    if attribute.name != "externalId"
)
_COUNT: JsonSchema = {"type": "integer", "minimum": 0}
_TEXT: JsonSchema = {"type": "string"}
_NAMED: JsonSchema = {"type": "string", "minLength": 1, "maxLength": LONGEST_SUBJECT}
_ADDING: JsonSchema = {"type": "string", "enum": ["add", "replace"]}
_PATCH_OPERATION: JsonSchema = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"op": {"type": "string", "enum": ["remove"]}, "path": _TEXT},
            "required": ["op", "path"],
        },
        {
            "type": "object",
            "properties": {"op": _ADDING, "path": _TEXT, "value": {}},
            "required": ["op", "path", "value"],
        },
        {
            "type": "object",
            "properties": {"op": _ADDING, "value": {"type": "object"}},
            "required": ["op", "value"],
        },
    ]
}
_SUBJECTS: JsonSchema = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"format": {"type": "string", "enum": [format]}}
            | dict.fromkeys(members, _NAMED),
            "required": ["format", *members],
        }
        for format, members in SUBJECT_FORMATS.items()
    ]
}
_REVOCATION: JsonSchema = {
    "anyOf": [
        {"type": "object", "properties": {name: _SUBJECTS}, "required": [name]}
        for name in SUBJECT_NAMES
    ]
}
_SEARCH: dict[str, JsonSchema] = {
    "attributes": _list_of(_TEXT),
    "excludedAttributes": _list_of(_TEXT),
    "filter": _TEXT,
    "sortBy": _TEXT,
    "sortOrder": {"type": "string", "enum": ["ascending", "descending"]},
    "startIndex": {"type": "integer"},
    "count": {"type": "integer"},
    "cursor": _TEXT,
}
_BULK_OPERATION: JsonSchema = {
    "type": "object",
    "properties": {
        "method": {"type": "string", "enum": ["POST", "PUT", "PATCH", "DELETE"]},
        "path": _TEXT,
        "bulkId": _TEXT,
        "version": _TEXT,
        "data": {"type": "object"},
    },
    "required": ["method", "path"],
}
_BULK_RESULT: JsonSchema = {
    "type": "object",
    "properties": {
        "method": _TEXT,
        "bulkId": _TEXT,
        "location": _TEXT,
        "version": _TEXT,
        "status": {"type": "string", "pattern": "^[245][0-9]{2}$"},
        "response": reference("ScimError"),
    },
    "required": ["status"],
}
