"""A filter as text again, for logs and tests (:rfc:`7644#section-3.4.2.2`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from types import UnionType
from typing import Any

from .errors import ScimError
from .forms import take_apart
from .parser import parse_filter
from .syntax import And, Comparison, Filter, Not, Or, Present, ValuePath


def write_literal(value: Any) -> str:
    """Write a literal of a filter."""
    return json.dumps(value, ensure_ascii=False)


def unparse(tree: Filter, write: Callable[[Any], str] = write_literal) -> str:
    """Write a filter in the RFC's own grammar.

    :param tree: the tree of the filter.
    :param write: writes a literal.
    :return: text that parses to the same tree, unless literals are written otherwise.
    """
    match tree:
        case Comparison(name, operator, value):
            return f"{name} {operator} {write(value)}"
        case Present(name):
            return f"{name} pr"
        case Not(term):
            return f"not ({unparse(term, write)})"
        case ValuePath(name, condition):
            return f"{name}[{unparse(condition, write)}]"
        case And(terms):
            return " and ".join(_within(term, And | Or, write) for term in terms)
        case Or(terms):
            return " or ".join(_within(term, Or, write) for term in terms)


def shape(text: str, *, bare_words: bool = True) -> str:
    """Write what a filter asks for without what it compares with: ``userName eq ?``.

    :param text: the filter as a client sent it.
    :param bare_words: whether it has been read as one in which text may stand without its quotes,
        which is tried next in any case.
    :return: its shape; a question mark alone where it cannot be read.
    """
    apart = take_apart(text)
    return _shape(text if apart is None else apart[0], bare_words)


@lru_cache(maxsize=256)
def _shape(text: str, bare_words: bool) -> str:
    for bare in dict.fromkeys((bare_words, True)):
        try:
            return unparse(parse_filter(text, bare_words=bare), lambda _: "?")
        except ScimError:
            continue
    return "?"


def _within(term: Filter, looser: type | UnionType, write: Callable[[Any], str]) -> str:
    text = unparse(term, write)
    return f"({text})" if isinstance(term, looser) else text
