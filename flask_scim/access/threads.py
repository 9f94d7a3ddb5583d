"""Work that may hang, kept away from those who wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Threads:
    """Daemon threads, of which no more than some may be stuck at once.

    :param most: how many may be at work before none is begun.
    """

    def __init__(self, most: int = 32) -> None:
        self._free = threading.BoundedSemaphore(most)

    def run(self, work: Callable[[], None], seconds: float) -> bool:
        """Do work, and wait for it as long as some seconds.

        :param work: the work; what it raises is lost.
        :param seconds: how long to wait.
        :return: whether it is done; if not, it goes on by itself.
        :raises TooManyThreads: if too many threads are stuck already.
        """
        if not self._free.acquire(blocking=False):
            raise TooManyThreads("too many revokers hang in this process")
        done = threading.Event()

        def run() -> None:
            try:
                work()
            finally:
                self._free.release()
                done.set()

        threading.Thread(target=run, name="flask-scim-access", daemon=True).start()
        return done.wait(seconds)


class TooManyThreads(RuntimeError):
    """So many threads are stuck that no more are begun."""
