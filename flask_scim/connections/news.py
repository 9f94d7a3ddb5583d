"""What happens to connections, and to what opens them, as events without any secret."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from ..protocol.values import write_datetime
from ..provisioning.changes import Event, Kind, changed_attributes
from ..provisioning.ports import Connection, Document


def tell_connection(kind: Kind, before: Connection | None, after: Connection | None) -> Event:
    """Tell what happened to a connection.

    :param kind: what happened.
    :param before: the connection before, ``None`` where it is new.
    :param after: the connection after, ``None`` where it is gone.
    :return: the event.
    """
    subject = after or before
    assert subject is not None
    old, new = (None if each is None else _document(each) for each in (before, after))
    # When it changed last is no change of its own.
    changed = tuple(name for name in changed_attributes(old or {}, new or {}) if name != "updated")
    return Event(kind, "Connection", subject.id, subject, old, new, changed, None)


def tell_credential(kind: Kind, connection: Connection, name: str, credential: Any) -> Event:
    """Tell what happened to a token or a client.

    :param kind: what happened.
    :param connection: the connection that it opens.
    :param name: what it is: ``Token`` or ``Client``.
    :param credential: what is known of it now.
    :return: the event.
    """
    after = _document(credential)
    before = after | {"revoked": None} if kind is Kind.REVOKED else None
    changed = changed_attributes(before or {}, after)
    return Event(kind, name, credential.id, connection, before, after, changed, None)


def _document(subject: Any) -> Document:
    """What is known of something, in values that JSON has."""
    return {each.name: _plain(getattr(subject, each.name)) for each in fields(subject)}


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return write_datetime(value)
        case tuple():
            return list(value)
        case _:
            return value
