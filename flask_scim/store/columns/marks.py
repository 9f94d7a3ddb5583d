"""What the app says of a row beside the mapping: that it is untouchable, or privileged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, RelationshipProperty

from ...config import ConfigurationError
from ...mapping.sources import Computed, Source, Sourced, read_source
from ..sql.backends import Sql

#: What a declaration may write where a mark is meant: a source, or a function of the row.
Marked = Sourced | Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that holds of a row of the host, or does not.

    :param holds: tells whether it holds of a row.
    :param condition: the same in SQL, where SQL can tell; never NULL.
    """

    holds: Callable[[Any], bool]
    condition: Sql | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """What the app says of the rows of a resource type beside the mapping.

    :param untouchable: that SCIM may see a row and never change it.
    :param verified: that the e-mail address of an account is its person's.
    :param privileged: that an account has privileges, so that SCIM must not take it over.
    """

    untouchable: Mark | None = None
    verified: Mark | None = None
    privileged: Mark | None = None

    @property
    def closed(self) -> tuple[Mark | None, ...]:
        """What keeps an account from being taken over."""
        return self.privileged, self.untouchable


def read_mark(marked: Marked, model: type, what: str) -> Mark | None:
    """Read what says of an account that something holds.

    A column of another type than Boolean holds where it has a value other than zero and the empty
    text: the moment of a verification will do.

    :param marked: an attribute of the model or its name, with ``!`` for the opposite, a value that
        is computed, or a function that takes the row; ``None`` where nothing says it.
    :param model: the host's model.
    :param what: what it says, in messages.
    :return: the mark, ``None`` where there is none.
    :raises ConfigurationError: if it cannot be used.
    """
    if marked is None:
        return None
    try:
        source = read_source(marked)
    except TypeError:
        if callable(marked):
            return Mark(lambda row: bool(marked(row)))
        raise ConfigurationError(
            f"{what} must be an attribute of {model.__name__}, its name, or a function that takes "
            f"a row, not {marked!r}."
        ) from None
    if isinstance(source, Computed):
        expression = source.expression
        condition = None if expression is None else _is_true(expression, inverted=False)
        return Mark(lambda row: bool(source.function(row)), condition)
    return Mark(_read(source), _compile(source, model, what))


def _read(source: Source) -> Callable[[Any], bool]:
    def holds(row: Any) -> bool:
        value = row
        for step in source.steps:
            value = value.get(step) if isinstance(value, dict) else getattr(value, step, None)
        return bool(value) is not source.inverted

    return holds


def _compile(source: Source, model: type, what: str) -> Sql | None:
    """Check that there is such an attribute; its condition in SQL, where it is one of the row."""
    if source.owner is not None and not issubclass(model, source.owner):
        raise ConfigurationError(f"{what}={source}: it is not an attribute of {model.__name__}.")
    entity: Any = model
    for index, step in enumerate(source.steps):
        attribute = getattr(entity, step, None)
        if attribute is None:
            raise ConfigurationError(f"{what}={source}: {entity.__name__} has no attribute {step}.")
        related = getattr(attribute, "property", None)
        if not isinstance(related, RelationshipProperty):
            is_column = isinstance(attribute, InstrumentedAttribute) and len(source.steps) == 1
            return _is_true(attribute, inverted=source.inverted) if is_column else None
        if related.uselist or index == len(source.steps) - 1:
            break
        entity = related.mapper.class_
    raise ConfigurationError(f"{what}={source}: name an attribute behind a to-one relationship.")


def _is_true(expression: Any, *, inverted: bool) -> Sql:
    match expression.type:
        case sa.Boolean():
            condition: Sql = expression.is_(sa.true())
        case sa.Integer() | sa.Numeric():
            condition = sa.and_(expression.is_not(None), expression != 0)
        case sa.String():
            condition = sa.and_(expression.is_not(None), expression != "")
        case _:
            condition = expression.is_not(None)
    return sa.not_(condition) if inverted else condition
