"""Whatever is taken apart can be put together again, whatever the mapping."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_scim.mapping.mapping import Mapping
from flask_scim.mapping.slots import Slot
from flask_scim.protocol.definitions import USER
from tests.mapping.drawn import OPTIONAL, PLURAL, declarations, documents, read

pytestmark = pytest.mark.once("it stands on the standard library alone")


def there_and_back(mapping: Mapping, document: dict[str, Any]) -> dict[str, Any]:
    """Take a document apart and put it together."""
    taken = mapping.split(document)
    assert len(taken.values) == len(mapping.sources)
    return mapping.join(taken.values, taken.kept, taken.extras)


def literals_of(mapping: Mapping, name: str) -> list[dict[str, Any]]:
    """What the templates of an attribute may add to an entry."""
    slots: list[Slot] = [slot for slot in mapping.slots if slot.path.attribute.name == name]
    return [dict(slot.literals) for slot in slots]


def fits(found: dict[str, Any], entry: dict[str, Any], literals: list[dict[str, Any]]) -> bool:
    """Tell whether an entry came back with no more than the literals of one template added.

    Where another entry is primary, the literal is denied instead.
    """
    if any(found.get(name) != value for name, value in entry.items()):
        return False
    added = {name: value for name, value in found.items() if name not in entry}
    return any(
        all(
            literal.get(name) == value or ((name, value) == ("primary", False) and name in literal)
            for name, value in added.items()
        )
        for literal in [{}, *literals]
    )


def assert_same_entries(
    found: list[dict[str, Any]], expected: list[dict[str, Any]], literals: list[dict[str, Any]]
) -> None:
    """Assert that each entry came back once, in any order."""
    assert len(expected) == len(found)
    rest = list(found)
    # Those that came back as they were first: they leave the others no choice.
    for entry in sorted(expected, key=lambda entry: entry not in rest):
        match = next((other for other in rest if other == entry), None) or next(
            (other for other in rest if fits(other, entry, literals)), None
        )
        assert match is not None, entry
        rest.remove(match)


@settings(max_examples=300, deadline=None)
@given(declarations(), documents)
def test_keeps_everything(declaration: dict[str, Any], document: dict[str, Any]) -> None:
    """Where unmapped attributes are kept a document comes back whole, and nothing twice."""
    mapping, original = read(declaration, keep=True), copy.deepcopy(document)
    found = there_and_back(mapping, document)
    assert original == document
    plural = {attribute.name for attribute in PLURAL}
    assert {k: v for k, v in document.items() if k not in plural} == {
        k: v for k, v in found.items() if k not in plural
    }
    for name in plural & (document.keys() | found.keys()):
        literals = literals_of(mapping, name)
        assert_same_entries(found.get(name, []), document.get(name, []), literals)
        primaries = [entry for entry in found.get(name, ()) if entry.get("primary") is True]
        assert len(primaries) <= 1


@settings(max_examples=150, deadline=None)
@given(declarations(), documents, st.booleans())
def test_a_second_time_changes_nothing(
    declaration: dict[str, Any], document: dict[str, Any], keep: bool
) -> None:
    """What came back comes back the same, so that reading and writing settle at once."""
    mapping = read(declaration, keep=keep)
    once = there_and_back(mapping, document)
    assert once == there_and_back(mapping, once)


@settings(max_examples=150, deadline=None)
@given(declarations(), documents)
def test_ignores_what_is_not_mapped(declaration: dict[str, Any], document: dict[str, Any]) -> None:
    """Where unmapped attributes are ignored just the mapped ones come back, as they were."""
    mapping, original = read(declaration, keep=False), copy.deepcopy(document)
    taken = mapping.split(document)
    assert (taken.kept, taken.extras) == ({}, {})
    found = mapping.join(taken.values, taken.kept, taken.extras)
    assert original == document
    slotted = {slot.path.attribute.name for slot in mapping.slots}
    expected: dict[str, Any] = {}
    for field in mapping.fields:
        value: Any = document
        for key in field.path.keys:
            value = (value or {}).get(key)
        if value is not None:
            target = expected
            for key in field.path.keys[:-1]:
                target = target.setdefault(key, {})
            target[field.path.keys[-1]] = value
    assert expected == {name: value for name, value in found.items() if name not in slotted}
    for name in slotted & found.keys():
        slots = [slot for slot in mapping.slots if slot.path.attribute.name == name]
        assert len(found[name]) <= len(slots)
        for entry in found[name]:
            assert any(_made_by(slot, entry, document[name]) for slot in slots)


def _made_by(slot: Slot, entry: dict[str, Any], sent: list[dict[str, Any]]) -> bool:
    """Tell whether a template made an entry of its literals and of places that one entry filled."""
    literals, places = dict(slot.literals), [name for name, _ in slot.sources]
    filled = {name: value for name, value in entry.items() if name in places}
    return entry == literals | filled and any(
        filled == {name: other[name] for name in places if name in other} for other in sent
    )


@given(declarations(), documents, st.booleans())
def test_keeps_no_password(
    declaration: dict[str, Any], document: dict[str, Any], keep: bool
) -> None:
    """A password, an id and what the server makes are never kept."""
    mapping = read(declaration, keep=keep)
    own = {"password": "secret", "id": "1", "meta": {"version": "v"}, "schemas": [USER.id]}
    assert there_and_back(mapping, document) == there_and_back(mapping, document | own)


def spoil(value: Any) -> None:
    """Change all that can be changed of a value."""
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            spoil(item)
    value.clear()


@settings(deadline=None)
@given(declarations(), documents)
def test_shares_nothing(declaration: dict[str, Any], document: dict[str, Any]) -> None:
    """Whatever becomes of the parts of a document, the document stays as it is."""
    before = copy.deepcopy(document)
    taken = read(declaration, keep=True).split(document)
    for part in (taken.values, taken.kept, taken.extras):
        spoil(part)
    assert document == before


@settings(deadline=None)
@given(declarations(), documents, documents, st.sets(st.sampled_from(["userName", *OPTIONAL])))
def test_takes_changes_apart(
    declaration: dict[str, Any], first: dict[str, Any], second: dict[str, Any], names: set[Any]
) -> None:
    """To look at what has changed alone comes to the same as to take all of it apart."""
    for keep in (True, False):
        mapping = read(declaration, keep=keep)
        before = there_and_back(mapping, first)
        changed = {str(getattr(name, "name", name)) for name in names}
        after = {name: value for name, value in before.items() if name not in changed}
        after |= {name: value for name, value in second.items() if name in changed}
        parts = mapping.split_change(mapping.split(before), before, after)
        if changed <= declaration.keys():
            assert parts is not None
        assert parts in (None, mapping.split(after))
        whole = mapping.split_change(mapping.split(before), before, second)
        assert whole in (None, mapping.split(second))
