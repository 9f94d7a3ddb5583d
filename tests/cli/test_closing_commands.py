"""``flask scim connections disable`` and ``remove``: what becomes of the users."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim.protocol.errors import Forbidden
from tests.cli.console import client, read, run, succeed
from tests.host import Host


@pytest.fixture
def staffed(acme: Host) -> Host:
    """The app, whose connection ``acme`` has two users."""
    scim = client(acme, succeed(acme, "tokens", "issue", "acme", "--quiet"))
    scim.create("ann")
    scim.create("bob")
    return acme


def blocked(host: Host) -> list[bool]:
    """Whether each of the app's users is shut out, by name."""
    with host.app.app_context():
        return list(
            host.db.session.scalars(sa.select(host.User.blocked).order_by(host.User.username))
        )


@pytest.mark.parametrize("command", ["disable", "remove"])
@pytest.mark.parametrize(
    ("users", "sentence", "affected"),
    [
        ("keep", "Users of acme: 2. They stay as they are, and SCIM keeps them.", 0),
        ("release", "Released would be 2 of 2 users of acme ('ann', 'bob').", 2),
        ("deactivate", "Deactivated would be 2 of 2 users of acme ('ann', 'bob').", 2),
    ],
)
def test_dry_run(staffed: Host, command: str, users: str, sentence: str, affected: int) -> None:
    """A preview says what would be done, in each form, and does nothing."""
    words = ("connections", command, "acme", "--users", users, "--dry-run")
    assert succeed(staffed, *words) == f"{sentence} Nothing was changed.\n"
    assert succeed(staffed, *words, "--quiet") == f"{affected}\n"
    shown = read(staffed, *words)
    names = ["ann", "bob"] if affected else []
    assert shown == {
        "id": "acme",
        "users": users,
        "total": 2,
        "affected": affected,
        "names": names,
    }
    assert read(staffed, "connections", "show", "acme")["state"] == "active"
    assert blocked(staffed) == [False, False]


def test_disable_asks(staffed: Host) -> None:
    """Where users change, the command asks first."""
    words = ("connections", "disable", "acme", "--users", "deactivate")
    refused = run(staffed, *words, typed="n\n")
    assert refused.exit_code == 1
    assert "Deactivated would be 2 of 2 users of acme" in refused.stderr
    assert blocked(staffed) == [False, False]
    done = run(staffed, *words, typed="y\n")
    assert done.stdout.splitlines()[-1] == (
        "Disabled acme: requests are answered with 403. Deactivated users: 2."
    )
    assert blocked(staffed) == [True, True]


def test_release_and_remove(staffed: Host) -> None:
    """With --yes nothing is asked; a program reads what has been done."""
    shown = read(staffed, "connections", "disable", "acme", "--users", "release", "--yes")
    assert (shown["state"], shown["users"], shown["done"], shown["refused"]) == (
        "disabled", "release", 2, 0,
    )  # fmt: skip
    assert read(staffed, "connections", "show", "acme")["resources"]["users"] == 0
    succeed(staffed, "connections", "remove", "acme", "--users", "deactivate", "--yes")
    assert read(staffed, "connections", "list") == []
    # They were SCIM's no more.
    assert blocked(staffed) == [False, False]


def test_who_stays(build: Callable[..., Host]) -> None:
    """Whoever a guard keeps is named with the reason, and stays when the connection goes."""
    host = build()

    @host.scim.guard
    def keep_bob(intent: Any) -> None:
        if intent.row is not None and intent.row.username == "bob":
            raise Forbidden("Bob owns the account.")

    acme = host.connect("acme", tenant="1")
    acme.create("ann")
    acme.create("bob")
    removed = run(host, "connections", "remove", "acme", "--users", "deactivate", "--yes", "--json")
    assert removed.exit_code == 0
    assert "'bob' stays as they are: Bob owns the account.\n" in removed.stderr
    shown = json.loads(removed.stdout)
    assert (shown["done"], shown["refused"]) == (1, 1)
    assert [each["name"] for each in shown["refusals"]] == ["bob"]
    assert blocked(host) == [True, False]
