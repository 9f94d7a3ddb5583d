"""Typed entries of multi-valued attributes, and which entry of a document is which."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..protocol.resolver import AttributePath
from .nesting import Document
from .sources import AnySource


@dataclass(frozen=True)
class Slot:
    """One typed entry of a multi-valued attribute, such as the work e-mail.

    :param path: the multi-valued attribute.
    :param literals: the sub-attributes that are always the same.
    :param sources: the sub-attributes that have a place, and the places.
    """

    path: AttributePath
    literals: tuple[tuple[str, Any], ...]
    sources: tuple[tuple[str, AnySource], ...]

    @cached_property
    def key(self) -> str:
        """The name under which the record keeps what the slot has no place for."""
        kind = (f":{name}={str(value).lower()}" for name, value in sorted(self.kind.items()))
        return f"{self.path}{''.join(kind)}"

    @property
    def selector(self) -> str:
        """How a PATCH names the entry: ``emails[type eq "work"]``."""
        return _select(self.path, self.kind or self.template)

    @property
    def written(self) -> str:
        """How a mapping names the entry, with all that is always the same in it."""
        return _select(self.path, self.template)

    @cached_property
    def template(self) -> dict[str, Any]:
        """The literals by name."""
        return dict(self.literals)

    @cached_property
    def kind(self) -> dict[str, Any]:
        """The literals by which an entry is told to be of this slot."""
        return {name: value for name, value in self.literals if name != "primary"}

    @cached_property
    def placed(self) -> frozenset[str]:
        """The sub-attributes that have a place."""
        return frozenset(name for name, _ in self.sources)


#: The slots of one attribute, each with the index of its first place among all of a mapping.
Group = list[tuple[Slot, int]]


def strictest_first(group: Group) -> Group:
    """Bring slots into the order in which they choose: those that take the fewest entries first."""
    return sorted(group, key=lambda each: (not each[0].kind, not each[0].literals))


def choose_all(group: Group, entries: list[Document]) -> list[Document | None]:
    """Take the entries that belong to slots.

    :param group: the slots.
    :param entries: the entries of the attribute, of which those are left that belong to none.
    :return: the entry of each slot.
    """
    alone = len(group) == 1
    order = group if alone else strictest_first(group)
    chosen = {index: _choose(slot, entries, alone=alone) for slot, index in order}
    return [chosen[index] for _, index in group]


def _choose(slot: Slot, entries: list[Document], *, alone: bool) -> Document | None:
    """Take the entry that belongs to a slot: the one of its kind, else an untyped one."""
    kind = slot.kind
    primary = slot.template.get("primary") is True
    fitting = [index for index, entry in enumerate(entries) if not slot.placed.isdisjoint(entry)]
    for index in fitting:
        entry = entries[index]
        if _is_of_kind(entry, kind) and (kind or not primary or entry.get("primary") is True):
            return entries.pop(index)
    for index in fitting:
        entry = entries[index]
        untyped = not any(name in entry for name in kind)
        is_meant = primary and entry.get("primary") is True
        if untyped and (is_meant or (alone and len(entries) == 1)):
            return entries.pop(index)
    return None


def find_extras(
    group: Group, taken: list[Document | None], left: list[Document]
) -> dict[str, Document]:
    """Find what entries have that their slots have no place for.

    :param group: the slots.
    :param taken: the entry of each.
    :param left: the entries that belong to none.
    :return: the rest of each entry that has one, by :attr:`Slot.key`.
    """
    extras = {}
    another_is_primary = any(entry.get("primary") is True for entry in left)
    for (slot, _), entry in zip(group, taken, strict=True):
        if entry is None:
            continue
        literals, placed = slot.template, slot.placed
        extra = {
            name: value
            for name, value in entry.items()
            if name not in placed and literals.get(name) != value
        }
        others = (other for other in taken if other is not None and other is not entry)
        if (
            literals.get("primary") is True
            and "primary" not in entry
            and (another_is_primary or any(other.get("primary") is True for other in others))
        ):
            extra["primary"] = False
        if extra:
            extras[slot.key] = extra
    return extras


def _is_of_kind(entry: Document, kind: Document) -> bool:
    for name, value in kind.items():
        given = entry.get(name)
        if given != value and not _is_same_text(given, value):
            return False
    return True


def _is_same_text(one: Any, other: Any) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()


def _select(path: AttributePath, literals: Document) -> str:
    terms = [f"{name} eq {json.dumps(value)}" for name, value in literals.items()]
    return f"{path}[{' and '.join(terms)}]" if terms else str(path)
