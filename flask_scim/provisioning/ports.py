"""What the service needs of the world around it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ..protocol.errors import ServiceUnavailable
from ..protocol.resolver import AttributePath, Condition
from ..protocol.schema import ResourceType
from .members import Plan

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Connection:
    """One identity provider of one customer.

    :param id: the name in the URL.
    :param tenant: the customer's key in the app, as text; ``None`` where the app has no tenants.
    :param idp: the identity provider, which decides the dialect.
    :param strict: whether only the standard is accepted.
    :param created: when the connection was made.
    """

    id: str
    tenant: str | None
    idp: str
    strict: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as a store holds it.

    :param id: the SCIM ``id``.
    :param document: its attributes in canonical form, without ``schemas``, ``id`` and ``meta``.
    :param version: a counter that moves with every change.
    :param created: when it was created.
    :param modified: when it was last changed.
    :param row: the host's object, where the store has loaded it.
    """

    id: str
    document: Document
    version: int
    created: datetime
    modified: datetime
    row: Any = None


@dataclass(frozen=True, slots=True)
class Moved:
    """Who really came to a set of references, and who really went.

    :param added: the ids of those who came.
    :param removed: the ids of those who went.
    """

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def __or__(self, other: Moved) -> Moved:
        return Moved(self.added | other.added, self.removed | other.removed)


@dataclass(frozen=True, slots=True)
class Query:
    """Which resources to list.

    :param condition: the resolved filter; ``None`` for all.
    :param start_index: the position of the first one, from 1.
    :param count: the most to return.
    :param sort_by: the attribute to sort by; ``None`` for the store's own order.
    :param descending: whether to sort downwards.
    :param references: the attributes to load whose entries are other resources.
    """

    condition: Condition | None = None
    start_index: int = 1
    count: int = 100
    sort_by: AttributePath | None = None
    descending: bool = False
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    :param resources: the resources of the page.
    :param total: how many there are in all.
    """

    resources: list[Resource]
    total: int


class Deadlock(ServiceUnavailable):
    """Two changes met, and the database undid this one; it can be done again at once."""


#: What ended with a resource: by attribute, the ids it had references to or from, with the host's
#: rows of those that own them.
Ended = dict[str, dict[str, Any]]


class Store(Protocol):
    """The resources of one type and one connection; nothing of another connection is in reach."""

    @property
    def resource_type(self) -> ResourceType:
        """The type of the resources."""
        ...

    @property
    def references(self) -> Mapping[str, Any]:
        """The attributes whose entries are other resources, by name."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Make what is done inside one change: committed at the end, or undone by an error."""
        ...

    def get(self, id: str, references: tuple[str, ...] = ()) -> Resource | None:
        """Read a resource; ``None`` if there is none."""
        ...

    def lock(self, id: str) -> Resource | None:
        """Read a resource and keep others from changing it until the transaction ends."""
        ...

    def find(self, query: Query) -> Page:
        """List resources in a total order."""
        ...

    def insert(self, document: Document) -> Resource:
        """Add a resource.

        :raises UniquenessError: if a unique value is taken.
        :raises InvalidValue: if the host's model cannot hold a value.
        """
        ...

    def update(
        self, resource: Resource, document: Document, moved_members: bool = False
    ) -> Resource:
        """Change a locked resource; the same resource comes back if nothing differs.

        :raises UniquenessError: if a unique value is taken.
        :raises InvalidValue: if the host's model cannot hold a value.
        """
        ...

    def delete(self, resource: Resource) -> Ended:
        """Take a locked resource out of SCIM, and end the references to and from it."""
        ...

    def change_members(self, resource: Resource, name: str, plan: Plan) -> Moved:
        """Change the references of a locked or new resource.

        :raises InvalidValue: if somebody who is to come does not exist here.
        """
        ...

    def load_members(
        self, resource: Resource, name: str, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Read the references of a locked or new resource, no more than a limit of each kind."""
        ...
