"""What of a document no place was named for, as a path writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..protocol.resolver import AttributePath
from ..protocol.schema import ResourceType
from .nesting import Document
from .slots import Group


def list_names(rest: Document, resource_type: ResourceType) -> list[str]:
    """Name the attributes of a document, and the parts of those that have one value.

    :param rest: what is left of the document.
    :param resource_type: its resource type.
    :return: the names.
    """
    found = []
    for name, value in rest.items():
        schema = resource_type.extension(name)
        if schema is not None:
            found += [f"{name}:{part}" for part in _parts(value)]
        else:
            found += _parts({name: value})
    return found


def list_extras(group: Group, extras: Mapping[str, Document]) -> list[str]:
    """Name what the entries of slots have beside their places.

    :param group: the slots.
    :param extras: what their entries have, by :attr:`.Slot.key`.
    :return: the names; ``type`` and ``primary`` only say which entry is meant.
    """
    selectors = {slot.key: slot.selector for slot, _ in group}
    return [
        f"{selectors[key]}.{name}"
        for key, extra in extras.items()
        for name in extra
        if name not in ("type", "primary")
    ]


def write_entry(path: AttributePath, entry: Document) -> str:
    """Name an entry that belongs to no slot.

    :param path: its attribute.
    :param entry: the entry.
    :return: the attribute, with the type of the entry where it has one.
    """
    kind = entry.get("type")
    return str(path) if kind is None else f"{path}[type eq {json.dumps(kind)}]"


def _parts(values: Document) -> list[str]:
    found = []
    for name, value in values.items():
        found += [f"{name}.{part}" for part in value] if isinstance(value, dict) else [name]
    return found
