"""Conditions with slots in place of what people look for, so that one statement serves them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import sqlalchemy as sa

from ...protocol.matcher import RELATIONS
from ...protocol.resolver import All, AnyOf, Compare, Condition, Negate, Some
from ...protocol.syntax import Operator
from .statements import Shapes

_Built = TypeVar("_Built")

#: The most comparisons of a condition whose statement is kept.
_MOST = 16


class Opened(Exception):
    """Somebody has looked into a slot: what is in it belongs to the shape of the statement.

    :param name: the name of the slot.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Slot:
    """Stands for a value that a statement compares by ``eq``: a key, or text of ASCII.

    It can go into SQL, as a parameter; whoever wants to know the value itself raises
    :class:`Opened`. What it stands for is never empty.

    :param name: the name of the parameter.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __clause_element__(self) -> sa.BindParameter[Any]:
        """What SQLAlchemy takes it for: a value of the type that it is compared with."""
        return sa.bindparam(self.name)

    def isascii(self) -> bool:
        """Tell what is known of text."""
        return True

    def __str__(self) -> str:
        raise Opened(self.name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Slot):
            return self.name == other.name
        raise Opened(self.name)

    def __hash__(self) -> int:
        return hash(self.name)


def text_of(value: Any) -> str | Slot:
    """Read as text what is compared with.

    :param value: the value.
    :return: the same as text; a slot stays one.
    """
    return value if isinstance(value, Slot) else str(value)


def fits_nothing(operator: Operator, value: Any) -> bool:
    """Tell whether empty text stands in this relation to a text.

    :param operator: the operator of the filter.
    :param value: what to compare with.
    :return: whether it does.
    """
    return not isinstance(value, Slot) and bool(RELATIONS[operator]("", value))


@dataclass(slots=True)
class _Lifting:
    """Takes texts out of a condition.

    :param opened: the names of the slots whose texts have to stay.
    """

    opened: frozenset[str] = frozenset()
    values: dict[str, str] = field(default_factory=dict)
    comparisons: int = 0

    def lift(self, condition: Condition) -> Condition:
        match condition:
            case All(terms) | AnyOf(terms):
                return type(condition)(tuple(map(self.lift, terms)))
            case Negate(term):
                return Negate(self.lift(term))
            case Some(path, inner):
                return Some(path, self.lift(inner))
        self.comparisons += 1
        match condition:
            case Compare(_, Operator.EQ, str(text)) if text and text.isascii():
                slot: Any = Slot(f"flask_scim_text_{self.comparisons}")
                if slot.name not in self.opened:
                    self.values[slot.name] = text
                    return replace(condition, value=slot)
        return condition


def keep(
    shapes: Shapes,
    shape: tuple[Any, ...],
    condition: Condition,
    build: Callable[[Condition], _Built],
) -> tuple[_Built, dict[str, str]]:
    """Find what is kept for all conditions like one, or build it.

    :param shapes: where it is kept.
    :param shape: what else makes it differ from others.
    :param condition: the condition.
    :param build: builds it for a condition, in which some texts are slots.
    :return: what is kept, and the values to run it with.
    """
    lifting = _Lifting()
    bare = lifted = lifting.lift(condition)
    if lifting.comparisons > _MOST:
        return build(condition), {}
    opened: frozenset[str] = shapes.get(("opened", bare), frozenset)
    if opened:
        lifting = _Lifting(opened)
        lifted = lifting.lift(condition)
    try:
        return shapes.get((*shape, lifted), lambda: build(lifted)), lifting.values
    except Opened as slot:
        shapes.put(("opened", bare), opened | {slot.name})
    return keep(shapes, shape, condition, build)
