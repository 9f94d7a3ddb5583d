"""What a client sends that no schema has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .errors import ScimError
from .parser import parse_path
from .resolver import resolve_path
from .schema import Attribute, Mutability, ResourceType, Schema


def find_unknown(body: Mapping[str, Any], resource_type: ResourceType) -> list[str]:
    """List what a resource has and its type has not.

    :param body: the resource as JSON gave it, in the words of the RFC.
    :param resource_type: what it is meant to be.
    :return: the names, each once, as a path writes them.
    """
    return list(dict.fromkeys(name[:200] for name in _unknown(body, resource_type)))


def find_unknown_in_patch(operations: Iterable[Any], resource_type: ResourceType) -> list[str]:
    """List what the operations of a PATCH set and the type of the resource has not.

    :param operations: the operations as JSON gave them, in the words of the RFC.
    :param resource_type: the type of the resource.
    :return: the names, each once, as a path writes them.
    """
    found: list[str] = []
    for operation in operations:
        if not isinstance(operation, Mapping) or operation.get("op") == "remove":
            continue
        path, value = operation.get("path"), operation.get("value")
        if path is None and isinstance(value, Mapping):
            found += _unknown(value, resource_type)
        elif isinstance(path, str):
            found += _unknown_at(path, value, resource_type)
    return list(dict.fromkeys(name[:200] for name in found))


def _unknown(body: Mapping[str, Any], resource_type: ResourceType) -> Iterator[str]:
    for name, value in body.items():
        extension = resource_type.extension(name)
        if value is None:
            continue
        if extension is not None:
            yield from _unknown_in_extension(extension, value)
            continue
        attribute = resource_type.attribute(name)
        yield from [name] if attribute is None else _unknown_parts(name, attribute, value)


def _unknown_in_extension(extension: Schema, value: Any) -> Iterator[str]:
    for name, part in value.items() if isinstance(value, Mapping) else ():
        attribute, where = extension.attribute(name), f"{extension.id}:{name}"
        if part is not None:
            yield from [where] if attribute is None else _unknown_parts(where, attribute, part)


def _unknown_at(path: str, value: Any, resource_type: ResourceType) -> Iterator[str]:
    try:
        target = resolve_path(parse_path(path), resource_type)
    except ScimError:
        # The operation itself is going to be refused, with words of its own.
        return
    if target.attribute is None:
        extension = resource_type.extension(target.urn or "")
        if extension is not None:
            yield from _unknown_in_extension(extension, value)
    elif target.sub_attribute is None:
        yield from _unknown_parts(path, target.attribute, value)


def _unknown_parts(where: str, attribute: Attribute, value: Any) -> Iterator[str]:
    if attribute.mutability is Mutability.READ_ONLY:
        return
    for entry in value if isinstance(value, list) else [value]:
        if attribute.is_complex and isinstance(entry, Mapping):
            for name, part in entry.items():
                if part is not None and attribute.sub(name) is None:
                    yield f"{where}.{name}"
