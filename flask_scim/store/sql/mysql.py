"""MariaDB and MySQL, whose columns compare by collation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from ...protocol.syntax import Operator
from .backends import NOTHING, Backend, Keys, Sql, json_path, written
from .slots import Slot


class MySQL(Backend):
    """MariaDB and MySQL, whose columns compare by collation: mostly without case or accents.

    :param collation: one that compares by code point and does not ignore blanks at the end.
    :param caseless: the tables and columns whose own collation ignores letter case.
    :param tells_rows: whether a statement that writes tells of itself which rows it has written.
    """

    dialect = "mysql"

    def __init__(
        self, collation: str, caseless: frozenset[tuple[str, str]], *, tells_rows: bool = False
    ) -> None:
        self.collation = collation
        self.caseless = caseless
        self.tells_rows = tells_rows

    def compare_text(self, text: Sql, operator: Operator, value: str | Slot, *, exact: bool) -> Sql:
        condition = super().compare_text(text, operator, value, exact=exact)
        if operator is Operator.EQ and isinstance(text, sa.Column) and (exact or self._folds(text)):
            # What is equal by code point is equal under any collation: this half uses the index.
            return sa.and_(text == value, condition)
        return condition

    def _folds(self, column: sa.Column[Any]) -> bool:
        return (getattr(column.table, "name", ""), column.name) in self.caseless

    def binary(self, text: Sql) -> Sql:
        return sa.collate(text, self.collation)

    def moment_text(self, moment: Sql) -> Sql:
        return sa.func.date_format(moment, "%Y-%m-%dT%H:%i:%s.%fZ")

    def sorted(self, label: sa.Label[Any], *, descending: bool) -> tuple[Sql, ...]:
        # NULL is less than all else here, and an expression may name what is selected.
        is_absent = sa.literal_column(label.name).is_(None)
        return (is_absent.desc(), label.desc()) if descending else (is_absent, label.asc())

    def json_text(self, json: Sql, keys: Keys) -> Sql:
        value = sa.func.json_extract(json, json_path(keys)) if keys else json
        present = sa.func.json_type(value) != "NULL"
        return sa.case((present, sa.func.json_unquote(value, type_=sa.String)), else_=None)

    def json_present(self, json: Sql, keys: Keys) -> Sql:
        value = sa.func.json_extract(json, json_path(keys), type_=sa.Text) if keys else json
        return sa.type_coerce(value, sa.Text).not_in(NOTHING)

    def json_number(self, json: Sql, keys: Keys) -> Sql:
        value = sa.func.json_extract(json, json_path(keys))
        is_number = sa.func.json_type(value).in_(written("INTEGER", "DOUBLE", "DECIMAL"))
        return sa.case((is_number, sa.cast(value, sa.Numeric(60, 20))), else_=None)

    def json_elements(self, json: Sql, keys: Keys) -> tuple[sa.FromClause, Sql]:
        elements = _JsonTable(json, keys).table_valued(sa.column("value", sa.Text), name="element")
        return elements, elements.c.value


class _JsonTable(FunctionElement[Any]):
    """``JSON_TABLE``, whose path and columns have a syntax of their own."""

    inherit_cache = True
    name = "json_table"

    def __init__(self, json: Sql, keys: Keys) -> None:
        # As a clause the path is part of what tells apart the statements that are compiled once.
        super().__init__(json, sa.literal_column(f"{json_path(keys)}[*]"))


@compiles(_JsonTable)
def _compile_json_table(element: _JsonTable, compiler: Any, **options: Any) -> str:
    json, written = element.clauses
    path = compiler.render_literal_value(written.name, sa.String())
    return f"JSON_TABLE({compiler.process(json, **options)}, {path} COLUMNS (value JSON PATH '$'))"
