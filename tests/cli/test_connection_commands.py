"""``flask scim connections``: what it prints, does and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tests.cli.console import cells, client, read, run, succeed
from tests.host import Host
from tests.marks import refused_early

HEADER = ["CONNECTION", "CALLED", "IDP", "MODE", "TENANT", "STATE", "DOMAINS"]
MOMENT = "0000-00-00T00:00:00.000000Z"


def shape(moment: str | None) -> str | None:
    """A moment with its figures made alike, which leaves its form."""
    return moment and "".join("0" if letter.isdigit() else letter for letter in moment)


def test_add_says_all(host: Host) -> None:
    """Everything that a connection has can be given when it is added, and comes back as JSON."""
    words = ("--idp", "okta", "--tenant", "1", "--name", "Acme Inc.", "--strict")
    domains = ("--domain", "Acme.com", "--domain", "acme.org")
    choices = ("--policy", "unknown_members=ignore")
    added = read(host, "connections", "add", "acme", *words, *domains, *choices)
    assert shape(added.pop("created")) == MOMENT
    assert added == {
        "id": "acme",
        "name": "Acme Inc.",
        "idp": "okta",
        "strict": True,
        "tenant": "1",
        "state": "active",
        "domains": ["acme.com", "acme.org"],
        "policy": {"unknown_members": "ignore"},
        "mapping": None,
        "endpoint": "/scim/v2/acme",
        "updated": None,
    }


def test_list(acme: Host) -> None:
    """The list is a table for people, names for scripts and JSON for programs."""
    words = ("--idp", "entra", "--tenant", "2", "--strict", "--name", "Beta", "--domain", "b.de")
    succeed(acme, "connections", "add", "beta-of-many", *words)
    printed = succeed(acme, "connections", "list")
    assert cells(printed) == [
        HEADER,
        ["acme", "-", "generic", "lenient", "1", "active", "-"],
        ["beta-of-many", "Beta", "entra", "strict", "2", "active", "b.de"],
    ]
    assert len({line.index(word) for line, word in zip(
        printed.splitlines(), ("IDP", "generic", "entra"), strict=True
    )}) == 1  # fmt: skip
    assert succeed(acme, "connections", "list", "--quiet") == "acme\nbeta-of-many\n"
    found = read(acme, "connections", "list")
    assert [connection["id"] for connection in found] == ["acme", "beta-of-many"]
    assert found[0] == read(acme, "connections", "add", "gamma", "--tenant", "1") | {
        "id": "acme",
        "endpoint": "/scim/v2/acme",
        "created": found[0]["created"],
    }


def test_list_of_none(host: Host) -> None:
    """Where there is nothing to list, people are told so, and programs get an empty list."""
    assert succeed(host, "connections", "list") == "There are no connections.\n"
    assert succeed(host, "connections", "list", "--quiet") == ""
    assert read(host, "connections", "list") == []


def test_a_value_cannot_break_a_table(host: Host, build: Callable[..., Host]) -> None:
    """What others have typed neither breaks a line nor steers the terminal."""
    other = build(tenant=False)
    succeed(other, "connections", "add", "acme", "--tenant", "A\nB\x1b[31mC")
    printed = succeed(other, "connections", "list")
    assert cells(printed)[1][4] == "A?B?[31mC"
    assert read(other, "connections", "list")[0]["tenant"] == "A\nB\x1b[31mC"


def test_show(acme: Host) -> None:
    """One connection is shown with the number of resources that it has, and no one else's."""
    scim = client(acme, succeed(acme, "tokens", "issue", "acme", "--quiet"))
    ann, bob = scim.create("ann")["id"], scim.create("bob")["id"]
    scim.create_group("Team", ann)
    assert scim.delete(f"/Users/{bob}").status_code == 204
    acme.connect("other", tenant="2").create("cid")
    shown = read(acme, "connections", "show", "acme")
    assert shown.pop("resources") == {"users": 1, "groups": 1}
    assert shown == read(acme, "connections", "list")[0]
    lines = dict(cells(succeed(acme, "connections", "show", "acme")))
    assert lines["endpoint"] == "/scim/v2/acme"
    assert (lines["users"], lines["groups"], lines["updated"]) == ("1", "1", "never")


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (("--idp", "okta"), {"idp": "okta"}),
        (("--strict",), {"strict": True}),
        (("--lenient",), {"strict": False}),
        (("--name", "Acme"), {"name": "Acme"}),
        (("--name", ""), {"name": None}),
        (("--domain", "b.com", "--domain", "c.com"), {"domains": ["b.com", "c.com"]}),
        (("--no-domains",), {"domains": []}),
    ],
)
def test_edit(host: Host, words: tuple[str, ...], changed: dict[str, Any]) -> None:
    """What is named is changed, and what is left out stays."""
    options = ("--tenant", "1", "--name", "A", "--domain", "a.com", "--idp", "entra")
    before = read(host, "connections", "add", "acme", *options)
    assert succeed(host, "connections", "edit", "acme", *words) == "Changed acme.\n"
    after = read(host, "connections", "list")[0]
    assert shape(after["updated"]) == MOMENT
    assert after == before | changed | {"updated": after["updated"]}


