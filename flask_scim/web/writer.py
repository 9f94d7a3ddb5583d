"""What writes to the log behind the answers: at once, or what several requests have left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from time import sleep

from flask import Flask, Request, Response

from ..provisioning.log import Logged, RequestLog, Waiting
from ..provisioning.ports import Connection
from .gathering import Gatherer

_log = logging.getLogger("flask_scim.requests")


class Writer:
    """Writes the requests of an app to its log when their answers are on their way.

    :param app: the app.
    :param find: finds its log, in its context.
    :param delay: for how many seconds requests may wait, to be written together; 0 where each one
        is to be written at once.
    """

    #: How many could not be written since the start of the process.
    dropped = 0

    def __init__(self, app: Flask, find: Callable[[], RequestLog], delay: int) -> None:
        self._app = app
        self._find = find
        self._delay = delay
        self._gatherer = Gatherer(self._write_together, _drop, delay) if delay else None

    def write(
        self, sent: Request, response: Response, logged: Logged, connection: Connection | None
    ) -> None:
        """Write the request in hand, behind its answer.

        :param sent: the request as it was sent.
        :param response: the answer.
        :param logged: the request.
        :param connection: the connection that it was let into.
        """
        if self._gatherer is None or not self._may_wait(sent):
            return self._behind(response, lambda: self._find().write(logged))
        waiting = Waiting(logged, None if connection is None else connection.created)
        response.call_on_close(partial(self._gather, self._gatherer, waiting))
        return None

    def amend(self, response: Response, id: int, status: int) -> None:
        """Put the status of the request in hand right, behind its answer.

        :param response: the answer.
        :param id: its place in the log.
        :param status: the status that was answered.
        """
        self._behind(response, lambda: self._find().amend(id, status))

    def flush(self) -> bool:
        """Write what waits in this process.

        :return: whether all of it is written.
        """
        return self._gatherer is None or self._gatherer.flush()

    def settle(self) -> None:
        """Write what waits in this process, and wait until others have written what they have."""
        if self._gatherer is not None and self._find().is_apart():
            self._gatherer.flush()
            sleep(2 * self._delay)

    def _may_wait(self, sent: Request) -> bool:
        """Tell whether a thread can write the request in hand, and there will be time to."""
        if sent.environ.get("wsgi.run_once"):
            return False
        try:
            return self._find().is_apart()
        except Exception:
            # Whatever is the matter with the session, it is not this request's to suffer from.
            return False

    def _gather(self, gatherer: Gatherer[Waiting], waiting: Waiting) -> None:
        if not gatherer.put(waiting):
            self._run(lambda: self._find().write(waiting.logged))

    def _write_together(self, waiting: Sequence[Waiting]) -> None:
        lost = None
        try:
            with self._app.app_context():
                lost = self._find().write_apart(waiting)
        except Exception:
            # Where it is what the app does when its context ends, all is written.
            if lost is None:
                raise
        if lost:
            _drop(lost, None)

    def _behind(self, response: Response, write: Callable[[], None]) -> None:
        response.call_on_close(partial(self._run, write))

    def _run(self, write: Callable[[], None]) -> None:
        try:
            with self._app.app_context():
                write()
        except Exception as error:
            # The answer is given; whatever the reason, nothing of it is at stake.
            _drop(1, error)


def _drop(count: int, error: Exception | None) -> None:
    Writer.dropped += count
    _log.warning("Dropped from the log since the start: %d.", Writer.dropped, exc_info=error)
