"""Whether a document satisfies a condition: the meaning that every store's SQL is held to."""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, ge, gt, le, lt
from typing import Any

from .resolver import All, AnyOf, AttributePath, Compare, Condition, Has, Negate, Some
from .syntax import Operator
from .values import comparable

#: What each operator means of a value and the literal.
RELATIONS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: eq,
    Operator.CO: lambda value, part: part in value,
    Operator.SW: lambda value, part: value.startswith(part),
    Operator.EW: lambda value, part: value.endswith(part),
    Operator.GT: gt,
    Operator.GE: ge,
    Operator.LT: lt,
    Operator.LE: le,
}


def matches(condition: Condition, document: dict[str, Any]) -> bool:
    """Tell whether a resource satisfies a condition.

    :param condition: a resolved filter.
    :param document: the resource, in canonical form.
    :return: whether the filter selects it.
    """
    return _holds(condition, lambda path: _walk(document, path.keys))


def matches_entry(condition: Condition, entry: Any) -> bool:
    """Tell whether one entry of a multi-valued attribute satisfies a value filter.

    :param condition: the resolved value filter.
    :param entry: the entry, in canonical form.
    :return: whether the filter selects it.
    """
    return _holds(condition, lambda path: _part(entry, path))


def _holds(condition: Condition, read: Callable[[AttributePath], Any]) -> bool:
    match condition:
        case All(terms):
            return all(_holds(term, read) for term in terms)
        case AnyOf(terms):
            return any(_holds(term, read) for term in terms)
        case Negate(term):
            return not _holds(term, read)
        case Has(path):
            return read(path) not in (None, [], {})
        case Some(path, inner):
            return any(matches_entry(inner, entry) for entry in read(path) or ())
        case Compare(path, operator, value):
            found = read(path)
            return found is not None and RELATIONS[operator](comparable(path.leaf, found), value)


def _walk(document: dict[str, Any], keys: tuple[str, ...]) -> Any:
    value: Any = document
    for key in keys:
        if value is None:
            return None
        value = value.get(key)
    return value


def _part(entry: Any, path: AttributePath) -> Any:
    return entry if path.sub_attribute is None else entry.get(path.sub_attribute.name)
