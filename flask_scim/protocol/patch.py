"""What a PATCH makes of a resource (:rfc:`7644#section-3.5.2`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .constraints import check_attributes, check_change, check_entry
from .dialects import Dialect
from .entries import Entries
from .errors import InvalidFilter, InvalidValue, NoTarget
from .matcher import matches_entry
from .operations import Op, Operation
from .resolver import AttributePath, Target
from .schema import Attribute, ResourceType


def apply(
    document: dict[str, Any],
    operations: Iterable[Operation],
    resource_type: ResourceType,
    dialect: Dialect,
) -> dict[str, Any]:
    """Carry out the operations of a PATCH, all or none.

    Only what the operations touch is checked.

    :param document: the resource, in canonical form; it is not touched.
    :param operations: what :func:`~flask_scim.protocol.operations.parse` returned.
    :param resource_type: the type of the resource.
    :param dialect: how the identity provider speaks.
    :return: the resource as it is to be; equal to ``document`` where nothing changes.
    :raises NoTarget: if a value filter finds no entry.
    :raises MutabilityError: if an immutable value would change.
    :raises InvalidValue: if a required value would be gone.
    :raises InvalidFilter: if a value filter finds several entries and the dialect is strict.
    """
    draft = _Draft(document, dialect)
    for operation in operations:
        draft.perform(operation)
    return draft.finish(resource_type)


class _Draft:
    """A resource on which operations work, copied only where they change it."""

    def __init__(self, document: dict[str, Any], dialect: Dialect) -> None:
        self.before = document
        self.after = dict(document)
        self.dialect = dialect
        self.places: dict[str, AttributePath] = {}
        self.entries: dict[str, Entries] = {}

    def perform(self, operation: Operation) -> None:
        place = operation.place
        name = str(place)
        self.places[name] = place
        if not place.attribute.multi_valued:
            self._write(place, self._changed(operation, _read(self.after, place)))
            return
        if name not in self.entries:
            self.entries[name] = Entries(place.attribute, _read(self.before, place) or ())
        self._change_entries(operation, self.entries[name])

    def finish(self, resource_type: ResourceType) -> dict[str, Any]:
        for name, entries in self.entries.items():
            if not entries.is_same:
                self._write(self.places[name], entries.values or None)
                for before, after in entries.changes():
                    if isinstance(after, dict):
                        check_entry(entries.attribute, before, after, name)
        for name, place in self.places.items():
            before, after = _read(self.before, place), _read(self.after, place)
            check_change(place.attribute, before, after, name)
        for extension in resource_type.extensions:
            urn = extension.schema.id
            if urn in self.after and urn not in self.before:
                check_attributes(extension.schema.attributes, self.after[urn], f"{urn}:")
            elif extension.required and urn in self.before and urn not in self.after:
                raise InvalidValue(f"{urn} is required and cannot be removed.")
        return self.after

    def _changed(self, operation: Operation, current: Any) -> Any:
        """Work out the new value of a single-valued attribute."""
        attribute, sub = operation.attribute, operation.target.sub_attribute
        if operation.op is Op.REMOVE:
            return None if sub is None else _merged(attribute, current, {sub.name: None}, Op.REMOVE)
        if sub is not None:
            return _merged(attribute, current, {sub.name: operation.value}, operation.op)
        if not attribute.is_complex:
            return operation.value
        if operation.op is Op.REPLACE and self.dialect.strict:
            current = None
        return _merged(attribute, current, operation.value, operation.op)

    def _change_entries(self, operation: Operation, entries: Entries) -> None:
        target, value = operation.target, operation.value
        if operation.op is Op.REMOVE:
            self._remove_entries(operation, entries)
        elif target.condition is not None or target.sub_attribute is not None:
            self._change_selected(operation, entries)
        elif operation.op is Op.REPLACE:
            entries.replace(value)
        else:
            for entry in value:
                entries.add(entry)

    def _remove_entries(self, operation: Operation, entries: Entries) -> None:
        target = operation.target
        if operation.value is not None:
            for sample in operation.value:
                entries.drop(entries.like(sample))
            return
        slots = self._select(target, entries)
        tolerated = self.dialect.removes_absent or operation.attribute.is_reference
        if not slots and target.condition is not None and not tolerated:
            raise _no_target(target)
        if target.sub_attribute is None:
            entries.drop(slots)
            return
        for slot in slots:
            entry = dict(entries[slot])
            entry.pop(target.sub_attribute.name, None)
            if entry:
                entries.put(slot, entry)
            else:
                check_entry(operation.attribute, entries[slot], entry, str(operation.place))
                entries.drop([slot])

    def _change_selected(self, operation: Operation, entries: Entries) -> None:
        target, sub = operation.target, operation.target.sub_attribute
        slots = self._select(target, entries)
        value = operation.value if sub is None else {sub.name: operation.value}
        filled = value
        if isinstance(value, dict):
            filled = {**operation.template, **value}
        if not slots:
            self._check_creates(operation)
            entries.add(filled)
        elif sub is None and (operation.op is Op.REPLACE or not isinstance(value, dict)):
            entries.swap(slots, filled if self.dialect.creates_entries else value)
        elif len(slots) > 1 and value.get("primary") is True:
            raise InvalidValue(f"{target} selects {len(slots)} entries; only one can be primary.")
        else:
            for slot in slots:
                entry = _merged(operation.attribute, entries[slot], value, operation.op)
                if entry != entries[slot]:
                    entries.put(slot, entry)

    def _select(self, target: Target, entries: Entries) -> list[int]:
        slots = entries.select(target.condition)
        if self.dialect.strict and target.condition is not None and len(slots) > 1:
            raise InvalidFilter(
                f"The value filter on {target} selects {len(slots)} entries, not one."
            )
        return slots

    def _check_creates(self, operation: Operation) -> None:
        """Check that an entry may be made that stands where the operation points."""
        target = operation.target
        if target.condition is None or operation.op is Op.ADD:
            creates = not self.dialect.strict
        else:
            creates = self.dialect.creates_entries
        if creates and target.condition is not None and operation.attribute.is_complex:
            # An "or" or a "not" does not say what the entry should be.
            creates = matches_entry(target.condition, operation.template)
        if not creates:
            raise _no_target(target)

    def _write(self, place: AttributePath, value: Any) -> None:
        if value == _read(self.after, place):
            return
        name, urn = place.attribute.name, place.urn
        values = self.after if urn is None else dict(self.after.get(urn, ()))
        if value is None:
            del values[name]
        else:
            values[name] = value
        if urn is not None and values:
            self.after[urn] = values
        elif urn is not None:
            del self.after[urn]


def _read(document: dict[str, Any], place: AttributePath) -> Any:
    values = document if place.urn is None else document.get(place.urn, {})
    return values.get(place.attribute.name)


def _merged(
    attribute: Attribute, current: dict[str, Any] | None, parts: dict[str, Any], op: Op
) -> dict[str, Any] | None:
    """Set some sub-attributes of a complex value; ``None`` takes one away."""
    merged = dict(current or ())
    if attribute.is_reference and "value" in parts and parts["value"] != merged.get("value"):
        # Another resource: what was said of the last one, such as $ref, says nothing of it.
        merged = {}
    for name, part in parts.items():
        sub = attribute.sub(name)
        if part is None:
            merged.pop(name, None)
        elif op is Op.ADD and sub is not None and sub.multi_valued:
            old = merged.get(name, [])
            merged[name] = [*old, *(item for item in part if item not in old)]
        else:
            merged[name] = part
    return merged or None


def _no_target(target: Target) -> NoTarget:
    return NoTarget(f"{target} has no entry that the path selects.")
