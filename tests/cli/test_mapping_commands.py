"""``flask scim connections mapping``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.console import cells, read, run, succeed
from tests.host import Host

PAIRS = [
    {"scim": "userName", "app": "email"},
    {"scim": "title", "app": "profile.title", "read_only": True},
]


def test_show(acme: Host) -> None:
    """A connection without a mapping of its own has the app's."""
    printed = succeed(acme, "connections", "mapping", "acme")
    table = cells(printed)
    assert table[0] == ["SCIM", "APP", "WRITTEN"]
    assert ["userName", "username", "yes"] in table
    assert ["displayName", "computed by _display_name", "no"] in table
    assert printed.endswith("It is the mapping of the application.\n")


def test_set_and_reset(acme: Host, tmp_path: Path) -> None:
    """A file sets it, what is printed can be read again, and it can be taken back."""
    file = tmp_path / "pairs.json"
    file.write_text(json.dumps(PAIRS), "utf-8")
    own = read(acme, "connections", "mapping", "acme")
    set_ = ("connections", "mapping", "acme", "--from")
    assert "nothing was changed" in succeed(acme, *set_, str(file), "--dry-run")
    assert read(acme, "connections", "mapping", "acme") == own
    printed = succeed(acme, *set_, str(file))
    assert "It is the mapping of acme itself.\nChanged the mapping of User for acme.\n" in printed
    shown = read(acme, "connections", "mapping", "acme")
    assert shown == PAIRS
    assert read(acme, "connections", "show", "acme")["mapping"] == {"User": PAIRS}
    assert succeed(acme, *set_, "-", typed=json.dumps(own)).startswith("SCIM")
    assert read(acme, "connections", "show", "acme")["mapping"] is None
    succeed(acme, *set_, "-", typed=json.dumps(shown))
    succeed(acme, "connections", "mapping", "acme", "--reset")
    assert read(acme, "connections", "show", "acme")["mapping"] is None


def test_default(acme: Host) -> None:
    """The default is the identity provider's, and what has no place is told."""
    succeed(acme, "connections", "edit", "acme", "--idp", "entra")
    printed = succeed(acme, "connections", "mapping", "acme", "--default")
    table = cells(printed)
    assert ['emails[type eq "work"].value', "email", "yes"] in table
    assert ["title", "profile.title", "yes"] in table
    assert ["No place for nickName."] in table
    assert "is_admin" not in printed
    mapping = read(acme, "connections", "show", "acme")["mapping"]
    assert {pair["scim"] for pair in mapping["User"]} >= {"userName", "active", "title"}


@pytest.mark.parametrize(
    ("words", "typed", "code", "said"),
    [
        (("--from", "-"), "[", 1, "The file is not JSON"),
        (("--from", "-"), "{}", 1, "list of pairs"),
        (("--from", "-"), "[]", 1, "userName is required and not mapped"),
        (("--from", "-", "--type", "Person"), "[]", 1, "no resource type 'Person'"),
        (("--from", "nowhere.json"), "", 2, "nowhere.json"),
        (("--default", "--reset"), "", 2, "Use one of"),
        (("--dry-run",), "", 2, "Say what to check"),
    ],
)
def test_mistakes(acme: Host, words: tuple[str, ...], typed: str, code: int, said: str) -> None:
    """What cannot be done is told, and nothing is changed."""
    result = run(acme, "connections", "mapping", "acme", *words, typed=typed)
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
    assert read(acme, "connections", "show", "acme")["mapping"] is None


def test_unknown_connection(host: Host) -> None:
    """A connection that there is not is told of."""
    result = run(host, "connections", "mapping", "nobody")
    assert (result.exit_code, "There is no connection 'nobody'." in result.stderr) == (1, True)
