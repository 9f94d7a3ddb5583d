"""Statements that are built once, and run with other values each time.

To build a statement costs more than most databases need to run it. What a statement names, such as
a table or the columns of a mapping, is the same in every request; what it compares with, and
writes, comes as parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

_KEPT = "flask_scim.kept"


class Keeper(Protocol):
    """What statements are kept with: one of our tables, or a binding."""

    @property
    def info(self) -> dict[Any, Any]:
        """What is kept, for as long as the keeper lives."""
        ...


_Owner = TypeVar("_Owner", bound=Keeper)
_Parts = ParamSpec("_Parts")
_Statement = TypeVar("_Statement")


def kept(
    build: Callable[Concatenate[_Owner, _Parts], _Statement],
) -> Callable[Concatenate[_Owner, _Parts], _Statement]:
    """Keep what a function builds with its first argument, one for each of the others.

    :param build: builds a statement. Its further arguments are what an app or a database fixes,
        never what a request says: nothing that was built is forgotten.
    :return: the same function, which builds each statement once.
    """

    @wraps(build)
    def find(owner: _Owner, /, *parts: _Parts.args, **named: _Parts.kwargs) -> _Statement:
        statements = owner.info.setdefault(_KEPT, {})
        # A copy of a table comes with what was kept for the table itself.
        key = (build, owner, *parts, *named.items())
        try:
            found: _Statement = statements[key]
        except KeyError:
            found = statements[key] = build(owner, *parts, **named)
        return found

    return find
