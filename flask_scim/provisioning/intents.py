"""What a request is about to do, for those who may refuse it before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..protocol.values import read_datetime
from .changes import Kind, changed_attributes, kinds_of_adoption, kinds_of_change
from .ports import Connection, Document, Resource


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing that a request is about to do, inside its transaction and with the row locked.

    :param kind: what it is: ``created``, ``adopted``, ``updated``, ``deactivated``,
        ``reactivated`` or ``deleted``.
    :param resource_type: the name of the resource type, such as ``"User"``.
    :param connection: the connection whose identity provider asks for it.
    :param before: the resource as it is, ``None`` where it is new to SCIM.
    :param after: the resource as it is to be, ``None`` where it is to go.
    :param row: the host's object, ``None`` where it is new to SCIM.
    :param was_active: whether ``active`` holds in the app before.
    :param since: since when SCIM has had it, ``None`` where it is new.
    """

    kind: Kind
    resource_type: str
    connection: Connection
    before: Document | None
    after: Document | None
    row: Any
    was_active: bool = False
    since: datetime | None = None

    @property
    def ends_access(self) -> bool:
        """Whether somebody who could use the app is not to, from now on."""
        return self.was_active and self.kind in (Kind.DEACTIVATED, Kind.DELETED)


#: Refuses what is about to be done by raising one of the project's own errors.
Guard = Callable[[Intent], None]


def read_intents(
    connection: Connection,
    resource_type: str,
    before: Resource | None,
    after: Document | None,
) -> list[Intent]:
    """Tell what a change comes to, before it is made.

    :param connection: the connection that asks for it.
    :param resource_type: the name of the resource type.
    :param before: the locked resource, ``None`` where it is new to SCIM or had been deleted.
    :param after: the document that it is to have, ``None`` where it is to go.
    :return: what is about to be done; nothing where nothing differs.
    """
    if before is None:
        kinds = [Kind.CREATED]
    elif after is None:
        kinds = [Kind.DELETED]
    else:
        # An attribute that a request is silent of, or removes, leaves access as it is.
        will_be = after.get("active", before.is_active)
        if before.is_provisioned:
            changed = changed_attributes(before.document, after)
            kinds = kinds_of_change(changed, before.is_active, will_be)
        else:
            kinds = kinds_of_adoption(before.is_active, will_be)
    document = before.document if before else None
    row = before.row if before else None
    was_active = before is not None and before.is_active
    created = before.created if before else None
    since = None if created is None else read_datetime(created, "meta.created")
    return [
        Intent(kind, resource_type, connection, document, after, row, was_active, since)
        for kind in kinds
    ]
