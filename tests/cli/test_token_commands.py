"""``flask scim tokens``: what it prints, does and refuses, and what it never shows."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.cli.console import cells, client, read, run, succeed
from tests.host import Host
from tests.marks import refused_early

DAY = 86_400


def issue(host: Host, *words: str) -> dict[str, Any]:
    """Issue a token of acme."""
    issued: dict[str, Any] = read(host, "tokens", "issue", "acme", *words)
    return issued


def age(host: Host, token: dict[str, Any], **days: float) -> None:
    """Set moments of a token so many days back."""
    table = host.db.metadata.tables["scim_token"]
    values = {name: datetime.now(UTC) - timedelta(days=back) for name, back in days.items()}
    with host.app.app_context():
        host.db.session.execute(sa.update(table).where(table.c.id == token["id"]).values(values))
        host.db.session.commit()


def test_from_nothing_to_a_request(host: Host) -> None:
    """Two commands make a connection and a token that work."""
    added = succeed(host, "connections", "add", "acme", "--idp", "okta", "--tenant", "1")
    assert added == "Added acme for tenant 1; its endpoint is /scim/v2/acme.\n"
    token = succeed(host, "tokens", "issue", "acme", "--quiet")
    assert re.fullmatch(r"scim_[\w.-]+\n", token)
    assert client(host, token).create("ann")["userName"] == "ann"


def test_issue_says_how_to_go_on(acme: Host) -> None:
    """Without --quiet the command tells that the token is shown this once."""
    printed = succeed(acme, "tokens", "issue", "acme")
    assert "not shown again" in printed
    assert "expires never" in printed
    assert client(acme, printed.split()[-1]).get("/Users").status_code == 200


def test_issue_as_json(acme: Host) -> None:
    """JSON has the token, and beside it what the list says of it."""
    issued = issue(acme, "--expires-in", "3600", "--scope", "get:users")
    assert client(acme, issued.pop("token")).get("/Users").status_code == 200
    (listed,) = read(acme, "tokens", "list", "acme")
    assert listed == issued | {"last_used": listed["last_used"]}
    assert listed["last_used"] is not None
    assert issued | {"id": "", "created": "", "expires": ""} == {
        "id": "",
        "connection_id": "acme",
        "state": "good",
        "scopes": ["get:users"],
        "created": "",
        "expires": "",
        "last_used": None,
        "revoked": None,
        "days_left": 1,
        "idle_days": None,
    }
    assert all(re.fullmatch(r"\d{4}(-\d\d){2}T(\d\d:){2}\d\d\.\d{6}Z", issued[name])
               for name in ("created", "expires"))  # fmt: skip


def test_scopes(acme: Host) -> None:
    """A token with scopes may do what they say; without, everything."""
    token = issue(acme, "--scope", "get:users", "--scope", "put:users")["token"]
    assert client(acme, token).get("/Users").status_code == 200
    assert client(acme, token).post("/Users", {}).status_code == 403
    assert cells(succeed(acme, "tokens", "list", "acme"))[1][-1] == "get:users put:users"


@pytest.mark.parametrize(
    ("idp", "lacks"), [("entra", ["put:users", "put:groups"]), ("okta", ["delete:users"])]
)
def test_presets(acme: Host, idp: str, lacks: list[str]) -> None:
    """The name of an identity provider stands for the scopes that it needs."""
    everything, needed = issue(acme)["scopes"], issue(acme, "--scope", idp)["scopes"]
    assert [scope for scope in everything if scope not in needed] == lacks


def test_list(acme: Host) -> None:
    """The list shows every token with its state, the newest first, and no secret."""
    assert succeed(acme, "tokens", "list", "acme") == "acme has no tokens.\n"
    revoked, good = issue(acme), issue(acme, "--scope", "get:users")
    succeed(acme, "tokens", "revoke", revoked["id"])
    ended = issue(acme)
    age(acme, ended, created=3, expires=1)
    age(acme, revoked, created=5)
    client(acme, good["token"]).get("/Users")
    printed = succeed(acme, "tokens", "list", "acme")
    header, *rows = cells(printed)
    assert header == ["TOKEN", "STATE", "CREATED", "EXPIRES", "LAST USED", "SCOPES"]
    assert [row[:2] for row in rows] == [
        [good["id"], "good"], [ended["id"], "expired"], [revoked["id"], "revoked"],
    ]  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", rows[0][4])
    assert [row[3] == "never" for row in rows] == [True, False, True]
    assert [row[4] == "never" for row in rows] == [False, True, True]
    assert succeed(acme, "tokens", "list", "acme", "--quiet").split() == [row[0] for row in rows]
    listed = printed + str(read(acme, "tokens", "list", "acme"))
    for token in (revoked, good, ended):
        assert not any(part in listed for part in token["token"].split(".")[1:])


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(31 * DAY, "good"), (30 * DAY, "good, 30 days left"), (7 * DAY, "good, 7 days left"),
     (DAY + 60, "good, 2 days left"), (900, "good, 1 day left")],
)  # fmt: skip
def test_days_left(acme: Host, seconds: int, state: str) -> None:
    """A token that ends within 30 days says so."""
    issue(acme, "--expires-in", str(seconds))
    assert cells(succeed(acme, "tokens", "list", "acme"))[1][1] == state


def test_idle(acme: Host) -> None:
    """The older of two tokens that nobody uses any more is safe to revoke, once the newer is."""
    older, newer = issue(acme), issue(acme)
    age(acme, older, created=90, last_used=20)
    age(acme, newer, created=9.5)

    def states() -> list[str]:
        return [row[1] for row in cells(succeed(acme, "tokens", "list", "acme"))[1:]]

    assert states() == ["good", "good"]
    client(acme, newer["token"]).get("/Users")
    assert states() == ["good", "good, unused for 9 days, safe to revoke"]
    assert [token["idle_days"] for token in read(acme, "tokens", "list", "acme")] == [None, 9]
    age(acme, older, last_used=1.5)
    assert states() == ["good", "good, unused for 1 day, safe to revoke"]
    age(acme, older, last_used=0.5)
    assert states() == ["good", "good"]
    age(acme, older, last_used=3, revoked=1)
    assert states() == ["good", "revoked"]
    third = issue(acme)
    age(acme, third, created=5, last_used=0)
    assert states() == ["good", "good", "revoked"]


def test_rotate(acme: Host) -> None:
    """A second token takes over with the scopes and the life of the first, which stays good."""
    older = issue(acme, "--scope", "get:users", "--expires-in", "86400")
    printed = succeed(acme, "tokens", "rotate", "acme")
    assert f"Token {older['id']} stays good; revoke it when it is not used." in printed
    newer = printed.split()[-1]
    for token in (older["token"], newer):
        assert client(acme, token).get("/Users").status_code == 200
        assert client(acme, token).post("/Users", {}).status_code == 403
    assert [token["days_left"] for token in read(acme, "tokens", "list", "acme")] == [1, 1]
    refused = run(acme, "tokens", "rotate", "acme", "--quiet")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"revoke {older['id']}, the older one, first" in refused.stderr
    succeed(acme, "tokens", "revoke", older["id"])
    rotated = read(acme, "tokens", "rotate", "acme", "--expires-in", str(3 * DAY))
    assert rotated["days_left"] == 3
    assert client(acme, rotated["token"]).get("/Users").status_code == 200


def test_revoke(acme: Host) -> None:
    """A token is revoked by the id that the list shows."""
    token = issue(acme)
    id = succeed(acme, "tokens", "list", "acme", "--quiet").strip()
    assert succeed(acme, "tokens", "revoke", id) == f"Revoked {id}.\n"
    assert client(acme, token["token"]).get("/Users").status_code == 401
    assert read(acme, "tokens", "revoke", id) == {"id": id}


def test_a_token_is_not_taken_for_its_id(acme: Host) -> None:
    """Somebody who pastes a token where its id belongs does not see it again, and is told why."""
    token = issue(acme)["token"]
    refused = run(acme, "tokens", "revoke", token)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "name it by its id" in refused.stderr
    assert token.split(".")[1] not in refused.stderr
    assert client(acme, token).get("/Users").status_code == 200


def test_check(acme: Host, caplog: pytest.LogCaptureFixture) -> None:
    """The daily check tells of each token once, and ends well whether it tells or not."""
    assert succeed(acme, "tokens", "check") == ""
    older, newer = issue(acme), issue(acme, "--expires-in", str(40 * DAY))
    age(acme, older, created=9, last_used=9)
    age(acme, newer, created=5.5, last_used=0, expires=-19.5)
    printed = succeed(acme, "tokens", "check")
    assert printed.splitlines() == [
        f"Token {newer['id']} of connection acme ends within 20 days; rotate it.",
        f"Token {older['id']} of connection acme has not been used for 5 days; it is safe to "
        "revoke.",
    ]
    assert succeed(acme, "tokens", "check") == ""
    assert read(acme, "tokens", "check") == []
    assert caplog.messages == printed.splitlines()


def test_check_for_programs(acme: Host) -> None:
    """A program gets each notice with its kind, a script the ids."""
    token, other = issue(acme, "--expires-in", str(DAY * 2)), issue(acme)
    age(acme, token, expires=-0.5)
    assert read(acme, "tokens", "check") == [
        {
            "kind": "expiring",
            "connection_id": "acme",
            "token_id": token["id"],
            "days": 1,
            "message": f"Token {token['id']} of connection acme ends within 1 day; rotate it.",
        }
    ]
    age(acme, other, expires=-6.5)
    assert succeed(acme, "tokens", "check", "--quiet") == f"{other['id']}\n"


@refused_early
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("issue", "nowhere"), "no connection 'nowhere'"),
        (("issue", "ACME"), "no connection 'ACME'"),
        (("issue", "acme", "--scope", "nonsense"), "get:users"),
        (("issue", "acme", "--expires-in", "899"), "at least 900 seconds"),
        (("issue", "acme", "--expires-in", "-5"), "at least 900 seconds"),
        (("rotate", "acme"), "issue one"),
        (("rotate", "nowhere"), "no connection 'nowhere'"),
        (("rotate", "acme", "--expires-in", "0"), "at least 900 seconds"),
        (("list", "nowhere"), "no connection 'nowhere'"),
        (("revoke", "nonsense"), "no token 'nonsense'"),
    ],
)
def test_refused(acme: Host, words: tuple[str, ...], message: str) -> None:
    """What cannot be done is said on stderr in a line, with an exit code of 1 and nothing done."""
    for more in ((), ("--json",), ("--quiet",)):
        result = run(acme, "tokens", *words, *more)
        assert (result.exit_code, result.stdout) == (1, "")
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
    assert read(acme, "tokens", "list", "acme") == []


def test_a_third_token(acme: Host) -> None:
    """A connection has two good tokens at the most."""
    issue(acme)
    issue(acme)
    result = run(acme, "tokens", "issue", "acme")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "revoke one first" in result.stderr


def test_nothing_secret_is_logged(acme: Host, caplog: pytest.LogCaptureFixture) -> None:
    """No command puts a secret into the log."""
    caplog.set_level(logging.DEBUG)
    issued = issue(acme, "--expires-in", str(DAY * 2))
    second = succeed(acme, "tokens", "rotate", "acme", "--quiet").strip()
    age(acme, issued, expires=-0.5)
    succeed(acme, "tokens", "list", "acme")
    succeed(acme, "tokens", "check")
    assert caplog.records
    for token in (issued["token"], second):
        assert token.split(".")[1] not in caplog.text
