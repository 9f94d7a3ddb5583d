"""What happened to a resource, told from its document before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from .ports import Connection, Document, Left, Moved, Resource


class Kind(StrEnum):
    """What happened."""

    CREATED = "created"
    ADOPTED = "adopted"
    UPDATED = "updated"
    DEACTIVATED = "deactivated"
    REACTIVATED = "reactivated"
    DELETED = "deleted"
    MEMBERS_CHANGED = "members_changed"
    ACCESS_ENDED = "access_ended"
    ROLE_GRANTED = "role_granted"
    ROLE_REVOKED = "role_revoked"
    # What happens to connections, and to what opens them.
    PAUSED = "paused"
    HELD = "held"
    DISABLED = "disabled"
    RESUMED = "resumed"
    REMOVED = "removed"
    ISSUED = "issued"
    ROTATED = "rotated"
    ADDED = "added"
    REVOKED = "revoked"
    EXPIRING = "expiring"
    IDLE = "idle"
    # What happens to requests that are carried out later.
    COMPLETED = "completed"


#: The type of the events that tell of requests which were carried out later.
COMPLETED = f"request.{Kind.COMPLETED}"


@dataclass(frozen=True, slots=True)
class Cause:
    """What brought a change about.

    :param actor: ``token:``, ``client:``, ``issuer:`` or ``command:`` and its name; ``application``
        for a bearer token of the app's own, ``host`` for its code, ``clock`` for what time brings
        about.
    :param request_id: the id of the HTTP request; ``None`` where there was none.
    """

    actor: str
    request_id: str | None = None

    @property
    def is_outside(self) -> bool:
        """Whether an identity provider did, and not the app or whoever administers it."""
        return self.actor.partition(":")[0] in ("token", "client", "issuer", "application")


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about one resource.

    :param kind: what happened.
    :param resource_type: the name of the resource type, such as ``"User"``.
    :param id: the SCIM ``id``.
    :param connection: the connection whose identity provider caused it.
    :param before: the resource before, ``None`` where it is new.
    :param after: the resource after, ``None`` where it is gone.
    :param changed: the attributes that differ; those of an extension as ``urn:…:attribute``. A
        password that was set is among them, and in neither document. Where members changed, the
        one attribute that holds them.
    :param row: the host's object.
    :param added: the ids of members who really came.
    :param removed: the ids of members who really went; of what is deleted, all that it had.
    :param reason: why, where it does not go without saying: of an adoption what the account was
        told by (``external_id``, ``verified_email`` or ``ask``), of somebody who comes back
        ``revival``, of a deletion that other rows forbade ``in_use``; else in words.
    :param details: what else there is to say, as JSON has it.
    :param event_id: the event's own id, ``evt_`` and 22 letters and digits; the same wherever the
        event is told.
    :param position: where the event stands in the order of its connection, from 1.
    :param time: when it was written down.
    :param cause: what brought it about.
    """

    kind: Kind
    resource_type: str
    id: str
    connection: Connection
    before: Document | None
    after: Document | None
    changed: tuple[str, ...]
    row: Any
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    # These are known as soon as the event is in the outbox.
    event_id: str = ""
    position: int = 0
    time: datetime | None = None
    cause: Cause | None = None

    @property
    def type(self) -> str:
        """The name of the event, such as ``"user.created"``."""
        return f"{self.resource_type.lower()}.{self.kind}"

    @property
    def previous(self) -> Document:
        """What the changed attributes were, in the shape of a resource; ``None`` if unassigned."""
        if self.before is None or self.after is None:
            return {}
        return previous_values(self.changed, self.before, self.after)


_NOBODY = Moved()


def changed_attributes(before: Document, after: Document) -> tuple[str, ...]:
    """List the attributes that differ between two documents.

    :param before: the earlier document.
    :param after: the later document.
    :return: their names, sorted; those of an extension as ``urn:…:attribute``.
    """
    names = _differing(before, after)
    for urn in [name for name in names if ":" in name]:
        names.remove(urn)
        parts = _differing(before.get(urn) or {}, after.get(urn) or {})
        names += [f"{urn}:{part}" for part in parts]
    return tuple(sorted(names))


