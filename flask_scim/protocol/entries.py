"""The entries of a multi-valued attribute while a change works on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from .matcher import matches_entry
from .resolver import All, Compare, Condition
from .schema import Attribute
from .syntax import Operator
from .values import comparable

_IDENTITY = ""


class Entries:
    """A list of entries in which one is found without looking at all the others.

    Every entry has a slot: a number that stays its own while others come and go.

    :param attribute: the definition of the attribute.
    :param entries: its entries, in canonical form; the list is not touched.
    """

    def __init__(self, attribute: Attribute, entries: Iterable[Any]) -> None:
        self.attribute = attribute
        self._before = list(entries)
        self._slots = dict(enumerate(self._before))
        self._origins = dict(self._slots)
        self._next = len(self._slots)
        # By sub-attribute, or by identity: which slots hold a value.
        self._indexes: dict[str, dict[Hashable, dict[int, None]]] = {}

    def __getitem__(self, slot: int) -> Any:
        return self._slots[slot]

    @property
    def values(self) -> list[Any]:
        """The entries, in order."""
        return list(self._slots.values())

    @property
    def is_same(self) -> bool:
        """Whether the entries are those of the beginning, in whatever order."""
        values = self.values
        if values == self._before or len(values) != len(self._before):
            return values == self._before
        return Counter(map(_frozen, values)) == Counter(map(_frozen, self._before))

    def changes(self) -> Iterator[tuple[Any, Any]]:
        """Go through the entries that are new or different.

        :return: pairs of an entry as it was (``None`` for a new one) and as it is.
        """
        for slot, entry in self._slots.items():
            origin = self._origins.get(slot)
            if origin is not entry:
                yield origin, entry

    def select(self, condition: Condition | None) -> list[int]:
        """Find the entries that a value filter selects.

        :param condition: the resolved filter; ``None`` for all entries.
        :return: their slots, in order.
        """
        if condition is None:
            return list(self._slots)
        return [
            slot
            for slot in self._candidates(condition)
            if matches_entry(condition, self._slots[slot])
        ]

    def like(self, sample: Any) -> list[int]:
        """Find the entries that a client means by giving parts of them.

        The ``value`` says which; what else is given only chooses among several of one ``value``.

        :param sample: an entry, or some sub-attributes of one.
        :return: their slots.
        """
        if not isinstance(sample, dict):
            return list(self._index(_IDENTITY).get(self._identity(sample), ()))
        value = self.attribute.sub("value")
        if value is None or "value" not in sample:
            return [slot for slot, entry in self._slots.items() if sample.items() <= entry.items()]
        slots = list(self._index("value").get(comparable(value, sample["value"]), ()))
        rest = {name: part for name, part in sample.items() if name != "value"}
        for parts in ({"value": sample["value"]}.items(), rest.items()):
            slots = [slot for slot in slots if parts <= self._slots[slot].items()] or slots
        return slots

    def add(self, entry: Any) -> None:
        """Append an entry, unless it is there already.

        :param entry: the entry; whether it is primary makes it no other one.
        """
        slot = next(iter(self._index(_IDENTITY).get(self._identity(entry), ())), None)
        if slot is None:
            slot = self._next
            self._next += 1
            self.put(slot, entry)
        elif isinstance(entry, dict) and "primary" in entry:
            present = self._slots[slot]
            if present.get("primary", False) != entry["primary"]:
                self.put(slot, {**present, "primary": entry["primary"]})

    def put(self, slot: int, entry: Any) -> None:
        """Set the entry in a slot; one that becomes primary takes that from the others.

        :param slot: the slot.
        :param entry: the entry that it holds from now on.
        """
        self._set(slot, entry)
        if isinstance(entry, dict) and entry.get("primary") is True:
            for other in list(self._index("primary").get(True, ())):
                if other != slot:
                    self._set(other, {**self._slots[other], "primary": False})

    def swap(self, slots: list[int], entry: Any) -> None:
        """Let one new entry take the place of others.

        :param slots: the slots of the others.
        :param entry: the entry that comes into the first of them.
        """
        first, *rest = slots
        self.drop(rest)
        if self._slots[first] != entry:
            self._origins.pop(first, None)
            self.put(first, entry)

    def drop(self, slots: Iterable[int]) -> None:
        """Take entries away.

        :param slots: their slots.
        """
        for slot in slots:
            self._forget(slot)
            del self._slots[slot]

    def replace(self, entries: Iterable[Any]) -> None:
        """Let new entries take the place of all.

        A reference that was there stays as it was: its id alone says what it is.

        :param entries: the new entries.
        """
        known = {}
        if self.attribute.is_reference:
            known = {self._identity(entry): entry for entry in self.values}
        self.drop(self.select(None))
        for entry in entries:
            self.add(known.get(self._identity(entry), entry))

    def _set(self, slot: int, entry: Any) -> None:
        if slot in self._slots:
            self._forget(slot)
        self._slots[slot] = entry
        for name, index in self._indexes.items():
            for key in self._keys(name, entry):
                index.setdefault(key, {})[slot] = None

    def _forget(self, slot: int) -> None:
        for name, index in self._indexes.items():
            for key in self._keys(name, self._slots[slot]):
                index[key].pop(slot, None)

    def _index(self, name: str) -> dict[Hashable, dict[int, None]]:
        if name not in self._indexes:
            index = self._indexes[name] = {}
            for slot, entry in self._slots.items():
                for key in self._keys(name, entry):
                    index.setdefault(key, {})[slot] = None
        return self._indexes[name]

    def _keys(self, name: str, entry: Any) -> Iterator[Hashable]:
        if name == _IDENTITY:
            yield self._identity(entry)
        elif (sub := self.attribute.sub(name)) is not None and name in entry:
            yield comparable(sub, entry[name])

    def _identity(self, entry: Any) -> Hashable:
        if not isinstance(entry, dict):
            return _frozen(entry)
        if self.attribute.is_reference and "value" in entry:
            return _frozen(entry["value"])
        return _frozen({name: part for name, part in entry.items() if name != "primary"})

    def _candidates(self, condition: Condition) -> list[int]:
        """Narrow a filter down by one of its ``eq`` terms."""
        for term in condition.terms if isinstance(condition, All) else (condition,):
            match term:
                case Compare(path, Operator.EQ, value) if path.sub_attribute is not None:
                    if not path.sub_attribute.multi_valued:
                        return sorted(self._index(path.sub_attribute.name).get(value, ()))
        return list(self._slots)


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return tuple(sorted((name, _frozen(part)) for name, part in value.items()))
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
