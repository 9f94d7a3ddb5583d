"""Carries out requests that wait, as if they came only now (:rfc:`9967#section-2.5.1`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from ..protocol.dialects import find_dialect
from ..protocol.errors import Conflict, NotFound, ScimError, ServiceUnavailable
from ..protocol.messages import BulkResult, describe_result
from ..provisioning.bulk import BulkOperation, Outcome, run
from ..provisioning.changes import Event, Kind
from ..provisioning.deferred import Deferred, Fenced, Stopped, Taken, Waiting
from ..provisioning.log import Logged
from ..provisioning.ports import Connection, State
from .bulk_desk import BulkDesk
from .current import note_actor, this_request
from .exchange import Exchange, Gateway
from .log import begin_record, close_record


@dataclass(frozen=True, slots=True)
class Clerk:
    """Carries out the requests of an app that wait.

    :param app: the app.
    :param gateway: what its endpoints need of it.
    :param waiting: the requests that wait.
    :param find: finds a connection.
    :param readmit: says what whoever sent a request may do now, or raises a ``ScimError``.
    :param commit: commits what was written down.
    :param rollback: undoes it.
    :param tell: writes down what came of a request, forgets it in the same transaction, and tells
        of it.
    """

    app: Flask
    gateway: Gateway
    waiting: Waiting
    find: Callable[[str], Connection | None]
    readmit: Callable[[Connection, Deferred], frozenset[str]]
    commit: Callable[[], None]
    rollback: Callable[[], None]
    tell: Callable[[Taken, Sequence[Event], Logged], None]

    def carry_out(self, connection_id: str, is_stopped: Callable[[], bool]) -> bool:
        """Carry out the oldest request of a connection.

        :param connection_id: the connection.
        :param is_stopped: tells whether to end before the next operation.
        :return: whether there was one, nobody else is at it, and it is done.
        """
        taken = self.waiting.take(connection_id)
        if taken is None:
            return False
        connection = self.find(connection_id)
        is_open = connection is not None and connection.state not in (State.PAUSED, State.HELD)
        if connection is None or not (is_open or taken.request.is_old):
            # It waits until the connection is open again.
            self.waiting.release(taken)
            return False
        try:
            with self._asking(taken.request):
                self._carry_out(taken, connection, is_stopped)
        except Fenced:
            self.rollback()
            return False
        except Stopped:
            self.waiting.release(taken)
            return False
        return True

    @contextmanager
    def _asking(self, request: Deferred) -> Iterator[None]:
        """Be in the request once more, which code of the app looks at."""
        path = f"{self.gateway.settings.base(request.connection_id)}/Bulk"
        headers = {"X-Request-Id": request.request_id}
        if request.user_agent is not None:
            headers["User-Agent"] = request.user_agent
        environ = create_environ(path, request.root, method="POST", headers=headers)
        with self.app.request_context(environ):
            note_actor(this_request(), request.actor)
            yield

    def _carry_out(
        self, taken: Taken, connection: Connection, is_stopped: Callable[[], bool]
    ) -> None:
        request = taken.request
        record = begin_record(this_request(), request.connection_id)
        record.connection, record.actor = connection, request.actor
        record.outcomes = []
        dialect = find_dialect(connection.idp, connection.strict)
        refusal: ScimError | None = None
        scopes: frozenset[str] = frozenset()
        try:
            _refuse_old(request)
            scopes = self.readmit(connection, request)
        except ScimError as error:
            refusal = error
        exchange = Exchange(self.gateway, connection, scopes, dialect)
        steps = _Steps(self, taken, exchange, refusal, is_stopped)
        results = run(
            request.operations,
            request.fail_on_errors if refusal is None else None,
            steps.perform,
            steps.desk.locate,
            steps.desk.takes,
        )
        results = _complete(results, request.operations)
        record.outcomes += [result.status for result in results]
        logged = close_record(self.gateway.settings, self.gateway.log, record, 200)
        events = [_tell(request, exchange, steps.desk, result) for result in results]
        self.tell(taken, events, logged)


class _Steps:
    """Performs operations, and knows those that others have performed before they died."""

    def __init__(
        self,
        clerk: Clerk,
        taken: Taken,
        exchange: Exchange,
        refusal: ScimError | None,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._clerk = clerk
        self._is_stopped = is_stopped
        self._taken = taken
        self._refusal = refusal
        self.desk = BulkDesk(exchange, self._note)

    def perform(self, operation: BulkOperation) -> Outcome:
        """Perform an operation, or tell what came of it when it was performed."""
        done = self._taken.steps.get(operation.step)
        if done is not None:
            return _read_step(done)
        if self._is_stopped():
            raise Stopped
        if self._refusal is not None and operation.is_asked_for:
            raise self._refusal
        try:
            return self.desk.perform(operation)
        except ScimError as error:
            self._clerk.rollback()
            refused = {"status": error.status, "scim_type": error.scim_type}
            self._write(operation, refused | {"detail": error.detail})
            self._clerk.commit()
            raise

    def _note(self, operation: BulkOperation, outcome: Outcome) -> None:
        self._write(operation, asdict(outcome))

    def _write(self, operation: BulkOperation, outcome: Mapping[str, Any]) -> None:
        self._clerk.waiting.note(self._taken, operation.step, outcome)


def _read_step(done: Mapping[str, Any]) -> Outcome:
    """Read what came of an operation.

    :raises ScimError: if it was refused.
    """
    if "detail" not in done:
        return Outcome(**done)
    error = (NotFound if done["status"] == NotFound.status else ScimError)(done["detail"])
    error.status, error.scim_type = done["status"], done["scim_type"]
    raise error


def _refuse_old(request: Deferred) -> None:
    if request.is_old:
        raise ServiceUnavailable(
            "The request has waited for more than a day and was not carried out; send it again."
        )


def _complete(
    results: Sequence[BulkResult], operations: Sequence[Mapping[str, Any]]
) -> list[BulkResult]:
    """Give each operation a result, also where nothing more was done after some errors."""
    known = {result.index: result for result in results}
    completed = []
    for index, operation in enumerate(operations):
        result = known.get(index)
        if result is None:
            error = Conflict("Nothing was done: there were as many errors before as failOnErrors.")
            method, bulk_id = operation.get("method"), operation.get("bulkId")
            result = BulkResult(
                method.upper() if isinstance(method, str) else "",
                error.status,
                bulk_id=bulk_id if isinstance(bulk_id, str) else None,
                error=error,
                index=index,
            )
        completed.append(result)
    return completed


def _tell(request: Deferred, exchange: Exchange, desk: BulkDesk, result: BulkResult) -> Event:
    """Tell what came of one operation."""
    txn = f"{request.txn}:{result.index}"
    details: dict[str, Any] = {"txn": txn, "operation": describe_result(result), "uri": "/Bulk"}
    path = result.location or request.operations[result.index].get("path")
    try:
        resource_type, id = desk.target(path if isinstance(path, str) else "")
    except ScimError:
        pass
    else:
        details["uri"] = resource_type.endpoint
        if result.location is not None and id is not None:
            details["uri"] = result.location.removeprefix(exchange.base)
            details |= {"resource_type": resource_type.name, "resource_id": id}
    return Event(
        Kind.COMPLETED, "Request", txn, exchange.connection, None, None, (), None, details=details
    )
