"""Many operations in one request, which may refer to what others of them create.

See :rfc:`7644#section-3.7`. Resources that refer to each other in a circle are made together or not
at all: each of them would otherwise refer to one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..protocol.errors import (
    Conflict,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    NotFound,
    ScimError,
)
from ..protocol.messages import PATCH_OP, BulkResult
from . import bulk_ids
from .circles import in_order

_METHODS = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """One operation, as it is to be performed.

    :param method: ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
    :param path: the endpoint of a resource type for a POST, else the path of a resource, whose id
        is percent-encoded; relative to the base URI.
    :param bulk_id: the client's name for the resource that a POST creates.
    :param data: the body; ``None`` for a DELETE.
    :param version: the version that the resource must have.
    :param is_asked_for: whether the client sent it. If not, it completes or takes back a POST of
        the same request, and must not need a permission of its own.
    :param index: where it, or that POST, stands in the request, from 0.
    """

    method: str
    path: str
    bulk_id: str | None = None
    data: Any = None
    version: str | None = None
    is_asked_for: bool = True
    index: int = 0

    @property
    def step(self) -> str:
        """What tells it from all else that is done for the same request."""
        return str(self.index) if self.is_asked_for else f"{self.index}.{self.method}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an operation that succeeded.

    :param status: the HTTP status.
    :param id: the ``id`` of the resource.
    :param location: the URI of the resource.
    :param version: its version now, where that is known.
    """

    status: int
    id: str
    location: str | None = None
    version: str | None = None


Perform = Callable[[BulkOperation], Outcome]
#: Finds the URI of the resource at a path, or ``None`` if the path leads nowhere.
Locate = Callable[[str], str | None]
#: Tells by the path of an operation and of an attribute whether a POST or PUT there takes it.
Takes = Callable[[str, str], bool]


def run(
    operations: Sequence[Mapping[str, Any]],
    fail_on_errors: int | None,
    perform: Perform,
    locate: Locate | None = None,
    takes: Takes | None = None,
) -> list[BulkResult]:
    """Perform the operations of a bulk request (:rfc:`7644#section-3.7`).

    They are performed in their order, but a POST before the first that refers to its resource.
    Where resources refer to each other in a circle, one is created without these references and
    completed once the others exist (:rfc:`7644#section-3.7.1`).

    :param operations: the operations as JSON, their keys in the RFC's spelling.
    :param fail_on_errors: the number of errors after which nothing more is performed.
    :param perform: performs one operation, whose references are resolved, in a transaction of its
        own. It raises nothing but ``ScimError``: a crash must reach this function as
        ``InternalError``, or the results of what is already committed would be lost.
    :param locate: finds the URI of a resource that could not be changed.
    :param takes: tells which attributes count: what is read-only may refer to anything.
    :return: what came of each operation that was performed, in the order of the request.
    """
    bulk = _Bulk(operations, fail_on_errors, perform, locate, takes)
    for circle in in_order(len(operations), bulk.needs):
        if bulk.is_over:
            break
        bulk.settle(circle)
    return [bulk.results[index] for index in sorted(bulk.results)]


@dataclass(frozen=True, slots=True)
class _Request:
    """An operation as it was sent, and the bulkIds that it refers to; or what is wrong with it."""

    operation: BulkOperation
    references: tuple[str, ...] = ()
    error: ScimError | None = None


@dataclass(slots=True)
class _Creation:
    """A resource that was made, and the operations of a PATCH that it still lacks."""

    operation: BulkOperation
    outcome: Outcome
    changes: list[dict[str, Any]] = field(default_factory=list)


