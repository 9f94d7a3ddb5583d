"""Where one value of an attribute sits, for those who say no more than its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...protocol.parser import parse_path
from ...protocol.resolver import AttributePath, resolve_path
from ...protocol.schema import Attribute
from ...protocol.values import load_simple
from .binding import Binding
from .places import Place


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one simple value sits: a place of its own, or a part of what a place holds.

    :param name: how a PATCH names the place.
    :param place: the place.
    :param attribute: the definition of the value.
    :param part: the sub-attribute, where the place holds the whole attribute.
    """

    name: str
    place: Place
    attribute: Attribute
    part: str | None = None

    def read(self, row: Any) -> Any:
        """The value that a row has here."""
        held = self.place.read(row, {})
        if self.part is None:
            return held
        return (_chosen(held) if isinstance(held, list) else held or {}).get(self.part)

    def load(self, value: Any) -> Any:
        """Check and type a value.

        :raises InvalidValue: if it does not fit.
        """
        return load_simple(self.attribute, value, self.name)

    def write(self, row: Any, value: Any) -> None:
        """Put a typed value into a row.

        :raises InvalidValue: if the row cannot hold it.
        """
        if self.part is not None:
            held = self.place.read(row, {})
            if self.place.path.attribute.multi_valued:
                entries = held or [{"primary": True}]
                chosen = _chosen(entries)
                changed = chosen | {self.part: value}
                value = [changed if entry is chosen else entry for entry in entries]
            else:
                value = (held or {}) | {self.part: value}
        self.place.write(row, value)


def find_spot(binding: Binding, text: str) -> Spot | None:
    """Find where a value sits that SCIM may write.

    Of an attribute with many entries it is the primary one, else the one for work, else the first.

    :param binding: where attributes sit.
    :param text: a SCIM path; one with a value filter as the mapping has it.
    :return: the spot; ``None`` if nobody mapped it, or it is read only.
    """
    mapping = binding.mapping
    target = resolve_path(parse_path(text), binding.resource_type)
    assert target.attribute is not None
    path = AttributePath(target.attribute, target.sub_attribute, target.urn)
    whole = AttributePath(target.attribute, urn=target.urn)
    spots: list[Spot] = []
    if target.condition is None:
        for name, place in zip(mapping.names, binding.places, strict=True):
            if place.path == path:
                spots.append(Spot(name, place, path.leaf))
            elif place.path == whole:
                spots.append(Spot(name, place, path.leaf, path.leaf.name))
        primary = {
            f"{slot.selector}.{name}"
            for slot in mapping.slots
            for name, _ in slot.sources
            if dict(slot.literals).get("primary") is True
        }
        spots.sort(key=lambda spot: (spot.name not in primary, 'type eq "work"' not in spot.name))
    else:
        spots = [
            Spot(name, place, path.leaf)
            for name, place in zip(mapping.names, binding.places, strict=True)
            if name.lower() == text.lower()
        ]
    return next((spot for spot in spots if spot.place.writable and not spot.place.is_secret), None)


def _chosen(entries: list[dict[str, Any]]) -> dict[str, Any]:
    primary = (entry for entry in entries if entry.get("primary") is True)
    work = (entry for entry in entries if entry.get("type") == "work")
    return next(primary, None) or next(work, None) or (entries or [{}])[0]
