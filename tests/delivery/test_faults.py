"""Processes that are killed while they serve requests and while they deliver."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook

from flask_scim.delivery.tokens import make_key
from tests.browser.served import serve
from tests.client import ScimClient
from tests.delivery.outgoing import Outgoing, read
from tests.delivery.receivers import Received, Receiver, answer, receiving
from tests.host import Host
from tests.waiting import PATIENCE, wait_until
from tests.web.bulks import BULK, Operation, entitle, managed, user

ROOT = Path(__file__).parents[2]
#: How often a process is killed, each time after so many messages; more by hand.
KILLS = int(os.environ.get("FAULT_KILLS", "4"))
BETWEEN = 40
#: How many requests of each connection wait for workers that are killed.
REQUESTS = int(os.environ.get("FAULT_REQUESTS", "10"))


class Process:
    """A process that is started again whenever it was killed."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self._running = self._start()

    def kill(self) -> None:
        """Kill it without a warning, and start another one."""
        self._running.send_signal(signal.SIGKILL)
        self._running.wait(PATIENCE)
        self._running = self._start()

    def end(self) -> None:
        """Kill it for good."""
        self._running.send_signal(signal.SIGKILL)
        self._running.communicate(timeout=PATIENCE)

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


def test_no_operation_twice(build: Callable[..., Host], database: str) -> None:
    """While workers are killed, each operation of what waits is carried out once, and told once."""
    if not database.startswith("postgresql"):
        pytest.skip("one database is enough for what takes so long")
    host = build(
        SCIM_EVENTS_KEYS=make_key(), SCIM_EVENTS_ISSUER="us", SCIM_MAX_WAITING_BULKS=REQUESTS
    )
    clients = [host.connect(name, tenant="1") for name in ("one", "two")]
    sent: dict[str, list[str]] = defaultdict(list)
    for number in range(REQUESTS):
        for client in clients:
            name = f"{client.base.rpartition('/')[2]}-{number}"
            operations: list[Operation] = [managed(f"{name}-a", f"{name}-b")]
            operations += [managed(f"{name}-b", f"{name}-a")]
            for index in range(10):
                operations += [user(f"{name}-{index}"), entitle(f"/Users/bulkId:{name}-{index}")]
            body = {"schemas": [BULK], "Operations": operations}
            answered = client.request("POST", "/Bulk", body, headers={"Prefer": "respond-async"})
            assert answered.status_code == 202
            sent[client.base.rpartition("/")[2]].append(answered.headers["Set-Txn"])
    tables = host.scim._wiring.tables
    each = len(operations)

    def count(table: sa.Table) -> int:
        with host.app.app_context():
            return int(host.db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0)

    def await_steps(most: int) -> None:
        wait_until(lambda: count(tables.events) >= most or not count(tables.deferred))

    kills = 0
    with running("deliver", database) as first, running("deliver", database) as second:
        while count(tables.deferred):
            await_steps(count(tables.events) + BETWEEN)
            if kills < 2 * KILLS:
                (first, second)[kills % 2].kill()
                kills += 1
    assert kills >= KILLS
    assert count(tables.steps) == 0
    with host.app.app_context():
        query = sa.select(tables.events).order_by(tables.events.c.position)
        rows = host.db.session.execute(query).all()
        people = sa.select(sa.func.count()).select_from(host.User)
        assert host.db.session.scalar(people) == 2 * REQUESTS * 12
    made = [row.object["userName"] for row in rows if row.type == "user.created"]
    assert len(made) == len(set(made)) == 2 * REQUESTS * 12
    for connection_id, txns in sent.items():
        done = [
            row.details
            for row in rows
            if row.type == "request.completed" and row.connection_id == connection_id
        ]
        assert [told["txn"] for told in done] == [
            f"{txn}:{index}" for txn in txns for index in range(each)
        ]
        assert {told["operation"]["status"] for told in done} == {"200", "201"}
    print(f"{2 * REQUESTS * each} operations, {kills} kills")


def test_web_processes(outgoing: Outgoing, database: str, tmp_path: Path) -> None:
    """Whatever was answered well is there with event and row; of what was not, all or nothing."""
    if not database.startswith("postgresql"):
        pytest.skip("one database is enough for what takes so long")
    ids = [outgoing.scim.create(f"user{number}")["id"] for number in range(4)]
    answered: dict[str, int | None] = {}
    is_over = threading.Event()

    def ask(origin: str, id: str) -> None:
        for number in itertools.count():
            if is_over.is_set():
                return
            request_id = f"req-{id}-{number}"
            answered[request_id] = None
            answered[request_id] = change(origin, outgoing.scim, id, request_id)

    def await_answers(most: int) -> None:
        wait_until(lambda: sum(status == 200 for status in list(answered.values())) >= most)

    app = "tests.delivery.processes:create_app()"
    with serve(tmp_path, database, app, 2, "--threads", "2") as origin:
        threads = [threading.Thread(target=ask, args=(origin, id)) for id in ids]
        for thread in threads:
            thread.start()
        try:
            killed: list[int] = []
            for number in range(KILLS):
                await_answers((number + 1) * BETWEEN)
                log = (tmp_path / "gunicorn.log").read_text()
                booted = map(int, re.findall(r"worker with pid: (\d+)", log))
                killed.append(next(pid for pid in booted if pid not in killed))
                os.kill(killed[-1], signal.SIGKILL)
            await_answers((KILLS + 1) * BETWEEN)
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
    happened, asked = outgoing.tables.events, outgoing.host.scim._wiring.tables.requests
    with outgoing.host.app.app_context():
        session = outgoing.host.db.session
        told = Counter(session.scalars(sa.select(happened.c.request_id)))
        logged = Counter(
            session.scalars(sa.select(asked.c.request_id).where(asked.c.status == 200))
        )
    for request_id, status in answered.items():
        assert told[request_id] == logged[request_id] <= 1
        assert status in (200, None)
        assert status is None or told[request_id] == 1
    lost = sum(status is None for status in answered.values())
    print(f"{len(answered)} requests, {lost} of them without an answer")


def change(origin: str, scim: ScimClient, id: str, request_id: str) -> int | None:
    """Change a user by a request; its status comes back, ``None`` if nobody answered."""
    operation = {"op": "replace", "path": "title", "value": request_id}
    request = urllib.request.Request(
        f"{origin}{scim.base}/Users/{id}",
        json.dumps({"Operations": [operation]}).encode(),
        {
            "Authorization": f"Bearer {scim.token}",
            "Content-Type": "application/scim+json",
            "X-Request-Id": request_id,
        },
        method="PATCH",
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            status: int = response.status
            return status
    except HTTPError as error:
        return error.code
    except (OSError, HTTPException):
        # The process was killed.
        return None


def await_messages(receiver: Receiver, count: int) -> None:
    """Wait until so many messages have come."""
    wait_until(
        lambda: len(receiver.received) >= count,
        lambda: f"only {len(receiver.received)} messages have come",
    )


def await_all(outgoing: Outgoing) -> None:
    """Wait until all is delivered."""

    def count() -> dict[str, int]:
        with outgoing.host.app.app_context():
            (destination,) = outgoing.host.scim.destinations.list()
            return outgoing.desk.backlog().count(destination.id)

    wait_until(lambda: not any(count().values()), count)
