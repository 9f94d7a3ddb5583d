"""Requests that are carried out after their answer (:rfc:`9967#section-2.5.1`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

#: After which time a request is not carried out any more: what it says may be wrong by then.
LONGEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Deferred:
    """A Bulk request that was accepted, and is carried out later.

    :param connection_id: the connection that it is for.
    :param txn: what its client knows it by.
    :param actor: who sent it, as causes name it.
    :param scopes: what they may do.
    :param request_id: the id of the HTTP request.
    :param root: the URL of the app, as the client sees it.
    :param user_agent: what the client calls itself.
    :param operations: the operations as JSON.
    :param fail_on_errors: the number of errors after which nothing more is performed.
    :param created: when it was accepted.
    """

    connection_id: str
    txn: str
    actor: str
    scopes: tuple[str, ...]
    request_id: str
    root: str
    user_agent: str | None
    operations: Sequence[Mapping[str, Any]]
    fail_on_errors: int | None
    created: datetime

    @property
    def is_old(self) -> bool:
        """Whether it has waited for too long to be carried out."""
        return datetime.now(UTC) - self.created > LONGEST


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that a worker has taken upon itself.

    :param id: which one.
    :param holder: which claim it is.
    :param request: the request.
    :param steps: what others have done of it before they died, by the names of the steps.
    """

    id: int
    holder: str
    request: Deferred
    steps: Mapping[str, Mapping[str, Any]]


class Fenced(Exception):
    """Somebody else has the request by now: what was about to be done of it is undone."""


class Stopped(Exception):
    """The worker is to end: others go on with the request."""


class Waiting(Protocol):
    """The requests that wait, in the app's database."""

    def count(self, connection_id: str) -> int:
        """Count the requests of a connection that wait."""
        ...

    def add(self, request: Deferred) -> None:
        """Let a request wait, in the transaction in hand."""
        ...

    def take(self, connection_id: str) -> Taken | None:
        """Take the oldest request of a connection; ``None`` if somebody else is at it."""
        ...

    def note(self, taken: Taken, step: str, outcome: Mapping[str, Any]) -> None:
        """Write down what came of a step, in the transaction that does it.

        :param taken: the request.
        :param step: the step.
        :param outcome: what came of it.
        :raises Fenced: if somebody else has the request by now.
        """
        ...

    def release(self, taken: Taken) -> None:
        """Give a request back, so that somebody else goes on at once; commits."""
        ...

    def finish(self, taken: Taken) -> None:
        """Forget a request that is done, in the transaction that tells what came of it.

        :param taken: the request.
        :raises Fenced: if somebody else has the request by now.
        """
        ...
