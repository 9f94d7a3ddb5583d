"""What the endpoints of one resource type do (:rfc:`7644#section-3`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..protocol import operations, patch, replace
from ..protocol.constraints import check_required
from ..protocol.dialects import Dialect
from ..protocol.errors import NotFound, PreconditionFailed
from .changes import Event, tell
from .ports import Connection, Document, Page, Query, Resource, Store

#: Tells whether a resource's version is one that the client takes.
VersionCheck = Callable[[Resource], bool]


@dataclass(frozen=True, slots=True)
class Service:
    """The use cases on the resources of one type and one connection.

    :param store: where the resources are.
    :param connection: whose identity provider is asking.
    :param dialect: how that identity provider speaks.
    :param publish: tells the app what happened, after commit.
    """

    store: Store
    connection: Connection
    dialect: Dialect
    publish: Callable[[Sequence[Event]], None]

    def create(self, document: Document) -> Resource:
        """Create a resource (:rfc:`7644#section-3.3`).

        :param document: the resource in canonical form.
        :return: the resource as it is stored.
        :raises UniquenessError: if a unique value is taken.
        :raises InvalidValue: if a required attribute is missing or a value cannot be stored.
        """
        check_required(document, self.store.resource_type)
        with self.store.transaction():
            created = self.store.insert(document)
            events = self._tell(None, created)
        self.publish(events)
        return created

    def get(self, id: str) -> Resource:
        """Read a resource (:rfc:`7644#section-3.4.1`).

        :param id: the SCIM ``id``.
        :return: the resource.
        :raises NotFound: if there is none.
        """
        resource = self.store.get(id)
        if resource is None:
            raise self._not_found(id)
        return resource

    def find(self, query: Query) -> Page:
        """List resources (:rfc:`7644#section-3.4.2`).

        :param query: which ones.
        :return: a page of them.
        """
        return self.store.find(query)

    def replace(
        self, id: str, document: Document, expected: VersionCheck | None = None
    ) -> Resource:
        """Replace a resource (:rfc:`7644#section-3.5.1`).

        :param id: the SCIM ``id``.
        :param document: what the client sent, in canonical form.
        :param expected: tells whether the version is one that the client takes.
        :return: the resource as it is stored now.
        :raises NotFound: if there is none.
        :raises PreconditionFailed: if its version is another.
        """
        return self._change(
            id,
            lambda before: replace.replace(before, document, self.store.resource_type),
            expected,
        )

    def patch(self, id: str, body: Sequence[Any], expected: VersionCheck | None = None) -> Resource:
        """Change parts of a resource (:rfc:`7644#section-3.5.2`).

        :param id: the SCIM ``id``.
        :param body: the operations as JSON, in the words of the RFC.
        :param expected: tells whether the version is one that the client takes.
        :return: the resource as it is stored now.
        :raises NotFound: if there is none.
        :raises PreconditionFailed: if its version is another.
        """
        resource_type = self.store.resource_type
        parsed = operations.parse(list(body), resource_type, self.dialect)
        return self._change(
            id,
            lambda before: patch.apply(before, parsed, resource_type, self.dialect),
            expected,
        )

    def delete(self, id: str, expected: VersionCheck | None = None) -> None:
        """Take a resource out of SCIM (:rfc:`7644#section-3.6`).

        :param id: the SCIM ``id``.
        :param expected: tells whether the version is one that the client takes.
        :raises NotFound: if there is none.
        :raises PreconditionFailed: if its version is another.
        """
        with self.store.transaction():
            before = self._lock(id, expected)
            self.store.delete(before)
            events = self._tell(before, None)
        self.publish(events)

    def _change(
        self,
        id: str,
        change: Callable[[Document], Document],
        expected: VersionCheck | None,
    ) -> Resource:
        with self.store.transaction():
            before = self._lock(id, expected)
            after = self.store.update(before, _keep_active(before, change(before.document)))
            events = self._tell(before, after)
        self.publish(events)
        return after

    def _lock(self, id: str, expected: VersionCheck | None) -> Resource:
        resource = self.store.lock(id)
        if resource is None:
            raise self._not_found(id)
        if expected is not None and not expected(resource):
            raise PreconditionFailed(
                f"{self._name} {id} has changed since the version that the request names."
            )
        return resource

    def _tell(self, before: Resource | None, after: Resource | None) -> list[Event]:
        return tell(self.connection, self._name, before, after)

    def _not_found(self, id: str) -> NotFound:
        return NotFound(f"{self._name} {id[:100]!r} does not exist.")

    @property
    def _name(self) -> str:
        return self.store.resource_type.name


def _keep_active(before: Resource, document: Document) -> Document:
    """Leave ``active`` as it is where nothing is said of it: silence lets nobody in or out."""
    if "active" not in before.document or "active" in document:
        return document
    return document | {"active": before.document["active"]}
