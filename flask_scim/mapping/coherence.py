"""Whether a declaration holds together: nothing is missing, and nothing is there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ..protocol.schema import ResourceType, Schema, Uniqueness
from .mapping import Field
from .slots import Slot
from .sources import Source


def find_faults(
    resource_type: ResourceType,
    named: set[tuple[str, ...]],
    fields: Sequence[Field],
    slots: Sequence[Slot],
) -> Iterator[str]:
    """Find what is wrong between the entries of a declaration, each of which can be read.

    :param resource_type: the resource type that is mapped.
    :param named: what the declaration says something of, be it wrong.
    :param fields: the attributes that it maps as a whole.
    :param slots: the entries of attributes that it maps.
    :return: every fault with its repair.
    """
    yield from _find_gaps(resource_type, named)
    yield from _find_overlaps(fields, slots)
    yield from _find_primaries(slots)
    yield from _find_writers(fields, slots)


def _find_gaps(resource_type: ResourceType, named: set[tuple[str, ...]]) -> Iterator[str]:
    """Find what a schema promises and the declaration leaves out: required values, unique ones."""
    mapped = {keys[:length] for keys in named for length in (1, 2)}
    yield from _find_gaps_in(resource_type.schema, (), mapped)
    for extension in resource_type.extensions:
        urn = extension.schema.id
        if (urn,) in mapped:
            yield from _find_gaps_in(extension.schema, (urn,), mapped)
        elif extension.required:
            yield f"{urn} is required and not mapped; map its attributes."


def _find_gaps_in(
    schema: Schema, prefix: tuple[str, ...], mapped: set[tuple[str, ...]]
) -> Iterator[str]:
    for attribute in schema.attributes:
        is_unique = attribute.uniqueness is not Uniqueness.NONE
        if (attribute.required or is_unique) and (*prefix, attribute.name) not in mapped:
            name = ":".join((*prefix, attribute.name))
            yield (
                f"{name} is {'required' if attribute.required else 'unique'} and not mapped; "
                f"add {name!r} with the model's attribute that holds it."
            )


def _find_overlaps(fields: Sequence[Field], slots: Sequence[Slot]) -> Iterator[str]:
    """Find one value in two places: an attribute twice, or as a whole and in parts."""
    mapped = [field.path for field in fields]
    mapped += dict.fromkeys(slot.path for slot in slots)
    for index, path in enumerate(mapped):
        for other in mapped[:index]:
            shorter, longer = sorted((path, other), key=lambda each: len(each.keys))
            if longer == shorter:
                yield f"{path} is mapped twice; keep one."
            elif longer.keys[: len(shorter.keys)] == shorter.keys:
                yield (f"{shorter} is mapped as a whole and {longer} by itself; keep one.")


def _find_primaries(slots: Sequence[Slot]) -> Iterator[str]:
    primaries = Counter(
        str(slot.path) for slot in slots if dict(slot.literals).get("primary") is True
    )
    for path, count in primaries.items():
        if count > 1:
            yield f"{path} has {count} primary entries; only one can be."


def _find_writers(fields: Sequence[Field], slots: Sequence[Slot]) -> Iterator[str]:
    """Find two writers of one place, or of a JSON value and a part of it."""
    places = [(str(field.path), field.source) for field in fields]
    places += [
        (f"{slot.selector}.{name}", source) for slot in slots for name, source in slot.sources
    ]
    writers = [
        (path, source.steps)
        for path, source in places
        if isinstance(source, Source) and not source.read_only
    ]
    for index, (path, steps) in enumerate(writers):
        for other, others in writers[:index]:
            shorter, longer = sorted((steps, others), key=len)
            if longer[: len(shorter)] == shorter:
                yield (
                    f"{'.'.join(longer)} has several writers ({other}, {path}); "
                    'keep one and wrap the others in read_only(), as pairs "read_only": true.'
                )
