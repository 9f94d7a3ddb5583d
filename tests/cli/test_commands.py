"""``flask scim`` as a whole: its help, its exit codes, the check, and the real executable."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.console import client, read, run, succeed
from tests.host import Host, furnish, make_host
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]


def test_check(host: Host) -> None:
    """The check shows where every attribute sits, and what becomes of the rest."""
    printed = succeed(host, "check")
    for text in ("userName: username", "active: !blocked", "kept in the SCIM record"):
        assert text in printed
    found = read(host, "check")
    assert (found.pop("mapping"), found.pop("problems")) == (printed.splitlines(), [])
    assert set(found) == {"notes"}
    assert succeed(host, "check", "--quiet") == ""


def test_check_finds_no_secret_key(host: Host, build: Callable[..., Host]) -> None:
    """Without a key nothing can be signed: the check says so, and so does whoever needs it."""
    succeed(host, "connections", "add", "acme", "--tenant", "1")
    other = build(SECRET_KEY=None)
    for words in (("check", "--quiet"), ("tokens", "issue", "acme", "--quiet")):
        result = run(other, *words)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "SECRET_KEY" in result.stderr


def test_check_finds_no_only_connection(host: Host, build: Callable[..., Host]) -> None:
    """The only connection that is served has to be there."""
    other = build(SCIM_CONNECTION="acme")
    result = run(other, "check", "--json")
    assert result.exit_code == 1
    assert "flask scim connections add acme" in result.stderr
    succeed(other, "connections", "add", "acme", "--tenant", "1")
    assert read(other, "check")["problems"] == []


@pytest.fixture
def bare(vacant: str) -> Iterator[Host]:
    """An app whose database has no tables."""
    made = make_host(vacant)
    yield made
    with made.app.app_context():
        made.db.engine.dispose()


@pytest.mark.parametrize(
    "words",
    [("check",), ("connections", "list"), ("connections", "add", "acme", "--tenant", "1"),
     ("connections", "remove", "acme"), ("tokens", "issue", "acme"), ("tokens", "list", "acme"),
     ("tokens", "check")],
)  # fmt: skip
def test_a_database_that_nobody_migrated(bare: Host, words: tuple[str, ...]) -> None:
    """Where our tables are missing, every command names them and the repair."""
    result = run(bare, *words)
    assert result.exit_code == 1
    assert "The database lacks " in result.stderr
    assert "scim_connection, " in result.stderr
    assert "migrate it" in result.stderr


@pytest.mark.parametrize(
    "words",
    [("connections", "add"), ("connections", "remove"), ("tokens", "issue"), ("tokens", "revoke"),
     ("tokens", "issue", "acme", "--expires-in", "x"), ("tokens", "list", "acme", "more"),
     ("nonsense",)],
)  # fmt: skip
def test_usage(acme: Host, words: tuple[str, ...]) -> None:
    """What cannot be understood ends with the exit code of a usage error."""
    result = run(acme, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage:" in result.stderr


@pytest.mark.parametrize("words", [(), ("connections",), ("tokens",), ("tokens", "issue")])
def test_help(host: Host, words: tuple[str, ...]) -> None:
    """Every command explains itself."""
    assert "Usage:" in succeed(host, *words, "--help")


def test_two_apps(acme: Host, elsewhere: str) -> None:
    """The commands of an app work on its own connections, whatever other app is there."""
    other = make_host(elsewhere)
    try:
        with other.app.app_context():
            furnish(other.db)
        assert succeed(other, "connections", "list", "--quiet") == ""
        assert succeed(acme, "connections", "list", "--quiet") == "acme\n"
    finally:
        with other.app.app_context():
            other.db.engine.dispose()


@pytest.mark.one_database("what is printed where is the same")
def test_executable(host: Host, database: str, tmp_path: Path) -> None:
    """The real ``flask`` keeps what a script reads apart from what people are told."""
    (tmp_path / "app.py").write_text(
        f"from tests.host import make_host\n\napp = make_host({database!r}).app\n", "utf-8"
    )

    # The app of the test leaves its engine to the end of the process.
    warnings = "error,ignore::ResourceWarning"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": warnings}

    def flask(*words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [Path(sys.executable).parent / "flask", "scim", *words],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    assert flask("connections", "add", "acme", "--tenant", "1", "--quiet") == (0, "acme\n", "")
    code, token, error = flask("tokens", "issue", "acme", "--expires-in", "900", "--quiet")
    assert (code, error) == (0, "")
    assert client(host, token).create("ann")["userName"] == "ann"
    code, printed, error = flask("connections", "remove", "acme")
    assert (code, printed.strip()) == (1, "")  # older click asks with a blank on stdout
    assert "SCIM will forget users: 1, groups: 0." in error
    code, printed, error = flask("tokens", "issue", "nowhere", "--json")
    assert (code, printed, error) == (1, "", "Error: There is no connection 'nowhere'.\n")
    assert flask("tokens", "issue")[0] == 2
