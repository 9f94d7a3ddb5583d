"""Rows of the log that wait for a moment and are written together, as ours do."""

from __future__ import annotations

import time
from threading import Lock, Thread
from typing import Any

import sqlalchemy as sa

_DELAY = 1


class Gatherer:
    """Rows that the process gathers, and a thread that writes them.

    :param insert: the statement.
    """

    def __init__(self, insert: sa.Insert) -> None:
        self._insert = insert
        self._rows: list[dict[str, Any]] = []
        self._lock, self._writing = Lock(), Lock()
        self._is_waiting = False

    def put(self, engine: sa.Engine, row: dict[str, Any]) -> None:
        """Let a row wait."""
        with self._lock:
            self._rows.append(row)
            if self._is_waiting:
                return
            self._is_waiting = True
        Thread(target=self._wait, args=[engine], daemon=True).start()

    def flush(self, engine: sa.Engine) -> None:
        """Write what waits."""
        with self._writing:
            with self._lock:
                rows, self._rows = self._rows, []
            if rows:
                with engine.begin() as connection:
                    connection.execute(self._insert, rows)

    def _wait(self, engine: sa.Engine) -> None:
        time.sleep(_DELAY)
        with self._lock:
            self._is_waiting = False
        self.flush(engine)
