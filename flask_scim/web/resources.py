"""The endpoints of one resource type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, request
from flask.views import MethodView
from flask_smorest import Blueprint

from ..marshal.envelopes import load_patch
from ..marshal.resources import load_resource
from ..protocol.dialects import normalise_patch, normalise_resource
from ..protocol.errors import InvalidSyntax
from ..protocol.projection import Projection
from ..protocol.schema import ResourceType
from . import documents
from .exchange import Exchange, Gateway, expected_version, known_version
from .queries import read_query
from .responses import answer_not_modified, answer_nothing, answer_page, answer_resource


def add_resource_type(blueprint: Blueprint, gateway: Gateway, resource_type: ResourceType) -> None:
    """Add the endpoints of a resource type (:rfc:`7644#section-3.2`).

    :param blueprint: the blueprint of all endpoints.
    :param gateway: what the endpoints need of the app.
    :param resource_type: the resource type.
    """
    plural = resource_type.endpoint.lower().removeprefix("/")
    path = f"/<connection_id>{resource_type.endpoint}"

    def begin(connection_id: str) -> Exchange:
        method = "get" if request.method == "HEAD" else request.method.lower()
        return Exchange.begin(gateway, connection_id, f"{method}:{plural}")

    def load(exchange: Exchange) -> dict[str, Any]:
        body = exchange.body()
        if not isinstance(body, dict):
            raise InvalidSyntax(f"The body must be a JSON object: a {resource_type.name}.")
        normalised, _ = normalise_resource(body, resource_type, exchange.dialect)
        return load_resource(normalised, resource_type, exchange.dialect)

    def projection(exchange: Exchange) -> Projection:
        return Projection.read(
            request.args.get("attributes"),
            request.args.get("excludedAttributes"),
            resource_type,
            ignore_unknown=exchange.dialect.rules.ignore_unknown,
        )

    @blueprint.route(path, endpoint=plural, strict_slashes=False)
    class Collection(MethodView):
        init_every_request = False

        @blueprint.doc(**documents.describe_list(resource_type))
        def get(self, connection_id: str) -> Response:
            exchange = begin(connection_id)
            query = read_query(request.args, resource_type, exchange.dialect, gateway.settings)
            shown = projection(exchange)
            service = exchange.service(resource_type)
            query = replace(query, references=service.references(shown))
            page = service.find(query)
            return answer_page(exchange, resource_type, page, query.start_index, shown)

        @blueprint.doc(**documents.describe_create(resource_type))
        def post(self, connection_id: str) -> Response:
            exchange = begin(connection_id)
            shown, document = projection(exchange), load(exchange)
            service = exchange.service(resource_type)
            created = service.create(document, service.references(shown))
            return answer_resource(exchange, resource_type, created, shown, 201)

    @blueprint.route(f"{path}/<id>", endpoint=f"{plural}-item", strict_slashes=False)
    class Item(MethodView):
        init_every_request = False

        @blueprint.doc(**documents.describe_get(resource_type))
        def get(self, connection_id: str, id: str) -> Response:
            exchange = begin(connection_id)
            shown = projection(exchange)
            service = exchange.service(resource_type)
            resource = service.get(id, service.references(shown))
            is_known = known_version()
            if is_known is not None and is_known(resource):
                return answer_not_modified(resource)
            return answer_resource(exchange, resource_type, resource, shown)

        @blueprint.doc(**documents.describe_replace(resource_type))
        def put(self, connection_id: str, id: str) -> Response:
            exchange = begin(connection_id)
            shown, document = projection(exchange), load(exchange)
            service = exchange.service(resource_type)
            references = service.references(shown)
            replaced = service.replace(id, document, expected_version(), references)
            return answer_resource(exchange, resource_type, replaced, shown)

        @blueprint.doc(**documents.describe_patch(resource_type))
        def patch(self, connection_id: str, id: str) -> Response:
            exchange = begin(connection_id)
            shown = projection(exchange)
            operations = load_patch(exchange.body(), exchange.dialect)
            normalised, _ = normalise_patch(operations, resource_type, exchange.dialect)
            service = exchange.service(resource_type)
            references = service.references(shown)
            patched = service.patch(id, normalised, expected_version(), references)
            if patched is None:
                return answer_nothing()
            return answer_resource(exchange, resource_type, patched, shown)

        @blueprint.doc(**documents.describe_delete(resource_type))
        def delete(self, connection_id: str, id: str) -> Response:
            exchange = begin(connection_id)
            exchange.service(resource_type).delete(id, expected_version())
            return answer_nothing()