def previous_values(changed: Iterable[str], before: Document, after: Document) -> Document:
    """Gather what attributes were before a change.

    :param changed: their names, those of an extension as ``urn:…:attribute``.
    :param before: the earlier document.
    :param after: the later document.
    :return: their values in the shape of a resource, ``None`` where there was none; nothing of what
        neither document shows.
    """
    previous: Document = {}
    for name in changed:
        urn, _, attribute = name.rpartition(":")
        old = (before.get(urn) or {}) if urn else before
        new = (after.get(urn) or {}) if urn else after
        if attribute in old or attribute in new:
            (previous.setdefault(urn, {}) if urn else previous)[attribute] = old.get(attribute)
    return previous


def kinds_of_change(changed: Iterable[str], was_active: bool, is_active: bool) -> list[Kind]:
    """Tell what a change comes to, of a resource that is there before and after.

    A switch of ``active`` is of a kind of its own, and not an update as well.

    :param changed: the attributes that differ.
    :param was_active: whether it held in the app before.
    :param is_active: whether it holds in the app afterwards.
    :return: the kinds, in the order in which to tell them.
    """
    switched = was_active != is_active
    kinds = [Kind.UPDATED] if set(changed) - ({"active"} if switched else set()) else []
    if switched:
        kinds.append(Kind.REACTIVATED if is_active else Kind.DEACTIVATED)
    return kinds


def kinds_of_adoption(was_active: bool, is_active: bool) -> list[Kind]:
    """Tell what comes of it when an account is taken over.

    :param was_active: whether it was in use before.
    :param is_active: whether it is in use afterwards.
    :return: the kinds, in the order in which to tell them.
    """
    return [Kind.ADOPTED, *kinds_of_change((), was_active, is_active)]


def tell(
    connection: Connection,
    resource_type: str,
    before: Resource | None,
    after: Resource | None,
    moved: Moved = _NOBODY,
    reason: str | None = None,
) -> list[Event]:
    """Tell what happened to a resource.

    What counts of ``active`` is whether it holds in the app: to remove the attribute switches
    nothing.

    :param connection: the connection that caused it.
    :param resource_type: the name of the resource type.
    :param before: the resource before, ``None`` where it is new.
    :param after: the resource after, ``None`` where it is gone.
    :param moved: the members who came and went.
    :param reason: why it happened so, where there is more than one way.
    :return: the events in the order in which to publish them; none if nothing differs.
    """
    subject = after or before
    assert subject is not None
    old = before.document if before else None
    new = after.document if after else None
    changed = changed_attributes(old or {}, new or {})
    if after is not None:
        changed = tuple(sorted((*changed, *after.written)))
    kinds: list[Kind] = []
    if before is None:
        kinds.append(Kind.CREATED)
    elif after is None:
        kinds.append(Kind.DELETED)
    elif not before.is_provisioned:
        kinds = kinds_of_adoption(before.is_active, after.is_active)
    else:
        kinds = kinds_of_change(changed, before.is_active, after.is_active)
    told = partial(
        Event,
        resource_type=resource_type,
        id=subject.id,
        connection=connection,
        before=old,
        after=new,
        row=subject.row,
        reason=reason,
    )
    if after is None:
        return [told(kind, changed=changed, removed=_ids(moved.removed)) for kind in kinds]
    return [told(kind, changed=changed) for kind in kinds] + [
        told(
            Kind.MEMBERS_CHANGED,
            changed=(name,),
            added=_ids(moved.added, name),
            removed=_ids(moved.removed, name),
        )
        for name in sorted({name for name, _ in moved.added | moved.removed})
    ]


def tell_left(connection: Connection, left: Iterable[Left], id: str) -> list[Event]:
    """Tell that a resource which is gone has left others.

    :param connection: the connection that caused it.
    :param left: the resources that referred to it.
    :param id: the SCIM ``id`` of the resource that is gone.
    :return: one event for each attribute of the others that held it.
    """
    by_place = {(each.resource_type, each.attribute, each.id): each.row for each in left}
    return [
        Event(
            Kind.MEMBERS_CHANGED,
            resource_type,
            other,
            connection,
            None,
            None,
            (attribute,),
            by_place[resource_type, attribute, other],
            removed=frozenset({id}),
        )
        for resource_type, attribute, other in sorted(by_place)
    ]


def _differing(before: Document, after: Document) -> list[str]:
    """The names of the values that differ; what is ``None`` is not there."""
    names = [name for name, value in after.items() if before.get(name) != value]
    return names + [name for name in before.keys() - after.keys() if before[name] is not None]


def _ids(references: Iterable[tuple[str, str]], name: str | None = None) -> frozenset[str]:
    """The ids among references, of one attribute or of all."""
    return frozenset(id for attribute, id in references if name in (None, attribute))
