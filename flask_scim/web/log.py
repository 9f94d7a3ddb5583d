"""What the log keeps of the request in hand: noted on its way, written with it or behind it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic, perf_counter
from typing import Any

from flask import Request, Response, has_request_context, request

from ..config import Settings
from ..protocol.dialects import find_dialect
from ..protocol.errors import ScimError
from ..protocol.schema import ResourceType
from ..protocol.unparser import shape
from ..provisioning.changes import Event
from ..provisioning.journal import MOST_LISTED
from ..provisioning.log import Logged
from ..provisioning.policy import LogReads, Policy
from ..provisioning.ports import Connection
from ..provisioning.redaction import gather_values, redact
from .current import request_id, this_request
from .writer import Writer

_log = logging.getLogger("flask_scim.requests")
_RECORD = "flask_scim.record"
_READS = ("GET", "HEAD")
#: How many requests of strangers are written in a minute, and for how many connections: nobody may
#: flood the log from outside.
_STRANGERS, _NAMES = 60, 1_000


@dataclass(frozen=True, slots=True)
class Log:
    """Where requests are written to.

    :param writer: writes them behind their answers.
    :param policy: finds the choices that hold for a connection; ``None`` for those of the app.
    """

    writer: Writer
    policy: Callable[[Connection | None], Policy]


@dataclass(slots=True)
class Record:
    """What is known of a request so far.

    :param connection_id: the connection that its path names.
    :param connection: the connection that it was let into.
    :param actor: who asks, as causes name it.
    :param resource_type: the type of the resources that it is about.
    :param resource_id: the resource that it names.
    :param made_id: the resource that it has made.
    :param filter: what its filter asks for.
    :param quirks: what the dialect has put right.
    :param error: what it is refused with.
    :param shows: whether the answer to a change is going to show the resource.
    :param outcomes: of a Bulk request, the status of each operation; ``None`` of any other.
    :param written: where it stands in the log, and with which status, once it does.
    """

    connection_id: str
    connection: Connection | None = None
    actor: str | None = None
    resource_type: ResourceType | None = None
    resource_id: str | None = None
    made_id: str | None = None
    filter: str | None = None
    quirks: set[str] = field(default_factory=set)
    error: ScimError | None = None
    shows: bool = True
    outcomes: list[int] | None = None
    written: tuple[int, int] | None = None
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=perf_counter)

    def close(
        self, sent: Request, settings: Settings, status: int, policy: Policy, **changes: Any
    ) -> Logged:
        """Tell what the log keeps of it.

        :param sent: the request itself.
        :param settings: the settings of the app.
        :param status: the HTTP status of the answer.
        :param policy: the choices that hold for the connection.
        :param changes: what it has changed, as :class:`Logged` has it.
        :return: the request.
        """
        error, connection = self.error, self.connection
        owner, actor = self.connection_id, self.actor
        if connection is not None:
            owner = connection.id
        elif error is not None and error.attribution is not None:
            owner, actor = error.attribution
        rule = "" if sent.url_rule is None else sent.url_rule.rule
        kind = self.resource_type
        return Logged(
            connection_id=owner,
            time=self.time,
            request_id=request_id(sent),
            method=sent.method[:16],
            path=_path(rule, settings.base("<connection_id>")),
            status=status,
            duration=round((perf_counter() - self.began) * 1_000),
            actor=actor,
            idp=None if connection is None else connection.idp,
            user_agent=_printable(sent.environ.get("HTTP_USER_AGENT", ""))[:255] or None,
            resource_type=None if kind is None else kind.name,
            resource_id=_printable(self.resource_id or self.made_id or "")[:255] or None,
            filter=self.filter and _shape(self.filter, connection),
            scim_type=None if error is None else error.scim_type,
            detail=None
            if error is None
            else redact(_printable(error.detail), error.scim_type, policy.log_values)[:2_000],
            quirks=tuple(sorted(self.quirks)) if self.quirks else (),
            outcomes=_count(self.outcomes or ()),
            **changes,
        )


def close_record(settings: Settings, log: Log, record: Record, status: int) -> Logged:
    """Tell what the log keeps of a request whose row is written with what it does.

    :param settings: the settings of the app.
    :param log: the log.
    :param record: what is known of the request.
    :param status: the HTTP status of the answer.
    :return: the request.
    """
    return record.close(this_request(), settings, status, log.policy(record.connection))


def begin_record(sent: Request, connection_id: str) -> Record:
    """Begin to note what happens to a request.

    :param sent: the request.
    :param connection_id: the connection that its path names.
    :return: what is known so far.
    """
    record = Record(connection_id)
    sent.environ[_RECORD] = record
    return record


def current_record() -> Record | None:
    """What is known of the request in hand; ``None`` if it is no request of SCIM."""
    return this_request().environ.get(_RECORD) if has_request_context() else None


def note_resource(resource_type: ResourceType, id: str | None = None) -> None:
    """Note what the request in hand is about."""
    record = current_record()
    # The operations of a Bulk request are about many, and counted.
    if record is not None and record.outcomes is None:
        record.resource_type, record.resource_id = resource_type, id


def note_filter(text: str | None) -> None:
    """Note the filter of the request in hand."""
    record = current_record()
    if record is not None:
        record.filter = text


def note_quirks(quirks: Collection[str]) -> None:
    """Note what the dialect has put right, if anything."""
    record = current_record() if quirks else None
    if record is not None:
        record.quirks.update(quirks)


def note_error(error: ScimError) -> None:
    """Note what the request in hand is refused with."""
    record = current_record()
    if record is not None:
        record.error = error


def note_shown(made: Any) -> None:
    """Note what a change has made of the resource in hand; nothing is shown of ``None``."""
    record = current_record()
    if record is not None:
        record.shows = made is not None


def note_outcomes(outcomes: list[int]) -> None:
    """Note that the request in hand is many, and what comes of each."""
    record = current_record()
    if record is not None:
        record.outcomes = outcomes


def log_change(
    record: Record,
    settings: Settings,
    policy: Policy,
    events: Sequence[Event],
    add: Callable[[Logged], int],
) -> None:
    """Write the change that the request in hand makes to the log, in its own transaction.

    :param record: what is known of the request.
    :param settings: the settings of the app.
    :param policy: the choices that hold for the connection.
    :param events: what the change comes to.
    :param add: writes a request to the log, and returns its place.
    """
    status = (201 if request.method == "POST" else 200) if record.shows else 204
    kind = record.resource_type
    own = [event for event in events if kind is None or event.resource_type == kind.name]
    if record.resource_id is None and own:
        record.made_id = own[0].id
    # What follows from it for others is told by their events.
    own = [each for each in own if each.id in (record.resource_id, record.made_id)] or own
    added = sorted({id for event in own for id in event.added})
    removed = sorted({id for event in own for id in event.removed})
    logged = record.close(
        this_request(),
        settings,
        status,
        policy,
        changed=tuple(sorted({name for event in own for name in event.changed})),
        values=gather_values(own, policy.log_values),
        added=tuple(added[:MOST_LISTED]),
        removed=tuple(removed[:MOST_LISTED]),
        added_count=len(added),
        removed_count=len(removed),
    )
    record.written = (add(logged), status)


class RequestLogger:
    """Writes each request to the log, once its answer is made.

    :param settings: the settings of the app.
    :param log: where to write.
    """

    def __init__(self, settings: Settings, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._strangers = _Strangers()

    def finish(self, sent: Request, response: Response) -> None:
        """Write the request in hand.

        :param sent: the request.
        :param response: its answer.
        """
        record = sent.environ.get(_RECORD)
        if record is None or sent.method == "OPTIONS":
            return
        status, writer, written = response.status_code, self._log.writer, record.written
        has_row = written is not None and status < 400
        if written is not None and has_row and written[1] != status:
            writer.amend(response, written[0], status)
        if has_row and not _log.isEnabledFor(logging.INFO):
            return
        policy = self._log.policy(record.connection)
        logged = record.close(sent, self._settings, status, policy)
        _tell(logged)
        if has_row:
            return
        if (
            record.connection is None
            and logged.actor is None
            and not self._strangers.admit(logged.connection_id)
        ):
            return
        is_read = sent.method in _READS or logged.path.endswith("/.search")
        if is_read and status < 400 and policy.log_reads is LogReads.REFUSED:
            return
        writer.write(sent, response, logged, record.connection)


class _Strangers:
    """Counts the requests that nobody knows whose they are, in this process."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def admit(self, connection_id: str) -> bool:
        """Tell whether one more is written to the log of the connection that its path names."""
        minute = int(monotonic() // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, Counter()
        if len(self._counts) >= _NAMES and connection_id not in self._counts:
            return False
        self._counts[connection_id] += 1
        return self._counts[connection_id] <= _STRANGERS


def _tell(logged: Logged) -> None:
    """Hand a request to Python's logging, with its parts as fields of the record."""
    if _log.isEnabledFor(logging.INFO):
        fields = {f"scim_{name}": value for name, value in asdict(logged).items() if name != "id"}
        _log.info(
            "%s %s of connection %s: %d in %d ms (%s)",
            *(logged.method, logged.path, logged.connection_id),
            *(logged.status, logged.duration, logged.request_id),
            extra=fields,
        )


@lru_cache(maxsize=256)
def _path(rule: str, base: str) -> str:
    """The path of a rule below the base URI."""
    path = rule.removeprefix(base)
    return path.replace("<", "{").replace(">", "}")[:255]


def _shape(filter: str, connection: Connection | None) -> str:
    """What a filter asks for, read as the connection's identity provider writes."""
    if connection is None:
        return shape(filter)[:500]
    dialect = find_dialect(connection.idp, connection.strict)
    return shape(filter, bare_words=dialect.bare_words)[:500]


def _count(outcomes: Sequence[int]) -> dict[str, int]:
    return {str(status): count for status, count in Counter(outcomes).items()} if outcomes else {}


def _printable(text: str) -> str:
    """Text that every database can keep, and no line of a log can break out of."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "?" for letter in text)
