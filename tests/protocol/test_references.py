"""References that come in thousands are read as those that come alone."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim.protocol.definitions import GROUP, USER
from flask_scim.protocol.errors import InvalidSyntax, InvalidValue
from flask_scim.protocol.values import STRICT, load, load_entry, load_references

_MEMBERS = GROUP.attribute("members")
_EMAILS = USER.attribute("emails")


@pytest.mark.parametrize(
    "entries",
    [
        [{"value": "1"}, {"value": "2"}],
        [{"value": "1", "type": "User", "$ref": "https://a.example/Users/1"}, {"value": "2"}],
        [{"value": "1", "display": "Ann"}, {"value": "2"}],
        [{"value": "1", "display": None}, {"value": "2", "display": 7}],
        [{"value": "Zoë"}],
    ],
)
def test_many_references_are_read_at_once(entries: list[Any]) -> None:
    """What is written as it is kept is read in one pass, with what each alone would be read as."""
    alone = [load_entry(_MEMBERS, entry, "members") for entry in entries]
    assert load_references(_MEMBERS, entries) == load(_MEMBERS, entries, "members") == alone


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "1",
        ["value"],
        {},
        {"value": ""},
        {"value": None},
        {"value": 1},
        {"value": "a\0b"},
        {"value": "\ud800"},
        {"Value": "1"},
        {"value": "1", "type": ""},
        {"value": "1", "colour": "red"},
        {"type": "User"},
        {"display": "Ann"},
    ],
)
def test_an_odd_one_is_looked_at_alone(odd: Any) -> None:
    """One entry of another kind leaves all of them to be read one by one."""
    entries = [{"value": "1"}, odd]
    assert load_references(_MEMBERS, entries) is None


def test_an_odd_one_is_named_by_its_place() -> None:
    """Among many, the message says which one is wrong; a strict connection passes over none."""
    sound = [{"value": str(number)} for number in range(50)]
    with pytest.raises(InvalidValue, match=r"members\[50\]\.value must be text"):
        load(_MEMBERS, [*sound, {"value": 7}], "members")
    with pytest.raises(InvalidValue, match=r"members\[50\] needs a value"):
        load(_MEMBERS, [*sound, {"type": "User"}], "members")
    with pytest.raises(InvalidSyntax, match=r"members\[50\] has no sub-attribute 'colour'"):
        load(_MEMBERS, [*sound, {"value": "1", "colour": "red"}], "members", STRICT)


def test_only_references_are_read_so() -> None:
    """Entries that say more than who is meant have each to be looked at."""
    assert load_references(_EMAILS, [{"value": "ann@example.com"}]) is None
    assert load_references(_MEMBERS, []) is None
