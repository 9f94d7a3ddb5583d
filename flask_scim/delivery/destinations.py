"""Destinations: who is told of events, of which, and in what form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from .security_events import Detail


class Kind(StrEnum):
    """How a destination is told."""

    #: By a request to a URL.
    WEBHOOK = "webhook"
    #: By a security event token that is sent to a URL (:rfc:`8935`).
    SET_PUSH = "set-push"
    #: By security event tokens that it asks for (:rfc:`8936`).
    SET_POLL = "set-poll"
    #: By an event bus of AWS.
    EVENTBRIDGE = "eventbridge"
    #: By a function of the app.
    CALLABLE = "callable"


class DestinationState(StrEnum):
    """Whether a destination is told."""

    ACTIVE = "active"
    DISABLED = "disabled"


#: In which forms each kind can be told; the first is the default.
ENCODINGS: dict[Kind, tuple[str, ...]] = {
    Kind.WEBHOOK: ("standard", "cloudevents"),
    Kind.SET_PUSH: (Detail.NOTICE, Detail.FULL),
    Kind.SET_POLL: (Detail.NOTICE, Detail.FULL),
    Kind.EVENTBRIDGE: ("cloudevents", "standard"),
    Kind.CALLABLE: ("event",),
}


@dataclass(frozen=True, slots=True)
class Destination:
    """What is known of a destination; never its secret.

    :param id: its name in commands and logs.
    :param connection_id: whose events it is told of; ``None`` for those of all.
    :param kind: how it is told.
    :param target: the URL, the event bus or the name of the function.
    :param encoding: in which form it is told.
    :param audience: whom security event tokens are meant for.
    :param types: of what it is told, such as ``user.created`` or ``group.*``; ``None`` for all.
    :param state: whether it is told.
    :param reason: why it was disabled, where nobody did it by hand.
    :param failures: how often in a row it could not be reached.
    :param resume: until when it is left alone; ``None`` if it is not.
    :param last_success: when it was last told, to the minute.
    :param last_failure: when that last failed.
    :param last_error: why that failed.
    :param created: when it was added.
    :param updated: when it was last changed.
    """

    id: str
    connection_id: str | None
    kind: Kind
    target: str
    encoding: str
    audience: str | None
    types: tuple[str, ...] | None
    state: DestinationState
    reason: str | None
    failures: int
    resume: datetime | None
    last_success: datetime | None
    last_failure: datetime | None
    last_error: str | None
    created: datetime
    updated: datetime | None

    def wants(self, type: str) -> bool:
        """Tell whether it is told of events of a type."""
        group = f"{type.partition('.')[0]}.*"
        return self.types is None or type in self.types or group in self.types


def read_destination(row: Any) -> Destination:
    """Read a destination from a row of its table.

    :param row: the columns by name.
    :return: the destination.
    """
    values = {name: row[name] for name in Destination.__slots__}
    values["kind"], values["state"] = Kind(row["kind"]), DestinationState(row["state"])
    values["types"] = None if row["types"] is None else tuple(row["types"])
    return Destination(**values)
