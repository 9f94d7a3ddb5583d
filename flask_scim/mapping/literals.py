"""The literals that tell the entries of an attribute apart, such as the type of an address."""

from __future__ import annotations

from typing import Any

from ..protocol import syntax
from ..protocol.schema import Attribute, Type
from ..protocol.syntax import Comparison, Operator


def literals_of(tree: syntax.Filter | None) -> dict[str, Any] | None:
    """Read the filter of a mapped entry.

    :param tree: the filter.
    :return: its names and values; ``None`` where it is made of more than ``eq`` and ``and``.
    """
    match tree:
        case Comparison(name, Operator.EQ, value):
            return {name.attribute: value}
        case syntax.And(terms):
            literals: dict[str, Any] = {}
            for term in terms:
                part = literals_of(term)
                if part is None:
                    return None
                literals |= part
            return literals
        case _:
            return None


def typed(sub: Attribute, value: Any) -> Any:
    """Write a literal as its attribute has it: Entra ID writes booleans as text.

    :param sub: the sub-attribute.
    :param value: what the filter says.
    :return: its value.
    """
    is_text = sub.type is Type.BOOLEAN and isinstance(value, str)
    return value.lower() == "true" if is_text and value.lower() in ("true", "false") else value
