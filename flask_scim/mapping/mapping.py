"""A checked declaration: it takes documents apart into places, and puts them together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..protocol.resolver import AttributePath
from ..protocol.schema import ResourceType
from .joining import Input, Join, write_join
from .keeping import Keeping, is_secret, may_be_kept
from .nesting import Document, Keys, Places, copy, list_places, put, sift, take
from .slots import Group, Slot, choose_all, find_extras, strictest_first
from .sources import AnySource, Refs, Source, Values
from .unmapped import list_extras, list_names, write_entry


@dataclass(frozen=True, slots=True)
class Field:
    """One value of the document and its place.

    :param path: where the value stands in the document.
    :param source: where it sits.
    """

    path: AttributePath
    source: AnySource


@dataclass(frozen=True, slots=True)
class Reference:
    """A multi-valued attribute whose entries are other resources.

    :param name: the attribute, such as ``members``.
    :param refs: how the row refers to them.
    """

    name: str
    refs: Refs


@dataclass(slots=True)
class Parts:
    """A document taken apart.

    :param values: one for each of :attr:`Mapping.sources`, ``None`` where nothing is assigned.
    :param kept: what no place was named for; empty where such attributes are ignored.
    :param extras: the same for the entries of slots, by :attr:`Slot.key`.
    """

    values: list[Any]
    kept: Document = field(default_factory=dict)
    extras: dict[str, Document] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapping:
    """Where the attributes of one resource type sit.

    :param resource_type: the resource type that is mapped.
    :param fields: single values and their places.
    :param slots: typed entries and their places.
    :param references: attributes whose entries are other resources.
    :param keep_unmapped: whether the rest is kept in the record.
    :param shown: attributes that show the references of other resources to this one.
    """

    resource_type: ResourceType
    fields: tuple[Field, ...]
    slots: tuple[Slot, ...]
    references: tuple[Reference, ...]
    keep_unmapped: bool
    shown: frozenset[str] = frozenset()

    @cached_property
    def _slots_by_path(self) -> dict[Keys, Group]:
        grouped: dict[Keys, list[Slot]] = {}
        for slot in self.slots:
            grouped.setdefault(slot.path.keys, []).append(slot)
        indexed: dict[Keys, Group] = {}
        index = len(self.fields)
        for keys, slots in grouped.items():
            for slot in slots:
                indexed.setdefault(keys, []).append((slot, index))
                index += len(slot.sources)
        return indexed

    @cached_property
    def sources(self) -> tuple[tuple[AttributePath, AnySource], ...]:
        """Every place and the path whose value it holds: those of fields, then those of slots."""
        places = [(field.path, field.source) for field in self.fields]
        for group in self._slots_by_path.values():
            for slot, _ in group:
                attribute, urn = slot.path.attribute, slot.path.urn
                places += [
                    (AttributePath(attribute, attribute.sub(name), urn), source)
                    for name, source in slot.sources
                ]
        return tuple(places)

    @cached_property
    def names(self) -> list[str]:
        """How a PATCH names each of :attr:`sources`."""
        return self._names(lambda slot: slot.selector)

    @cached_property
    def written(self) -> list[str]:
        """How a mapping names each of :attr:`sources`."""
        return self._names(lambda slot: slot.written)

    def _names(self, name: Callable[[Slot], str]) -> list[str]:
        names = [str(field.path) for field in self.fields]
        for group in self._slots_by_path.values():
            for slot, _ in group:
                names += [f"{name(slot)}.{part}" for part, _ in slot.sources]
        return names

    def slots_of(self, path: AttributePath) -> Group:
        """List the slots of a multi-valued attribute.

        :param path: the attribute.
        :return: the slots in the order in which a document shows their entries, each with the index
            of its first source in :attr:`sources`.
        """
        return strictest_first(self._slots_by_path.get(path.keys, []))

    def maps(self, path: AttributePath) -> bool:
        """Tell whether the attribute, or a part of it, is served.

        :param path: the attribute or sub-attribute.
        :return: whether a value that is sent there comes back, or is at least made use of.
        """
        if path.keys[0] in self.shown | {each.name for each in self.references}:
            return True
        if self.keep_unmapped and may_be_kept(path.attribute) and not is_secret(path):
            return True
        whole = AttributePath(path.attribute, urn=path.urn)
        for place, source in self.sources:
            if isinstance(source, Values) and path.sub_attribute and place == whole:
                return path.sub_attribute.name in source.parts
            is_part = path == whole and place.keys[: len(path.keys)] == path.keys
            if is_part or place in (path, whole):
                return True
        return any(path.leaf.name in dict(slot.literals) for slot, _ in self.slots_of(whole))

    def split(self, document: Document) -> Parts:
        """Take a document apart.

        :param document: a resource in canonical form.
        :return: its values in the order of :attr:`sources`, and what is kept beside them.
        """
        values: list[Any] = [None] * len(self.fields)
        rest = sift(document, self._places, values)
        for name in ("schemas", "id", "meta"):
            rest.pop(name, None)
        if self.keep_unmapped:
            self._keeping.drop_secrets(rest)
        extras: dict[str, Document] = {}
        for keys, group in self._slots_by_path.items():
            entries = list(take(rest, keys) or ())
            taken = choose_all(group, entries)
            for (slot, _), entry in zip(group, taken, strict=True):
                named = entry or {}
                values += [named.get(name) for name, _ in slot.sources]
            if entries:
                put(rest, keys, entries)
            if self.keep_unmapped:
                extras |= find_extras(group, taken, entries)
        # What is left to copy is little: most values are plain, and most have a place.
        values = [copy(value) if isinstance(value, (dict, list)) else value for value in values]
        if not self.keep_unmapped:
            return Parts(values)
        return Parts(values, self._keeping.keepable(rest), copy(extras))

    @cached_property
    def _places(self) -> Places:
        """Where single values go."""
        return list_places(self._field_keys)

    @cached_property
    def _keeping(self) -> Keeping:
        return Keeping(self.resource_type)

    def split_change(self, known: Parts, before: Document, after: Document) -> Parts | None:
        """Take a changed document apart where that takes no more than to look at the change.

        :param known: the parts of the document before.
        :param before: the document before.
        :param after: the document afterwards.
        :return: its parts; ``None`` if something has changed that is not a whole field.
        """
        values, indexes = list(known.values), self._whole_fields
        for name in before.keys() | after.keys():
            value = after.get(name)
            if value == before.get(name):
                continue
            index = indexes.get(name)
            if index is None:
                return None
            values[index] = copy(value)
        return Parts(values, known.kept, known.extras) if self.keep_unmapped else Parts(values)

    @cached_property
    def _whole_fields(self) -> dict[str, int]:
        """The attributes that have one place as a whole, and where it is."""
        keys = enumerate(self._field_keys)
        return {only: index for index, (only, *parts) in keys if not parts}

    @cached_property
    def _field_keys(self) -> list[Keys]:
        return [field_.path.keys for field_ in self.fields]

    def join(
        self, values: Sequence[Any], kept: Document | None, extras: dict[str, Document] | None
    ) -> Document:
        """Put a document together.

        :param values: one value for each of :attr:`sources`.
        :param kept: what the record keeps.
        :param extras: what the record keeps for the entries of slots.
        :return: the resource in canonical form, without ``schemas``, ``id`` and ``meta``.
        """
        return self._join(values, kept, extras)

    @cached_property
    def _join(self) -> Join:
        width = len(self.sources)
        return self.write_join([Input(index) for index in range(width)], width)

    def write_join(self, inputs: Sequence[Input | None], width: int) -> Join:
        """Write the function that does what :meth:`join` does with values as they are read.

        :param inputs: how each of :attr:`sources` is read; ``None`` for one that never is.
        :param width: how many values the function takes.
        :return: the function.
        """
        return write_join(
            self._field_keys, self._slots_by_path, inputs, width, keeps=self.keep_unmapped
        )

    def unmapped(self, document: Document) -> list[str]:
        """List what of a document no place was named for.

        ``type`` and ``primary`` do not count where they say which entry of an attribute is meant.

        :param document: a resource in canonical form.
        :return: the names, as a path writes them.
        """
        rest = sift(document, self._places, [None] * len(self.fields))
        for name in ("schemas", "id", "meta", *self.shown, *(r.name for r in self.references)):
            rest.pop(name, None)
        found = []
        for keys, group in self._slots_by_path.items():
            entries = list(take(rest, keys) or ())
            taken = choose_all(group, entries)
            found += list_extras(group, find_extras(group, taken, entries))
            found += [write_entry(group[0][0].path, entry) for entry in entries]
        return [*list_names(rest, self.resource_type), *found]


def writable(source: AnySource) -> bool:
    """Tell whether SCIM writes to a source."""
    return isinstance(source, Values) or (isinstance(source, Source) and not source.read_only)
