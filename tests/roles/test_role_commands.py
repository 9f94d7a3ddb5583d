"""``flask scim roles``: list, map, unmap, preview and sync."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.console import cells, read, run, succeed
from tests.client import ScimClient
from tests.roles.staff import Staff


@pytest.fixture
def group(acme: ScimClient) -> str:
    """The id of a group with ann and bob."""
    people = [acme.create(name)["id"] for name in ("ann", "bob")]
    id: str = acme.create_group("Support", *people, externalId="x-1")["id"]
    return id


def test_a_group_is_mapped_and_unmapped(staff: Any, acme: ScimClient, group: str) -> None:
    """Look first, then do it; the list shows what stands for what."""
    empty = succeed(staff, "roles", "list", "acme")
    assert empty == "No group of acme stands for a role.\n"
    named = ("--external-id", "x-1")
    looked = succeed(staff, "roles", "map", "acme", "agent", *named, "--dry-run")
    assert looked.splitlines()[0] == "2 would gain a role, 0 would lose one. Nothing was changed."
    assert [row[:3] for row in cells(looked)[1:]] == [["+", "agent", "ann"], ["+", "agent", "bob"]]
    assert succeed(staff, "roles", "list", "acme") == empty
    done = read(staff, "roles", "map", "acme", "agent", "--group", group, "--precedence", "7")
    assert (done["gained"], done["lost"], done["dry_run"]) == (2, 0, False)
    header, row = cells(succeed(staff, "roles", "list", "acme"))
    assert header == ["GROUP", "EXTERNAL ID", "NAME", "ROLE", "PRECEDENCE", "MAPPED"]
    assert row[:5] == [group, "x-1", "Support", "agent", "7"]
    assert read(staff, "roles", "list", "acme", "--group", "team-0") == []
    assert succeed(staff, "roles", "list", "acme", "--quiet") == f"{group} agent\n"
    gone = succeed(staff, "roles", "unmap", "acme", "agent", *named, "--quiet")
    assert [line.split()[0] for line in gone.splitlines()] == ["-agent", "-agent"]
    assert read(staff, "roles", "list", "acme") == []


def test_what_the_app_has_changed_is_put_right(staff: Any, acme: ScimClient, group: str) -> None:
    """A preview shows what sync does then."""
    succeed(staff, "roles", "map", "acme", "agent", "--group", group)
    id = acme.find('userName eq "ann"')
    assert id == ["ann"]
    with staff.app.app_context():
        staff.db.session.execute(staff.person_role.delete())
        staff.db.session.commit()
    assert read(staff, "roles", "preview", "acme")["gained"] == 2
    assert succeed(staff, "roles", "sync", "acme").startswith("2 gain a role, 0 lose one.\n")
    assert read(staff, "roles", "preview", "acme")["gained"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("map", "acme", "owner", "--external-id", "x-1"), "not for identity providers to give"),
        (("map", "acme", "nonsense", "--external-id", "x-1"), "has no role 'nonsense'"),
        (("map", "acme", "agent"), "one of the two"),
        (("map", "acme", "agent", "--group", "Support"), "There is no group 'Support' in 'acme'"),
        (("map", "none", "agent", "--group", "1"), "There is no connection 'none'"),
        (("unmap", "acme", "agent", "--external-id", "x-1"), "does not stand for 'agent'"),
        (("unmap", "acme", "admin", "--external-id", "x-1"), "without anybody active"),
        (("list", "none"), "There is no connection 'none'"),
        (("sync", "none"), "There is no connection 'none'"),
    ],
)
def test_mistakes(staff: Any, group: str, words: tuple[str, ...], said: str) -> None:
    """What cannot be done ends with 1 and says why."""
    if "admin" in words:
        succeed(staff, "roles", "map", "acme", "admin", "--group", group)
    result = run(staff, "roles", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_more_than_a_preview_names(staff: Staff, acme: ScimClient, monkeypatch: Any) -> None:
    """Beyond the most that are named, they are counted."""
    monkeypatch.setattr("flask_scim.roles.previews.MOST_NAMED", 2)
    people = [acme.create(f"p{number}")["id"] for number in range(5)]
    group = acme.create_group("g", *people)["id"]
    host: Any = staff
    printed = succeed(host, "roles", "map", "acme", "agent", "--group", group)
    assert printed.splitlines()[0] == "5 gain a role, 0 lose one."
    assert printed.splitlines()[-1] == "+  and 3 more"
