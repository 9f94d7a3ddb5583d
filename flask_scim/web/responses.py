"""Answers: resources and lists as SCIM writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote

from flask import Response
from werkzeug.datastructures import Headers, MIMEAccept
from werkzeug.http import parse_accept_header

from ..protocol.errors import (
    MethodNotAllowed,
    ScimError,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from ..protocol.messages import cursor_response, error_body, list_response
from ..protocol.projection import Projection
from ..protocol.schema import ResourceType
from ..provisioning.ports import Resource
from .current import request_id, this_request
from .encoding import encode
from .exchange import Exchange
from .log import note_error

SCIM_JSON = "application/scim+json"


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON, of the type that the client asks for.

    :param body: what to say.
    :param status: the HTTP status.
    :param headers: more headers.
    :return: the response.
    """
    sent, content = this_request(), encode(body)
    named = Headers()
    named.add("Content-Type", _choose_type(sent.environ.get("HTTP_ACCEPT", "")))
    # What a response finds out by itself, it puts in the place of what may be there already.
    named.add("Content-Length", str(len(content)))
    named.add("X-Request-Id", request_id(sent))
    for name, value in (headers or {}).items():
        named.add(name, value)
    return Response([content], status, named)


@lru_cache(maxsize=64)
def _choose_type(accept: str) -> str:
    """Choose what to call an answer; kept, for each client says the same in every request."""
    accepted = parse_accept_header(accept, MIMEAccept)
    return accepted.best_match([SCIM_JSON, "application/json"], SCIM_JSON) or SCIM_JSON


def answer_resource(
    exchange: Exchange,
    resource_type: ResourceType,
    resource: Resource,
    projection: Projection,
    status: int = 200,
) -> Response:
    """Answer with a resource, its location and its entity tag.

    :param exchange: the request.
    :param resource_type: the type of the resource.
    :param resource: the resource.
    :param projection: what of it the client gets to see.
    :param status: the HTTP status.
    :return: the response.
    """
    headers = {"ETag": entity_tag(resource)}
    if status == 201:
        headers["Location"] = exchange.location(resource_type, resource.id)
    return answer(present(exchange, resource_type, resource, projection), status, headers)


def answer_page(resources: list[dict[str, Any]], total: int, start_index: int) -> Response:
    """Answer with a part of a list that goes by index.

    :param resources: the resources of the part, as the client sees them.
    :param total: how many there are in all.
    :param start_index: the position of the first one, from 1.
    :return: the response.
    """
    return answer(list_response(resources, total, start_index))


def answer_cursor_page(
    resources: list[dict[str, Any]],
    total: int | None,
    *,
    previous: str | None = None,
    following: str | None = None,
) -> Response:
    """Answer with a part of a list that goes by cursor.

    :param resources: the resources of the part, as the client sees them.
    :param total: how many there are in all; ``None`` if nobody has counted.
    :param previous: the cursor of the part before, if there is one.
    :param following: the cursor of the part behind, if there is one.
    :return: the response.
    """
    return answer(cursor_response(resources, total, previous=previous, following=following))


def answer_not_modified(resource: Resource) -> Response:
    """Answer that the client's copy is good."""
    return _answer_nothing(304, {"ETag": entity_tag(resource)})


def answer_nothing() -> Response:
    """Answer that all is done, and show nothing: the resource is gone, or too large to show."""
    return _answer_nothing(204, {})


def answer_accepted(txn: str) -> Response:
    """Answer that a request will be carried out later (:rfc:`9967#section-3`).

    :param txn: what the client will know the result by.
    :return: the response.
    """
    return _answer_nothing(202, {"Set-Txn": txn, "Preference-Applied": "respond-async"})


def answer_error(error: ScimError) -> Response:
    """Answer with an error.

    :param error: what went wrong.
    :return: the response.
    """
    note_error(error)
    headers = {}
    match error:
        case Unauthorized():
            headers["WWW-Authenticate"] = 'Bearer realm="scim"'
        case MethodNotAllowed(allowed=allowed) if allowed:
            headers["Allow"] = ", ".join(allowed)
        case ServiceUnavailable(retry_after=seconds) | TooManyRequests(retry_after=seconds):
            headers["Retry-After"] = str(seconds)
    return answer(error_body(error), error.status, headers)


def _answer_nothing(status: int, headers: Mapping[str, str]) -> Response:
    response = Response(status=status, headers={"X-Request-Id": request_id(), **headers})
    # Flask gives every response a type; this one has no body that could be of one.
    del response.headers["Content-Type"]
    return response


def present(
    exchange: Exchange, resource_type: ResourceType, resource: Resource, projection: Projection
) -> dict[str, Any]:
    """Write a resource as the client sees it; see :func:`presenter`."""
    return presenter(exchange, resource_type, projection)(resource)


def presenter(
    exchange: Exchange, resource_type: ResourceType, projection: Projection
) -> Callable[[Resource], dict[str, Any]]:
    """Make what writes the resources of one answer as the client sees them.

    :param exchange: the request.
    :param resource_type: the type of the resources.
    :param projection: what of them the client gets to see.
    :return: takes a resource and returns it as JSON.
    """
    base = exchange.base
    begin, references = f"{base}{resource_type.endpoint}/", _reference_names(resource_type)

    def write(resource: Resource) -> dict[str, Any]:
        id, document = resource.id, resource.document
        meta = {"resourceType": resource_type.name}
        if resource.created is not None:
            meta["created"] = resource.created
        if resource.modified is not None:
            meta["lastModified"] = resource.modified
        meta["location"] = begin + (id if id.isalnum() and id.isascii() else quote(id, safe=""))
        meta["version"] = entity_tag(resource)
        for name in references:
            for entry in document.get(name, ()):
                # Where the app keeps the entries as values, they are what was sent.
                link = entry.get("$ref")
                if link and link[0] == "/":
                    entry["$ref"] = base + link
        return projection.project({"id": id}, document, {"meta": meta})

    return write


@cache
def _reference_names(resource_type: ResourceType) -> tuple[str, ...]:
    """The attributes whose entries are other resources, with URIs that stores write relatively."""
    return tuple(
        attribute.name
        for attribute in resource_type.attributes
        if attribute.is_reference and attribute.multi_valued
    )


def entity_tag(resource: Resource) -> str:
    """Write the version of a resource, weak because what is shown of it differs by request."""
    return f'W/"{resource.version}"'
