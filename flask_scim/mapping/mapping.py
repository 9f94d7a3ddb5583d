"""A checked declaration: it takes documents apart into places, and puts them together again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..protocol.resolver import AttributePath
from ..protocol.schema import Attribute, ResourceType, Returned
from .sources import AnySource, Refs, Source, Values

Document = dict[str, Any]
_Keys = tuple[str, ...]
#: What an object is filled with: the name of each value, and its index among all of them.
_Places = list[tuple[str, int]]
#: An entry of a slot: what it always has, the slot's key, and where its parts are.
_Entry = tuple[Document, str, _Places]
#: Where the entries of an attribute go: the objects around it, its name, and what they are.
_Group = tuple[_Keys, str, list[_Entry]]


@dataclass(frozen=True, slots=True)
class Field:
    """One value of the document and its place.

    :param path: where the value stands in the document.
    :param source: where it sits.
    """

    path: AttributePath
    source: AnySource


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
    def _slots_by_path(self) -> dict[tuple[str, ...], list[tuple[Slot, int]]]:
        grouped: dict[tuple[str, ...], list[Slot]] = {}
        for slot in self.slots:
            grouped.setdefault(slot.path.keys, []).append(slot)
        indexed: dict[tuple[str, ...], list[tuple[Slot, int]]] = {}
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

    def slots_of(self, path: AttributePath) -> list[tuple[Slot, int]]:
        """List the slots of a multi-valued attribute.

        :param path: the attribute.
        :return: the slots in the order in which a document shows their entries, each with the index
            of its first source in :attr:`sources`.
        """
        return _strictest(self._slots_by_path.get(path.keys, []))

    def maps(self, path: AttributePath) -> bool:
        """Tell whether the attribute, or a part of it, is served.

        :param path: the attribute or sub-attribute.
        :return: whether a value that is sent there comes back, or is at least made use of.
        """
        if path.keys[0] in self.shown | {each.name for each in self.references}:
            return True
        if self.keep_unmapped and _may_be_kept(path.attribute) and not is_secret(path):
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
        rest = _copy_objects(document)
        for name in ("schemas", "id", "meta"):
            rest.pop(name, None)
        parts = Parts([_take(rest, keys) for keys in self._field_keys])
        if self.keep_unmapped:
            self._drop_secrets(rest)
        for keys, group in self._slots_by_path.items():
            entries = list(_take(rest, keys) or ())
            self._fill_slots(group, entries, parts)
            if entries:
                _put(rest, keys, entries)
        # What is left to copy is little: most values are plain, and most have a place.
        parts.values = [
            _copy(value) if isinstance(value, (dict, list)) else value for value in parts.values
        ]
        if self.keep_unmapped:
            parts.kept = _copy(self._keepable(rest))
            parts.extras = _copy(parts.extras)
        else:
            parts.extras = {}
        return parts

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
            values[index] = _copy(value)
        return Parts(values, known.kept, known.extras) if self.keep_unmapped else Parts(values)

    @cached_property
    def _whole_fields(self) -> dict[str, int]:
        """The attributes that have one place as a whole, and where it is."""
        keys = enumerate(self._field_keys)
        return {only: index for index, (only, *parts) in keys if not parts}

    @cached_property
    def _field_keys(self) -> list[_Keys]:
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
        if not self.keep_unmapped:
            kept = extras = None
        document: Document = _copy(kept) if kept else {}
        singles, groups = self._way_together
        # Each row of a list comes this way: a call for each object would take as long as the rest.
        for outer, places in singles:
            inner: Document = {} if outer else document
            for name, index in places:
                if (value := values[index]) is not None:
                    inner[name] = value
            if outer and inner:
                _within(document, outer).update(inner)
        for outer, name, slots in groups:
            entries = []
            for literals, key, places in slots:
                entry: Document = {}
                for part, index in places:
                    if (value := values[index]) is not None:
                        entry[part] = value
                if entry:
                    extra = extras.get(key, {}) if extras else {}
                    entries.append({**literals, **extra, **entry})
            if entries:
                inner = _within(document, outer)
                inner[name] = entries + (inner.get(name) or [])
        return document

    @cached_property
    def _way_together(self) -> tuple[list[tuple[_Keys, _Places]], list[_Group]]:
        """What of putting documents together is the same for all of them."""
        singles: dict[_Keys, _Places] = {}
        for index, (*outer, name) in enumerate(self._field_keys):
            singles.setdefault(tuple(outer), []).append((name, index))
        groups = [
            (
                keys[:-1],
                keys[-1],
                [
                    (
                        dict(slot.literals),
                        slot.key,
                        [(name, index + offset) for offset, (name, _) in enumerate(slot.sources)],
                    )
                    for slot, index in _strictest(group)
                ],
            )
            for keys, group in self._slots_by_path.items()
        ]
        return list(singles.items()), groups

    def unmapped(self, document: Document) -> list[str]:
        """List what of a document no place was named for.

        ``type`` and ``primary`` do not count where they say which entry of an attribute is meant.

        :param document: a resource in canonical form.
        :return: the names, as a path writes them.
        """
        rest = _copy_objects(document)
        for name in ("schemas", "id", "meta", *self.shown, *(r.name for r in self.references)):
            rest.pop(name, None)
        for keys in self._field_keys:
            _take(rest, keys)
        found = []
        for keys, group in self._slots_by_path.items():
            parts, entries = Parts([]), list(_take(rest, keys) or ())
            self._fill_slots(group, entries, parts)
            selectors = {slot.key: slot.selector for slot, _ in group}
            found += [
                f"{selectors[key]}.{name}"
                for key, extra in parts.extras.items()
                for name in extra
                if name not in ("type", "primary")
            ]
            found += [_selected(group[0][0].path, entry) for entry in entries]
        return [*_names(rest, self.resource_type), *found]

    def _fill_slots(
        self, group: list[tuple[Slot, int]], entries: list[Document], parts: Parts
    ) -> None:
        """Move the entries that belong to slots out of ``entries`` and into ``parts``."""
        alone = len(group) == 1
        strictest = group if alone else _strictest(group)
        chosen = {index: _choose(slot, entries, alone=alone) for slot, index in strictest}
        taken = [chosen[index] for _, index in group]
        another_is_primary = any(entry.get("primary") is True for entry in entries)
        for (slot, _), entry in zip(group, taken, strict=True):
            named = entry or {}
            parts.values += [named.get(name) for name, _ in slot.sources]
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
                parts.extras[slot.key] = extra

    def _keepable(self, rest: Document) -> Document:
        never = self._never_kept
        return {name: value for name, value in rest.items() if name not in never}

    @cached_property
    def _never_kept(self) -> frozenset[str]:
        attributes = self.resource_type.schema.attributes
        return frozenset(each.name for each in attributes if not _may_be_kept(each))

    def _drop_secrets(self, rest: Document) -> None:
        own, extensions = self._with_secrets
        _drop_secrets(own, rest)
        for urn, attributes in extensions:
            if urn in rest:
                _drop_secrets(attributes, rest[urn])

    @cached_property
    def _with_secrets(
        self,
    ) -> tuple[list[Attribute], list[tuple[str, list[Attribute]]]]:
        """The attributes that are secret or have parts that are; those of extensions by URN."""
        schemas = [each.schema for each in self.resource_type.extensions]
        extensions = [(each.id, list(filter(_has_secrets, each.attributes))) for each in schemas]
        return list(filter(_has_secrets, self.resource_type.attributes)), extensions


def is_secret(path: AttributePath) -> bool:
    """Tell whether a value is never returned, and so must not be stored in clear text."""
    return Returned.NEVER in (path.attribute.returned, path.leaf.returned)


def writable(source: AnySource) -> bool:
    """Tell whether SCIM writes to a source."""
    return isinstance(source, Values) or (isinstance(source, Source) and not source.read_only)


def _may_be_kept(attribute: Attribute) -> bool:
    """What refers to other resources is no value."""
    return not (attribute.is_reference and attribute.multi_valued)


def _has_secrets(attribute: Attribute) -> bool:
    return attribute.returned is Returned.NEVER or any(map(_has_secrets, attribute.sub_attributes))


def _drop_secrets(attributes: Iterable[Attribute], values: Document) -> None:
    for attribute in attributes:
        value = values.get(attribute.name)
        if attribute.returned is Returned.NEVER:
            values.pop(attribute.name, None)
        elif attribute.is_complex and value is not None:
            values[attribute.name] = value = _copy(value)
            for entry in value if isinstance(value, list) else [value]:
                _drop_secrets(attribute.sub_attributes, entry)


def _strictest(group: list[tuple[Slot, int]]) -> list[tuple[Slot, int]]:
    """Slots in the order in which they choose: those that take the fewest entries first."""
    return sorted(group, key=lambda each: (not each[0].kind, not each[0].literals))


def _choose(slot: Slot, entries: list[Document], *, alone: bool) -> Document | None:
    """Take the entry that belongs to a slot: the one of its kind, else an untyped one."""
    kind = slot.kind
    primary = slot.template.get("primary") is True
    fitting = [entry for entry in entries if not slot.placed.isdisjoint(entry)]
    for entry in fitting:
        if _is_of_kind(entry, kind) and (kind or not primary or entry.get("primary") is True):
            return _take_entry(entries, entry)
    for entry in fitting:
        untyped = not any(name in entry for name in kind)
        is_meant = primary and entry.get("primary") is True
        if untyped and (is_meant or (alone and len(entries) == 1)):
            return _take_entry(entries, entry)
    return None


def _take_entry(entries: list[Document], entry: Document) -> Document:
    entries[:] = [other for other in entries if other is not entry]
    return entry


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


def _selected(path: AttributePath, entry: Document) -> str:
    kind = entry.get("type")
    return str(path) if kind is None else f"{path}[type eq {json.dumps(kind)}]"


def _names(rest: Document, resource_type: ResourceType) -> list[str]:
    """The names of the attributes in a document, and of the parts of those that have one value."""
    found = []
    for name, value in rest.items():
        schema = resource_type.extension(name)
        if schema is not None:
            found += [f"{name}:{part}" for part in _parts(value)]
        else:
            found += _parts({name: value})
    return found


def _parts(values: Document) -> list[str]:
    found = []
    for name, value in values.items():
        found += [f"{name}.{part}" for part in value] if isinstance(value, dict) else [name]
    return found


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _copy(item) if isinstance(item, (dict, list)) else item
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def _copy_objects(document: Document) -> Document:
    """Copy a document so that what has a place can be taken out of it; lists are not copied."""
    return {
        key: _copy_objects(item) if isinstance(item, dict) else item
        for key, item in document.items()
    }


def _within(document: Document, keys: _Keys) -> Document:
    """Find an object in others, which are made where they are missing."""
    for key in keys:
        document = document.setdefault(key, {})
    return document


def _put(document: Document, keys: tuple[str, ...], value: Any) -> None:
    _within(document, keys[:-1])[keys[-1]] = value


def _take(document: Document, keys: tuple[str, ...]) -> Any:
    """Remove a value, and with it the objects that it leaves empty."""
    if len(keys) == 1:
        return document.pop(keys[0], None)
    inner = document.get(keys[0])
    if inner is None:
        return None
    value = _take(inner, keys[1:])
    if not inner:
        del document[keys[0]]
    return value
