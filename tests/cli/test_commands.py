"""``flask scim``: what the commands print, do and refuse."""

from __future__ import annotations

import re
from inspect import signature
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.client import ScimClient
from tests.host import Host, make_host


def run(host: Host, *words: str) -> Result:
    """Run ``flask scim`` with these words."""
    result = host.app.test_cli_runner().invoke(args=["scim", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def client(host: Host, token: str) -> ScimClient:
    """A client of the connection ``acme``."""
    return ScimClient(host.app.test_client(), "/scim/v2/acme", token)


@pytest.fixture
def acme(host: Host) -> Host:
    """The app with the connection ``acme``."""
    assert run(host, "connections", "add", "acme", "--tenant", "1").exit_code == 0
    return host


def test_from_nothing_to_a_request(host: Host) -> None:
    """Two commands make a connection and a token that work."""
    added = run(host, "connections", "add", "acme", "--idp", "okta", "--tenant", "1")
    assert added.exit_code == 0
    assert "/scim/v2/acme" in added.output
    issued = run(host, "tokens", "issue", "acme", "--quiet")
    assert issued.exit_code == 0
    assert re.fullmatch(r"scim_[\w.-]+\n", issued.output)
    scim = client(host, issued.output.strip())
    assert scim.create("ann")["userName"] == "ann"


def test_issue_says_how_to_go_on(acme: Host) -> None:
    """Without --quiet the command tells that the token is shown this once."""
    result = run(acme, "tokens", "issue", "acme")
    assert result.exit_code == 0
    assert "not shown again" in result.output
    assert "expires never" in result.output
    token = result.output.split()[-1]
    assert client(acme, token).get("/Users").status_code == 200


def test_scopes(acme: Host) -> None:
    """A token with scopes may do what they say; without, everything."""
    token = run(
        acme, "tokens", "issue", "acme", "--scope", "get:users", "--scope", "put:users", "--quiet"
    )
    scim = client(acme, token.output.strip())
    assert scim.get("/Users").status_code == 200
    assert scim.post("/Users", {}).status_code == 403
    listed = run(acme, "tokens", "list", "acme").output
    assert "get:users put:users" in listed


def test_expiry(acme: Host) -> None:
    """A token may be issued for a time, which the list shows."""
    result = run(acme, "tokens", "issue", "acme", "--expires-in", "3600")
    assert result.exit_code == 0
    assert re.search(r"expires \d{4}-\d\d-\d\d \d\d:\d\d UTC", result.output)
    assert re.search(r"expires \d{4}-", run(acme, "tokens", "list", "acme").output)


def test_list_connections(acme: Host) -> None:
    """The list shows name, provider and tenant of every connection."""
    run(acme, "connections", "add", "beta", "--idp", "entra", "--tenant", "2", "--strict")
    lines = run(acme, "connections", "list").output.splitlines()
    assert lines == ["acme\tgeneric\ttenant 1", "beta\tentra strict\ttenant 2"]


def test_list_tokens(acme: Host) -> None:
    """The list shows every token of the connection, and no secret."""
    token = run(acme, "tokens", "issue", "acme", "--quiet").output.strip()
    before = run(acme, "tokens", "list", "acme").output
    client(acme, token).get("/Users")
    after = run(acme, "tokens", "list", "acme").output
    assert "last used never" in before
    assert re.search(r"last used \d{4}-", after)
    assert token.split(".")[1] not in after
    assert after.startswith(token.removeprefix("scim_").split(".")[0])


def test_revoke(acme: Host) -> None:
    """A token is revoked by the id that the list shows."""
    token = run(acme, "tokens", "issue", "acme", "--quiet").output.strip()
    id = run(acme, "tokens", "list", "acme").output.split("\t")[0]
    revoked = run(acme, "tokens", "revoke", id)
    assert (0, f"Revoked {id}.\n") == (revoked.exit_code, revoked.output)
    assert client(acme, token).get("/Users").status_code == 401
    assert "\trevoked\t" in run(acme, "tokens", "list", "acme").output


def test_check(host: Host) -> None:
    """The check shows where every attribute sits, and what becomes of the rest."""
    result = run(host, "check")
    assert result.exit_code == 0
    for text in ("userName: username", "active: !blocked", "kept in the SCIM record"):
        assert text in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("connections", "add", "acme", "--tenant", "1"), "already"),
        (("connections", "add", "a/b", "--tenant", "1"), "cannot be the name"),
        (("connections", "add", "beta", "--tenant", "1", "--idp", "nonsense"), "choose one of"),
        (("connections", "add", "beta"), "tenant"),
        (("connections", "add", "beta", "--tenant", "one"), "whole number"),
        (("tokens", "issue", "nowhere"), "no connection 'nowhere'"),
        (("tokens", "issue", "acme", "--scope", "nonsense"), "get:users"),
        (("tokens", "issue", "acme", "--expires-in", "0"), "at least one second"),
        (("tokens", "issue", "acme", "--expires-in", "-5"), "at least one second"),
        (("tokens", "issue", "nowhere", "--quiet"), "no connection"),
        (("tokens", "list", "nowhere"), "no connection 'nowhere'"),
        (("tokens", "revoke", "nonsense"), "no token 'nonsense'"),
    ],
)
def test_refused(acme: Host, words: tuple[str, ...], message: str) -> None:
    """What cannot be done is said in a line, with an exit code of 1 and nothing done."""
    result = run(acme, *words)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert run(acme, "connections", "list").output == "acme\tgeneric\ttenant 1\n"
    assert run(acme, "tokens", "list", "acme").output == ""


@pytest.mark.parametrize(
    "words",
    [("connections", "add"), ("tokens", "issue"), ("tokens", "issue", "acme", "--expires-in", "x"),
     ("tokens", "revoke"), ("nonsense",)],
)  # fmt: skip
def test_usage(acme: Host, words: tuple[str, ...]) -> None:
    """What cannot be understood ends with the exit code of a usage error."""
    result = run(acme, *words)
    assert result.exit_code == 2
    assert "Usage:" in result.output


@pytest.mark.parametrize("words", [(), ("connections",), ("tokens",), ("tokens", "issue")])
def test_help(host: Host, words: tuple[str, ...]) -> None:
    """Every command explains itself."""
    result = run(host, *words, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_app_without_tenants(host: Host, database: str) -> None:
    """An app without tenants needs none."""
    other = make_host(database, tenant=False)
    try:
        assert run(other, "connections", "add", "acme").exit_code == 0
        assert run(other, "connections", "list").output == "acme\tgeneric\ttenant -\n"
        token = run(other, "tokens", "issue", "acme", "--quiet").output.strip()
        assert client(other, token).create("ann")["userName"] == "ann"
    finally:
        with other.app.app_context():
            other.db.engine.dispose()


def test_quiet_error_goes_to_stderr(acme: Host) -> None:
    """Where a script catches the output, an error does not pass for a token."""
    # click 8.1 keeps the two apart only where it is told to, and later ones always do.
    mixes = "mix_stderr" in signature(CliRunner).parameters
    runner = acme.app.test_cli_runner(**({"mix_stderr": False} if mixes else {}))
    result: Any = runner.invoke(args=["scim", "tokens", "issue", "nowhere", "--quiet"])
    assert result.stdout == ""
    assert "no connection" in result.stderr
