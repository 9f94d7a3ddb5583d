"""What follows for people's access from what an identity provider has done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from ..provisioning.changes import Event, Kind
from .epochs import DEACTIVATED, DELETED
from .revocation import Revocation

_ENDS = (Kind.DEACTIVATED, Kind.DELETED)


def follow(revocation: Revocation, events: Iterable[Event], *, may_bar: bool) -> None:
    """End the access of those who are out now, in the transaction that has put them out.

    :param revocation: what ends access.
    :param events: what has happened, in order.
    :param may_bar: whether somebody may be out without a column of the host's that says so.
    """
    # A transaction that met another one is done again.
    revocation.forget()
    for event in _of_people(events):
        if event.kind is Kind.CREATED and not may_bar:
            continue
        key, connection_id = revocation.binding.key_of(event.row), event.connection.id
        if event.kind in _ENDS:
            _end(revocation, event, key)
        elif event.kind is Kind.REACTIVATED:
            revocation.epochs.readmit(key)
        elif event.kind in (Kind.CREATED, Kind.ADOPTED) and may_bar:
            if (event.after or {}).get("active") is False:
                revocation.begin(key, event.id, DEACTIVATED, connection_id, out=True, barred=True)
            else:
                revocation.epochs.readmit(key)


def _of_people(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.resource_type == "User" and event.row is not None]


def _end(revocation: Revocation, event: Event, key: Any) -> None:
    is_known = (event.before or {}).get("active") is not True
    if event.kind is Kind.DELETED and is_known and revocation.epochs.is_out(key, DEACTIVATED):
        # Nothing has begun since that could be ended once more.
        revocation.epochs.rename(key, DELETED)
        return
    barred = not _is_gone(event.row) and not _says_so(revocation, event.row)
    cause = DELETED if event.kind is Kind.DELETED else DEACTIVATED
    revocation.begin(key, event.id, cause, event.connection.id, out=True, barred=barred)


def _says_so(revocation: Revocation, row: Any) -> bool:
    """Whether the host's own row says that the person is out."""
    active = revocation.binding.active
    return active is not None and active.read(row, {}) is False


def _is_gone(row: Any) -> bool:
    """Whether the host has deleted the row, whose key may be another person's one day."""
    state: Any = sa.inspect(row)
    return bool(state.deleted or state.was_deleted)
