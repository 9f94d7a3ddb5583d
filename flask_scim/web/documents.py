"""What the OpenAPI document says of each endpoint."""

from __future__ import annotations

from typing import Any

from ..protocol.schema import Mutability, ResourceType
from .components import JsonSchema, reference

Operation = dict[str, Any]

_MEDIA_TYPES = ("application/scim+json", "application/json")


def describe_list(resource_type: ResourceType) -> Operation:
    """Document ``GET`` on the endpoint of a resource type."""
    return _list(f"List or look up: {resource_type.name}", f"{resource_type.name}List")


def describe_root() -> Operation:
    """Document ``GET`` on the root."""
    return _list("List or look up resources of every type", "ResourceList")


def describe_search(resource_type: ResourceType | None) -> Operation:
    """Document ``POST`` on ``/.search`` of a resource type, or of the root."""
    name = "resources of every type" if resource_type is None else resource_type.name
    listed = "ResourceList" if resource_type is None else f"{resource_type.name}List"
    return {
        "summary": f"List or look up without a URL that tells what: {name}",
        "requestBody": _body("SearchRequest"),
        "responses": _responses({"200": _content(listed)}, *_OF_BODIES, 403),
    }


def describe_create(resource_type: ResourceType) -> Operation:
    """Document ``POST`` on the endpoint of a resource type."""
    created = _content(resource_type.name) | {"headers": _TAG | _LOCATION}
    return {
        "summary": f"Create: {resource_type.name}",
        "parameters": list(_PROJECTION),
        "requestBody": _body(f"New{resource_type.name}"),
        "responses": _responses({"201": created}, *_OF_BODIES, 403, 409),
    }


def describe_get(resource_type: ResourceType) -> Operation:
    """Document ``GET`` on a resource."""
    return {
        "summary": f"Read: {resource_type.name}",
        "parameters": [*_PROJECTION, *_CONDITIONS],
        "responses": _responses(
            {"200": _with_tag(resource_type.name), "304": _UNCHANGED}, 403, 412
        ),
    }


def describe_replace(resource_type: ResourceType) -> Operation:
    """Document ``PUT`` on a resource."""
    return {
        "summary": f"Replace: {resource_type.name}",
        "parameters": [*_PROJECTION, *_CONDITIONS],
        "requestBody": _body(f"New{resource_type.name}"),
        "responses": _responses({"200": _with_tag(resource_type.name)}, *_OF_BODIES, 403, 409, 412),
    }


def describe_patch(resource_type: ResourceType) -> Operation:
    """Document ``PATCH`` on a resource."""
    # Only a list of resources that the client changes can outgrow the answer.
    can_outgrow = any(
        attribute.is_reference
        and attribute.multi_valued
        and attribute.mutability is not Mutability.READ_ONLY
        for attribute in resource_type.attributes
    )
    good = {"200": _with_tag(resource_type.name)} | ({"204": _UNSHOWN} if can_outgrow else {})
    return {
        "summary": f"Change parts: {resource_type.name}",
        "parameters": [*_PROJECTION, *_CONDITIONS],
        "requestBody": _body("PatchOp"),
        "responses": _responses(good, *_OF_BODIES, 403, 409, 412),
    }


def describe_delete(resource_type: ResourceType) -> Operation:
    """Document ``DELETE`` on a resource."""
    return {
        "summary": f"Delete: {resource_type.name}",
        "parameters": list(_CONDITIONS),
        "responses": _responses({"204": _GONE}, 403, 409, 412),
    }


def describe_me(method: str) -> Operation:
    """Document a method, such as ``GET``, on the resource of whoever asks."""
    shown = {"200": _with_tag("AnyResource")}
    parameters = [*_PROJECTION, *_CONDITIONS]
    described: Operation
    match method:
        case "GET":
            described = {"responses": _responses(shown | {"304": _UNCHANGED}, 403, 412, 501)}
        case "DELETE":
            parameters = list(_CONDITIONS)
            described = {"responses": _responses({"204": _GONE}, 403, 409, 412, 501)}
        case "POST":
            parameters = []
            described = {
                "requestBody": _body("AnyNewResource"),
                "responses": _responses({}, 403, 405, 501),
            }
        case _:
            is_patch = method == "PATCH"
            good = shown | ({"204": _UNSHOWN} if is_patch else {})
            described = {
                "requestBody": _body("PatchOp" if is_patch else "AnyNewResource"),
                "responses": _responses(good, *_OF_BODIES, 403, 409, 412, 501),
            }
    return {
        "summary": f"{method} on the resource of whoever asks",
        "parameters": parameters,
        **described,
    }


def describe_bulk(*, may_wait: bool) -> Operation:
    """Document ``POST`` on ``/Bulk``.

    :param may_wait: whether it can be carried out later.
    """
    good: dict[str, Operation] = {"200": _content("BulkResponse")}
    described: Operation = {
        "summary": "Do many operations",
        "requestBody": _body("BulkRequest"),
    }
    if may_wait:
        good["202"] = {"description": "It is carried out later.", "headers": _TXN}
        words = "respond-async, to have it carried out later."
        described["parameters"] = [_parameter("Prefer", "string", words, "header")]
    return described | {"responses": _responses(good, *_OF_BODIES, 501)}


