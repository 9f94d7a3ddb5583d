"""Events as claims of security event tokens (:rfc:`8417`, :rfc:`9967`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ..protocol.messages import PATCH_OP
from ..provisioning.changes import COMPLETED, Kind
from ..provisioning.journal import Entry

_EVENT = "urn:ietf:params:scim:event"


#: The subject, the transaction, and the events of a token.
_Told = tuple[dict[str, str], str, dict[str, dict[str, Any]]]


class Detail(StrEnum):
    """How much a token tells of what has changed."""

    #: The names of the attributes.
    NOTICE = "notice"
    #: Their values too.
    FULL = "full"


#: What the tokens can tell of.
EVENT_URIS = (
    f"{_EVENT}:feed:add",
    f"{_EVENT}:feed:remove",
    f"{_EVENT}:prov:create:notice",
    f"{_EVENT}:prov:create:full",
    f"{_EVENT}:prov:patch:notice",
    f"{_EVENT}:prov:patch:full",
    f"{_EVENT}:prov:delete",
    f"{_EVENT}:prov:activate",
    f"{_EVENT}:prov:deactivate",
)
#: What tells of requests that were carried out later.
ASYNC_EVENT_URI = f"{_EVENT}:misc:asyncresp"


def make_claims(
    entry: Entry,
    endpoints: Mapping[str, str],
    *,
    issuer: str,
    audience: str,
    stream: str,
    detail: Detail = Detail.NOTICE,
) -> dict[str, Any] | None:
    """Make the claims of the token that tells of an event.

    :param entry: the event.
    :param endpoints: the path of each resource type behind the base URI, by its name.
    :param issuer: who tells.
    :param audience: who is told.
    :param stream: the id of the destination.
    :param detail: how much to tell.
    :return: the claims; ``None`` where the standard has no such event.
    """
    if entry.type == COMPLETED:
        found = _completion(entry)
    else:
        endpoint = endpoints.get(entry.resource_type)
        found = None if endpoint is None else _change(entry, endpoint, detail)
    if found is None:
        return None
    subject, transaction, payloads = found
    return {
        "iss": issuer,
        "aud": audience,
        "iat": int(entry.time.timestamp()),
        # A token for somebody else is another token, though of the same transaction.
        "jti": make_jti(entry, stream),
        "txn": transaction,
        "sub_id": subject,
        "events": {f"{_EVENT}:{name}": payload for name, payload in payloads.items()},
    }


def make_jti(entry: Entry, stream: str) -> str:
    """Make the id of the token that tells a destination of an event.

    :param entry: the event.
    :param stream: the id of the destination.
    :return: the id, the same whenever it is made.
    """
    return f"{entry.id}.{stream}"


def _change(entry: Entry, endpoint: str, detail: Detail) -> _Told | None:
    """What is told of a change; nothing where the standard has no such event."""
    payloads = _payloads(entry, detail)
    if not payloads:
        return None
    subject = {"format": "scim", "uri": f"{endpoint}/{entry.resource_id}"}
    external_id = (entry.object or {}).get("externalId")
    if isinstance(external_id, str):
        subject["externalId"] = external_id
    return subject, _transaction(entry), payloads


def _completion(entry: Entry) -> _Told | None:
    """What is told of an operation that was carried out later; nothing if it was forgotten."""
    operation = entry.details.get("operation")
    if operation is None:
        return None
    subject = {"format": "scim", "uri": entry.details["uri"]}
    return subject, entry.details["txn"], {"misc:asyncresp": operation}


def _payloads(entry: Entry, detail: Detail) -> dict[str, dict[str, Any]]:
    """The events of one token, and what each says; all are of one change."""
    _, _, kind = entry.type.rpartition(".")
    changed = {"attributes": list(entry.changed)}
    match kind:
        case Kind.CREATED if detail is Detail.FULL and entry.object is not None:
            return {"prov:create:full": {"data": {"id": entry.resource_id, **entry.object}}}
        case Kind.CREATED:
            return {"prov:create:notice": changed}
        case Kind.UPDATED | Kind.MEMBERS_CHANGED:
            operations = _operations(entry) if detail is Detail.FULL else []
            if operations:
                data = {"schemas": [PATCH_OP], "Operations": operations}
                return {"prov:patch:full": {"data": data}}
            return {"prov:patch:notice": changed}
        case Kind.DELETED:
            return {"prov:delete": {}}
        case Kind.DEACTIVATED:
            return {"prov:deactivate": {}}
        case Kind.REACTIVATED:
            return {"prov:activate": {}}
        case Kind.ADOPTED:
            return {"feed:add": {}}
        case _:
            return {}


def _operations(entry: Entry) -> list[dict[str, Any]]:
    """What a client would send to make the same change; nothing where it is not known in full."""
    if entry.type.endswith(f".{Kind.MEMBERS_CHANGED}"):
        is_whole = entry.added_count == len(entry.added)
        if not is_whole or entry.removed_count != len(entry.removed) or not entry.changed:
            return []
        (path,) = entry.changed
        moved = [("add", entry.added), ("remove", entry.removed)]
        return [
            {"op": op, "path": path, "value": [{"value": id} for id in ids]}
            for op, ids in moved
            if ids
        ]
    if entry.object is None:
        return []
    operations = []
    for name in entry.changed:
        urn, _, attribute = name.rpartition(":")
        holder = entry.object.get(urn, {}) if urn else entry.object
        if attribute in holder:
            operations.append({"op": "replace", "path": name, "value": holder[attribute]})
        elif _was_there(entry, urn, attribute):
            operations.append({"op": "remove", "path": name})
        # Else it is a secret, which nobody is told.
    return operations


def _was_there(entry: Entry, urn: str, attribute: str) -> bool:
    holder = entry.previous.get(urn, {}) if urn else entry.previous
    return attribute in holder


def _transaction(entry: Entry) -> str:
    """The id of the transaction, whose events are written down at one moment.

    That of the request will not do: clients choose it, and may choose the same for all of theirs.
    """
    parts = (entry.connection_id, entry.time.isoformat(), entry.cause.request_id or "")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
