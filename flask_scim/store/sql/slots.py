"""Conditions with slots in place of what people look for, so that one statement serves them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from ...protocol.forms import MOST_ALIKE, Blank, lift, rewrite
from ...protocol.matcher import RELATIONS
from ...protocol.resolver import Compare, Condition
from ...protocol.syntax import Operator
from .statements import Shapes

_Built = TypeVar("_Built")


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


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """Kept in place of what cannot be built while a text is in a slot, to be found by that text.

    :param name: the name of the slot.
    """

    name: str


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


def keep(
    shapes: Shapes,
    shape: tuple[Any, ...],
    condition: Condition,
    build: Callable[[Condition], _Built],
    texts: Mapping[str, str] | None = None,
) -> tuple[_Built, dict[str, str]]:
    """Find what is kept for all conditions like one, or build it.

    :param shapes: where it is kept.
    :param shape: what else makes it differ from others.
    :param condition: the condition.
    :param build: builds it for a condition, in which some texts are slots.
    :param texts: what stands in the blanks of the condition; ``None`` where it has no blanks.
    :return: what is kept, and the values to run it with.
    """
    if texts is None:
        lifted = lift(condition)
        if len(lifted) > MOST_ALIKE:
            return build(condition), {}
        condition = lifted.condition
        texts = {name: str(comparison.value) for name, comparison in lifted.taken.items()}
    values, opened = dict(texts), dict[str, str]()

    def build_with_slots() -> _Built | _Open:
        fillings = {name: Slot(name) for name in values} | opened
        try:
            return build(rewrite(condition, partial(_fill, fillings)))
        except Opened as slot:
            return _Open(slot.name)

    found = shapes.get((*shape, condition), build_with_slots)
    while isinstance(found, _Open):
        text = opened[found.name] = values.pop(found.name)
        found = shapes.get((found, text), build_with_slots)
    return found, values


def _fill(fillings: Mapping[str, Any], comparison: Compare) -> Compare:
    """Put into a blank what belongs there, if that is at hand."""
    value: Any = comparison.value
    if isinstance(value, Blank) and value.name in fillings:
        return replace(comparison, value=fillings[value.name])
    return comparison
