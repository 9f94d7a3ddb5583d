"""The function that is written for a mapping puts together what a walk through it would."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_scim.mapping.joining import Input
from flask_scim.mapping.mapping import Mapping
from flask_scim.mapping.slots import Slot
from tests.mapping.drawn import declarations, documents, read, words

pytestmark = pytest.mark.once("it stands on the standard library alone")

Document = dict[str, Any]


def walk(mapping: Mapping, values: list[Any], kept: Document, extras: Document) -> Document:
    """Put a document together as plainly as can be said."""
    if not mapping.keep_unmapped:
        kept, extras = {}, {}
    document: Document = copy.deepcopy(kept)
    rest = iter(values)
    inner: dict[tuple[str, ...], Document] = {}
    for field in mapping.fields:
        *outer, name = field.path.keys
        value = next(rest)
        inner.setdefault(tuple(outer), {})
        if value is not None:
            inner[tuple(outer)][name] = value
    for outer, some in inner.items():
        if some:
            within(document, outer).update(some)
    paths = {slot.path.keys: slot.path for slot in mapping.slots}
    entries: dict[str, Document] = {}
    for keys in paths:
        for slot in (each for each in mapping.slots if each.path.keys == keys):
            filled = {name: next(rest) for name, _ in slot.sources}
            entries[slot.key] = {k: v for k, v in filled.items() if v is not None}
    for keys, path in paths.items():
        slots: list[Slot] = [slot for slot, _ in mapping.slots_of(path)]
        made = [
            {**dict(slot.literals), **extras.get(slot.key, {}), **entries[slot.key]}
            for slot in slots
            if entries[slot.key]
        ]
        if made:
            target = within(document, keys[:-1])
            target[keys[-1]] = made + (target.get(keys[-1]) or [])
    return document


def within(document: Document, keys: tuple[str, ...]) -> Document:
    """Find an object in others."""
    for key in keys:
        document = document.setdefault(key, {})
    return document


def written(value: Any) -> Any:
    """A document with the order of its names, which JSON shows too."""
    if isinstance(value, dict):
        return [(name, written(item)) for name, item in value.items()]
    return [written(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=100, deadline=None)
@given(declarations(), documents, st.booleans())
def test_joins_as_a_walk_does(
    declaration: dict[str, Any], document: dict[str, Any], keep: bool
) -> None:
    """Values, what is kept and what is kept of entries come together, in the same order."""
    mapping = read(declaration, keep=keep)
    parts = read(declaration, keep=True).split(document)
    before = copy.deepcopy(parts)
    found = mapping.join(parts.values, parts.kept, parts.extras)
    assert written(walk(mapping, parts.values, parts.kept, parts.extras)) == written(found)
    found.clear()
    assert before == parts
    nothing = mapping.join(parts.values, None, None)
    assert written(walk(mapping, parts.values, {}, {})) == written(nothing)


@settings(max_examples=100, deadline=None)
@given(st.data(), declarations(), documents)
def test_reads_as_it_joins(
    data: st.DataObject, declaration: dict[str, Any], document: dict[str, Any]
) -> None:
    """It takes values from anywhere, decodes them, and knows which text stands for nothing."""
    mapping = read(declaration, keep=True)
    parts = mapping.split(document)
    width = len(parts.values) + 1
    order = data.draw(st.permutations(range(width)))
    raws: list[Any] = [data.draw(words) for _ in range(width)]
    inputs: list[Input | None] = []
    values: list[Any] = []
    for index, value in zip(order, parts.values, strict=False):
        way = data.draw(st.sampled_from(["plain", "text", "boxed", "unreadable", "never"]))
        match way:
            case "plain":
                raws[index] = value
                inputs.append(Input(index))
            case "text":
                raws[index] = value or data.draw(st.sampled_from(["", None]))
                value = value or None  # noqa: PLW2901
                inputs.append(Input(index, is_text=True))
            case "boxed":
                raws[index] = None if value is None else [value]
                inputs.append(Input(index, decode=lambda raw: raw[0]))
            case "unreadable":
                value = None  # noqa: PLW2901
                inputs.append(Input(index, decode=lambda _: None))
            case _:
                value = None  # noqa: PLW2901
                inputs.append(None)
        values.append(value)
    join = mapping.write_join(inputs, width)
    found = join(raws, parts.kept, parts.extras)
    assert written(walk(mapping, values, parts.kept, parts.extras)) == written(found)


@pytest.mark.parametrize("name", ['"]; raise SystemExit #', "\\", "'\n'", "c0", "{v0}"])
def test_no_name_becomes_code(name: str) -> None:
    """What a configuration says is never read as anything but text."""
    mapping = read({"userName": "login", "emails": [{"type": name, "value": "mail"}]}, keep=True)
    values = ["a@example.com" if str(source) == "mail" else None for _, source in mapping.sources]
    joined = mapping.join(values, None, None)
    assert [{"type": name, "value": "a@example.com"}] == joined["emails"]
