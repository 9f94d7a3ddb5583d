"""Warnings: of tokens that end soon, and of those that nobody uses any more."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim.connections.expiry import Kind, Notice, idle_days, warning_due
from flask_scim.connections.tokens import Tokens
from flask_scim.protocol.errors import Unauthorized
from flask_scim.signals import token_expiring, token_idle
from tests.client import ScimClient
from tests.host import Host
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = 86_400


@dataclass(frozen=True)
class Use:
    """When a token was issued and last used, in days from now."""

    issued: float
    used: float | None = None

    @property
    def created(self) -> datetime:
        """When it was issued."""
        return NOW + timedelta(days=self.issued)

    @property
    def last_used(self) -> datetime | None:
        """When it was last used."""
        return None if self.used is None else NOW + timedelta(days=self.used)


@pytest.fixture
def tokens(host: Host) -> Iterator[Tokens]:
    """The tokens of the app, which has the connections ``acme`` and ``other``."""
    with host.app.app_context():
        host.scim.connections.add("acme", tenant="1")
        host.scim.connections.add("other", tenant="2")
        yield host.scim.tokens


@pytest.fixture
def told(host: Host) -> Iterator[list[tuple[str, str, int]]]:
    """What the app was told by signals: the connection, the token and the days."""
    found: list[tuple[str, str, int]] = []

    def hear(sender: Any, notice: Notice, connection: Any, **_: Any) -> None:
        assert sender is host.app
        assert connection.id == notice.connection_id
        found.append((notice.kind.value, notice.token_id, notice.days))

    with (
        token_expiring.connected_to(hear, sender=host.app),
        token_idle.connected_to(hear, sender=host.app),
    ):
        yield found


def move(host: Host, token_id: str, **days: float | None) -> None:
    """Move moments of a token to so many days from now."""
    table = host.db.metadata.tables["scim_token"]
    now = datetime.now(UTC)
    moments = {
        name: None if count is None else now + timedelta(days=count) for name, count in days.items()
    }
    with host.app.app_context():
        host.db.session.execute(table.update().where(table.c.id == token_id).values(moments))
        host.db.session.commit()


# The days that count.


@pytest.mark.parametrize(
    ("left", "expected"),
    [(None, None), (400, None), (30.01, None), (30, 30), (29.5, 30), (20.01, 30), (20, 20),
     (7.5, 20), (7, 7), (1.01, 7), (1, 1), (0.001, 1), (0, None), (-1, None)],
)  # fmt: skip
def test_warning_due(left: float | None, expected: int | None) -> None:
    """A token is due for the nearest of the warnings, from the moment that it names."""
    expires = None if left is None else NOW + timedelta(days=left)
    assert warning_due(expires, NOW) == expected


@pytest.mark.parametrize(
    ("newer", "older", "expected"),
    [
        (Use(-9, -0.1), Use(-90, -5), 5),
        (Use(-9, -0.1), Use(-90, -9.5), 9),
        (Use(-9, -0.1), Use(-90), 9),
        (Use(-9, -0.1), Use(-90, -1), 1),
        (Use(-9, -0.1), Use(-90, -0.99), None),
        (Use(-0.5, -0.1), Use(-90, -50), None),
        # The newer one is not in use, or was tried out before the older one was used again.
        (Use(-9), Use(-90, -5), None),
        (Use(-9, -8), Use(-90, -5), None),
        (Use(-9, -5), Use(-90, -5), None),
        # Another machine's clock goes ahead.
        (Use(2, 2), Use(-90, -5), None),
        (Use(-9, -0.1), Use(-90, 3), None),
    ],
)
def test_idle_days(newer: Use, older: Use, expected: int | None) -> None:
    """A token is idle as long as only the other one has been used."""
    assert idle_days(newer, older, NOW) == expected


# Tokens that end.


@pytest.mark.parametrize("way", ["by use", "by check"])
def test_each_warning_once(
    host: Host, tokens: Tokens, told: list[Any], caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """30, 20, 7 and 1 days before its end a token is told of, each time once."""
    text, token = tokens.issue("acme", ["get:users"], 60 * DAY)

    def ask() -> None:
        if way == "by use":
            with host.app.app_context():
                tokens.verify(text)
        else:
            tokens.check()

    seen = {}
    with caplog.at_level(logging.WARNING, "flask_scim.connections"):
        for left in (60, 31, 30, 25, 20, 19, 8, 7, 3, 1, 0.5):
            move(host, token.id, expires=left)
            for _ in range(2):
                ask()
            if told:
                seen[left] = told[:]
                told.clear()
    assert seen == {days: [("expiring", token.id, days)] for days in (30, 20, 7, 1)}
    assert [record.getMessage() for record in caplog.records] == [
        f"Token {token.id} of connection acme ends within {days}; rotate it."
        for days in ("30 days", "20 days", "7 days", "1 day")
    ]
    assert text.split(".")[1] not in caplog.text


def test_late_warning(host: Host, tokens: Tokens, told: list[Any]) -> None:
    """Whoever asks late is told the days that are left, and not those that have passed."""
    _, token = tokens.issue("acme", [], 60 * DAY)
    move(host, token.id, expires=5)
    assert tokens.check() == [Notice(Kind.EXPIRING, "acme", token.id, 7)]
    assert tokens.check() == []
    move(host, token.id, expires=25)
    assert tokens.check() == []
    assert told == [("expiring", token.id, 7)]


@pytest.mark.parametrize(
    ("lasts", "warnings"),
    [(900, []), (DAY, []), (2 * DAY, [1]), (7 * DAY, [1]), (8 * DAY, [7, 1]),
     (30 * DAY, [20, 7, 1]), (31 * DAY, [30, 20, 7, 1])],
)  # fmt: skip
def test_short_lives(
    host: Host, tokens: Tokens, told: list[Any], lasts: int, warnings: list[int]
) -> None:
    """Nobody is told at once what he has asked for: that a token ends soon."""
    text, token = tokens.issue("acme", [], lasts)
    tokens.verify(text)
    assert tokens.check() == []
    for left in (30, 20, 7, 1):
        if left * DAY < lasts:
            move(host, token.id, expires=left)
            with host.app.app_context():
                tokens.verify(text)
    assert [days for _, _, days in told] == warnings


@pytest.mark.parametrize("what", ["endless", "revoked", "ended"])
def test_no_warning(host: Host, tokens: Tokens, told: list[Any], what: str) -> None:
    """Nobody needs to know of a token that never ends, is revoked or has ended."""
    text, token = tokens.issue("acme", [], None if what == "endless" else 60 * DAY)
    if what != "endless":
        move(host, token.id, expires=-0.001 if what == "ended" else 1)
    if what == "revoked":
        tokens.revoke(token.id)
    assert tokens.check() == []
    if what == "endless":
        tokens.verify(text)
    else:
        with pytest.raises(Unauthorized):
            tokens.verify(text)
    assert told == []


def test_many_threads_use_a_token(host: Host, build: Callable[..., Host], told: list[Any]) -> None:
    """However many requests and checks come at once, each warning is told once."""
    hosts = [host, build()]
    scim = host.connect("acme", tenant="1")
    with host.app.app_context():
        (token,) = host.scim.tokens.list("acme")
    move(host, token.id, expires=6)
    heard: list[Any] = []

    def hear(sender: Any, notice: Notice, connection: Any, **_: Any) -> None:
        heard.append((notice.kind.value, notice.token_id, notice.days))

    start = threading.Barrier(8)

    def ask(number: int) -> None:
        asked = hosts[number % 2]
        start.wait()
        if number < 4:
            client = ScimClient(asked.app.test_client(), scim.base, scim.token)
            assert client.get("/Users").status_code == 200
        else:
            with asked.app.app_context():
                asked.scim.tokens.check()

    with token_expiring.connected_to(hear, sender=hosts[1].app), ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    # A busy database puts a warning off to the next one who asks.
    with host.app.app_context():
        host.scim.tokens.check()
    assert told + heard == [("expiring", token.id, 7)]


@pytest.mark.once("who comes first is decided by the database")
def test_many_processes_ask(host: Host, tokens: Tokens, database: str) -> None:
    """However many processes ask at once, each warning is told once."""
    ids = set()
    for connection in ("acme", "other"):
        _, token = tokens.issue(connection, [], 60 * DAY)
        move(host, token.id, expires=20)
        ids.add(token.id)
    host.db.session.rollback()
    command = [sys.executable, "-W", "error", "-m", "tests.connections.asking", database]
    asking = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for each in asking:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in asking:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    lines = [line for each in asking for line in each.communicate(timeout=PATIENCE)[0].split("\n")]
    assert [each.returncode for each in asking] == [0, 0, 0]
    lines += [f"told {each.token_id} {each.kind} {each.days}" for each in tokens.check()]
    said = sorted(line for line in lines if line.startswith("told"))
    assert said == sorted(f"told {id} expiring 20" for id in ids)
    assert {line.split()[1] for line in lines if line.startswith("heard")} <= ids


def test_receiver_that_raises(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """A receiver that raises, or leaves a mess, harms neither the request nor the warning."""
    scim = host.connect("acme", tenant="1")
    with host.app.app_context():
        (token,) = host.scim.tokens.list("acme")
    move(host, token.id, expires=6)
    heard: list[int] = []

    def break_down(sender: Any, notice: Notice, connection: Any, **_: Any) -> None:
        host.db.session.add(host.User(username="left by a receiver", last_name=""))
        host.db.session.flush()
        raise RuntimeError("broken")

    def hear(sender: Any, notice: Notice, connection: Any, **_: Any) -> None:
        heard.append(notice.days)

    with (
        token_expiring.connected_to(break_down, sender=host.app),
        token_expiring.connected_to(hear, sender=host.app),
    ):
        assert scim.create("ann")["userName"] == "ann"
        assert scim.find("userName pr") == ["ann"]
    assert heard == [7]
    assert "A receiver of token.expiring raised" in caplog.text
    with host.app.app_context():
        names = host.db.session.scalars(sa.select(host.User.username)).all()
    assert names == ["ann"]


# Tokens that nobody uses any more.


def test_idle_after_rotation(
    host: Host, tokens: Tokens, told: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """When the newer of two tokens has taken over, it is told once that the older one can go."""
    text, older = tokens.issue("acme")
    tokens.verify(text)
    assert tokens.check() == []
    text, newer = tokens.rotate("acme")
    assert tokens.check() == []
    tokens.verify(text)
    assert tokens.check() == []
    move(host, newer.id, created=-4.5)
    move(host, older.id, created=-90, last_used=-3.5)
    with caplog.at_level(logging.WARNING, "flask_scim.connections"):
        assert tokens.check() == [Notice(Kind.IDLE, "acme", older.id, 3)]
    assert tokens.check() == []
    move(host, older.id, last_used=-30)
    assert tokens.check() == []
    assert told == [("idle", older.id, 3)]
    assert caplog.messages == [
        f"Token {older.id} of connection acme has not been used for 3 days; it is safe to revoke."
    ]
    # The next rotation is told of again.
    tokens.revoke(older.id)
    text, newest = tokens.rotate("acme")
    tokens.verify(text)
    move(host, newest.id, created=-2.5)
    move(host, newer.id, last_used=-2.5)
    assert tokens.check() == [Notice(Kind.IDLE, "acme", newer.id, 2)]


@pytest.mark.parametrize("which", ["older", "newer", "both"])
@pytest.mark.parametrize("how", ["revoked", "expires"])
def test_idle_and_gone(host: Host, tokens: Tokens, told: list[Any], which: str, how: str) -> None:
    """Of two tokens that are not both good there is nothing to tell, and nothing fails."""
    issued = {"older": tokens.issue("acme")[1], "newer": tokens.rotate("acme")[1]}
    move(host, issued["older"].id, created=-90, last_used=-50)
    move(host, issued["newer"].id, created=-40, last_used=-0.1)
    for name, token in issued.items():
        if which in (name, "both"):
            move(host, token.id, **{how: -0.01})
    assert tokens.check() == []
    assert told == []


def test_check_asks_little(host: Host, tokens: Tokens) -> None:
    """With nothing to tell, a check reads twice and writes nothing, whatever is there."""
    for number in range(5):
        host.scim.connections.add(f"c{number}", tenant="1")
        tokens.issue(f"c{number}", [], 60 * DAY)
    tokens.issue("acme", [], DAY)
    tokens.issue("other")
    with host.statements() as statements:
        assert tokens.check() == []
    assert [each.split()[0] for each in statements] == ["SELECT", "SELECT"]
