"""``flask scim connections mapping``."""

from __future__ import annotations

import json
from collections.abc import Callable
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


def test_notes(acme: Host) -> None:
    """The check tells what is lost, where there is a place for it, and is content all the same."""
    result = run(acme, "check")
    assert result.exit_code == 0
    assert "Note: User: userName is looked up without an index; add Index(" in result.stderr
    notes = read(acme, "check")["notes"]
    assert not any("sends by default" in note for note in notes), "what is kept is not lost"
    assert run(acme, "check", "--quiet").stderr == ""


def test_what_is_lost(build: Callable[..., Host]) -> None:
    """What a provider sends and nobody keeps is named, with the column that could hold it."""
    host = build({"userName": "username"}, SCIM_UNMAPPED="ignore")
    notes = read(host, "check")["notes"]
    held = [note for note in notes if "could hold" in note]
    assert held[0].startswith("okta sends by default what the model could hold: ")
    assert "emails[primary eq true].value (in email)" in held[0]
    assert "name.givenName (in first_name)" in held[0]
    assert 'emails[type eq "work"].value (in email)' in held[1]
    assert any(note.startswith("okta sends by default what nobody keeps: ") for note in notes)
    assert not any("userName" in note for note in notes if "sends" in note)


def test_fitted_defaults(acme: Host) -> None:
    """The defaults are shown as they fit the app, with what they leave out."""
    printed = succeed(acme, "check", "--defaults")
    assert "The default of entra, fitted to this application\n  userName: username\n" in printed
    assert "  without a place: displayName, nickName, " in printed
    defaults = read(acme, "check", "--defaults")["defaults"]
    assert set(defaults) == {"okta", "entra", "saml", "oidc", "generic"}
    assert {"scim": "active", "app": "!blocked"} in defaults["okta"]


def test_a_mapping_that_fits_no_more(acme: Host) -> None:
    """A connection whose mapping the app has left behind is told of, and the check fails."""
    table = acme.scim._wiring.tables.connections
    with acme.app.app_context():
        stale = {"User": [*PAIRS, {"scim": "nickName", "app": "gone"}]}
        acme.db.session.execute(table.update().values(mapping=stale))
        acme.db.session.commit()
    result = run(acme, "check")
    assert result.exit_code == 1
    assert "The mapping of the connection acme does not fit" in result.stderr
    assert "does not offer 'gone'" in result.stderr
    succeed(acme, "connections", "mapping", "acme", "--reset")
    assert run(acme, "check").exit_code == 0
