"""What a request does with the resources of one type, whichever message it came in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..connections.breaker import refuse_held
from ..marshal.envelopes import load_patch
from ..marshal.resources import load_resource
from ..protocol.dialects import normalise_patch, normalise_resource
from ..protocol.errors import InvalidSyntax, PreconditionFailed
from ..protocol.messages import SearchRequest
from ..protocol.projection import Projection
from ..protocol.schema import ResourceType
from ..protocol.unknown import find_unknown, find_unknown_in_patch
from ..provisioning.ports import Query, Resource
from ..provisioning.service import Service, VersionCheck
from .exchange import Exchange
from .log import note_filter, note_quirks, note_resource
from .queries import bind_query

#: Clients name the same attributes in all of their requests.
_read_projection = lru_cache(maxsize=256)(Projection.read)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The resources of one type, for what the token of a request allows: see :meth:`open`.

    :param exchange: the request.
    :param resource_type: the resource type.
    """

    exchange: Exchange
    resource_type: ResourceType

    @classmethod
    def open(cls, exchange: Exchange, resource_type: ResourceType, method: str) -> Endpoint:
        """Let a request in that does one thing.

        :param exchange: the request.
        :param resource_type: the resource type.
        :param method: the HTTP method that does it; ``GET`` for searches too.
        :return: the endpoint.
        :raises Forbidden: if the token does not have the scope.
        """
        note_resource(resource_type)
        exchange.require("get" if method == "HEAD" else method.lower(), resource_type)
        return cls(exchange, resource_type)

    @property
    def known(self) -> ResourceType:
        """The resource type as the connection knows it."""
        return self.exchange.known(self.resource_type)

    def project(
        self, attributes: str | None, excluded: str | None, *, alone: bool = True
    ) -> Projection:
        """Read what of a resource the client wants to see.

        :param attributes: names, separated by commas: what to return beside what always is.
        :param excluded: names, separated by commas: what to leave out of the default.
        :param alone: whether the resources of this type are all that the client asks for.
        :return: the projection.
        :raises InvalidValue: if both are given, or a name is unknown and may not be.
        """
        tolerant = self.exchange.dialect.rules.ignore_unknown or not alone
        return _read_projection(attributes, excluded, self.known, ignore_unknown=tolerant)

    def lister(
        self, search: SearchRequest, shown: Projection, others: tuple[ResourceType, ...] = ()
    ) -> tuple[Service, Query]:
        """Prepare a list.

        :param search: what the client wants to find.
        :param shown: what of each resource the client gets to see.
        :param others: the resource types that are searched with this one.
        :return: the service that finds it, and the query.
        """
        note_filter(search.filter)
        exchange = self.exchange
        service, settings = exchange.service(self.resource_type), exchange.gateway.settings
        references = service.references(shown)
        return service, bind_query(
            search, self.known, exchange.dialect, settings, others, references
        )

    def create(self, body: Any, shown: Projection | None = None) -> Resource:
        """Create a resource from the body of a POST; see :meth:`.Service.create`."""
        sent, document = self._load(body)
        service = self._changing()
        unknown = find_unknown(sent, self.known) if service.refuses_unmapped else ()
        return service.create(document, _references(service, shown), unknown)

    def read(self, id: str, shown: Projection, wanted: VersionCheck | None = None) -> Resource:
        """Read a resource; see :meth:`.Service.get`.

        :raises PreconditionFailed: if its version is none of those that the client takes.
        """
        note_resource(self.resource_type, id)
        service = self.exchange.service(self.resource_type)
        resource = service.get(id, _references(service, shown))
        if wanted is not None and not wanted(resource):
            raise PreconditionFailed(f"{self.resource_type.name} {id} has another version.")
        return resource

    def replace(
        self,
        id: str,
        body: Any,
        expected: VersionCheck | None = None,
        shown: Projection | None = None,
    ) -> Resource:
        """Replace a resource by the body of a PUT; see :meth:`.Service.replace`."""
        note_resource(self.resource_type, id)
        sent, document = self._load(body)
        service = self._changing()
        unknown = find_unknown(sent, self.known) if service.refuses_unmapped else ()
        return service.replace(id, document, expected, _references(service, shown), unknown)

    def patch(
        self,
        id: str,
        body: Any,
        expected: VersionCheck | None = None,
        shown: Projection | None = None,
    ) -> Resource | None:
        """Change a resource by the body of a PATCH; see :meth:`.Service.patch`."""
        note_resource(self.resource_type, id)
        operations = load_patch(body, self.exchange.dialect)
        normalised, quirks = normalise_patch(operations, self.known, self.exchange.dialect)
        note_quirks(quirks)
        service = self._changing()
        refuses = service.refuses_unmapped
        unknown = find_unknown_in_patch(normalised, self.known) if refuses else ()
        return service.patch(id, normalised, expected, _references(service, shown), unknown)

    def delete(self, id: str, expected: VersionCheck | None = None) -> None:
        """Delete a resource; see :meth:`.Service.delete`."""
        note_resource(self.resource_type, id)
        self._changing().delete(id, expected)

    def _changing(self) -> Service:
        """Make the service for a change, which a connection that is held is refused."""
        refuse_held(self.exchange.connection)
        return self.exchange.service(self.resource_type)

    def _load(self, body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read a resource: in the words of the RFC, and in canonical form."""
        if not isinstance(body, dict):
            raise InvalidSyntax(f"The body must be a JSON object: a {self.resource_type.name}.")
        normalised, quirks = normalise_resource(body, self.known, self.exchange.dialect)
        note_quirks(quirks)
        return normalised, load_resource(normalised, self.known, self.exchange.dialect)


def _references(service: Service, shown: Projection | None) -> tuple[str, ...]:
    return () if shown is None else service.references(shown)
