"""``python -m benchmarks.log``: what the log costs a request, and the outbox a change.

Reads are asked of three apps in turn: one that logs no reads, one that writes each at once behind
its answer, and one that gathers them, as it is without a setting. What a change costs is looked at
from inside, since neither its row of the log nor its event can be left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

from flask_scim.store.journal.log import SqlLog
from flask_scim.store.journal.outbox import SqlOutbox

from . import payloads
from .filling import database, fill
from .host import make_host
from .requests import InProcess, Request
from .tables import describe_machine

SIZE = 1_000
#: How each app keeps its log.
WAYS: dict[str, dict[str, Any]] = {
    "not at all": {"SCIM_LOG_READS": "refused"},
    "at once": {"SCIM_LOG_DELAY": 0},
    "gathered": {},
}
#: How many requests are sent to one app before it is the next one's turn.
_BLOCK = 50


def read(number: int) -> Request:
    """Ask for somebody."""
    return payloads.get(f"/Users/{number % SIZE + 1}")


def change(number: int) -> Request:
    """Give somebody another title."""
    return payloads.patch(
        f"/Users/{number % SIZE + 1}", op="replace", path="title", value=f"{number}"
    )


class Stopwatch(list[tuple[float, float]]):
    """What something took, each time: seconds, and seconds of this process's CPU."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Note what is done inside."""
        began, worked = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.append((time.perf_counter() - began, time.process_time() - worked))

    @contextmanager
    def watching(self, owner: type, name: str) -> Iterator[None]:
        """Note each call of a method."""
        method = getattr(owner, name)

        @wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            with self.running():
                return method(*arguments, **named)

        with patch.object(owner, name, call):
            yield

    def tell(self, many: int = 1) -> str:
        """The medians in milliseconds, each time divided among so many."""
        # What was first has warmed up.
        walls, works = zip(*self[1 + len(self) // 10 :], strict=True)
        wall, work = (statistics.median(each) / many * 1_000 for each in (walls, works))
        return f"{wall:6.2f} ms, of which CPU {work:5.2f}"


def compare_reads(url: str, token: str, seconds: float) -> None:
    """Print what a read costs, with all that is done behind its answer."""
    apps = {way: (make(url, token, **config), Stopwatch()) for way, config in WAYS.items()}
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for app, watch in apps.values():
            with watch.running():
                for _ in range(_BLOCK):
                    number += 1
                    assert app.send(read(number)).status == 200
                app.flush()
    for way, (app, watch) in apps.items():
        close(app)
        print(f"  GET by id, logged {way:<10}  {watch.tell(_BLOCK)}")


def look_into_changes(url: str, token: str, count: int) -> None:
    """Print what of a change is its row of the log, and what its event."""
    row, event, whole = Stopwatch(), Stopwatch(), Stopwatch()
    # What is wrapped has to be there before the app takes hold of it.
    with row.watching(SqlLog, "add"), event.watching(SqlOutbox, "append"):
        app = make(url, token)
        for number in range(count):
            with whole.running():
                answer = app.send(change(number))
            assert answer.status == 200, answer
        close(app)
    for name, watch in (("row of the log", row), ("event", event), ("the whole", whole)):
        print(f"  PATCH title, {name:<14}   {watch.tell()}")


def make(url: str, token: str, **config: Any) -> InProcess:
    """Make an app."""
    app, models, scim = make_host(url, **config)

    def flush() -> bool:
        with app.app_context():
            return scim.flush_log()

    with app.app_context():
        return InProcess(app, models.db.engine, token, flush)


def close(app: InProcess) -> None:
    """End as a process of the app does."""
    app.flush()
    app.engine.dispose()


def main() -> None:
    """Measure on each database."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.log", description=__doc__)
    parser.add_argument("--databases", default="sqlite,postgresql", help="which, with commas")
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    for name in options.databases.split(","):
        with database(name) as url:
            token = fill(url, SIZE)
            asked = make(url, token)
            print(describe_machine(asked.engine))
            close(asked)
            compare_reads(url, token, options.seconds)
            look_into_changes(url, token, 400)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
