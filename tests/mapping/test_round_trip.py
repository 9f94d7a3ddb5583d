"""Whatever is taken apart can be put together again, whatever the mapping."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_scim.mapping.declaration import read_declaration
from flask_scim.mapping.mapping import Mapping, Slot
from flask_scim.protocol.definitions import ENTERPRISE_USER, USER
from flask_scim.protocol.definitions import USER_TYPE as TYPE
from flask_scim.protocol.schema import Attribute, Mutability, Returned, Type

pytestmark = pytest.mark.once("it stands on the standard library alone")

TYPES = ["work", "home", "Work"]
words = st.sampled_from(["a", "b", "C", "ä"])

SIMPLE = [a for a in USER.attributes if not a.is_complex and a.returned is not Returned.NEVER]
# What clients cannot write is in no document that they send.
PLURAL = [a for a in USER.attributes if a.multi_valued and a.mutability is Mutability.READ_WRITE]
(NAME,) = [a for a in USER.attributes if a.is_complex and not a.multi_valued]
OPTIONAL = [attribute for attribute in SIMPLE if not attribute.required]


def simple(attribute: Attribute) -> st.SearchStrategy[Any]:
    """A canonical value of a simple attribute."""
    if attribute.type is Type.BOOLEAN:
        return st.booleans()
    if attribute.type is Type.BINARY:
        return st.sampled_from(["YQ==", "Yg=="])
    return st.sampled_from(TYPES) if attribute.name == "type" else words


def parts(attribute: Attribute, without: tuple[str, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """A canonical complex value, never empty."""
    optional = {s.name: simple(s) for s in attribute.sub_attributes if s.name not in without}
    return st.fixed_dictionaries({}, optional=optional).filter(bool)


@st.composite
def entries(draw: st.DrawFn, attribute: Attribute) -> list[dict[str, Any]]:
    """The entries of a multi-valued attribute, at most one of them primary."""
    found = draw(st.lists(parts(attribute, ("primary",)), min_size=1, max_size=4))
    if attribute.sub("primary") is not None:
        primary = draw(st.integers(-2, len(found) - 1))
        for index, entry in enumerate(found):
            if index == primary:
                entry["primary"] = True
            elif draw(st.integers(0, 4)) == 0:
                entry["primary"] = False
    return found


MANAGER = ENTERPRISE_USER.attribute("manager")
assert MANAGER is not None
extensions = st.fixed_dictionaries(
    {},
    optional={
        attribute.name: parts(attribute) if attribute.is_complex else words
        for attribute in ENTERPRISE_USER.attributes
    },
).filter(bool)
documents = st.fixed_dictionaries(
    {"userName": words},
    optional={
        **{attribute.name: simple(attribute) for attribute in OPTIONAL},
        **{attribute.name: entries(attribute) for attribute in PLURAL},
        "externalId": words,
        "name": parts(NAME),
        ENTERPRISE_USER.id: extensions,
    },
)


@st.composite
def templates(draw: st.DrawFn, attribute: Attribute) -> list[dict[str, Any]]:
    """Templates for the entries of a multi-valued attribute, each of a type of its own."""
    sources = [sub.name for sub in attribute.sub_attributes if sub.name not in ("type", "primary")]
    chosen = st.lists(st.sampled_from(sources), min_size=1, unique=True)
    kinds = draw(st.lists(st.sampled_from(["work", "home", None]), min_size=1, unique=True))
    primary = draw(st.integers(-2, len(kinds) - 1))
    made: list[dict[str, Any]] = []
    for index, kind in enumerate(kinds):
        template: dict[str, Any] = {} if kind is None else {"type": kind}
        if index == primary and attribute.sub("primary") is not None:
            template["primary"] = True
        for name in draw(chosen):
            template[name] = f"{attribute.name}_{index}_{name}".replace("$", "")
        made.append(template)
    return made


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """A declaration that maps some of the attributes of users, each in one of the ways."""
    declared: dict[str, Any] = {"userName": "login"}
    for attribute in draw(st.lists(st.sampled_from(OPTIONAL), unique=True, max_size=5)):
        declared[attribute.name] = attribute.name
    for attribute in draw(st.lists(st.sampled_from(PLURAL), unique=True, max_size=4)):
        whole = draw(st.integers(0, 3)) == 0
        declared[attribute.name] = attribute.name if whole else draw(templates(attribute))
    if draw(st.booleans()):
        declared["externalId"] = "foreign"
    for name, attribute in (("name", NAME), (f"{ENTERPRISE_USER.id}:manager", MANAGER)):
        match draw(st.integers(0, 2)):
            case 1:
                declared[name] = attribute.name
            case 2:
                subs = draw(st.lists(st.sampled_from(attribute.sub_attributes), unique=True))
                declared |= {f"{name}.{sub.name}": f"{attribute.name}.{sub.name}" for sub in subs}
    if draw(st.booleans()):
        declared[f"{ENTERPRISE_USER.id}:department"] = "department"
    return declared


def read(declaration: dict[str, Any], *, keep: bool) -> Mapping:
    """Read a declaration."""
    return read_declaration(declaration, TYPE, keep_unmapped=keep)


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
