"""A filter as text again, for logs and tests (:rfc:`7644#section-3.4.2.2`)."""

from __future__ import annotations

import json
from types import UnionType

from .syntax import And, Comparison, Filter, Not, Or, Present, ValuePath


def unparse(tree: Filter) -> str:
    """Write a filter in the RFC's own grammar.

    :param tree: the tree of the filter.
    :return: text that parses to the same tree.
    """
    match tree:
        case Comparison(name, operator, value):
            return f"{name} {operator} {json.dumps(value, ensure_ascii=False)}"
        case Present(name):
            return f"{name} pr"
        case Not(term):
            return f"not ({unparse(term)})"
        case ValuePath(name, condition):
            return f"{name}[{unparse(condition)}]"
        case And(terms):
            return " and ".join(_within(term, And | Or) for term in terms)
        case Or(terms):
            return " or ".join(_within(term, Or) for term in terms)


def _within(term: Filter, looser: type | UnionType) -> str:
    text = unparse(term)
    return f"({text})" if isinstance(term, looser) else text
