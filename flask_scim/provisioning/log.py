"""One request as the log keeps it: who did what, to what, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Logged:
    """A request.

    :param connection_id: the connection that it is logged for.
    :param time: when it came.
    :param request_id: its id, which the answer carries as ``X-Request-Id``.
    :param method: its method.
    :param path: its path below the base URI, with ``{id}`` for an id.
    :param status: the HTTP status of the answer.
    :param duration: how long it took, in milliseconds; that of a change, until its commit.
    :param actor: ``token:…`` or ``client:…`` and the id, ``application`` for a bearer token of the
        app's own; ``None`` where nobody knows.
    :param idp: the identity provider of the connection, ``None`` where it was not let in.
    :param user_agent: what the client calls itself.
    :param resource_type: the name of the type of the resource.
    :param resource_id: the SCIM ``id`` of the resource.
    :param filter: what the filter asks for, with ``?`` for what it compares with.
    :param scim_type: the ``scimType`` of the error.
    :param detail: the message of the error, with ``…`` for values.
    :param quirks: the names of what the dialect of the identity provider has put right.
    :param changed: the names of the attributes that changed.
    :param values: what they were and are, as far as that may be kept.
    :param added: the ids of the members who came, at most 1,000.
    :param removed: the ids of the members who went, at most 1,000.
    :param added_count: how many came in all.
    :param removed_count: how many went in all.
    :param outcomes: of a Bulk request, how many operations had which status.
    :param id: its place in the log.
    """

    connection_id: str
    time: datetime
    request_id: str
    method: str
    path: str
    status: int
    duration: int
    actor: str | None = None
    idp: str | None = None
    user_agent: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    filter: str | None = None
    scim_type: str | None = None
    detail: str | None = None
    quirks: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    added_count: int = 0
    removed_count: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits to be written.

    :param logged: the request.
    :param created: when the connection was made that it was let into, lest it is logged for another
        one of the same name; ``None`` where it was not let in.
    """

    logged: Logged
    created: datetime | None


class RequestLog(Protocol):
    """Where requests are logged."""

    def write(self, logged: Logged) -> None:
        """Write a request, in a transaction of its own."""
        ...

    def is_apart(self) -> bool:
        """Tell whether a thread can have a connection to the database that nobody else uses."""
        ...

    def write_apart(self, waiting: Sequence[Waiting]) -> int:
        """Write requests in one transaction, on a connection that nobody else uses.

        :param waiting: the requests; those of connections that are gone are passed over.
        :return: how many the database does not take.
        """
        ...

    def amend(self, id: int, status: int) -> None:
        """Put the status of a request right, in a transaction of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """Which requests to read; each of these that is given has to hold.

    :param status: the status, as 404, or the class of it, as 4 for all from 400 to 499.
    :param method: the method.
    :param resource_id: the SCIM ``id`` of the resource.
    :param since: the earliest time.
    :param request_id: the id of the request.
    :param errors: whether to read only what was refused or failed.
    """

    status: int | None = None
    method: str | None = None
    resource_id: str | None = None
    since: datetime | None = None
    request_id: str | None = None
    errors: bool = False
