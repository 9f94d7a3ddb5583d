"""``/Me``: the resource of whoever asks (:rfc:`7644#section-3.11`)."""

from __future__ import annotations

from flask import Response, request
from flask_smorest import Blueprint

from ..protocol.errors import MethodNotAllowed, NotFound
from . import documents
from .endpoints import Endpoint
from .exchange import Exchange, Gateway
from .resources import answer_delete, answer_get, answer_patch, answer_put
from .views import Endpoints


def add_me(blueprint: Blueprint, gateway: Gateway) -> None:
    """Add the endpoint that stands for the resource of whoever asks.

    :param blueprint: the blueprint of all endpoints.
    :param gateway: what the endpoints need of the app.
    """

    def find(connection_id: str) -> tuple[Endpoint, str]:
        exchange = Exchange.begin(gateway, connection_id)
        found = gateway.whose(exchange.connection)
        if found is None:
            raise NotFound("Whoever asks has no resource here.")
        resource_type, id = found
        return Endpoint.open(exchange, resource_type, request.method), id

    @blueprint.route("/Me", endpoint="me", strict_slashes=False)
    class Me(Endpoints):
        @blueprint.doc(**documents.describe_me("GET"))
        def get(self, connection_id: str) -> Response:
            return answer_get(*find(connection_id))

        @blueprint.doc(**documents.describe_me("POST"))
        def post(self, connection_id: str) -> Response:
            find(connection_id)
            raise MethodNotAllowed(
                "POST cannot be used here.", ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT")
            )

        @blueprint.doc(**documents.describe_me("PUT"))
        def put(self, connection_id: str) -> Response:
            return answer_put(*find(connection_id))

        @blueprint.doc(**documents.describe_me("PATCH"))
        def patch(self, connection_id: str) -> Response:
            return answer_patch(*find(connection_id))

        @blueprint.doc(**documents.describe_me("DELETE"))
        def delete(self, connection_id: str) -> Response:
            return answer_delete(*find(connection_id))
