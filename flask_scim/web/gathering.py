"""Rows that wait for a moment and are written together, so that no request writes its own."""

from __future__ import annotations

import atexit
import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Generic, TypeVar
from weakref import WeakSet

_log = logging.getLogger("flask_scim.requests")
#: How many are written in one transaction, and how many may wait.
BATCH, MOST = 100, 10_000
#: After how many seconds it is tried again when rows could not be written; the last time, they go.
PAUSES = (1, 2, 4, 8, 16, 30, 30, 30)
#: For how many seconds whoever wants all to be written waits for somebody else who writes.
PATIENCE = 10

_T = TypeVar("_T")


class Gatherer(Generic[_T]):
    """Rows that a process gathers.

    A thread begins with the first row, writes what has come when that one has waited, and ends when
    nothing is left: a process that has nothing to do has no thread. Where threads do not get to
    run, the next row that comes sees to it. What is left at the end of the process is written then.

    :param write: writes rows in one transaction; if it raises, none of them is written.
    :param drop: is told how many rows could not be written in the end, and why.
    :param delay: for how many seconds rows wait.
    """

    def __init__(
        self,
        write: Callable[[Sequence[_T]], None],
        drop: Callable[[int, Exception | None], None],
        delay: float,
    ) -> None:
        self._write = write
        self._drop = drop
        self._delay = delay
        self.begin()
        _all.add(self)

    def begin(self) -> None:
        """Begin with nothing, as a process that was just forked: what waits is its parent's."""
        self._rows: deque[_T] = deque()
        self._due = 0.0
        self._failures = 0
        self._thread: Thread | None = None
        self._closed = False
        #: Held for a moment by who looks at the above, and for as long as it takes by who writes.
        self._lock, self._writing = Lock(), Lock()
        self._full = Event()

    def put(self, row: _T) -> bool:
        """Let a row wait.

        :param row: the row.
        :return: whether it will be written; if not, there are too many.
        """
        now, thread = monotonic(), None
        with self._lock:
            if self._closed or len(self._rows) >= MOST:
                return False
            if not self._rows:
                self._due = now + self._delay
            self._rows.append(row)
            is_late = now > self._due + self._delay + 1
            if self._thread is None:
                thread = self._thread = Thread(target=self._run, name="flask-scim-log", daemon=True)
            if len(self._rows) == BATCH and not self._failures:
                self._full.set()
        if thread is not None:
            self._start(thread)
        elif is_late:
            self.flush(0)
        return True

    def flush(self, patience: float = PATIENCE) -> bool:
        """Write what waits.

        :param patience: for how many seconds to wait for somebody else who writes.
        :return: whether all is written that has come until now.
        """
        if not self._writing.acquire(timeout=patience):
            return False
        try:
            # What comes meanwhile is for others: nobody is kept here for ever.
            return all(self._write_some() for _ in range(0, len(self._rows), BATCH))
        finally:
            self._writing.release()

    def close(self) -> None:
        """Write what waits for the last time, and take nothing more."""
        with self._lock:
            self._closed = True
        if not self.flush() and self._rows:
            self._give_up(None)

    def _start(self, thread: Thread) -> None:
        try:
            thread.start()
        except RuntimeError:
            # There may be too many threads.
            with self._lock:
                self._thread = None
            self.flush(0)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._rows:
                    self._thread = None
                    return
                pause = self._due - monotonic()
            self._full.wait(max(pause, 0))
            self._full.clear()
            self.flush()

    def _write_some(self) -> bool:
        with self._lock:
            some = list(islice(self._rows, BATCH))
        try:
            if some:
                self._write(some)
        except Exception as error:
            if not self._failures:
                _log.warning("The log cannot be written; it is tried again.", exc_info=error)
            self._failures += 1
            if self._failures > len(PAUSES):
                self._give_up(error)
            else:
                self._put_off(PAUSES[self._failures - 1])
            return False
        with self._lock:
            for _ in some:
                self._rows.popleft()
        self._failures = 0
        self._put_off(self._delay)
        return True

    def _put_off(self, seconds: float) -> None:
        with self._lock:
            self._due = monotonic() + seconds

    def _give_up(self, error: Exception | None) -> None:
        with self._lock:
            count = len(self._rows)
            self._rows.clear()
        self._failures = 0
        self._drop(count, error)


#: Those of all apps, as long as these are there.
_all: WeakSet[Gatherer[Any]] = WeakSet()


def _begin_all() -> None:
    for gatherer in list(_all):
        gatherer.begin()


def _close_all() -> None:
    for gatherer in list(_all):
        gatherer.close()


atexit.register(_close_all)
# A child has its parent's rows, not the thread that writes them, and locks that nobody opens.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all)
