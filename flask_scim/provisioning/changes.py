"""What happened to a resource, told from its document before and after."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .ports import Connection, Document, Moved, Resource


class Kind(StrEnum):
    """What happened."""

    CREATED = "created"
    UPDATED = "updated"
    DEACTIVATED = "deactivated"
    REACTIVATED = "reactivated"
    DELETED = "deleted"
    MEMBERS_CHANGED = "members_changed"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about one resource.

    :param kind: what happened.
    :param resource_type: the name of the resource type, such as ``"User"``.
    :param id: the SCIM ``id``.
    :param connection: the connection whose identity provider caused it.
    :param before: the resource before, ``None`` where it is new.
    :param after: the resource after, ``None`` where it is gone.
    :param changed: the attributes that differ; those of an extension as ``urn:…:attribute``.
    :param row: the host's object.
    :param added: the ids of members who really came.
    :param removed: the ids of members who really went; of a deleted group, all that it had.
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

    @property
    def type(self) -> str:
        """The name of the event, such as ``"user.created"``."""
        return f"{self.resource_type.lower()}.{self.kind}"


_NOBODY = Moved()
_TELL_MEMBERS = (Kind.MEMBERS_CHANGED, Kind.DELETED)


def changed_attributes(before: Document, after: Document) -> tuple[str, ...]:
    """List the attributes that differ between two documents.

    :param before: the earlier document.
    :param after: the later document.
    :return: their names, sorted; those of an extension as ``urn:…:attribute``.
    """
    names: list[str] = []
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if ":" in key:
            old, new = old or {}, new or {}
            names += [f"{key}:{n}" for n in old.keys() | new.keys() if old.get(n) != new.get(n)]
        else:
            names.append(key)
    return tuple(sorted(names))


def tell(
    connection: Connection,
    resource_type: str,
    before: Resource | None,
    after: Resource | None,
    moved: Moved = _NOBODY,
) -> list[Event]:
    """Tell what happened to a resource.

    A switch of ``active`` is told by an event of its own, and not as an update as well.

    :param connection: the connection that caused it.
    :param resource_type: the name of the resource type.
    :param before: the resource before, ``None`` where it is new.
    :param after: the resource after, ``None`` where it is gone.
    :param moved: the members who came and went.
    :return: the events in the order in which to publish them; none if nothing differs.
    """
    subject = after or before
    assert subject is not None
    old = before.document if before else None
    new = after.document if after else None
    changed = changed_attributes(old or {}, new or {})
    kinds: list[Kind] = []
    if old is None:
        kinds.append(Kind.CREATED)
    elif new is None:
        kinds.append(Kind.DELETED)
    else:
        was, is_ = old.get("active") is not False, new.get("active") is not False
        if set(changed) - ({"active"} if was != is_ else set()):
            kinds.append(Kind.UPDATED)
        if was != is_:
            kinds.append(Kind.REACTIVATED if is_ else Kind.DEACTIVATED)
    if moved and new is not None:
        kinds.append(Kind.MEMBERS_CHANGED)
    return [
        Event(
            kind,
            resource_type,
            subject.id,
            connection,
            old,
            new,
            changed,
            subject.row,
            *((moved.added, moved.removed) if kind in _TELL_MEMBERS else ()),
        )
        for kind in kinds
    ]


def tell_left(
    connection: Connection, resource_type: str, left: dict[str, Any], id: str
) -> list[Event]:
    """Tell that a resource which is gone has left others.

    :param connection: the connection that caused it.
    :param resource_type: the name of the resource type of the others.
    :param left: the ids of the others, each with the host's object.
    :param id: the SCIM ``id`` of the resource that is gone.
    :return: one event for each of the others.
    """
    return [
        Event(
            Kind.MEMBERS_CHANGED,
            resource_type,
            other,
            connection,
            None,
            None,
            ("members",),
            row,
            removed=frozenset({id}),
        )
        for other, row in sorted(left.items())
    ]
