"""What of a document differs from the row that it is going to be written to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from typing import Any

from ...mapping.mapping import Parts
from ...mapping.sources import RecordColumn
from ...protocol.errors import MutabilityError
from ..columns.binding import Binding
from ..columns.places import Place
from ..queries.uniqueness import Held
from .retirement import is_active_place


def find_differences(
    binding: Binding,
    held: Held,
    parts: Parts,
    gone: Collection[str],
    is_apart: Callable[[Place], bool],
) -> list[tuple[Place, Any]]:
    """Find the places that are to be written, and what is to be there.

    :param binding: where the attributes sit.
    :param held: the row as it is.
    :param parts: the document that is going to be stored.
    :param gone: the attributes that are removed.
    :param is_apart: tells whether a place is not written with the row.
    :return: the places, each with its value.
    :raises MutabilityError: if something is removed that the app requires.
    """
    compared = zip(binding.places, held.values, parts.values, strict=True)
    return [
        (place, new)
        for place, old, new in compared
        if (old != new or gone)
        and place.writable
        and not is_apart(place)
        and (old != new or _is_gone(place, held.row, gone))
    ]


def keep_access(binding: Binding, held: Held, parts: Parts) -> bool:
    """Let ``active`` stay as it is where it is removed, and tell whether it is.

    :param binding: where the attributes sit.
    :param held: the row as it is.
    :param parts: the document that is going to be stored; what stays is put into it.
    :return: whether ``active`` is removed, and the resource will be silent of it.
    """
    for index, place in enumerate(binding.places):
        if is_active_place(place) and (place.writable or isinstance(place.source, RecordColumn)):
            if parts.values[index] is not None:
                return False
            parts.values[index] = held.values[index]
            return held.values[index] is not None or bool(held.record["active_removed"])
    return False


def find_secrets(binding: Binding, parts: Parts) -> tuple[str, ...]:
    """Find the attributes of a document that nobody can read once they are written."""
    places = zip(binding.places, parts.values, strict=True)
    return tuple(str(place.path) for place, value in places if place.is_secret and value)


def _is_gone(place: Place, row: Any, gone: Container[str]) -> bool:
    """Whether a value that nobody can read is to go."""
    name = str(place.path)
    if name not in gone or not place.hides_value(row):
        return False
    if not place.nullable:
        raise MutabilityError(f"{name} is required by this application and cannot be removed.")
    return True