class _Bulk:
    """A bulk request while it is performed."""

    def __init__(
        self,
        operations: Sequence[Mapping[str, Any]],
        fail_on_errors: int | None,
        perform: Perform,
        locate: Locate | None,
        takes: Takes | None,
    ) -> None:
        self.fail_on_errors = fail_on_errors
        self.perform = perform
        self.locate = locate
        self.takes = takes
        self.results: dict[int, BulkResult] = {}
        self.errors = 0
        #: The ids of the resources that were made.
        self.ids: dict[str, str] = {}
        #: Their URIs, where they have one.
        self.locations: dict[str, str | None] = {}
        #: Which POST makes the resource with a bulkId: the first that has it.
        self.makers: dict[str, int] = {}
        sent = [_read(operation, index) for index, operation in enumerate(operations)]
        for index, (operation, _) in enumerate(sent):
            if operation.method == "POST" and operation.bulk_id is not None:
                self.makers.setdefault(operation.bulk_id, index)
        self.requests = [self._request(index, *each) for index, each in enumerate(sent)]

    @property
    def is_over(self) -> bool:
        """Whether there were as many errors as the client accepts."""
        return self.fail_on_errors is not None and self.errors >= self.fail_on_errors

    def needs(self, index: int) -> list[int]:
        """List the operations that come before one, because it refers to what they make."""
        return sorted(self.makers[bulk_id] for bulk_id in self.requests[index].references)

    def settle(self, circle: Sequence[int]) -> None:
        """Perform operations that refer to each other, all or none; nearly always it is one."""
        among = frozenset(circle)
        made: dict[int, _Creation] = {}
        current = circle[0]
        try:
            for index in circle:
                current = index
                made[index] = self._begin(index, among)
            for index, creation in made.items():
                current = index
                if creation.changes:
                    self._complete(creation)
        except ScimError as error:
            self._give_up(circle, made, current, error)
            return
        for index, creation in made.items():
            outcome = creation.outcome
            self.results[index] = BulkResult(
                creation.operation.method,
                outcome.status,
                bulk_id=creation.operation.bulk_id,
                location=outcome.location,
                version=outcome.version,
                index=index,
            )

    def _request(self, index: int, operation: BulkOperation, error: ScimError | None) -> _Request:
        """Find what an operation refers to, and whether all of that is in the request."""
        bulk_id = operation.bulk_id
        if error is None and operation.method == "POST" and self.makers[bulk_id or ""] != index:
            error = InvalidValue(f"bulkId {_quoted(bulk_id)} was given to another POST before.")
        if error is not None:
            return _Request(operation, error=error)
        named = bulk_ids.find(operation.data)
        if named and self.takes is not None and operation.method in ("POST", "PUT"):
            data = bulk_ids.keep(operation.data, partial(self.takes, operation.path))
            operation, named = replace(operation, data=data), bulk_ids.find(data)
        target = bulk_ids.find_in_target(operation.path) if operation.method != "POST" else ()
        references = target + named
        for reference in references:
            if reference not in self.makers:
                error = InvalidValue(
                    f"No POST of the request has the bulkId {_quoted(reference)}, to which the"
                    " operation refers."
                )
                return _Request(operation, error=error)
        return _Request(operation, tuple(dict.fromkeys(references)))

    def _begin(self, index: int, circle: Set[int]) -> _Creation:
        """Perform an operation, without what refers to resources that come later."""
        request = self.requests[index]
        if request.error is not None:
            raise request.error
        missing = frozenset(each for each in request.references if each not in self.ids)
        for bulk_id in request.references:
            if bulk_id in missing and self.makers[bulk_id] not in circle:
                raise Conflict(
                    f"The operation refers to bulkId {_quoted(bulk_id)}, whose POST failed."
                )
        operation = request.operation
        changes: list[dict[str, Any]] = []
        if request.references:
            data = operation.data
            if missing:
                data, changes = bulk_ids.split(data, missing)
            data = bulk_ids.resolve(data, self.ids.get)
            operation = replace(operation, path=self._target(operation), data=data)
            self._check_target(request.operation, operation.path)
        outcome = self.perform(operation)
        if operation.method == "POST" and operation.bulk_id is not None:
            self.ids[operation.bulk_id] = outcome.id
            self.locations[operation.bulk_id] = outcome.location
        return _Creation(operation, outcome, changes)

    def _check_target(self, sent: BulkOperation, path: str) -> None:
        """Refuse a path that names the endpoint of another type than that of its resource.

        Resources of two types may have the same id: what is there is another one.
        """
        if self.locate is None or sent.method == "POST":
            return
        for bulk_id in bulk_ids.find_in_target(sent.path):
            if self.locate(path) != self.locations[bulk_id]:
                raise InvalidPath(
                    f"bulkId {_quoted(bulk_id)} stands for a resource that is not at this endpoint."
                )

    def _complete(self, creation: _Creation) -> None:
        """Add to a resource what it was made without."""
        path = bulk_ids.join_path(creation.operation.path, creation.outcome.id)
        changes = bulk_ids.resolve(creation.changes, self.ids.get)
        data = {"schemas": [PATCH_OP], "Operations": changes}
        index = creation.operation.index
        completed = self.perform(
            BulkOperation("PATCH", path, data=data, is_asked_for=False, index=index)
        )
        creation.outcome = replace(creation.outcome, version=completed.version)

    def _give_up(
        self, circle: Sequence[int], made: dict[int, _Creation], failed: int, error: ScimError
    ) -> None:
        """Take back what was made of a circle of which one operation failed."""
        culprit = f"bulkId {_quoted(self.requests[failed].operation.bulk_id)}, whose POST failed"
        fates = {index: self._take_back(made[index]) for index in reversed(made)}
        if failed not in made:
            self._refuse(failed, error)
        for index, fate in fates.items():
            reason = f"it refers, in a circle, to {culprit}."
            if index == failed:
                names = ", ".join(change["path"][:100] for change in made[index].changes)
                reason = (
                    f"{names} could not be added when the resources referred to existed."
                    f" {error.detail}"
                )
            self._refuse(index, Conflict(f"The resource was created and {fate}: {reason}"))
        for index in circle:
            if index not in self.results and not self.is_over:
                self._refuse(index, Conflict(f"The operation refers to {culprit}."))

    def _take_back(self, creation: _Creation) -> str:
        """Delete what was made, and tell what became of it."""
        del self.ids[creation.operation.bulk_id or ""]
        path = bulk_ids.join_path(creation.operation.path, creation.outcome.id)
        try:
            index = creation.operation.index
            self.perform(BulkOperation("DELETE", path, is_asked_for=False, index=index))
        except NotFound:
            return "is gone"
        except ScimError as error:
            return f"is still at {path}, for it could not be deleted ({error.detail})"
        return "taken back"

    def _refuse(self, index: int, error: ScimError) -> None:
        self.errors += 1
        operation = self.requests[index].operation
        location = None
        if self.locate is not None and operation.method != "POST":
            target = self._target(operation)
            location = None if bulk_ids.find_in_target(target) else self.locate(target)
        self.results[index] = BulkResult(
            operation.method,
            error.status,
            bulk_id=operation.bulk_id,
            location=location,
            error=error,
            index=index,
        )

    def _target(self, operation: BulkOperation) -> str:
        if operation.method == "POST":
            return operation.path
        return bulk_ids.resolve_target(operation.path, self.ids.get)


