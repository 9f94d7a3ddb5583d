"""A process that ends writes what it has gathered for the log; one that is killed loses little."""

from __future__ import annotations

import os
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.browser.served import serve
from tests.client import ScimClient
from tests.host import Host
from tests.waiting import PATIENCE, wait_until

pytestmark = [
    pytest.mark.once("processes end as they do with any version"),
    pytest.mark.one_database(
        "processes end alike; a connection is shared by mistake", on="postgresql"
    ),
]

APP = "tests.browser.gathering_app:create_app({})"


@pytest.fixture
def acme(host: Host) -> ScimClient:
    """A connection, its base and its token."""
    return host.connect("gathered", tenant="1")


def read(origin: str, acme: ScimClient, number: int) -> None:
    """Send so many requests."""
    for _ in range(number):
        request = urllib.request.Request(
            f"{origin}{acme.base}/Users?count=0", headers={"Authorization": f"Bearer {acme.token}"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            assert response.status == 200


def is_read(origin: str, acme: ScimClient) -> bool:
    """Send a request, and tell whether anybody was there."""
    try:
        read(origin, acme, 1)
    except OSError:
        return False
    return True


def count(host: Host) -> int:
    """How many requests are in the log."""
    with host.app.app_context():
        return len(host.scim._wiring.requests.read("gathered", most=1_000))


@pytest.mark.parametrize(
    "options", [(), ("--threads", "4"), ("--preload",), ("--max-requests", "10")]
)
def test_the_end(
    host: Host, acme: ScimClient, database: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """A server that is asked to end, or ends a process in good time, loses nothing."""
    with serve(tmp_path, database, APP.format(60), 2, *options) as origin:
        read(origin, acme, 30)
        if "--max-requests" not in options:
            assert count(host) == 0
    assert count(host) == 30


def test_a_kill(host: Host, acme: ScimClient, database: str, tmp_path: Path) -> None:
    """A process that is killed loses what it has gathered, and nothing of what came before."""
    with serve(tmp_path, database, APP.format(1), 1) as origin:
        read(origin, acme, 20)
        wait_until(lambda: count(host) == 20)
        read(origin, acme, 5)
        with urllib.request.urlopen(f"{origin}/process", timeout=PATIENCE) as response:
            os.kill(int(response.read()), signal.SIGKILL)
        wait_until(lambda: is_read(origin, acme))
    assert 21 <= count(host) <= 26
