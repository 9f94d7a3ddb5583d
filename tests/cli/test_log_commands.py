"""``flask scim log``: what it shows, explains, follows and deletes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim.cli import log as module
from flask_scim.provisioning.explanations import explain
from flask_scim.provisioning.log import Logged
from tests.cli.console import run, succeed
from tests.client import USER, ScimClient
from tests.host import Host

BODY = {"schemas": [USER], "userName": "ann@example.com"}


@pytest.fixture
def asked(host: Host) -> dict[str, str]:
    """Four requests of ``logged``: the id of a user, and that of the request that made it."""
    # A name of its own: of one that other tests use, a minute's strangers may be counted already.
    client = host.connect("logged", tenant="1", idp="entra")
    created = send(client, "POST", "/Users", BODY)
    id = created.json["id"]
    send(client, "POST", "/Users", BODY)
    send(client, "GET", "/Users", query_string={"filter": 'userName eq "ann@example.com"'})
    send(ScimClient(client.http, client.base, "nonsense"), "GET", f"/Users/{id}")
    return {"user": id, "request": created.headers["X-Request-Id"]}


def send(client: ScimClient, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Send a request and take the whole answer."""
    return client.request(method, path, body, buffered=True, **options)


def shown(host: Host, *words: str) -> list[dict[str, Any]]:
    """What the command prints as JSON, a request a line."""
    printed = succeed(host, "log", "logged", "--json", *words)
    return [json.loads(line) for line in printed.splitlines()]


def test_for_people(host: Host, asked: dict[str, str]) -> None:
    """Each request is a line, the newest last, and below a refusal stands how to repair it."""
    lines = succeed(host, "log", "logged").splitlines()
    requests = [line for line in lines if not line.startswith(" ")]
    assert [line.split("  ")[1] for line in requests] == ["201", "409", "200", "401"]
    assert f"User {asked['user']}" in requests[0]
    assert "changed active, userName" in requests[0]
    assert requests[0].endswith(asked["request"])
    assert "userName eq ?" in requests[2]
    text = "\n".join(lines)
    assert "ann@example.com" not in text
    assert "    uniqueness: userName '…' is taken by another User." in lines
    assert "    Somebody else in the application has this name already." in lines
    assert any("Entra: Provisioning > Mappings" in line for line in lines)
    assert "    refused: The bearer token is not known here." in lines


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), [201, 409, 200, 401]),
        (("--errors",), [409, 401]),
        (("--status", "409"), [409]),
        (("--status", "2xx"), [201, 200]),
        (("--method", "get"), [200, 401]),
        (("--user", "{user}"), [201]),
        (("--request", "{request}"), [201]),
        (("--since", "1h"), [201, 409, 200, 401]),
        (("--since", "2999-01-01"), []),
        (("--count", "2"), [200, 401]),
        (("--errors", "--method", "POST"), [409]),
    ],
)
def test_filters(
    host: Host, asked: dict[str, str], words: tuple[str, ...], expected: list[int]
) -> None:
    """What is shown can be narrowed down."""
    found = shown(host, *(word.format(**asked) for word in words))
    assert [each["status"] for each in found] == expected


def test_for_programs(host: Host, asked: dict[str, str]) -> None:
    """JSON has every part of a request, and its explanation."""
    created, refused, *_ = shown(host)
    assert created["request_id"] == asked["request"]
    assert created["explanation"] == []
    assert refused["scim_type"] == "uniqueness"
    assert len(refused["explanation"]) == 3
    assert datetime.fromisoformat(created["time"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nobody",), "There is no connection 'nobody'."),
        (("logged", "--status", "9xx"), "'9xx' is no status; write it as in 409 or 4xx."),
        (("logged", "--since", "soon"), "'soon' is no time; write it as in 30m, 24h, 7d or"),
        (("logged", "--count", "0"), "0 is not in the range"),
        (("--nonsense",), "No such option"),
        (("prune", "--days", "-1"), "-1 is not in the range"),
    ],
)
def test_refusals(host: Host, asked: dict[str, str], words: tuple[str, ...], message: str) -> None:
    """What cannot be shown is refused with a reason."""
    result = run(host, "log", *words)
    assert result.exit_code != 0
    assert message in " ".join(result.stderr.split())


def test_nothing(host: Host, asked: dict[str, str]) -> None:
    """That there is nothing is said."""
    assert succeed(host, "log", "logged", "--status", "500") == (
        "Nothing of the kind is in the log.\n"
    )


def test_help(host: Host) -> None:
    """The group says how it is asked, and the log of a connection lists its options."""
    assert "log NAME [OPTIONS]" in succeed(host, "log", "--help")
    assert "--follow" in succeed(host, "log", "logged", "--help")


def test_follow(host: Host, asked: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes is printed as it comes, each once, until somebody stops it."""
    client = host.connect("beside", tenant="2")
    with host.app.app_context():
        token, _ = host.scim.tokens.rotate("logged")
    logged = ScimClient(client.http, "/scim/v2/logged", token)
    rounds = 0

    def wait(seconds: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 4:
            raise KeyboardInterrupt
        send(client, "GET", "/Users")
        for _ in range(rounds):
            send(logged, "GET", f"/Users/900{rounds}")

    monkeypatch.setattr(module.time, "sleep", wait)
    result = run(host, "log", "logged", "--follow", "--json", "--count", "1")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["status"] for each in found] == [401] + [404] * 6
    assert [each["resource_id"] for each in found[1:]] == [
        f"900{number}" for number in (1, 2, 2, 3, 3, 3)
    ]
    assert len({each["id"] for each in found}) == 7


def test_prune(host: Host, asked: dict[str, str]) -> None:
    """What is old goes, and what is too much; without numbers the settings say what."""
    table = host.scim._wiring.tables.requests
    with host.app.app_context():
        old = datetime.now(UTC) - timedelta(days=91)
        host.db.session.execute(table.update().where(table.c.status == 409).values(time=old))
        host.db.session.commit()
    assert succeed(host, "log", "prune", "--days", "0") == "Deleted 0 requests.\n"
    assert succeed(host, "log", "prune") == "Deleted 1 request.\n"
    assert succeed(host, "log", "prune", "--rows", "1") == "Deleted 2 requests.\n"
    assert [each["status"] for each in shown(host)] == [401]
    with host.app.app_context():
        assert host.db.session.scalar(sa.select(sa.func.count()).select_from(table)) == 1


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 409, 412, 413, 415, 418, 429, 500, 503]
)
def test_every_refusal_is_explained(status: int) -> None:
    """Whatever the status, there are words for what it means and what to do."""
    logged = Logged("acme", datetime.now(UTC), "r", "GET", "/Users", status, 1, idp="okta")
    meaning, repair, *_ = explain(logged)
    assert meaning.endswith(".")
    assert repair.endswith(".")
