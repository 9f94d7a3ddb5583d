"""Objects within objects: copied, filled and emptied by the keys that lead there."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
#: The names that lead to a value, from the outermost object on.
Keys = tuple[str, ...]


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


def copy_objects(document: Document) -> Document:
    """Copy a document so that what has a place can be taken out of it; lists are not copied."""
    return {
        key: copy_objects(item) if isinstance(item, dict) else item
        for key, item in document.items()
    }


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
