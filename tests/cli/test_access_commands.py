"""``flask scim access``: who is out, what is still open, and the worker that closes it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.access.test_revocation import INACTIVE, make_due
from tests.access.ways import Keys
from tests.cli.console import cells, read, run, succeed
from tests.client import ScimClient
from tests.host import Host


@pytest.fixture
def keys(build: Callable[..., Host]) -> Keys:
    """An app with the revokers ``api_keys`` and ``tokens``."""
    keys = Keys(build(SCIM_REVOCATION_RETRY=False))
    keys.add("api_keys", "tokens")
    return keys


@pytest.fixture
def acme(keys: Keys) -> ScimClient:
    """A client of a connection of that app."""
    return keys.host.connect("acme", tenant="1")


def test_show(keys: Keys, acme: ScimClient) -> None:
    """A person is shown by id or name, with all that has ended and what is still open."""
    id = acme.create("Ann")["id"]
    assert succeed(keys.host, "access", "show", "ann") == f"User {id} may sign in.\n"
    keys.behaviour = {"api_keys": "many", "tokens": 2}
    acme.patch(f"/Users/{id}", INACTIVE)
    printed = succeed(keys.host, "access", id)
    lines = printed.splitlines()
    assert lines[0] == f"User {id} has been deactivated, and is not fully out yet."
    assert lines[1].startswith("Access last ended 20")
    assert lines[1].endswith("UTC by acme: deactivated.")
    head, first, second = cells("\n".join(lines[2:]))
    assert head == ["WAY IN", "ENDED", "TRIED", "STATE"]
    assert first[:3] == ["api_keys", "-", "1"]
    assert first[3].startswith("open, next try 20")
    assert first[3].endswith("it must return how many it has ended, not 'many'")
    assert second == ["tokens", "2", "1", "done"]
    assert succeed(keys.host, "access", "ANN", "--quiet") == "not fully out\n"
    found = read(keys.host, "access", "ann", "--connection", "acme")
    assert (found["id"], found["may_sign_in"], found["reason"]) == (id, False, "deactivated")
    assert (found["fully_out"], found["complete"], found["connection"]) == (False, False, "acme")
    ways = [(way["name"], way["ended"], way["attempts"]) for way in found["ways"]]
    assert ways == [("api_keys", None, 1), ("tokens", 2, 1)]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("nobody",), "There is no user 'nobody'."),
        (("999999",), "There is no user '999999'."),
        (("ann", "--connection", "beta"), "There is no user 'ann' in beta."),
        (("bob",), "2 users are called 'bob'; give the id of one, or --connection."),
        (("end", "ann", "--cause", ""), "A cause is a line of 1 to 64 characters, not ''."),
    ],
)
def test_refused(keys: Keys, acme: ScimClient, words: tuple[str, ...], reason: str) -> None:
    """Whoever cannot be told is not guessed."""
    acme.create("ann")
    acme.create("bob")
    keys.host.connect("gamma", tenant="2").create("bob")
    result = run(keys.host, "access", *words)
    assert (result.exit_code, result.stderr) == (1, f"Error: {reason}\n")
    assert read(keys.host, "access", "bob", "--connection", "gamma")["may_sign_in"] is True


def test_end(keys: Keys, acme: ScimClient) -> None:
    """What somebody has begun is ended from the shell; a failure is told by the exit code."""
    id = acme.create("ann")["id"]
    printed = succeed(keys.host, "access", "end", "ann", "--cause", "lost laptop")
    assert f"User {id} may sign in." in printed
    assert "lost laptop." in printed
    assert keys.names() == ["api_keys", "tokens"]
    keys.behaviour = {"tokens": -5}
    assert run(keys.host, "access", "end", id, "--quiet").exit_code == 1


def test_retry(keys: Keys, acme: ScimClient) -> None:
    """What is due is tried once; the exit code says whether anything is left."""
    id = acme.create("ann")["id"]
    keys.behaviour = {"tokens": None}
    acme.patch(f"/Users/{id}", INACTIVE)
    make_due(keys)
    result = run(keys.host, "access", "retry")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "1 still open.")
    keys.behaviour = {}
    make_due(keys)
    printed = succeed(keys.host, "access", "retry")
    assert printed == f"{id}: ended api_keys 1, tokens 1\nNothing is open.\n"
    assert read(keys.host, "access", "retry") == {"tried": [], "open": 0}


def test_work(keys: Keys, acme: ScimClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker does what is due until it is told to stop, and then stops."""
    id = acme.create("ann")["id"]
    keys.behaviour = {"tokens": None}
    acme.patch(f"/Users/{id}", INACTIVE)
    make_due(keys)

    def end_and_stop() -> int:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return 4

    keys.behaviour = {"tokens": end_and_stop}
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        printed = succeed(keys.host, "access", "work")
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    assert printed == f"{id}: ended api_keys 1, tokens 4\nNothing is open.\n"


def test_check(keys: Keys, acme: ScimClient) -> None:
    """A way into the app that nothing closes is a problem, and is named with its repair."""
    assert "  api_keys: closed by its revoker\n" in succeed(keys.host, "check")
    keys.host.scim.ways_in("api_keys", "ssh_keys")
    result = run(keys.host, "check")
    assert result.exit_code == 1
    assert "  ssh_keys: closed by nothing\n" in result.stdout
    assert "Nothing closes ssh_keys when somebody is deactivated; give it a" in result.stderr


def test_words(host: Host) -> None:
    """Help names the commands, and a word that is none is a person."""
    printed = succeed(host, "access", "--help")
    for word in ("show", "end", "retry", "work"):
        assert f"\n  {word} " in printed
    found: Any = run(host, "access", "work-shop")
    assert "There is no user 'work-shop'." in found.stderr
