"""What the service needs of the world around it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ..protocol.resolver import AttributePath, Condition
from ..protocol.schema import ResourceType

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
class Query:
    """Which resources to list.

    :param condition: the resolved filter; ``None`` for all.
    :param start_index: the position of the first one, from 1.
    :param count: the most to return.
    :param sort_by: the attribute to sort by; ``None`` for the store's own order.
    :param descending: whether to sort downwards.
    """

    condition: Condition | None = None
    start_index: int = 1
    count: int = 100
    sort_by: AttributePath | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    :param resources: the resources of the page.
    :param total: how many there are in all.
    """

    resources: list[Resource]
    total: int


class Store(Protocol):
    """The resources of one type and one connection; nothing of another connection is in reach."""

    @property
    def resource_type(self) -> ResourceType:
        """The type of the resources."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Make what is done inside one change: committed at the end, or undone by an error."""
        ...

    def get(self, id: str) -> Resource | None:
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

    def update(self, resource: Resource, document: Document) -> Resource:
        """Change a locked resource; the same resource comes back if nothing differs.

        :raises UniquenessError: if a unique value is taken.
        :raises InvalidValue: if the host's model cannot hold a value.
        """
        ...

    def delete(self, resource: Resource) -> None:
        """Take a locked resource out of SCIM."""
        ...