@pytest.mark.parametrize(
    "words", [(), ("--domain", "a.com", "--no-domains"), ("--tenant", "2"), ("--nonsense",)]
)
def test_edit_is_asked_for_nothing_that_it_does(acme: Host, words: tuple[str, ...]) -> None:
    """An edit that says nothing, two things at once, or a change of tenant, is a wrong usage."""
    result = run(acme, "connections", "edit", "acme", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert read(acme, "connections", "list")[0]["updated"] is None


@pytest.mark.parametrize(
    ("command", "state", "status", "said"),
    [("pause", "paused", 503, "Paused acme: requests are answered with 503"),
     ("disable", "disabled", 403, "Disabled acme: requests are answered with 403")],
)  # fmt: skip
def test_states(acme: Host, command: str, state: str, status: int, said: str) -> None:
    """A connection is closed and opened again, and keeps its resources and tokens."""
    scim = client(acme, succeed(acme, "tokens", "issue", "acme", "--quiet"))
    scim.create("ann")
    assert said in succeed(acme, "connections", command, "acme")
    assert scim.get("/Users").status_code == status
    assert cells(succeed(acme, "connections", "list"))[1][5] == state
    assert read(acme, "connections", "resume", "acme")["state"] == "active"
    assert scim.get("/Users").json["totalResults"] == 1


def test_remove_asks(acme: Host) -> None:
    """Removal says what will be forgotten and waits for a yes; the app's rows stay."""
    scim = client(acme, succeed(acme, "tokens", "issue", "acme", "--quiet"))
    ann = scim.create("ann")["id"]
    scim.create_group("Team", ann)
    for typed in ("n\n", "\n", ""):
        refused = run(acme, "connections", "remove", "acme", typed=typed)
        assert refused.exit_code == 1
        assert "Removed" not in refused.stdout
        assert "SCIM will forget users: 1, groups: 1" in refused.stderr
        assert "What opens it ends, tokens: 1, clients: 0." in refused.stderr
        assert "again does not bring them back" in refused.stderr
        assert scim.get(f"/Users/{ann}").status_code == 200
    removed = run(acme, "connections", "remove", "acme", typed="y\n")
    assert removed.exit_code == 0
    assert "SCIM has forgotten users: 1, groups: 1; the rows" in removed.stdout
    assert scim.get(f"/Users/{ann}").status_code == 401
    with acme.app.app_context():
        assert acme.db.session.scalars(sa.select(acme.User.username)).all() == ["ann"]
        assert acme.db.session.scalars(sa.select(acme.Team.name)).all() == ["Team"]


def test_remove_unasked(acme: Host) -> None:
    """With --yes nothing is asked, and another connection is left alone."""
    acme.connect("other", tenant="2").create("ann")
    removed = run(acme, "connections", "remove", "acme", "--yes", "--json")
    assert (removed.exit_code, removed.stderr) == (0, "")
    counts = {"users": 0, "groups": 0}
    assert json.loads(removed.stdout) == {
        "id": "acme",
        "resources": counts,
        "tokens": 0,
        "clients": 0,
    }
    assert read(acme, "connections", "show", "other")["resources"]["users"] == 1


@pytest.mark.parametrize("command", ["add", "pause", "disable", "resume", "edit", "remove"])
def test_quiet(acme: Host, command: str) -> None:
    """A script gets the name of the connection and nothing else."""
    more = {"add": ("--tenant", "1"), "edit": ("--strict",), "remove": ("--yes",)}
    name = "beta" if command == "add" else "acme"
    assert succeed(acme, "connections", command, name, *more.get(command, ()), "--quiet") == (
        f"{name}\n"
    )


@refused_early
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "acme", "--tenant", "1"), "already"),
        (("add", "a/b", "--tenant", "1"), "cannot be the name"),
        (("add", "beta", "--tenant", "1", "--idp", "nonsense"), "choose one of"),
        (("add", "beta", "--tenant", "1", "--domain", "no domain"), "is no domain"),
        (("add", "beta", "--tenant", "1", "--name", "x" * 256), "255 characters"),
        (("add", "beta"), "tenant"),
        (("add", "beta", "--tenant", "one"), "whole number"),
        (("edit", "acme", "--idp", "nonsense"), "choose one of"),
        (("edit", "acme", "--domain", ""), "is no domain"),
        *(
            ((command, "ACME", *more), "no connection 'ACME'")
            for command, *more in (
                ("show",), ("edit", "--strict"), ("pause",), ("disable",), ("resume",),
                ("remove", "--yes"),
            )
        ),
    ],
)  # fmt: skip
def test_refused(acme: Host, words: tuple[str, ...], message: str) -> None:
    """What cannot be done is said on stderr in a line, with an exit code of 1 and nothing done."""
    before = read(acme, "connections", "list")
    for more in ((), ("--json",), ("--quiet",)):
        result = run(acme, "connections", *words, *more)
        assert (result.exit_code, result.stdout) == (1, "")
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
    assert read(acme, "connections", "list") == before


def test_app_without_tenants(host: Host, build: Callable[..., Host]) -> None:
    """An app without tenants needs none."""
    other = build(tenant=False)
    added = succeed(other, "connections", "add", "acme")
    assert added == "Added acme; its endpoint is /scim/v2/acme.\n"
    assert read(other, "connections", "list")[0]["tenant"] is None
    token = succeed(other, "tokens", "issue", "acme", "--quiet")
    assert client(other, token).create("ann")["userName"] == "ann"


def test_only_connection(host: Host, build: Callable[..., Host]) -> None:
    """Where one connection alone is served, the others have no endpoint."""
    other = build(SCIM_CONNECTION="acme")
    added = succeed(other, "connections", "add", "acme", "--tenant", "1")
    assert added.endswith("its endpoint is /scim/v2.\n")
    added = succeed(other, "connections", "add", "beta", "--tenant", "1")
    assert added.endswith("SCIM_CONNECTION serves acme alone.\n")
    endpoints = [found["endpoint"] for found in read(other, "connections", "list")]
    assert endpoints == ["/scim/v2", None]
    assert ["endpoint", "none"] in cells(succeed(other, "connections", "show", "beta"))