def describe_global_token_revocation() -> Operation:
    """Document ``POST`` on the endpoint that ends all that somebody has begun."""
    return {
        "summary": "End the sessions of a user, and all else that they have begun",
        "requestBody": _body("GlobalTokenRevocation"),
        "responses": _responses({"204": _ENDED}, *_OF_BODIES, 422, 501),
    }


def describe_discovery(summary: str, name: str) -> Operation:
    """Document ``GET`` on a discovery endpoint that answers with a message of some name."""
    return {"summary": summary, "responses": _responses({"200": _content(name)}, 403)}


def describe_place(name: str) -> str:
    """Document a part of the path."""
    return _PLACES[name]


def _list(summary: str, name: str) -> Operation:
    order = {"type": "string", "enum": ["ascending", "descending"]}
    return {
        "summary": summary,
        "parameters": [
            _parameter("filter", "string", 'Which ones, as in userName eq "ann@example.com".'),
            _parameter("startIndex", "integer", "The position of the first one, from 1."),
            _parameter("count", "integer", "The most to return."),
            _parameter("cursor", "string", "The cursor of a page; empty for the first one."),
            _parameter("sortBy", "string", "The attribute to sort by."),
            _parameter("sortOrder", "string", "Which way to sort.") | {"schema": order},
            *_PROJECTION,
        ],
        "responses": _responses({"200": _content(name)}, 403),
    }


def _content(name: str) -> Operation:
    return {"description": name, "content": _shown(name)}


def _with_tag(name: str) -> Operation:
    return _content(name) | {"headers": _TAG}


def _body(name: str) -> Operation:
    return {"required": True, "content": _shown(name)}


def _shown(name: str) -> Operation:
    return {media_type: {"schema": reference(name)} for media_type in _MEDIA_TYPES}


def _responses(good: dict[str, Any], *refusals: int) -> dict[str, Any]:
    """What is answered: well, or with one of some errors."""
    statuses = sorted({*_OF_ALL, *refusals})
    return good | {str(status): _error(status) for status in statuses}


def _error(status: int) -> Operation:
    described = {"description": _ERRORS[status], "content": _shown("ScimError")}
    headers = _ERROR_HEADERS.get(status)
    return described if headers is None else described | {"headers": headers}


def _parameter(name: str, kind: str, description: str, place: str = "query") -> Operation:
    return {"in": place, "name": name, "schema": {"type": kind}, "description": description}


def _header(description: str, **schema: Any) -> Operation:
    shape: JsonSchema = {"type": "string"} | schema
    return {"description": description, "required": True, "schema": shape}


_PLACES = {
    "connection_id": "The name of the connection, which is that of the token.",
    "id": "The id that the service gave.",
}
_PROJECTION = (
    _parameter("attributes", "string", "What to return, separated by commas."),
    _parameter("excludedAttributes", "string", "What to leave out, separated by commas."),
)
_CONDITIONS = (
    _parameter("If-Match", "string", "The versions that the resource must have.", "header"),
    _parameter("If-None-Match", "string", "The versions that it must not have.", "header"),
)
_TAG = {"ETag": _header("The version of the resource.", pattern='^W/"[0-9]+"$')}
_LOCATION = {"Location": _header("Where the resource is.", format="uri")}
_TXN = {
    "Set-Txn": _header("What the txn of the result begins with."),
    "Preference-Applied": _header("What was preferred.", pattern="^respond-async$"),
}
_UNCHANGED: Operation = {"description": "The client has this version already.", "headers": _TAG}
_UNSHOWN: Operation = {"description": "It is done, and the resource too large to be shown."}
_ENDED: Operation = {"description": "The end of it has begun."}
_GONE: Operation = {"description": "It is gone."}

#: What can become of every request, and of every one with a body.
_OF_ALL = (400, 401, 403, 404, 429, 500, 503)
_OF_BODIES = (413, 415)
_ERRORS = {
    400: "The request cannot be taken as it is; scimType and detail say why.",
    401: "The token is missing, not good, or that of another connection.",
    403: "The token or the service does not allow this.",
    404: "There is no such resource or endpoint.",
    405: "The endpoint does not take this method.",
    409: "What is asked for does not go together with what is there.",
    412: "The resource has another version than the client named.",
    413: "The body is larger than the service takes.",
    415: "The body is neither application/scim+json nor application/json.",
    422: "The application keeps the user out of reach.",
    429: "The connection sends too many requests; nothing was changed.",
    500: "The service failed; nothing was changed.",
    501: "The service does not have this part of the protocol.",
    503: "The service is busy; nothing was changed, and the request may be repeated.",
}
_ERROR_HEADERS = {
    401: {"WWW-Authenticate": _header("The scheme to authenticate with.", pattern="^Bearer ")},
    405: {"Allow": _header("The methods that the endpoint takes.")},
    429: {"Retry-After": _header("When to try again, in seconds.", type="integer", minimum=1)},
    503: {"Retry-After": _header("When to try again, in seconds.", type="integer", minimum=0)},
}
