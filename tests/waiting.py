"""Waiting for what comes at once as a rule; how fast the machine is decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

#: For how many seconds to wait for what others do: only what hangs takes so long.
PATIENCE = 300.0


def wait_until(condition: Callable[[], object], tell: Callable[[], object] = str) -> None:
    """Wait until something is so.

    :param condition: whether it is.
    :param tell: what there is to say if it never is.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.01)
