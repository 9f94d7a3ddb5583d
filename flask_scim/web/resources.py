"""The endpoints of one resource type."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from ..protocol.projection import Projection
from ..protocol.schema import ResourceType
from . import documents
from .conditions import expected_version, known_version, wanted_version
from .current import parameters, this_request
from .endpoints import Endpoint
from .exchange import Exchange, Gateway
from .lists import answer_list
from .queries import read_parameters
from .responses import answer_not_modified, answer_nothing, answer_resource
from .views import Endpoints


def add_resource_type(blueprint: Blueprint, gateway: Gateway, resource_type: ResourceType) -> None:
    """Add the endpoints of a resource type (:rfc:`7644#section-3.2`).

    :param blueprint: the blueprint of all endpoints.
    :param gateway: what the endpoints need of the app.
    :param resource_type: the resource type.
    """
    plural = resource_type.plural
    path = resource_type.endpoint

    def begin(connection_id: str) -> Endpoint:
        exchange = Exchange.begin(gateway, connection_id)
        return Endpoint.open(exchange, resource_type, this_request().method)

    @blueprint.route(path, endpoint=plural, strict_slashes=False)
    class Collection(Endpoints):
        @blueprint.doc(**documents.describe_list(resource_type))
        def get(self, connection_id: str) -> Response:
            return answer_list(begin(connection_id), read_parameters(parameters()))

        @blueprint.doc(**documents.describe_create(resource_type))
        def post(self, connection_id: str) -> Response:
            endpoint = begin(connection_id)
            shown = shown_by(endpoint)
            created = endpoint.create(endpoint.exchange.body(), shown)
            return answer_resource(endpoint.exchange, resource_type, created, shown, 201)

    @blueprint.route(f"{path}/<id>", endpoint=f"{plural}-item", strict_slashes=False)
    class Item(Endpoints):
        @blueprint.doc(**documents.describe_get(resource_type))
        def get(self, connection_id: str, id: str) -> Response:
            return answer_get(begin(connection_id), id)

        @blueprint.doc(**documents.describe_replace(resource_type))
        def put(self, connection_id: str, id: str) -> Response:
            return answer_put(begin(connection_id), id)

        @blueprint.doc(**documents.describe_patch(resource_type))
        def patch(self, connection_id: str, id: str) -> Response:
            return answer_patch(begin(connection_id), id)

        @blueprint.doc(**documents.describe_delete(resource_type))
        def delete(self, connection_id: str, id: str) -> Response:
            return answer_delete(begin(connection_id), id)


def answer_get(endpoint: Endpoint, id: str) -> Response:
    """Answer ``GET`` on a resource.

    :param endpoint: the resources of its type.
    :param id: the SCIM ``id``.
    :return: the response.
    """
    shown = shown_by(endpoint)
    resource = endpoint.read(id, shown, wanted_version())
    is_known = known_version()
    if is_known is not None and is_known(resource):
        return answer_not_modified(resource)
    return answer_resource(endpoint.exchange, endpoint.resource_type, resource, shown)


def answer_put(endpoint: Endpoint, id: str) -> Response:
    """Answer ``PUT`` on a resource, as :func:`answer_get` does ``GET``."""
    shown = shown_by(endpoint)
    replaced = endpoint.replace(id, endpoint.exchange.body(), expected_version(), shown)
    return answer_resource(endpoint.exchange, endpoint.resource_type, replaced, shown)


def answer_patch(endpoint: Endpoint, id: str) -> Response:
    """Answer ``PATCH`` on a resource, as :func:`answer_get` does ``GET``."""
    shown = shown_by(endpoint)
    patched = endpoint.patch(id, endpoint.exchange.body(), expected_version(), shown)
    if patched is None:
        return answer_nothing()
    return answer_resource(endpoint.exchange, endpoint.resource_type, patched, shown)


def answer_delete(endpoint: Endpoint, id: str) -> Response:
    """Answer ``DELETE`` on a resource, as :func:`answer_get` does ``GET``."""
    endpoint.delete(id, expected_version())
    return answer_nothing()


def shown_by(endpoint: Endpoint) -> Projection:
    """Read from the URL what of a resource the client wants to see."""
    named = parameters()
    return endpoint.project(named.get("attributes"), named.get("excludedAttributes"))
