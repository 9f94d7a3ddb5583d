"""Many operations in one request (:rfc:`7644#section-3.7`)."""

from __future__ import annotations

from urllib.parse import unquote

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from ..marshal.envelopes import load_bulk
from ..protocol.errors import (
    InvalidPath,
    InvalidValue,
    NotFound,
    PayloadTooLarge,
    ScimError,
    Unsupported,
)
from ..protocol.messages import bulk_response
from ..protocol.parser import parse_path
from ..protocol.resolver import resolve_path
from ..protocol.schema import Mutability, ResourceType
from ..provisioning.bulk import BulkOperation, Outcome, run
from ..provisioning.ports import Resource
from . import documents
from .conditions import named_version
from .endpoints import Endpoint
from .errors import report_failure
from .exchange import Exchange, Gateway
from .log import note_outcomes
from .responses import answer, entity_tag


def add_bulk(blueprint: Blueprint, gateway: Gateway) -> None:
    """Add the endpoint that takes many operations at once.

    :param blueprint: the blueprint of all endpoints.
    :param gateway: what the endpoints need of the app.
    """
    most = gateway.settings.max_bulk_operations

    @blueprint.route("/Bulk", endpoint="bulk", strict_slashes=False)
    class Bulk(MethodView):
        init_every_request = False

        @blueprint.doc(**documents.describe_bulk())
        def post(self, connection_id: str) -> Response:
            exchange = Exchange.begin(gateway, connection_id)
            if most == 0:
                raise Unsupported("This service takes one operation at a time.")
            operations, fail_on_errors = load_bulk(exchange.body(), exchange.dialect)
            if len(operations) > most:
                raise PayloadTooLarge(
                    f"A Bulk request may have {most} operations, not {len(operations)}."
                )
            outcomes: list[int] = []
            note_outcomes(outcomes)
            desk = _Desk(exchange)
            results = run(operations, fail_on_errors, desk.perform, desk.locate, desk.takes)
            outcomes += [result.status for result in results]
            return answer(bulk_response(results))


class _Desk:
    """Performs the operations of one Bulk request, each as a request of its own would be."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._types = {kind.endpoint: kind for kind in exchange.gateway.types}

    def perform(self, operation: BulkOperation) -> Outcome:
        """Perform one operation.

        :raises ScimError: if it is refused, or fails for whatever reason.
        """
        try:
            return self._perform(operation)
        except ScimError:
            raise
        except Exception as error:
            # What was done before is committed, and the client has to learn of it.
            raise report_failure(error) from None

    def locate(self, path: str) -> str | None:
        """Find the URI of the resource at a path, or ``None`` if the path leads nowhere."""
        try:
            resource_type, id = self._target(path)
        except ScimError:
            return None
        return None if id is None else self._exchange.location(resource_type, id)

    def takes(self, path: str, attribute: str) -> bool:
        """Tell whether a POST or PUT at a path takes an attribute, or passes it over."""
        try:
            known = self._exchange.known(self._target(path)[0])
            target = resolve_path(parse_path(attribute), known)
        except ScimError:
            return True
        found = target.attribute
        return found is None or found.mutability is not Mutability.READ_ONLY

    def _perform(self, operation: BulkOperation) -> Outcome:
        resource_type, id = self._target(operation.path)
        if operation.is_asked_for:
            endpoint = Endpoint.open(self._exchange, resource_type, operation.method)
        else:
            endpoint = Endpoint(self._exchange, resource_type)
        if (id is None) != (operation.method == "POST"):
            raise InvalidPath(
                f"{operation.method} cannot be used on {operation.path[:100]!r}: a POST goes to a "
                "resource type, everything else to a resource."
            )
        if id is None:
            return self._outcome(201, resource_type, endpoint.create(operation.data))
        expected = named_version(operation.version)
        match operation.method:
            case "PUT":
                changed: Resource | None = endpoint.replace(id, operation.data, expected)
            case "PATCH":
                changed = endpoint.patch(id, operation.data, expected)
            case _:
                endpoint.delete(id, expected)
                return Outcome(204, id, self._exchange.location(resource_type, id))
        assert changed is not None
        return self._outcome(200, resource_type, changed)

    def _outcome(self, status: int, resource_type: ResourceType, resource: Resource) -> Outcome:
        location = self._exchange.location(resource_type, resource.id)
        return Outcome(status, resource.id, location, entity_tag(resource))

    def _target(self, path: str) -> tuple[ResourceType, str | None]:
        """Find the resource type and the id that a path names."""
        relative = path.strip().removeprefix(f"{self._exchange.base}/").partition("?")[0]
        endpoint, _, id = relative.strip("/").partition("/")
        resource_type = self._types.get(f"/{endpoint}")
        if resource_type is not None:
            return resource_type, unquote(id) or None
        if endpoint in ("Bulk", "Me", ".search"):
            raise InvalidValue(f"A Bulk request cannot hold an operation on /{endpoint}.")
        raise NotFound(f"There is no resource type at {path[:100]!r}.")
