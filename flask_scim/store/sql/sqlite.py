"""SQLite, whose driver has a mind of its own about transactions."""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...protocol.syntax import Operator
from ...protocol.values import fold
from .backends import NOTHING, RELATIONS, Backend, Keys, Sql, json_path, written
from .kept import kept
from .slots import Slot

_FOLD_FUNCTION = "flask_scim_fold"
#: Where Python's driver leaves it to statements to begin transactions (``autocommit``, from 3.12).
_LEGACY = -1


class SQLite(Backend):
    """SQLite, whose own ``lower()`` and ``LIKE`` know no letters beyond ASCII."""

    dialect = "sqlite"
    joins_by_loops = True
    tells_rows = sqlite3.sqlite_version_info >= (3, 35)

    def compare_text(self, text: Sql, operator: Operator, value: str | Slot, *, exact: bool) -> Sql:
        subject = text if exact else self.folded(text, value)
        if isinstance(value, Slot):
            return RELATIONS[operator](subject, self.binary(sa.type_coerce(value, sa.String())))
        length = len(value)
        match operator:
            case Operator.CO:
                return sa.func.instr(subject, value) > 0
            case Operator.SW:
                return sa.func.substr(subject, 1, length) == self.binary(sa.literal(value))
            case Operator.EW if length:
                return sa.func.substr(subject, -length) == self.binary(sa.literal(value))
            case Operator.EW:
                return text.is_not(None)
            case _:
                return RELATIONS[operator](subject, self.binary(sa.literal(value)))

    def folded(self, text: Sql, value: str | Slot) -> Sql:
        if value.isascii():
            return sa.func.lower(text)
        return getattr(sa.func, _FOLD_FUNCTION)(text, type_=sa.String)  # type: ignore[no-any-return]  # looked up by name

    def binary(self, text: Sql) -> Sql:
        return sa.collate(text, "BINARY")

    def sortable_moment(self, moment: Sql) -> Sql:
        # Moments are text here, and what the database wrote itself has no fraction of a second.
        padded = sa.type_coerce(moment, sa.String).concat(".000000")
        return sa.func.substr(padded, 1, 26)

    def moment_text(self, moment: Sql) -> Sql:
        return sa.func.replace(self.sortable_moment(moment), " ", "T").concat("Z")

    def prepare(self, connection: Connection) -> None:
        # What is noted here lives as long as the driver's own connection, as the function does.
        if _FOLD_FUNCTION not in connection.info:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.create_function(_FOLD_FUNCTION, 1, _fold, deterministic=True)
            connection.info[_FOLD_FUNCTION] = True

    def holds_nothing(self, connection: Connection) -> bool:
        # Python's driver begins a transaction with a write, unless it or the host is set otherwise.
        raw: Any = connection.connection.driver_connection
        return getattr(raw, "autocommit", _LEGACY) == _LEGACY and not raw.in_transaction

    def lock(self, connection: Connection, table: sa.Table) -> None:
        # Only a write begins a transaction here, and it keeps every other writer out.
        if self.holds_nothing(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(_write_nothing(table))

    def json_text(self, json: Sql, keys: Keys) -> Sql:
        return sa.func.json_extract(json, _path(keys), type_=sa.String)

    def json_boolean(self, json: Sql, keys: Keys) -> Sql:
        return sa.func.json_type(json, _path(keys)) == "true"

    def json_present(self, json: Sql, keys: Keys) -> Sql:
        text = self.json_text(json, keys)
        # Text that looks like JSON is text.
        is_text = sa.func.json_type(json, _path(keys)) == "text"
        return sa.and_(text != "", sa.or_(is_text, text.not_in(NOTHING)))

    def json_number(self, json: Sql, keys: Keys) -> Sql:
        path = _path(keys)
        is_number = sa.func.json_type(json, path).in_(written("integer", "real"))
        number = sa.func.json_extract(json, path, type_=sa.Numeric(asdecimal=False))
        return sa.case((is_number, number), else_=None)

    def json_elements(self, json: Sql, keys: Keys) -> tuple[sa.FromClause, Sql]:
        each = sa.func.json_each(json, _path(keys))
        elements = each.table_valued("value", "type", name="element")
        quoted = sa.func.json_quote(elements.c.value)
        is_json = elements.c.type.in_(written("object", "array"))
        return elements, sa.case((is_json, elements.c.value), else_=quoted)


@kept
def _write_nothing(table: sa.Table) -> sa.Update:
    """Write to no row, which begins a transaction that writes all the same."""
    column = next(iter(table.c))
    return table.update().where(sa.false()).values({column: column})


def _fold(text: Any) -> str | None:
    return None if text is None else fold(str(text))


def _path(keys: Keys) -> Sql:
    """Write the path of a value into the statement itself, where only quotes are escaped."""
    (path,) = written(json_path(keys).replace("'", "''"))
    return path
