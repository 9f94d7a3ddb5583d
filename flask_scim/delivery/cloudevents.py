"""CloudEvents 1.0, with the envelope and the names of Auth0's event streams."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from ..provisioning.changes import Kind
from ..provisioning.journal import Entry
from .payload import Message, describe_event, fit, show_object, write_json, write_time

_CONTENT_TYPE = "application/cloudevents+json"
#: How many members may come and go at once for each to be an event of its own.
MOST_MEMBERS = 100
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def encode_cloudevents(entry: Entry, stream: str, limit: int) -> list[Message]:
    """Encode an event as one or, where members came and went, several CloudEvents.

    :param entry: the event.
    :param stream: the id of the destination.
    :param limit: the most bytes of each.
    :return: the messages, in the order in which to send them.
    :raises TooLarge: if one does not fit.
    """
    return [
        Message(id, type, _CONTENT_TYPE, fit(data, limit, partial(_write, entry, stream, id, type)))
        for id, type, data in _events(entry)
    ]


def _events(entry: Entry) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The id, the type and the data of each event."""
    members = [("added", id) for id in entry.added] + [("deleted", id) for id in entry.removed]
    of_members = entry.type == f"{entry.resource_type.lower()}.{Kind.MEMBERS_CHANGED}"
    if not of_members or not 0 < entry.added_count + entry.removed_count <= MOST_MEMBERS:
        yield entry.id, entry.type, _data(entry)
        return
    kind = entry.resource_type.lower()
    for what, member in members:
        data = _data(entry)
        data["object"] = {
            kind: data["object"] or {"id": entry.resource_id},
            "member": {"member_type": "user", "id": member},
        }
        for name in ("added", "removed", "added_count", "removed_count"):
            data.pop(name)
        yield _part_id(entry.id, what, member), f"{kind}.member.{what}", data


def _data(entry: Entry) -> dict[str, Any]:
    told = describe_event(entry)
    previous, cause = told.pop("previous"), told.pop("cause")
    connection, tenant = told.pop("connection_id"), told.pop("tenant")
    for name in ("position", "resource_type", "resource_id"):
        told.pop(name)
    gone = entry.type.endswith(f".{Kind.DELETED}")
    # An object is what there is to tell of, even where nothing is known of it but its id.
    told["object"] = show_object(entry) or {"id": entry.resource_id}
    if previous and not gone:
        told["previous_object"] = {"id": entry.resource_id, **previous}
    context: dict[str, Any] = {"connection": {"id": connection}, "cause": cause}
    if tenant is not None:
        context["tenant"] = {"id": tenant}
    return told | {"context": context}


def _write(entry: Entry, stream: str, id: str, type: str, data: dict[str, Any]) -> bytes:
    return write_json(
        {
            "specversion": "1.0",
            "type": type,
            "source": f"urn:scim:{quote(entry.connection_id)}",
            "id": id,
            "time": write_time(entry),
            "subject": f"{entry.resource_type}/{entry.resource_id}",
            "datacontenttype": "application/json",
            # What has one key is in order; the sequence tells which comes first.
            "partitionkey": f"{entry.connection_id}/{entry.resource_type}/{entry.resource_id}",
            "sequence": f"{entry.position:019}",
            "a0tenant": entry.tenant or entry.connection_id,
            "a0stream": stream,
            "data": data,
        }
    )


def _part_id(id: str, what: str, member: str) -> str:
    """Make the id of a part of an event, which is the same whenever it is made."""
    number = int.from_bytes(hashlib.sha256(f"{id}.{what}.{member}".encode()).digest())
    letters = []
    for _ in range(22):
        number, index = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[index])
    return f"evt_{''.join(letters)}"
