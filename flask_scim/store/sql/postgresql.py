"""PostgreSQL, where JSON is compared as ``jsonb``."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from ...protocol.syntax import Operator
from .backends import NOTHING, RELATIONS, Backend, Keys, Sql
from .slots import Slot


class PostgreSQL(Backend):
    """PostgreSQL, where JSON is compared as ``jsonb``."""

    dialect = "postgresql"
    tells_rows = True

    def compare_text(self, text: Sql, operator: Operator, value: str | Slot, *, exact: bool) -> Sql:
        if operator in (Operator.GT, Operator.GE, Operator.LT, Operator.LE):
            subject = text if exact else self.folded(text, value)
            return RELATIONS[operator](self.sortable(subject), value)
        return super().compare_text(text, operator, value, exact=exact)

    def sortable(self, text: Sql) -> Sql:
        return sa.collate(text, "C")

    def check_constraints(self, connection: Connection) -> None:
        connection.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE"))

    def moment_text(self, moment: Sql) -> Sql:
        if getattr(moment.type, "timezone", False):
            moment = sa.func.timezone("UTC", moment)
        return sa.func.to_char(moment, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')

    def folded(self, text: Sql, value: str | Slot) -> Sql:
        # Under the C locale lower() leaves letters beyond ASCII alone; ICU folds them everywhere.
        return sa.func.lower(text if value.isascii() else sa.collate(text, "und-x-icu"))

    def json_text(self, json: Sql, keys: Keys) -> Sql:
        text: Sql = _at(json, keys).astext
        return text

    def json_present(self, json: Sql, keys: Keys) -> Sql:
        return sa.cast(_at(json, keys), sa.Text).not_in(NOTHING)

    def json_number(self, json: Sql, keys: Keys) -> Sql:
        value = _at(json, keys)
        return sa.case(
            (sa.func.jsonb_typeof(value) == "number", sa.cast(value.astext, sa.Numeric)),
            else_=None,
        )

    def json_elements(self, json: Sql, keys: Keys) -> tuple[sa.FromClause, Sql]:
        value = _at(json, keys)
        array = sa.case(
            (sa.func.jsonb_typeof(value) == "array", value),
            else_=sa.cast(sa.literal_column("'[]'"), JSONB),
        )
        element = sa.func.jsonb_array_elements(array, type_=JSONB).column_valued("element")
        return element.scalar_alias, element


def _at(json: Sql, keys: Keys) -> Any:
    """The value at some keys, one after the other: a path would be cut at commas and braces."""
    value: Any = sa.cast(json, JSONB)
    for key in keys or [()]:
        value = value[key]
    return value