def _read(sent: Mapping[str, Any], index: int) -> tuple[BulkOperation, ScimError | None]:
    """Read an operation as far as it can be read, and tell what is wrong with it."""
    method, path, bulk_id, data, version = (
        sent.get(key) for key in ("method", "path", "bulkId", "data", "version")
    )
    method = method[:100].upper() if isinstance(method, str) else ""
    takes_data = method != "DELETE"
    operation = BulkOperation(
        method,
        path if isinstance(path, str) else "",
        bulk_id if isinstance(bulk_id, str) and bulk_id.strip() else None,
        data if takes_data else None,
        version if isinstance(version, str) else None,
        index=index,
    )
    if operation.method not in _METHODS:
        problem = f"method must be one of {', '.join(_METHODS)}."
    elif not operation.path.strip():
        problem = "path must be text: where the operation is to be done."
    elif bulk_id is not None and operation.bulk_id is None:
        problem = "bulkId must be text that is not blank."
    elif operation.method == "POST" and operation.bulk_id is None:
        problem = "A POST needs a bulkId."
    elif version is not None and operation.version is None:
        problem = "version must be text."
    elif takes_data and not isinstance(data, dict):
        problem = f"The data of a {operation.method} must be an object."
    else:
        return operation, None
    return operation, InvalidSyntax(f"The operation cannot be read: {problem}")


def _quoted(bulk_id: str | None) -> str:
    return repr((bulk_id or "")[:100])
