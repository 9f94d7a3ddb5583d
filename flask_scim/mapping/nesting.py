"""Objects within objects: copied, filled and emptied by the keys that lead there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]
#: The names that lead to a value, from the outermost object on.
Keys = tuple[str, ...]
#: Where values go, by their names: the index of each, or where the parts of an object go.
Places = dict[str, Any]


def copy(value: Any) -> Any:
    """Copy a value as JSON has it."""
    if isinstance(value, dict):
        return {
            key: copy(item) if isinstance(item, (dict, list)) else item
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [copy(item) for item in value]
    return value


def list_places(paths: Iterable[Keys]) -> Places:
    """List where the values of a document go.

    :param paths: the keys that lead to each value; no value is within another.
    :return: the index of each among all, by its name; in objects as the values are.
    """
    places: Places = {}
    for index, keys in enumerate(paths):
        put(places, keys, index)
    return places


def sift(document: Document, places: Places, values: list[Any]) -> Document:
    """Put the values of a document where they go.

    :param document: the document, which stays as it is.
    :param places: where its values go.
    :param values: filled with those that there are.
    :return: the rest, without the objects that are empty then; lists in it are not copied.
    """
    rest: Document = {}
    for name, value in document.items():
        place = places.get(name)
        if isinstance(place, int):
            values[place] = value
        elif not isinstance(value, dict):
            rest[name] = value
        elif place is None:
            rest[name] = _copy_objects(value)
        elif left := sift(value, place, values):
            rest[name] = left
    return rest


def put(document: Document, keys: Keys, value: Any) -> None:
    """Put a value into a document, and the objects around it where they are missing."""
    *outer, name = keys
    for key in outer:
        document = document.setdefault(key, {})
    document[name] = value


def take(document: Document, keys: Keys) -> Any:
    """Remove a value, and with it the objects that it leaves empty.

    :param document: what it is taken out of.
    :param keys: where it is.
    :return: the value, or ``None``.
    """
    if len(keys) == 1:
        return document.pop(keys[0], None)
    inner = document.get(keys[0])
    if inner is None:
        return None
    value = take(inner, keys[1:])
    if not inner:
        del document[keys[0]]
    return value


def _copy_objects(document: Document) -> Document:
    """Copy objects within objects; lists are not copied."""
    return {
        key: _copy_objects(item) if isinstance(item, dict) else item
        for key, item in document.items()
    }
