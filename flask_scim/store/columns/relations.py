"""Many-to-many relationships of the host: the table of their pairs, read and written as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import RelationshipProperty, Session

from ...mapping.sources import read_source
from ..sql.inserts import insert_or_ignore
from ..sql.statements import run

_Item = TypeVar("_Item")

#: How many keys one statement names: well below what any of the databases takes.
_CHUNK = 5_000


class Relation(NamedTuple):
    """A many-to-many relationship of a model, direct or by way of an association object.

    :param table: the host's table that holds the pairs.
    :param near: its column with the key of the row that the relationship starts from.
    :param far: its column with the key of the row that it leads to.
    :param near_key: the key that ``near`` refers to.
    :param far_key: the key that ``far`` refers to.
    :param model: the model that it leads to.
    """

    table: sa.Table
    near: sa.Column[Any]
    far: sa.Column[Any]
    near_key: sa.ColumnElement[Any]
    far_key: sa.ColumnElement[Any]
    model: type


def find_relation(model: type, source: Any) -> Relation | None:
    """Find a many-to-many relationship.

    :param model: the model that it starts from.
    :param source: the relationship, or its name; for an association object the way through it.
    :return: the relationship; ``None`` if there is none, or one of another kind.
    """
    steps: tuple[str, ...] = getattr(read_source(source), "steps", ())
    relationship = _relationship(model, steps[0]) if steps else None
    if relationship is None or not relationship.uselist:
        return None
    if relationship.secondary is not None and len(steps) == 1:
        table: Any = relationship.secondary
        far_pairs = relationship.secondary_synchronize_pairs or []
        leads_to = relationship.mapper
    else:
        onward = _relationship(relationship.mapper.class_, steps[1]) if len(steps) == 2 else None
        if onward is None or onward.uselist:
            return None
        table = relationship.mapper.local_table
        far_pairs = onward.synchronize_pairs
        leads_to = onward.mapper
    near_pairs = relationship.synchronize_pairs
    if len(near_pairs) != 1 or len(far_pairs) != 1 or not isinstance(table, sa.Table):
        return None
    (near_key, near), (far_key, far) = near_pairs[0], far_pairs[0]
    assert isinstance(near, sa.Column)
    assert isinstance(far, sa.Column)
    return Relation(table, near, far, near_key, far_key, leads_to.class_)


def insert_pairs(
    session: Session,
    table: sa.FromClause,
    pairs: Iterable[dict[str, Any]],
    fill: Callable[[], dict[str, Any]] | None = None,
) -> None:
    """Insert pairs, and pass over those which the app has made in the meantime.

    :param session: the host's session.
    :param table: the table of pairs.
    :param pairs: the columns of each, by name.
    :param fill: makes the other columns of new pairs.
    """
    rows = list(pairs)
    extra = fill() if fill is not None and rows else {}
    for chunk in chunks(rows):
        run(session, insert_or_ignore(session, table), [{**row, **extra} for row in chunk])


def chunks(items: list[_Item]) -> Iterator[list[_Item]]:
    """Part a list, so that one statement can name what is in a part."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _relationship(model: type, name: str) -> RelationshipProperty[Any] | None:
    mapper: Any = sa.inspect(model)
    found: RelationshipProperty[Any] | None = mapper.relationships.get(name)
    return found
