"""Takes one person out of requests that are carried out later, and out of what came of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

#: What stands in place of the id of whoever is forgotten.
FORGOTTEN = "forgotten"
_GONE = {"status": 404, "scim_type": None, "detail": "What this was about has been forgotten."}


def forget_deferred(
    session: Any,
    tables: tuple[sa.Table, sa.Table],
    endpoint: str,
    id: str,
    names: Iterable[str],
) -> int:
    """Take one resource out of the requests that wait.

    What names it is not carried out any more: its result is an error. Whoever is at such a request
    loses it to the next worker.

    :param session: the host's session.
    :param tables: our tables of deferred requests, and of what has been done of them.
    :param endpoint: the endpoint of its type.
    :param id: its SCIM ``id``.
    :param names: what else it is known by.
    :return: how many requests were changed.
    """
    deferred, steps = tables
    known, path = {id, *names}, f"{endpoint}/{quote(id, safe='')}"
    count = 0
    for row in session.execute(sa.select(deferred.c.id, deferred.c.body)).all():
        body = json.loads(row.body)
        kept = [_without(operation, endpoint, path, known) for operation in body["operations"]]
        done = session.execute(sa.select(steps).where(steps.c.deferred_id == row.id)).mappings()
        told = [step["name"] for step in done if _tells_of(step["outcome"], path, known)]
        if kept == body["operations"] and not told:
            continue
        text = json.dumps(body | {"operations": kept}, ensure_ascii=False)
        is_it = deferred.c.id == row.id
        # Whoever has read the other body must not write down what came of it.
        session.execute(deferred.update().where(is_it).values(body=text, holder=None, until=None))
        of_them = (steps.c.deferred_id == row.id, steps.c.name.in_(told))
        session.execute(steps.update().where(*of_them).values(outcome=_GONE))
        session.commit()
        count += 1
    return count


def is_completion_of(
    details: Mapping[str, Any], resource_type: str, id: str, names: Iterable[str]
) -> bool:
    """Tell whether what came of an operation tells of a resource.

    :param details: the details of the event.
    :param resource_type: the name of the type of the resource.
    :param id: its SCIM ``id``.
    :param names: what else it is known by.
    :return: whether it does.
    """
    if (details.get("resource_type"), details.get("resource_id")) == (resource_type, id):
        return True
    operation = details.get("operation") or {}
    words = operation.get("response", {}).get("detail", "")
    return operation.get("bulkId") in {id, *names} or any(name in words for name in names)


def _without(operation: Any, endpoint: str, path: str, known: set[str]) -> Any:
    """The operation, or in place of one that tells of the resource one that does nothing."""
    sent = operation.get("path")
    is_there = isinstance(sent, str) and sent.strip().partition("?")[0].rstrip("/").endswith(path)
    if not is_there and not _mentions(operation, known):
        return operation
    named = {name: operation[name] for name in ("method", "bulkId") if name in operation}
    return named | {"path": f"{endpoint}/{FORGOTTEN}", "data": {}}


def _tells_of(outcome: Mapping[str, Any], path: str, known: set[str]) -> bool:
    words = outcome.get("detail", "")
    location = outcome.get("location") or ""
    return location.endswith(path) or any(name in words for name in known)


def _mentions(value: Any, known: set[str]) -> bool:
    match value:
        case str():
            return value in known
        case list():
            return any(_mentions(item, known) for item in value)
        case dict():
            return any(_mentions(item, known) for item in value.values())
        case _:
            return False
