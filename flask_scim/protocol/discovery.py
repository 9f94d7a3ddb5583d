"""Schemas and resource types as the discovery endpoints show them (:rfc:`7644#section-4`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .descriptions import RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG
from .schema import Attribute, ResourceType, Schema, Type

#: The pages that a client of the interoperability profile asks for without a ``count``.
_PROFILE_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Features:
    """What of the protocol a connection offers, and up to which size.

    :param strict: whether only the interoperability profile is accepted.
    :param default_page_size: the resources of a page without ``count``.
    :param max_page_size: the most resources of a page.
    :param max_operations: the most operations of a Bulk request; 0 where there is no Bulk.
    :param max_payload: the largest body in bytes.
    :param cursor_timeout: for how many seconds a cursor is good.
    :param passwords: whether clients can set passwords.
    :param oauth: whether clients can get access tokens.
    :param event_uris: what security event tokens tell of; none where there are none.
    :param may_wait: whether requests can be carried out later.
    """

    strict: bool
    default_page_size: int
    max_page_size: int
    max_operations: int
    max_payload: int
    cursor_timeout: int
    passwords: bool
    oauth: bool = False
    event_uris: tuple[str, ...] = ()
    may_wait: bool = False

    @property
    def conforms(self) -> bool:
        """Whether the connection does all that the interoperability profile asks for."""
        return self.strict and self.default_page_size >= _PROFILE_PAGE_SIZE


def describe_schema(schema: Schema) -> dict[str, Any]:
    """Describe a schema (:rfc:`7643#section-7`).

    :param schema: the schema.
    :return: the schema as a resource, without ``meta``.
    """
    return {
        "schemas": [SCHEMA.id],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [_describe(attribute) for attribute in schema.attributes],
    }


def describe_resource_type(resource_type: ResourceType) -> dict[str, Any]:
    """Describe a resource type (:rfc:`7643#section-6`).

    :param resource_type: the resource type.
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
        ],
    }


def describe_service(features: Features) -> dict[str, Any]:
    """Describe what the service can do (:rfc:`7643#section-5`, :rfc:`9865`, :rfc:`9967`).

    :param features: what the connection offers.
    :return: the service provider's configuration, without ``meta``.
    """
    described: dict[str, Any] = {
        "schemas": [SERVICE_PROVIDER_CONFIG.id],
        "patch": {"supported": True},
        "bulk": {
            "supported": features.max_operations > 0,
            "maxOperations": features.max_operations,
            "maxPayloadSize": features.max_payload,
        },
        "filter": {"supported": True, "maxResults": features.max_page_size},
        "changePassword": {"supported": features.passwords},
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
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": features.default_page_size,
            "maxPageSize": features.max_page_size,
            "cursorTimeout": features.cursor_timeout,
        },
    }
    if features.oauth:
        described["authenticationSchemes"].append(
            {
                "type": "oauth2",
                "name": "OAuth 2.0 client credentials",
                "description": "An access token from the token endpoint of this connection.",
                "specUri": "https://www.rfc-editor.org/info/rfc6749",
                "primary": False,
            }
        )
    if features.event_uris:
        described["securityEvents"] = {
            "asyncRequest": "request" if features.may_wait else "none",
            "eventUris": list(features.event_uris),
        }
    if features.conforms:
        described["interopProfileConformant"] = True
    return described


def _describe(attribute: Attribute) -> dict[str, Any]:
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
        described["subAttributes"] = [_describe(sub) for sub in attribute.sub_attributes]
    return described
