"""What the service needs of the world around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from ..protocol.errors import ServiceUnavailable
from ..protocol.resolver import AttributePath, Condition
from ..protocol.schema import ResourceType
from .adoption import Surveyed
from .members import Plan

Document = dict[str, Any]


#: Tells whether a request says something of an attribute.
Named = Callable[[AttributePath], bool]


def name_all(_: AttributePath) -> bool:
    """Say something of every attribute, as a whole resource does."""
    return True


class State(StrEnum):
    """What a connection is open for."""

    #: Its identity provider is served.
    ACTIVE = "active"
    #: Its identity provider is asked to come back later, and nobody loses access.
    PAUSED = "paused"
    #: Its identity provider is asked to come back later with changes, since it has made too many.
    HELD = "held"
    #: Its identity provider is refused.
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Connection:
    """One identity provider of one customer.

    :param id: the name in the URL.
    :param tenant: the customer's key in the app, as text; ``None`` where the app has no tenants.
    :param idp: the identity provider, which decides the dialect.
    :param strict: whether only the standard is accepted.
    :param created: when the connection was made.
    :param name: what people call it; ``None`` for its :attr:`id`.
    :param state: what it is open for.
    :param domains: the domains of e-mail addresses that the customer has proved to own.
    :param policy: what it has chosen otherwise than the app, by the names of
        :class:`~flask_scim.Policy`.
    :param mapping: where its attributes sit otherwise than the app's: pairs of ``scim`` and ``app``
        by the name of the resource type; ``None`` where all of it is the app's.
    :param updated: when it was last changed; ``None`` if it never was.
    """

    id: str
    tenant: str | None
    idp: str
    strict: bool
    created: datetime
    name: str | None = None
    state: State = State.ACTIVE
    domains: tuple[str, ...] = ()
    policy: Mapping[str, Any] = field(default_factory=dict, hash=False)
    mapping: Mapping[str, Any] | None = field(default=None, hash=False)
    updated: datetime | None = None


# Not frozen: there is one for each row of a list, and to freeze it takes five times as long.
@dataclass(slots=True)
class Resource:
    """A resource as a store holds it.

    :param id: the SCIM ``id``.
    :param document: its attributes in canonical form, without ``schemas``, ``id`` and ``meta``.
    :param version: a counter that moves with every change.
    :param created: when it was created, as SCIM writes it; ``None`` if that was not by SCIM.
    :param modified: when it was last changed; likewise.
    :param row: the host's object, where the store has loaded it.
    :param is_active: whether ``active`` holds in the app, also where the client has removed it and
        the document is silent; true where nobody says otherwise.
    :param written: the attributes that this change has set or taken away and that nobody can read.
    :param is_provisioned: whether the connection has provisioned it; if not, it is an account of
        the app that the connection only gets to see, or is about to take over.
    """

    id: str
    document: Document
    version: int
    created: str | None
    modified: str | None
    row: Any = None
    is_active: bool = True
    written: tuple[str, ...] = ()
    is_provisioned: bool = True


@dataclass(frozen=True, slots=True)
class Moved:
    """Who really came to the references of a resource, and who really went.

    :param added: the attribute and the id of each one that came.
    :param removed: the attribute and the id of each one that went.
    """

    added: frozenset[tuple[str, str]] = frozenset()
    removed: frozenset[tuple[str, str]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def __or__(self, other: Moved) -> Moved:
        return Moved(self.added | other.added, self.removed | other.removed)


class Position(NamedTuple):
    """Where a resource stands in a list.

    :param key: the key of its row, by which all resources have an order.
    :param value: what the list is sorted by, as the database compares it; ``None`` where nothing is
        assigned, or the list is not sorted.
    """

    key: Any
    value: Any = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which resources to list.

    :param condition: the resolved filter; ``None`` for all.
    :param start_index: the position of the first one, from 1; counted from :attr:`after`, if given.
    :param count: the most to return.
    :param sort_by: the attribute to sort by; ``None`` for the store's own order.
    :param descending: whether to sort downwards.
    :param references: the attributes to load whose entries are other resources.
    :param after: list only what comes after this place.
    :param before: list only what comes before this place, the last of it: still in order.
    :param totals: whether to count how many there are in all.
    :param texts: what stands in the blanks of the filter, by their names; ``None`` where it has no
        blanks (:class:`~flask_scim.protocol.forms.Blank`).
    """

    condition: Condition | None = None
    start_index: int = 1
    count: int = 100
    sort_by: AttributePath | None = None
    descending: bool = False
    references: tuple[str, ...] = ()
    after: Position | None = None
    before: Position | None = None
    totals: bool = True
    texts: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    :param resources: the resources of the page.
    :param total: how many there are in all, wherever the page begins; 0 if nobody counted.
    :param positions: where each of them stands.
    """

    resources: list[Resource]
    total: int
    positions: list[Position] = field(default_factory=list)


class Deadlock(ServiceUnavailable):
    """Two changes met, and the database undid this one; it can be done again at once."""


@dataclass(frozen=True, slots=True)
class Left:
    """A resource that referred to one which is gone.

    :param resource_type: the name of its type.
    :param attribute: the attribute that held the reference.
    :param id: its SCIM ``id``.
    :param row: the host's object.
    """

    resource_type: str
    attribute: str
    id: str
    row: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended with a resource.

    :param moved: the references that it had.
    :param left: those that others had to it.
    :param reason: why the host's row has stayed against the app's wish, if it has.
    """

    moved: Moved = field(default_factory=Moved)
    left: tuple[Left, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document for a new resource, and whom it turns out to be of.

    :param document: the document.
    :param before: the resource of the same person, locked, where there is one that is in use;
        ``None`` where nobody is known, or had been deleted.
    :param reason: how they were told to be the same; ``None`` where nobody is known.
    :param held: what the store knows of them.
    """

    document: Document
    before: Resource | None = None
    reason: str | None = None
    held: Any = None


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

    def unmapped(self, document: Document) -> list[str]:
        """List what of a document no place was named for, as a path writes it."""
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

    def receive(self, document: Document) -> Arrival:
        """Find out, before a resource is added, whether its person is known already.

        :raises UniquenessError: if a unique value is taken.
        :raises Forbidden: if the person is known and must not be taken over.
        """
        ...

    def insert(
        self, document: Document, arrival: Arrival | None = None, shown: Iterable[str] = ()
    ) -> Resource:
        """Add a resource, or bring back, or take over, the one of the same person.

        ``shown`` names the references that are going to be loaded.

        :raises UniquenessError: if a unique value is taken.
        :raises InvalidValue: if the host's model cannot hold a value.
        """
        ...

    def claim(self, resource: Resource, document: Document) -> str:
        """Tell why a locked account may be taken over that the connection only gets to see.

        :raises Forbidden: if it may not.
        """
        ...

    def survey(self, after: Any, most: int) -> list[Surveyed]:
        """Look at accounts of the tenant, in the order of their keys.

        :param after: the key of the last one that was looked at; ``None`` to begin.
        :param most: the most to look at.
        """
        ...

    def lock_accounts(self, keys: list[Any]) -> list[Resource]:
        """Lock accounts of the tenant; those that may not be taken over any more are left out."""
        ...

    def await_people(self, resources: list[Resource]) -> list[Resource]:
        """Take over locked accounts as they are; their people are known as soon as they come."""
        ...

    def adopt(self, resource: Resource, document: Document) -> Resource:
        """Take over a locked account; what it is told by stays as the app has it.

        :raises UniquenessError: if a unique value is taken.
        :raises InvalidValue: if the host's model cannot hold a value.
        """
        ...

    def update(
        self,
        resource: Resource,
        document: Document,
        moved_members: bool = False,
        named: Named = name_all,
    ) -> Resource:
        """Change a locked resource; the same resource comes back if nothing differs.

        ``named`` tells of what the request has said something, also what was there already.

        Where ``active`` is missing, answers are silent of it from then on, and access stays as it
        is. ``None`` takes away what nobody can read, such as a password.

        :raises MutabilityError: if the host's model cannot be without what is to go.
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
        self, resource: Resource, name: str, most: int | None = None
    ) -> list[dict[str, Any]] | None:
        """Read the references of a locked or new resource; ``None`` if they are more than that."""
        ...
