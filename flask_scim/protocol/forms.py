"""Filters apart from the texts that they compare with: those that are alike are read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .resolver import All, AnyOf, Compare, Condition, Negate, Some
from .schema import Attribute
from .syntax import Operator
from .values import comparable

#: The most comparisons of a condition that is taken for one of many.
MOST_ALIKE = 16
#: How many characters a filter has at the most that is taken apart.
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Blank:
    """Stands in a condition for a text of ASCII, never empty, that something is compared with."""

    name: str


@dataclass(frozen=True, slots=True)
class Lifted:
    """A condition whose texts are taken out.

    :param condition: the condition, with a :class:`Blank` in place of each text.
    :param taken: the comparisons that had one, by the name of the blank.
    :param left: the other comparisons: with anything but a plain text, or by anything but ``eq``.
    """

    condition: Condition
    taken: dict[str, Compare]
    left: list[Compare]

    def __len__(self) -> int:
        """How many comparisons there are."""
        return len(self.taken) + len(self.left)


@dataclass(frozen=True, slots=True)
class Form:
    """What many filters have in common.

    :param condition: the condition, with a :class:`Blank` in place of each text.
    :param blanks: the name of each blank, the number of its text in the filter, and what it is
        compared with.
    :param fixed: what stands in the other blanks, in every one of these filters.
    """

    condition: Condition
    blanks: tuple[tuple[str, int, Attribute], ...]
    fixed: Mapping[str, str] = field(default_factory=dict)

    def fill(self, texts: Sequence[str]) -> dict[str, str]:
        """Find what stands in the blanks.

        :param texts: the texts of the filter, as :func:`take_apart` returns them.
        :return: the texts by the names of the blanks, as they compare.
        """
        filled = dict(self.fixed)
        for name, number, attribute in self.blanks:
            filled[name] = str(comparable(attribute, texts[number]))
        return filled


def take_apart(text: str) -> tuple[str, list[str]] | None:
    """Take the texts out of a filter.

    :param text: the filter as the client sent it.
    :return: a filter with other texts in their place, the same for all filters that are alike, and
        the texts; ``None`` if it has none, or some that are not as plain as they look.
    """
    if len(text) > _LONGEST or "\\" in text or not (text.isascii() and text.isprintable()):
        return None
    # Without a backslash, each quotation mark begins or ends a text.
    parts = text.split('"')
    texts = parts[1::2]
    if len(parts) % 2 == 0 or not texts or not all(texts):
        return None
    for number in range(len(texts)):
        parts[2 * number + 1] = _stand_in(number)
    return '"'.join(parts), texts


def make_form(text: str, read: Callable[[str], Condition]) -> Form | None:
    """Read what filters that are alike have in common.

    :param text: the first part of what :func:`take_apart` returns.
    :param read: reads a filter.
    :return: the form; ``None`` if it depends on the texts what the filter means.
    :raises ScimError: if the filter cannot be read, be it for the texts in it.
    """
    numbers = {_stand_in(number): number for number in range(text.count('"') // 2)}
    lifted = lift(read(text))
    depends = any(comparison.value in numbers for comparison in lifted.left)
    if depends or len(lifted) > MOST_ALIKE:
        return None
    blanks, fixed = [], {}
    for name, comparison in lifted.taken.items():
        value = str(comparison.value)
        if value in numbers:
            blanks.append((name, numbers[value], comparison.path.leaf))
        else:
            fixed[name] = value
    return Form(lifted.condition, tuple(blanks), fixed)


def lift(condition: Condition) -> Lifted:
    """Take the texts out of a condition.

    :param condition: the condition.
    :return: the condition and the texts.
    """
    taken: dict[str, Compare] = {}
    left: list[Compare] = []

    def look(comparison: Compare) -> Compare:
        match comparison:
            case Compare(path, Operator.EQ, str(text)) if text and text.isascii():
                name = f"flask_scim_text_{len(taken) + len(left) + 1}"
                taken[name] = comparison
                blank: Any = Blank(name)
                return Compare(path, Operator.EQ, blank)
        left.append(comparison)
        return comparison

    return Lifted(rewrite(condition, look), taken, left)


def rewrite(condition: Condition, change: Callable[[Compare], Compare]) -> Condition:
    """Change each comparison of a condition.

    :param condition: the condition.
    :param change: takes a comparison, and returns what is to stand in its place.
    :return: the condition that comes of it.
    """
    match condition:
        case All(terms) | AnyOf(terms):
            return type(condition)(tuple(rewrite(term, change) for term in terms))
        case Negate(term):
            return Negate(rewrite(term, change))
        case Some(path, inner):
            return Some(path, rewrite(inner, change))
        case Compare():
            return change(condition)
    return condition


def _stand_in(number: int) -> str:
    # No word without quotes is one, for the blank in it; nor is any moment, boolean or base64.
    return f"text {number}"
