"""What the endpoints of one resource type do (:rfc:`7644#section-3`)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from ..protocol import operations, patch
from ..protocol.constraints import check_required
from ..protocol.dialects import Dialect
from ..protocol.errors import Forbidden, InvalidSyntax, NotFound, PreconditionFailed, ScimError
from ..protocol.operations import Op, Operation
from ..protocol.projection import Projection
from ..protocol.replace import replace as replaced
from ..protocol.resolver import AttributePath
from ..protocol.schema import Mutability, ResourceType, Returned
from .adoption import Reason, Surveyed
from .changes import Event, tell, tell_left
from .intents import Guard, Intent, read_intents
from .members import MemberLimits, Plan, plan_members, replace_members
from .ports import (
    Connection,
    Deadlock,
    Document,
    Moved,
    Named,
    Page,
    Query,
    Resource,
    Store,
    name_all,
)

#: Tells whether a resource's version is one that the client takes.
VersionCheck = Callable[[Resource], bool]

_Result = TypeVar("_Result")
_ATTEMPTS = 6


def _let_pass(_: Intent) -> None:
    """Refuse nothing."""


def _ignore(_: Any) -> None:
    """Do nothing about it."""


@dataclass(frozen=True, slots=True)
class Service:
    """The use cases on the resources of one type and one connection.

    :param store: where the resources are.
    :param resource_type: their type, as the connection knows it.
    :param connection: whose identity provider is asking.
    :param dialect: how that identity provider speaks.
    :param publish: tells the app what happened, after commit.
    :param limits: how many members a request may name, and an answer to a PATCH may show.
    :param guard: refuses what is about to be done, before anything is written.
    :param refused: told why a change was refused, when it is undone.
    :param settle: does in the transaction what follows from what happened, and tells of all of it.
    :param note: told in the transaction what the change has made of the resource; ``None`` where it
        is gone.
    :param refuses_unmapped: whether a request is refused that sends what no place was named for.
    """

    store: Store
    resource_type: ResourceType
    connection: Connection
    dialect: Dialect
    publish: Callable[[Sequence[Event]], None]
    limits: MemberLimits
    guard: Guard = _let_pass
    refused: Callable[[ScimError], None] = _ignore
    settle: Callable[[Sequence[Event]], Sequence[Event]] = list
    note: Callable[[Any], None] = _ignore
    refuses_unmapped: bool = False

    def create(
        self, document: Document, references: tuple[str, ...] = (), unknown: Sequence[str] = ()
    ) -> Resource:
        """Create a resource (:rfc:`7644#section-3.3`), or take that which its person has already.

        :param document: the resource in canonical form.
        :param references: the attributes to show whose entries are other resources.
        :param unknown: what the client sent beside it that no schema has, if that is refused.
        :return: the resource as it is stored.
        :raises InvalidSyntax: if it has what is not mapped, and that is refused here.
        :raises UniquenessError: if a unique value is taken.
        :raises Forbidden: if the person has an account that must not be taken over.
        :raises InvalidValue: if a required attribute is missing or a value cannot be stored.
        :raises TooMany: if it has more members than one request may name.
        """
        self._check_mapped(document, unknown)
        check_required(document, self.resource_type)
        changes = self._member_changes(document)

        def create() -> tuple[Resource, list[Event]]:
            arrival = self.store.receive(document)
            self._ask(arrival.before, arrival.document)
            created = self.store.insert(document, arrival, references)
            moved = self._move(created, changes)
            events = self._tell(arrival.before, created, moved, arrival.reason)
            return self._shown(created, references), events

        return self._commit(create)

    def references(self, projection: Projection) -> tuple[str, ...]:
        """List the attributes to show whose entries are other resources.

        :param projection: what the client wants to see.
        :return: their names; none of them costs anything where it is not wanted.
        """
        return tuple(name for name in self.store.references if projection.wants(name))

    def get(self, id: str, references: tuple[str, ...] = ()) -> Resource:
        """Read a resource (:rfc:`7644#section-3.4.1`).

        :param id: the SCIM ``id``.
        :param references: the attributes to show whose entries are other resources.
        :return: the resource.
        :raises NotFound: if there is none.
        """
        resource = self.store.get(id, references)
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
        self,
        id: str,
        document: Document,
        expected: VersionCheck | None = None,
        references: tuple[str, ...] = (),
        unknown: Sequence[str] = (),
    ) -> Resource:
        """Replace a resource (:rfc:`7644#section-3.5.1`).

        Members stay where the client says nothing of them; an empty list takes them away.

        :param id: the SCIM ``id``.
        :param document: what the client sent, in canonical form.
        :param expected: tells whether the version is one that the client takes.
        :param references: the attributes to show whose entries are other resources.
        :param unknown: what the client sent beside it that no schema has, if that is refused.
        :return: the resource as it is stored now.
        :raises InvalidSyntax: if it has what is not mapped, and that is refused here.
        :raises NotFound: if there is none.
        :raises PreconditionFailed: if its version is another.
        :raises TooMany: if it has more members than one request may name.
        """
        self._check_mapped(document, unknown)
        changes = self._member_changes(document)
        document = {
            name: value for name, value in document.items() if name not in self.store.references
        }

        def change() -> tuple[Resource, list[Event]]:
            before = self._lock(id, expected)
            wanted = replaced(before.document, document, self.resource_type)
            wanted = _keep_active(before, wanted)
            reason = self._claim(before, wanted)
            self._ask(before, wanted)
            moved = self._move(before, changes)
            after = self._write(before, wanted, moved)
            return self._shown(after, references), self._tell(before, after, moved, reason)

        return self._commit(change)

    def patch(
        self,
        id: str,
        body: Sequence[Any],
        expected: VersionCheck | None = None,
        references: tuple[str, ...] = (),
        unknown: Sequence[str] = (),
    ) -> Resource | None:
        """Change parts of a resource (:rfc:`7644#section-3.5.2`).

        :param id: the SCIM ``id``.
        :param body: the operations as JSON, in the words of the RFC.
        :param expected: tells whether the version is one that the client takes.
        :param references: the attributes to show whose entries are other resources.
        :param unknown: what the client sent in them that no schema has, if that is refused.
        :return: the resource as it is stored now, or ``None`` if it has too many members to show.
        :raises NotFound: if there is none.
        :raises PreconditionFailed: if its version is another.
        :raises TooMany: if there are more operations or members than one request may name.
        """
        resource_type = self.resource_type
        self.limits.check_operations(body)
        parsed = operations.parse(body, resource_type, self.dialect)
        plans = self._member_plans(parsed)
        others = [each for each in parsed if each.place.keys[0] not in plans]
        secrets, named = _removed_secrets(others), _naming(others)

        def change() -> tuple[Resource | None, list[Event]]:
            before = self._lock(id, expected)
            applied = patch.apply(before.document, others, resource_type, self.dialect)
            self._check_mapped(applied, unknown)
            reason = self._claim(before, applied)
            self._ask(before, applied)
            moved = self._move(before, plans)
            after = self._write(before, secrets | applied, moved, named)
            shown = self._shown_if_small(after, references)
            return shown, self._tell(before, after, moved, reason)

        return self._commit(change)

    def delete(self, id: str, expected: VersionCheck | None = None) -> None:
        """Take a resource out of SCIM (:rfc:`7644#section-3.6`).

        :param id: the SCIM ``id``.
        :param expected: tells whether the version is one that the client takes.
        :raises NotFound: if there is none.
        :raises Forbidden: if the connection only gets to see it.
        :raises PreconditionFailed: if its version is another.
        """

        def delete() -> tuple[None, list[Event]]:
            before = self._lock(id, expected)
            if not before.is_provisioned:
                raise Forbidden(
                    f"{self._name} {id} is an account of the application that this connection has"
                    " not provisioned; it cannot delete it."
                )
            self._ask(before, None)
            ended = self.store.delete(before)
            events = self._tell(before, None, ended.moved, ended.reason)
            return None, events + tell_left(self.connection, ended.left, id)

        self._commit(delete)

    def adopt_some(
        self, after: Any, most: int, *, dry_run: bool = False
    ) -> tuple[list[Surveyed], dict[str, str]]:
        """Take over those of some accounts that may be taken over without a document.

        :param after: the key of the last account that was looked at; ``None`` to begin.
        :param most: how many accounts to look at.
        :param dry_run: whether to look only.
        :return: the accounts, and what refused which of them, by their ids.
        """
        refused: dict[str, str] = {}

        def adopt() -> tuple[list[Surveyed], list[Event]]:
            refused.clear()
            surveyed = self.store.survey(after, most)
            reasons = {
                each.key: each.verdict for each in surveyed if isinstance(each.verdict, Reason)
            }
            if dry_run or not reasons:
                return surveyed, []
            ids = {each.id: each.verdict for each in surveyed}
            free = []
            for before in self.store.lock_accounts(list(reasons)):
                try:
                    self._ask(before, before.document)
                    free.append(before)
                except ScimError as refusal:
                    refused[before.id] = refusal.detail
            events = []
            for before, now in zip(free, self.store.await_people(free), strict=True):
                events += self._tell(before, now, Moved(), str(ids[before.id]))
            return surveyed, events

        return self._commit(adopt), refused

    def _check_mapped(self, document: Document, unknown: Sequence[str]) -> None:
        """Refuse what no place was named for, where the connection wants that."""
        if not self.refuses_unmapped:
            return
        names = [*unknown, *self.store.unmapped(document)]
        if names:
            raise InvalidSyntax(
                f"This application has no place for {', '.join(sorted(names))[:2_000]}; take that "
                "out of the attribute mapping of the identity provider."
            )

    def _commit(self, work: Callable[[], tuple[_Result, list[Event]]]) -> _Result:
        """Do work in one transaction, again if it met another one, and then tell of it."""
        attempt = 1
        while True:
            try:
                with self.store.transaction():
                    result, events = work()
                    self.note(result)
                    told = self.settle(events)
                break
            except Deadlock:
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))
                attempt += 1
            except ScimError as error:
                self.refused(error)
                raise
        self.publish(told)
        return result

    def _lock(self, id: str, expected: VersionCheck | None) -> Resource:
        resource = self.store.lock(id)
        if resource is None:
            raise self._not_found(id)
        if expected is not None and not expected(resource):
            raise PreconditionFailed(
                f"{self._name} {id} has changed since the version that the request names."
            )
        return resource

    def _member_changes(self, document: Document) -> dict[str, Plan]:
        changes: dict[str, Plan] = {}
        for name in self.store.references:
            if name in document:
                self.limits.check_members(len(document[name]))
                changes[name] = partial(replace_members, document[name])
        return changes

    def _member_plans(self, parsed: Iterable[Operation]) -> dict[str, Plan]:
        """Gather the operations on each attribute whose entries are other resources."""
        gathered: dict[str, list[Operation]] = {}
        for operation in parsed:
            if operation.place.keys[0] in self.store.references:
                gathered.setdefault(operation.attribute.name, []).append(operation)
        self.limits.check_values(gathered)
        return {name: partial(plan_members, some) for name, some in gathered.items()}

    def _move(self, resource: Resource, changes: dict[str, Plan]) -> Moved:
        moved = Moved()
        for name, plan in changes.items():
            moved |= self.store.change_members(resource, name, plan)
        return moved

    def _shown(self, resource: Resource, references: tuple[str, ...]) -> Resource:
        """The resource with its references."""
        if not references:
            return resource
        document = dict(resource.document)
        for name in references:
            entries = self.store.load_members(resource, name)
            if entries:
                document[name] = entries
        return replace(resource, document=document)

    def _shown_if_small(self, resource: Resource, references: tuple[str, ...]) -> Resource | None:
        """The resource with its references, or ``None`` if it has too many members to show."""
        limit = self.limits.shown
        document = dict(resource.document)
        for name in references:
            attribute = self.store.resource_type.attribute(name)
            is_changed = attribute is not None and attribute.mutability is not Mutability.READ_ONLY
            entries = self.store.load_members(resource, name, limit if is_changed else None)
            if entries is None:
                return None
            if entries:
                document[name] = entries
        return replace(resource, document=document)

    def _ask(self, before: Resource | None, after: Document | None) -> None:
        """Let those who may refuse what is about to be done do so."""
        for intent in read_intents(self.connection, self._name, before, after):
            self.guard(intent)

    def _claim(self, before: Resource, wanted: Document) -> str | None:
        """Tell why an account may be taken over, where this change is the first of it."""
        return None if before.is_provisioned else self.store.claim(before, wanted)

    def _write(
        self, before: Resource, wanted: Document, moved: Moved, named: Named = name_all
    ) -> Resource:
        if before.is_provisioned:
            return self.store.update(before, wanted, bool(moved), named)
        return self.store.adopt(before, wanted)

    def _tell(
        self,
        before: Resource | None,
        after: Resource | None,
        moved: Moved,
        reason: str | None = None,
    ) -> list[Event]:
        return tell(self.connection, self._name, before, after, moved, reason)

    def _not_found(self, id: str) -> NotFound:
        return NotFound(f"{self._name} {id[:100]!r} does not exist.")

    @property
    def _name(self) -> str:
        return self.resource_type.name


def _removed_secrets(parsed: Iterable[Operation]) -> Document:
    """What a PATCH takes away without anybody seeing whether it is there, as ``None`` by name."""
    paths = (
        AttributePath(operation.attribute, operation.target.sub_attribute, operation.place.urn)
        for operation in parsed
        if operation.op is Op.REMOVE
    )
    return {str(path): None for path in paths if path.leaf.returned is Returned.NEVER}


def _naming(parsed: Iterable[Operation]) -> Named:
    """Tell of which single values a PATCH says something; of entries it is not known which."""
    keys: set[tuple[str, ...]] = set()
    for operation in parsed:
        place, sub = operation.place, operation.target.sub_attribute
        if place.attribute.multi_valued:
            continue
        if sub is not None:
            keys.add((*place.keys, sub.name))
        elif isinstance(operation.value, dict):
            keys.update((*place.keys, name) for name in operation.value)
        else:
            keys.add(place.keys)
    return lambda path: path.keys in keys


def _keep_active(before: Resource, document: Document) -> Document:
    """Leave ``active`` as it is where a PUT says nothing of it."""
    if "active" not in before.document or "active" in document:
        return document
    return document | {"active": before.document["active"]}
