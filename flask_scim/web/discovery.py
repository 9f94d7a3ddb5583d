"""The endpoints that tell what the service can do (:rfc:`7644#section-4`)."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask.views import MethodView
from flask_smorest import Blueprint

from ..mapping.mapping import Mapping
from ..protocol.discovery import describe_resource_type, describe_schema, describe_service
from ..protocol.errors import Forbidden, NotFound
from ..protocol.messages import list_response
from ..protocol.resolver import AttributePath
from ..protocol.schema import ResourceType
from . import documents
from .exchange import Exchange, Gateway
from .responses import answer


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
        found = {}
        for resource_type, mapping in gateway.mappings.items():
            described = describe_resource_type(resource_type, _extensions(resource_type, mapping))
            found[resource_type.name] = _with_meta(exchange, "ResourceType", described)
        return found

    def schemas(exchange: Exchange) -> dict[str, Any]:
        found = {}
        for resource_type, mapping in gateway.mappings.items():
            served = [(resource_type.schema, None)] + [
                (extension.schema, extension.schema.id)
                for extension in resource_type.extensions
                if extension.schema.id in _extensions(resource_type, mapping)
            ]
            for schema, urn in served:
                described = describe_schema(schema, mapping.maps, urn)
                found[schema.id] = _with_meta(exchange, "Schema", described)
        return found

    @blueprint.route("/<connection_id>/ServiceProviderConfig", endpoint="service-provider-config")
    class ServiceProviderConfig(MethodView):
        init_every_request = False

        @blueprint.doc(**documents.describe_discovery("What the service can do"))
        def get(self, connection_id: str) -> Response:
            exchange = begin(connection_id)
            described = describe_service(
                max_results=gateway.settings.max_page_size,
                max_payload=gateway.settings.max_content_length,
            )
            location = f"{exchange.base}/ServiceProviderConfig"
            meta = {"resourceType": "ServiceProviderConfig", "location": location}
            return answer({**described, "meta": meta})

    _add_catalogue(blueprint, "ResourceTypes", begin, resource_types)
    _add_catalogue(blueprint, "Schemas", begin, schemas)


def _add_catalogue(blueprint: Blueprint, name: str, begin: Any, read: Any) -> None:
    """Add an endpoint that lists descriptions, and one that shows a single one."""
    endpoint = name.lower()

    @blueprint.route(f"/<connection_id>/{name}", endpoint=endpoint, strict_slashes=False)
    class Catalogue(MethodView):
        init_every_request = False

        @blueprint.doc(**documents.describe_discovery(f"All {name}"))
        def get(self, connection_id: str) -> Response:
            found = list(read(begin(connection_id)).values())
            return answer(list_response(found, len(found)))

    @blueprint.route(f"/<connection_id>/{name}/<id>", endpoint=f"{endpoint}-item")
    class Entry(MethodView):
        init_every_request = False

        @blueprint.doc(**documents.describe_discovery(f"One of {name}"))
        def get(self, connection_id: str, id: str) -> Response:
            found = read(begin(connection_id)).get(id)
            if found is None:
                raise NotFound(f"There is no {id[:100]!r} in {name}.")
            return answer(found)


def _extensions(resource_type: ResourceType, mapping: Mapping) -> list[str]:
    """The URNs of the extensions of which some attribute is served."""
    return [
        extension.schema.id
        for extension in resource_type.extensions
        if any(
            mapping.maps(AttributePath(attribute, urn=extension.schema.id))
            for attribute in extension.schema.attributes
        )
    ]


def _with_meta(exchange: Exchange, kind: str, described: dict[str, Any]) -> dict[str, Any]:
    location = f"{exchange.base}/{kind}s/{described['id']}"
    return {**described, "meta": {"resourceType": kind, "location": location}}
