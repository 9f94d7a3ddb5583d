"""Conditions on the values of a list that comes as one parameter.

``IN`` with a parameter for each value is another statement for every length of the list: it is
written anew each time, and planned anew by the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from json import dumps
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from .backends import Sql


def is_listed(column: Sql, name: str) -> Sql:
    """Make the condition that a column has one of the values of a list.

    :param column: the column.
    :param name: the parameter that the list comes as.
    :return: the condition.
    """
    return _IsListed(column, sa.bindparam(name, type_=_List(column.type)))


class _IsListed(FunctionElement[bool]):
    """A column, and a list that it is looked for in."""

    type = sa.Boolean()
    name = "is_listed"
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """Stay as it is: compared with 1, as databases without booleans do, no index serves."""
        return self


@compiles(_IsListed)
def _compile_in(element: _IsListed, compiler: Any, **options: Any) -> str:
    column, values = element.clauses
    each: sa.BindParameter[Any] = sa.bindparam(values.key, expanding=True)
    return str(compiler.process(column.in_(each), **options))


@compiles(_IsListed, "postgresql")
def _compile_array(element: _IsListed, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    # How long the list is does not change the plan, which is made for a short one: row by row, by
    # indexes. Told the length, the planner reads whole tables for a hundred rows.
    return f"{column} = ANY ({values})"


@compiles(_IsListed, "sqlite")
def _compile_json(element: _IsListed, compiler: Any, **options: Any) -> str:
    if not _fits_json(next(iter(element.clauses)).type, compiler.dialect):
        return _compile_in(element, compiler, **options)
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


def _fits_json(kind: Any, dialect: sa.Dialect) -> bool:
    """Tell whether what the driver is given for a value is the same when it comes out of JSON."""
    while isinstance(kind, sa.TypeDecorator):
        kind = kind.load_dialect_impl(dialect)
    return isinstance(kind, (sa.Integer, sa.String, sa.Uuid))


class _List(sa.TypeDecorator[Sequence[Any]]):
    """A list in the form in which a database takes it.

    :param item: the type of its values.
    """

    impl = sa.types.NullType
    cache_ok = True

    def __init__(self, item: Any) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        match dialect.name:
            case "postgresql":
                return dialect.type_descriptor(ARRAY(self.item))
            case "sqlite":
                return _JsonList(self.item)
        return dialect.type_descriptor(sa.types.NullType())


class _JsonList(sa.types.UserDefinedType[Sequence[Any]]):
    """A list as JSON text.

    :param item: the type of its values.
    """

    cache_ok = True

    def __init__(self, item: Any) -> None:
        self.item = item

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any]:
        process = self.item.dialect_impl(dialect).bind_processor(dialect)
        if process is None:
            return dumps
        return lambda values: dumps([process(each) for each in values])
