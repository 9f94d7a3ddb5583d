"""Searches by POST, and over all resource types at once (:rfc:`7644#section-3.4.3`)."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from ..marshal.searches import load_search
from ..protocol.errors import Forbidden
from ..protocol.messages import SearchRequest
from ..protocol.projection import Projection
from ..protocol.schema import ResourceType
from ..provisioning.search import Found, Part, advance, search_from_index, search_from_positions
from . import documents
from .current import parameters
from .endpoints import Endpoint
from .exchange import Exchange, Gateway
from .lists import Ledger, answer_list
from .queries import read_parameters
from .responses import answer_cursor_page, answer_page, presenter
from .views import Endpoints

#: How many pages of the largest size a sorted search over several types can reach by index.
_REACH = 10


def add_search(blueprint: Blueprint, gateway: Gateway) -> None:
    """Add the endpoints that search.

    :param blueprint: the blueprint of all endpoints.
    :param gateway: what the endpoints need of the app.
    """
    for resource_type in gateway.types:
        _add_type_search(blueprint, gateway, resource_type)

    @blueprint.route("", endpoint="root", strict_slashes=False)
    class Root(Endpoints):
        @blueprint.doc(**documents.describe_root())
        def get(self, connection_id: str) -> Response:
            exchange = Exchange.begin(gateway, connection_id)
            return _answer_all(exchange, read_parameters(parameters()))

    @blueprint.route("/.search", endpoint="search", strict_slashes=False)
    class Search(Endpoints):
        @blueprint.doc(**documents.describe_search(None))
        def post(self, connection_id: str) -> Response:
            exchange = Exchange.begin(gateway, connection_id)
            return _answer_all(exchange, load_search(exchange.body(), exchange.dialect))


def _add_type_search(blueprint: Blueprint, gateway: Gateway, resource_type: ResourceType) -> None:
    path = f"{resource_type.endpoint}/.search"

    @blueprint.route(path, endpoint=f"{resource_type.plural}-search", strict_slashes=False)
    class TypeSearch(Endpoints):
        @blueprint.doc(**documents.describe_search(resource_type))
        def post(self, connection_id: str) -> Response:
            exchange = Exchange.begin(gateway, connection_id)
            endpoint = Endpoint.open(exchange, resource_type, "GET")
            return answer_list(endpoint, load_search(exchange.body(), exchange.dialect))


def _answer_all(exchange: Exchange, search: SearchRequest) -> Response:
    """Answer with resources of every type that the token may read."""
    types = [kind for kind in exchange.gateway.types if exchange.allows("get", kind)]
    if not types:
        raise Forbidden("The bearer token does not have the scope to read any resource type.")
    endpoints = [Endpoint.open(exchange, kind, "GET") for kind in types]
    shown = [each.project(search.attributes, search.excluded, alone=False) for each in endpoints]
    parts = _parts(endpoints, search, shown)
    write = [presenter(exchange, *each) for each in zip(types, shown, strict=True)]

    def presented(found: list[Found]) -> list[dict[str, object]]:
        return [write[each.part](each.resource) for each in found]

    if search.cursor is None:
        furthest = exchange.gateway.settings.max_page_size * _REACH
        query = parts[0].query
        found, total = search_from_index(parts, query.start_index, query.count, furthest)
        return answer_page(presented(found), total, query.start_index)
    ledger = Ledger(exchange, search, "", [kind.name for kind in types])
    mark = ledger.open()
    counts = ledger.counts(mark)
    found, counted = search_from_positions(
        parts, mark.positions, mark.count + 1 if mark.count else 0, totals=counts
    )
    page, has_more = found[: mark.count], len(found) > mark.count
    told = counted if counts else ledger.total(mark, len(page), has_more=has_more)
    following = None
    if has_more:
        following = ledger.seal_all(advance(mark.positions, page), mark, told)
    return answer_cursor_page(presented(page), told, following=following)


def _parts(endpoints: list[Endpoint], search: SearchRequest, shown: list[Projection]) -> list[Part]:
    parts = []
    for endpoint, projection in zip(endpoints, shown, strict=True):
        others = tuple(other.known for other in endpoints if other is not endpoint)
        service, query = endpoint.lister(search, projection, others)
        parts.append(Part(service.find, query))
    return parts
