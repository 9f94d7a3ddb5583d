"""Rate limits that several processes share: two servers and one Redis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.host import make_host
from tests.web.live import Server

ROOT = Path(__file__).parents[2]
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
REQUESTS = 500
LIMIT, BURST = 25, 150
Send = Callable[..., tuple[Counter[int], float]]


@pytest.fixture
def prefix() -> Iterator[str]:
    """What the keys of the test begin with; they are deleted afterwards."""
    name = f"flask-scim-test-{uuid.uuid4().hex}"
    with redis.Redis.from_url(REDIS) as client:
        yield name
        for key in client.scan_iter(f"*{name}*"):
            client.delete(key)


@pytest.fixture
def send(tmp_path: Path) -> Send:
    """Sends many requests at once to two servers, and tells what came of them in which time."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    host = make_host(url)
    with host.app.app_context():
        host.db.create_all()
    client = host.connect("acme", tenant="1")
    with host.app.app_context():
        host.db.engine.dispose()

    def ask(server: Server) -> int:
        headers = {"Authorization": f"Bearer {client.token}"}
        return server.request("GET", f"{client.base}/ServiceProviderConfig", **headers)[0]

    def send(log: Path, **settings: Any) -> tuple[Counter[int], float]:
        settings |= {"SCIM_RATE_LIMIT": LIMIT, "SCIM_RATE_BURST": BURST}
        with ExitStack() as stack:
            servers = [stack.enter_context(_serve(url, settings, log)) for _ in range(2)]
            pool = stack.enter_context(ThreadPoolExecutor(4))
            began = time.monotonic()
            found = Counter(pool.map(ask, servers * (REQUESTS // 2)))
            return found, time.monotonic() - began

    return send


@contextmanager
def _serve(database: str, settings: dict[str, Any], log: Path) -> Iterator[Server]:
    environment = {
        **os.environ,
        "SERVED_DATABASE": database,
        "SERVED_SETTINGS": json.dumps(settings),
    }
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.web.limited"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            port = process.stdout.readline()
            assert port, log.read_text()
            yield Server(int(port))
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["SCIM_RATE_STORAGE_URI", "RATELIMIT_STORAGE_URI"])
def test_two_processes(send: Send, prefix: str, tmp_path: Path, name: str) -> None:
    """Two processes let through together what one alone would."""
    found, seconds = send(tmp_path / "log", RATELIMIT_KEY_PREFIX=prefix, **{name: REDIS})
    assert set(found) <= {200, 429}
    # So much is let through at least, and so much at most in the seconds and minutes that were
    # begun; one more second, since the clock of Redis is another.
    assert found[200] >= LIMIT + BURST
    assert found[200] <= LIMIT * (int(seconds) + 2) + BURST * (int(seconds / 60) + 1)


def test_redis_does_not_answer(send: Send, closed: int, tmp_path: Path) -> None:
    """Where Redis is down all requests go on, and the log of each process says so."""
    log = tmp_path / "log"
    found, _ = send(log, SCIM_RATE_STORAGE_URI=f"redis://127.0.0.1:{closed}")
    assert found == {200: REQUESTS}
    assert 2 <= log.read_text().count("no request is counted") < REQUESTS
