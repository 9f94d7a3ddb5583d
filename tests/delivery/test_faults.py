"""Processes that are killed while they serve requests and while they deliver."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook

from tests.delivery.outgoing import Outgoing, read
from tests.delivery.receivers import Received, Receiver, answer, receiving

ROOT = Path(__file__).parents[2]
#: How often a process is killed, each time after so many messages; more by hand.
KILLS = int(os.environ.get("FAULT_KILLS", "4"))
BETWEEN = 40


class Process:
    """A process that is started again whenever it was killed."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self._running = self._start()

    def kill(self) -> None:
        """Kill it without a warning, and start another one."""
        self._running.send_signal(signal.SIGKILL)
        self._running.wait(10)
        self._running = self._start()

    def end(self) -> None:
        """Kill it for good."""
        self._running.send_signal(signal.SIGKILL)
        self._running.communicate(timeout=10)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.delivery.processes", *self._words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


@contextmanager
def running(*words: str) -> Iterator[Process]:
    """Run a process, and see to it that it ends."""
    process = Process(*words)
    try:
        yield process
    finally:
        process.end()


def moody(handler: Any, received: Received) -> None:
    """Take what comes most of the time, at some leisure."""
    time.sleep(random.uniform(0, 0.01))
    answer(500 if random.random() < 0.02 else 200)(handler, received)


def test_nothing_is_lost(outgoing: Outgoing, database: str) -> None:
    """While requests and workers are killed, all arrives, in order and under one id each."""
    if not database.startswith("postgresql"):
        pytest.skip("one database is enough for what takes so long")
    secret = ""
    with receiving(moody) as receiver:
        with outgoing.host.app.app_context():
            shown, _ = outgoing.host.scim.destinations.add(receiver.url)
            assert shown is not None
            secret = shown
        with running("deliver", database) as first, running("deliver", database) as second:
            with running("write", database, "1") as web, running("write", database, "2") as other:
                processes = [first, second, web, other]
                for number in range(KILLS):
                    await_messages(receiver, len(receiver.received) + BETWEEN)
                    processes[number % len(processes)].kill()
                await_messages(receiver, len(receiver.received) + BETWEEN)
            await_all(outgoing)
    first_seen: dict[str, list[int]] = defaultdict(list)
    bodies: dict[str, bytes] = {}
    for received in receiver.received:
        id = received.headers["webhook-id"]
        Webhook(secret).verify(received.body, received.headers)
        data = read(received)["data"]
        subject = f"{data['connection_id']}/{data['resource_type']}/{data['resource_id']}"
        if bodies.setdefault(id, received.body) is received.body:
            first_seen[subject].append(data["position"])
        assert bodies[id] == received.body
    happened = outgoing.tables.events
    with outgoing.host.app.app_context():
        query = sa.select(happened.c.id).where(happened.c.connection_id.like("writer%"))
        written = set(outgoing.host.db.session.scalars(query))
    arrived = {id for id, body in bodies.items() if b'"connection_id":"writer' in body}
    assert len(written) >= KILLS * BETWEEN / 2
    assert arrived == written
    assert all(places == sorted(places) for places in first_seen.values())
    again = len(receiver.received) - len(bodies)
    print(f"{len(written)} events, {again} of them sent more than once")


def await_messages(receiver: Receiver, count: int) -> None:
    """Wait until so many messages have come."""
    deadline = time.monotonic() + 60
    while len(receiver.received) < count:
        assert time.monotonic() < deadline, f"only {len(receiver.received)} messages have come"
        time.sleep(0.01)


def await_all(outgoing: Outgoing) -> None:
    """Wait until all is delivered."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with outgoing.host.app.app_context():
            (destination,) = outgoing.host.scim.destinations.list()
            counts = outgoing.desk.backlog().count(destination.id)
        if not any(counts.values()):
            return
        time.sleep(0.1)
    raise AssertionError(f"still to be delivered: {counts}")
