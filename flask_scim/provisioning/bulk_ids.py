"""References to resources that the same bulk request creates (:rfc:`7644#section-3.7.2`)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Set
from typing import Any
from urllib.parse import quote, unquote

#: Finds the id of the resource that a bulkId stands for, or ``None``.
Lookup = Callable[[str], str | None]

_PREFIX = "bulkId:"
# It reads one without an end as well: to try again from each of its quotes would take too long.
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_TARGET = re.compile(r"(?P<endpoint>[^?]*?)/bulkId(?::|%3[Aa])(?P<bulk_id>[^?]*)")


def find(data: Any) -> tuple[str, ...]:
    """Find the references in the data of an operation.

    :param data: the data as JSON gave it.
    :return: the bulkIds that it refers to, each once.
    """
    return _noted(lambda note: resolve(data, note)) if _may_refer(data) else ()


def resolve(data: Any, lookup: Lookup) -> Any:
    """Put ids in the place of references.

    A reference is text that is ``bulkId:…`` as a whole, or such a literal in a PATCH path's filter.

    :param data: the data as JSON gave it, nested as deep as it may be; it is not touched.
    :param lookup: finds the id for a bulkId; where it finds none, the reference stays.
    :return: the data with the ids.
    """
    root = [data]
    unread: list[Any] = [root]
    while unread:
        container = unread.pop()
        for key, item in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(item, str):
                container[key] = _resolve_text(key, item, lookup)
            elif isinstance(item, (dict, list)):
                container[key] = item.copy()
                unread.append(container[key])
    return root[0]


def find_in_target(path: str) -> tuple[str, ...]:
    """Find the reference in the path of an operation.

    :param path: the path of a resource, such as ``/Users/bulkId:ann``.
    :return: the bulkId of the resource, or nothing.
    """
    return _noted(lambda note: resolve_target(path, note))


def resolve_target(path: str, lookup: Lookup) -> str:
    """Put an id in the place of the reference in the path of an operation.

    :param path: the path of a resource.
    :param lookup: finds the id for a bulkId; where it finds none, the reference stays.
    :return: the path with the id, percent-encoded.
    """
    target = _TARGET.match(path)
    id = lookup(unquote(target["bulk_id"])) if target else None
    return path if target is None or id is None else join_path(target["endpoint"], id)


def join_path(endpoint: str, id: str) -> str:
    """Write the path of a resource, such as ``/Users/17``."""
    return f"{endpoint.partition('?')[0].rstrip('/')}/{quote(id, safe='')}"


def split(
    document: dict[str, Any], missing: Set[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Take out of a resource what refers to resources that are still missing.

    :param document: the resource to create; it is not touched.
    :param missing: the bulkIds of those that do not exist yet.
    :return: the resource without the attributes that refer to them, of which lists keep their other
        entries, and the operations of a PATCH that bring the rest.
    """
    changes: list[dict[str, Any]] = []
    kept = _copy(document)
    for values, name, path in _attributes(kept):
        value = values[name]
        entries = value if isinstance(value, list) else [value]
        ready: list[Any] = []
        waiting: list[Any] = []
        for entry in entries:
            (ready if missing.isdisjoint(find(entry)) else waiting).append(entry)
        if not waiting:
            continue
        changes.append(
            {"op": "add", "path": path, "value": waiting if isinstance(value, list) else value}
        )
        if ready:
            values[name] = ready
        else:
            del values[name]
    return kept, changes


def keep(document: dict[str, Any], is_kept: Callable[[str], bool]) -> dict[str, Any]:
    """Keep some of the attributes of a resource.

    :param document: the resource; it is not touched.
    :param is_kept: tells by an attribute's path whether to keep it.
    :return: the resource without the others.
    """
    kept = _copy(document)
    for values, name, path in _attributes(kept):
        if not is_kept(path):
            del values[name]
    return kept


def _may_refer(data: Any) -> bool:
    """Tell whether a look at every text is needed: mostly none of them is like a reference."""
    unread: list[Any] = [[data]]
    for container in unread:
        for item in container.values() if isinstance(container, dict) else container:
            if type(item) is str:
                # A literal in a path may hide it behind an escape.
                if _PREFIX in item or "\\" in item:
                    return True
            elif isinstance(item, (dict, list)):
                unread.append(item)
    return False


def _resolve_text(key: Any, text: str, lookup: Lookup) -> str:
    if text.startswith(_PREFIX):
        id = lookup(text.removeprefix(_PREFIX))
        return text if id is None else id
    if isinstance(key, str) and key.lower() == "path":
        return _LITERAL.sub(lambda literal: _resolve_literal(literal[0], lookup), text)
    return text


def _resolve_literal(literal: str, lookup: Lookup) -> str:
    try:
        text = json.loads(literal)
    except ValueError:
        return literal
    id = lookup(text.removeprefix(_PREFIX)) if text.startswith(_PREFIX) else None
    return literal if id is None else json.dumps(id, ensure_ascii=False)


def _noted(read: Callable[[Lookup], object]) -> tuple[str, ...]:
    """Collect the bulkIds that somebody looks up."""
    found: dict[str, None] = {}
    read(found.setdefault)
    return tuple(found)


def _copy(document: dict[str, Any]) -> dict[str, Any]:
    """Copy a resource as deep as its attributes."""
    return {
        key: dict(value) if isinstance(value, dict) else value for key, value in document.items()
    }


def _attributes(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Go through the attributes: where each is, its name there, and its path for a PATCH."""
    for key, value in list(document.items()):
        # Only the URN of an extension has colons.
        if ":" in key and isinstance(value, dict):
            for name in list(value):
                yield value, name, f"{key}:{name}"
        else:
            yield document, key, key
