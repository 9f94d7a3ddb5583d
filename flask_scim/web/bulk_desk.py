"""Performs the operations of a Bulk request, each as a request of its own would be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from ..protocol.errors import InvalidPath, InvalidValue, NotFound, ScimError
from ..protocol.parser import parse_path
from ..protocol.resolver import resolve_path
from ..protocol.schema import Mutability, ResourceType
from ..provisioning.bulk import BulkOperation, Outcome
from ..provisioning.deferred import Fenced
from ..provisioning.ports import Resource
from .conditions import named_version
from .endpoints import Endpoint
from .errors import report_failure
from .exchange import Exchange, resource_uri
from .responses import entity_tag

#: Told in its transaction what comes of an operation.
Note = Callable[[BulkOperation, Outcome], None]


class BulkDesk:
    """Performs the operations of one Bulk request.

    :param exchange: the request.
    :param note: told what comes of each operation, in the transaction of its change.
    """

    def __init__(self, exchange: Exchange, note: Note | None = None) -> None:
        self._exchange = exchange
        self._note = note
        self._types = {kind.endpoint: kind for kind in exchange.gateway.types}
        self._base = exchange.base
        #: What is taken at which path, as far as anybody has asked: mostly the same.
        self._taken: dict[tuple[str, str], bool] = {}

    def perform(self, operation: BulkOperation) -> Outcome:
        """Perform one operation.

        :raises ScimError: if it is refused, or fails for whatever reason.
        :raises Fenced: if it is not for this process to perform it any more.
        """
        try:
            return self._perform(operation)
        except (ScimError, Fenced):
            raise
        except Exception as error:
            # What was done before is committed, and the client has to learn of it.
            raise report_failure(error) from None

    def locate(self, path: str) -> str | None:
        """Find the URI of the resource at a path, or ``None`` if the path leads nowhere."""
        try:
            resource_type, id = self.target(path)
        except ScimError:
            return None
        return None if id is None else resource_uri(self._base, resource_type, id)

    def takes(self, path: str, attribute: str) -> bool:
        """Tell whether a POST or PUT at a path takes an attribute, or passes it over."""
        taken = self._taken.get((path, attribute))
        if taken is None:
            taken = self._taken[path, attribute] = self._takes(path, attribute)
        return taken

    def target(self, path: str) -> tuple[ResourceType, str | None]:
        """Find the resource type and the id that a path names.

        :raises ScimError: if it names none.
        """
        relative = path.strip().removeprefix(f"{self._base}/").partition("?")[0]
        endpoint, _, id = relative.strip("/").partition("/")
        resource_type = self._types.get(f"/{endpoint}")
        if resource_type is not None:
            return resource_type, unquote(id) or None
        if endpoint in ("Bulk", "Me", ".search"):
            raise InvalidValue(f"A Bulk request cannot hold an operation on /{endpoint}.")
        raise NotFound(f"There is no resource type at {path[:100]!r}.")

    def _takes(self, path: str, attribute: str) -> bool:
        try:
            known = self._exchange.known(self.target(path)[0])
            found = resolve_path(parse_path(attribute), known).attribute
        except ScimError:
            return True
        return found is None or found.mutability is not Mutability.READ_ONLY

    def _perform(self, operation: BulkOperation) -> Outcome:
        resource_type, id = self.target(operation.path)
        method, exchange = operation.method, self._exchange

        def describe(resource: Resource | None) -> Outcome:
            return self._outcome(method, resource_type, id, resource)

        if self._note is not None:
            note = self._note
            exchange = replace(exchange, note=lambda made: note(operation, describe(made)))
        if operation.is_asked_for:
            endpoint = Endpoint.open(exchange, resource_type, method)
        else:
            endpoint = Endpoint(exchange, resource_type)
        if (id is None) != (method == "POST"):
            raise InvalidPath(
                f"{method} cannot be used on {operation.path[:100]!r}: a POST goes to a "
                "resource type, everything else to a resource."
            )
        if id is None:
            return describe(endpoint.create(operation.data))
        expected = named_version(operation.version)
        match method:
            case "PUT":
                return describe(endpoint.replace(id, operation.data, expected))
            case "PATCH":
                return describe(endpoint.patch(id, operation.data, expected))
            case _:
                endpoint.delete(id, expected)
                return describe(None)

    def _outcome(
        self, method: str, resource_type: ResourceType, id: str | None, resource: Resource | None
    ) -> Outcome:
        if resource is None:
            assert id is not None
            return Outcome(204, id, resource_uri(self._base, resource_type, id))
        location = resource_uri(self._base, resource_type, resource.id)
        status = 201 if method == "POST" else 200
        return Outcome(status, resource.id, location, entity_tag(resource))
