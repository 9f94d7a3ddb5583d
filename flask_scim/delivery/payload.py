"""What is told of an event, whatever the form in which it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..protocol.values import write_datetime
from ..provisioning.journal import Entry

#: What goes first where an event is too large, and the last of it last.
_DISPENSABLE = (("added", "removed"), ("previous",), ("object",), ("details", "reason", "changed"))


@dataclass(frozen=True, slots=True)
class Message:
    """An event in the form in which it is sent.

    :param id: its own id, the same however often it is sent.
    :param type: what it says has happened.
    :param content_type: the media type of its body.
    :param body: its body.
    """

    id: str
    type: str
    content_type: str
    body: bytes


class TooLarge(ValueError):
    """Whatever is left out of an event, it does not fit."""


def describe_event(entry: Entry) -> dict[str, Any]:
    """Tell all that there is to tell of an event.

    :param entry: the event.
    :return: the same as JSON has it.
    """
    return {
        "connection_id": entry.connection_id,
        "tenant": entry.tenant,
        "position": entry.position,
        "resource_type": entry.resource_type,
        "resource_id": entry.resource_id,
        "object": show_object(entry),
        "previous": dict(entry.previous),
        "changed": list(entry.changed),
        "added": list(entry.added),
        "added_count": entry.added_count,
        "removed": list(entry.removed),
        "removed_count": entry.removed_count,
        "reason": entry.reason,
        "details": dict(entry.details),
        "cause": {"actor": entry.cause.actor, "request_id": entry.cause.request_id},
    }


def show_object(entry: Entry) -> dict[str, Any] | None:
    """Show the subject of an event with its ``id``; ``None`` where the event does not have it."""
    return None if entry.object is None else {"id": entry.resource_id, **entry.object}


def write_time(entry: Entry) -> str:
    """Write when an event happened (:rfc:`3339`)."""
    return write_datetime(entry.time)


def write_json(value: Any) -> bytes:
    """Write JSON in as few bytes as it takes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def fit(data: Mapping[str, Any], limit: int, write: Callable[[dict[str, Any]], bytes]) -> bytes:
    """Write what is told of an event in no more than some bytes.

    Where it is too large, parts are left out, and named in ``trimmed``: first who came and went,
    whose counts stay; then earlier values; then the object itself.

    :param data: what is told.
    :param limit: the most bytes.
    :param write: writes the whole message with what is told.
    :return: the message.
    :raises TooLarge: if it does not fit even without all that can be left out.
    """
    told, trimmed = dict(data), list[str]()
    body = write(told)
    for names in _DISPENSABLE:
        if len(body) <= limit:
            return body
        left_out = [name for name in names if told.get(name)]
        if left_out:
            trimmed += left_out
            told = {name: value for name, value in told.items() if name not in left_out}
            body = write(told | {"trimmed": trimmed})
    if len(body) > limit:
        raise TooLarge(
            f"The event has {len(body)} bytes at the least, of {limit} that may be sent."
        )
    return body
