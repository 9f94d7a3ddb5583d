"""The endpoints that tell what the service can do (:rfc:`7644#section-4`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from ..delivery.security_events import ASYNC_EVENT_URI, EVENT_URIS
from ..mapping.served import unite
from ..protocol.discovery import Features, describe_resource_type, describe_schema, describe_service
from ..protocol.errors import Forbidden, NotFound
from ..protocol.messages import list_response
from . import documents
from .exchange import Exchange, Gateway
from .responses import answer
from .views import Endpoints


def add_discovery(blueprint: Blueprint, gateway: Gateway) -> None:
    """Add the discovery endpoints.

    :param blueprint: the blueprint of all endpoints.
    :param gateway: what the endpoints need of the app.
    """

    def begin(connection_id: str) -> Exchange:
        exchange = Exchange.begin(gateway, connection_id)
        if "filter" in request.args:
            raise Forbidden("Discovery endpoints take no filter.")
        return exchange

    def resource_types(exchange: Exchange) -> dict[str, Any]:
        described = map(describe_resource_type, exchange.served.values())
        return {each["id"]: _with_meta(exchange, "ResourceType", each) for each in described}

    def schemas(exchange: Exchange) -> dict[str, Any]:
        found = [
            schema
            for resource_type in exchange.served.values()
            for schema in (
                resource_type.schema,
                *(extension.schema for extension in resource_type.extensions),
            )
        ]
        described = map(describe_schema, unite(found))
        return {each["id"]: _with_meta(exchange, "Schema", each) for each in described}

    @blueprint.route(
        "/ServiceProviderConfig",
        endpoint="service-provider-config",
        strict_slashes=False,
    )
    class ServiceProviderConfig(Endpoints):
        @blueprint.doc(
            **documents.describe_discovery("What the service can do", "ServiceProviderConfig")
        )
        def get(self, connection_id: str) -> Response:
            exchange = begin(connection_id)
            described = describe_service(_features(exchange))
            location = f"{exchange.base}/ServiceProviderConfig"
            meta = {"resourceType": "ServiceProviderConfig", "location": location}
            return answer({**described, "meta": meta})

    _add_catalogue(blueprint, "ResourceTypes", begin, resource_types)
    _add_catalogue(blueprint, "Schemas", begin, schemas)


def _add_catalogue(
    blueprint: Blueprint,
    name: str,
    begin: Callable[[str], Exchange],
    read: Callable[[Exchange], dict[str, Any]],
) -> None:
    """Add an endpoint that lists descriptions, and one that shows a single one."""
    endpoint = name.lower()

    @blueprint.route(f"/{name}", endpoint=endpoint, strict_slashes=False)
    class Catalogue(Endpoints):
        @blueprint.doc(**documents.describe_discovery(f"All {name}", f"{name[:-1]}List"))
        def get(self, connection_id: str) -> Response:
            found = list(read(begin(connection_id)).values())
            return answer(list_response(found, len(found)))

    @blueprint.route(f"/{name}/<id>", endpoint=f"{endpoint}-item", strict_slashes=False)
    class Entry(Endpoints):
        @blueprint.doc(**documents.describe_discovery(f"One of {name}", name[:-1]))
        def get(self, connection_id: str, id: str) -> Response:
            found = read(begin(connection_id)).get(id)
            if found is None:
                raise NotFound(f"There is no {id[:100]!r} in {name}.")
            return answer(found)


def _features(exchange: Exchange) -> Features:
    gateway = exchange.gateway
    settings, may_wait = gateway.settings, gateway.deferral is not None
    event_uris = (*EVENT_URIS, ASYNC_EVENT_URI) if may_wait else EVENT_URIS
    return Features(
        strict=exchange.connection.strict,
        default_page_size=settings.default_page_size,
        max_page_size=settings.max_page_size,
        max_operations=settings.max_bulk_operations,
        max_payload=settings.max_content_length,
        cursor_timeout=settings.cursor_timeout,
        passwords=any(served.attribute("password") for served in exchange.served.values()),
        oauth=gateway.authority is not None,
        event_uris=event_uris if gateway.has_tokens() else (),
        may_wait=may_wait,
    )


def _with_meta(exchange: Exchange, kind: str, described: dict[str, Any]) -> dict[str, Any]:
    location = f"{exchange.base}/{kind}s/{described['id']}"
    return {**described, "meta": {"resourceType": kind, "location": location}}
