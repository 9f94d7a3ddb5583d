"""Schemas and resource types as the discovery endpoints show them (:rfc:`7644#section-4`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .definitions import RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG
from .resolver import AttributePath
from .schema import Attribute, ResourceType, Schema, Type

#: Tells whether an attribute is served at all.
Serves = Callable[[AttributePath], bool]


def describe_schema(schema: Schema, serves: Serves, urn: str | None) -> dict[str, Any]:
    """Describe a schema (:rfc:`7643#section-7`).

    :param schema: the schema.
    :param serves: tells which attributes the service keeps; the others are left out.
    :param urn: the schema's URN if it is an extension, else ``None``.
    :return: the schema as a resource, without ``meta``.
    """
    return {
        "schemas": [SCHEMA.id],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [
            _describe(attribute, serves, urn)
            for attribute in schema.attributes
            if serves(AttributePath(attribute, urn=urn))
        ],
    }


def describe_resource_type(resource_type: ResourceType, extensions: list[str]) -> dict[str, Any]:
    """Describe a resource type (:rfc:`7643#section-6`).

    :param resource_type: the resource type.
    :param extensions: the URNs of the extensions of which something is served.
    :return: the resource type as a resource, without ``meta``.
    """
    return {
        "schemas": [RESOURCE_TYPE.id],
        "id": resource_type.name,
        "name": resource_type.name,
        "description": resource_type.description,
        "endpoint": resource_type.endpoint,
        "schema": resource_type.schema.id,
        "schemaExtensions": [
            {"schema": extension.schema.id, "required": extension.required}
            for extension in resource_type.extensions
            if extension.schema.id in extensions
        ],
    }


def describe_service(*, max_results: int, max_payload: int) -> dict[str, Any]:
    """Describe what the service can do (:rfc:`7643#section-5`).

    :param max_results: the most resources of a page.
    :param max_payload: the largest body in bytes.
    :return: the service provider's configuration, without ``meta``.
    """
    return {
        "schemas": [SERVICE_PROVIDER_CONFIG.id],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": max_payload},
        "filter": {"supported": True, "maxResults": max_results},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token that was issued for this connection.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
    }


def _describe(attribute: Attribute, serves: Serves | None, urn: str | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.type.value,
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
        "mutability": attribute.mutability.value,
        "returned": attribute.returned.value,
        "uniqueness": attribute.uniqueness.value,
    }
    if attribute.type in (Type.STRING, Type.REFERENCE, Type.BINARY):
        described["caseExact"] = attribute.case_exact
    if attribute.canonical_values:
        described["canonicalValues"] = list(attribute.canonical_values)
    if attribute.reference_types:
        described["referenceTypes"] = list(attribute.reference_types)
    if attribute.is_complex:
        described["subAttributes"] = [
            _describe(sub, None, urn)
            for sub in attribute.sub_attributes
            if serves is None or serves(AttributePath(attribute, sub, urn))
        ]
    return described
