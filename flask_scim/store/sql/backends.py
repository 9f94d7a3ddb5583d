"""How each database compares text and reads JSON, so that all of them answer alike."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps
from operator import eq, ge, gt, le, lt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from ...protocol.syntax import Operator
from ...protocol.values import fold
from .kept import kept
from .slots import Slot

Sql = sa.ColumnElement[Any]
#: What leads to a value in JSON: names, and the index of an entry in an array.
Keys = tuple[str | int, ...]

RELATIONS: dict[Operator, Callable[[Any, Any], Sql]] = {
    Operator.EQ: eq,
    Operator.GT: gt,
    Operator.GE: ge,
    Operator.LT: lt,
    Operator.LE: le,
}


def _written(*texts: str) -> list[Sql]:
    """Write texts into a statement itself: as values they would be put in with each execution."""
    return [sa.literal_column(f"'{text}'") for text in texts]


#: What JSON says where nothing is assigned.
_NOTHING = _written("null", '""', "[]", "{}")
_FOLD_FUNCTION = "flask_scim_fold"
#: Where Python's driver leaves it to statements to begin transactions (``autocommit``, from 3.12).
_LEGACY = -1
#: How much of a text sorting looks at: what MariaDB sorts by, and what fits into a cursor.
SORTED_LENGTH = 255


class Backend:
    """What the databases have in common."""

    #: Whether tables are joined row by row in any case, and foreign keys need not hold.
    joins_by_loops = False

    def compare_text(self, text: Sql, operator: Operator, value: str | Slot, *, exact: bool) -> Sql:
        """Compare text.

        :param text: the expression that holds the text.
        :param operator: the operator of the filter.
        :param value: what to compare with; folded already unless ``exact``.
        :param exact: whether letter case counts.
        :return: the condition; NULL where the text is NULL.
        """
        subject = self.binary(text if exact else self.folded(text, value))
        if isinstance(value, Slot):
            return RELATIONS[operator](subject, value)
        match operator:
            case Operator.CO:
                return subject.contains(value, autoescape=True)
            case Operator.SW:
                return subject.startswith(value, autoescape=True)
            case Operator.EW:
                return subject.endswith(value, autoescape=True)
            case _:
                return RELATIONS[operator](subject, value)

    def folded(self, text: Sql, value: str | Slot) -> Sql:
        """Bring text into the form in which letter case does not count.

        :param text: the expression that holds the text.
        :param value: what it is going to be compared with: plain ASCII lets an index serve.
        :return: the folded text.
        """
        return sa.func.lower(text)

    def binary(self, text: Sql) -> Sql:
        """Make text compare by code point."""
        return text

    def sortable(self, text: Sql) -> Sql:
        """Make text sort by code point."""
        return self.binary(text)

    def sortable_moment(self, moment: Sql) -> Sql:
        """Make moments sort, and what is read of them compare as they do."""
        return moment

    def moment_text(self, moment: Sql) -> Sql:
        """Write moments as SCIM does, to sort them among those in JSON."""
        raise NotImplementedError

    def sorted(self, label: sa.Label[Any], *, descending: bool) -> tuple[Sql, ...]:
        """Sort by a selected value, upwards with NULL at the end, downwards the other way round.

        :param label: the value as it is selected, so that it is computed once.
        :param descending: whether to sort downwards.
        :return: expressions of ``ORDER BY``.
        """
        ordered = label.desc().nulls_first() if descending else label.asc().nulls_last()
        return (ordered,)

    def prepare(self, connection: Connection) -> None:
        """Make ready a connection on which conditions of this backend are going to run."""

    def holds_nothing(self, connection: Connection) -> bool:
        """Tell whether what is read next is as new as if a transaction began with it."""
        return False

    def lock(self, connection: Connection, table: sa.Table) -> None:
        """Lock what ``FOR UPDATE`` does not lock on this database.

        :param connection: the connection to it.
        :param table: a table that may be written.
        """

    def check_constraints(self, connection: Connection) -> None:
        """Check now what would only be checked at the commit, when there is no way back."""

    def json_text(self, json: Sql, keys: Keys) -> Sql:
        """Read text from JSON; NULL where there is none."""
        raise NotImplementedError

    def json_boolean(self, json: Sql, keys: Keys) -> Sql:
        """Read a boolean from JSON as a condition."""
        return self.json_text(json, keys) == "true"

    def json_number(self, json: Sql, keys: Keys) -> Sql:
        """Read a number from JSON."""
        raise NotImplementedError

    def json_present(self, json: Sql, keys: Keys) -> Sql:
        """Tell whether JSON holds something at the keys that is neither null nor empty."""
        raise NotImplementedError

    def json_elements(self, json: Sql, keys: Keys) -> tuple[sa.FromClause, Sql]:
        """Read the elements of a JSON array, in order.

        :return: the table of elements and its column, which is JSON itself.
        """
        raise NotImplementedError


class PostgreSQL(Backend):
    """PostgreSQL, where JSON is compared as ``jsonb``."""

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
        return sa.cast(_at(json, keys), sa.Text).not_in(_NOTHING)

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


class SQLite(Backend):
    """SQLite, whose own ``lower()`` and ``LIKE`` know no letters beyond ASCII."""

    joins_by_loops = True

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
        return sa.func.json_extract(json, _json_path(keys), type_=sa.String)

    def json_boolean(self, json: Sql, keys: Keys) -> Sql:
        return sa.func.json_type(json, _json_path(keys)) == "true"

    def json_present(self, json: Sql, keys: Keys) -> Sql:
        text = self.json_text(json, keys)
        # Text that looks like JSON is text.
        is_text = sa.func.json_type(json, _json_path(keys)) == "text"
        return sa.and_(text != "", sa.or_(is_text, text.not_in(_NOTHING)))

    def json_number(self, json: Sql, keys: Keys) -> Sql:
        path = _json_path(keys)
        is_number = sa.func.json_type(json, path).in_(_written("integer", "real"))
        number = sa.func.json_extract(json, path, type_=sa.Numeric(asdecimal=False))
        return sa.case((is_number, number), else_=None)

    def json_elements(self, json: Sql, keys: Keys) -> tuple[sa.FromClause, Sql]:
        each = sa.func.json_each(json, _json_path(keys))
        elements = each.table_valued("value", "type", name="element")
        quoted = sa.func.json_quote(elements.c.value)
        is_json = elements.c.type.in_(_written("object", "array"))
        return elements, sa.case((is_json, elements.c.value), else_=quoted)


@kept
def _write_nothing(table: sa.Table) -> sa.Update:
    """Write to no row, which begins a transaction that writes all the same."""
    column = next(iter(table.c))
    return table.update().where(sa.false()).values({column: column})


class MySQL(Backend):
    """MariaDB and MySQL, whose columns compare by collation: mostly without case or accents.

    :param collation: one that compares by code point and does not ignore blanks at the end.
    :param caseless: the tables and columns whose own collation ignores letter case.
    """

    def __init__(self, collation: str, caseless: frozenset[tuple[str, str]]) -> None:
        self.collation = collation
        self.caseless = caseless

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
        value = sa.func.json_extract(json, _json_path(keys)) if keys else json
        present = sa.func.json_type(value) != "NULL"
        return sa.case((present, sa.func.json_unquote(value, type_=sa.String)), else_=None)

    def json_present(self, json: Sql, keys: Keys) -> Sql:
        value = sa.func.json_extract(json, _json_path(keys), type_=sa.Text) if keys else json
        return sa.type_coerce(value, sa.Text).not_in(_NOTHING)

    def json_number(self, json: Sql, keys: Keys) -> Sql:
        value = sa.func.json_extract(json, _json_path(keys))
        is_number = sa.func.json_type(value).in_(_written("INTEGER", "DOUBLE", "DECIMAL"))
        return sa.case((is_number, sa.cast(value, sa.Numeric(60, 20))), else_=None)

    def json_elements(self, json: Sql, keys: Keys) -> tuple[sa.FromClause, Sql]:
        elements = _JsonTable(json, keys).table_valued(sa.column("value", sa.Text), name="element")
        return elements, elements.c.value


def find_backend(connection: Connection) -> Backend:
    """Find the backend of a database.

    :param connection: a connection to it; MariaDB and MySQL are asked for their collations.
    :return: the backend, for as long as the tables stay as they are.
    :raises NotImplementedError: if the database is none that is supported.
    """
    match connection.dialect.name:
        case "postgresql":
            return PostgreSQL()
        case "sqlite":
            return SQLite()
        case "mysql" | "mariadb":
            is_mariadb = getattr(connection.dialect, "is_mariadb", False)
            caseless = connection.execute(
                sa.text(
                    "SELECT table_name, column_name FROM information_schema.columns"
                    " WHERE table_schema = database() AND collation_name LIKE '%ci'"
                )
            )
            return MySQL(
                "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin",
                frozenset((table, column) for table, column in caseless),
            )
        case name:
            raise NotImplementedError(
                f"Flask-SCIM works on SQLite, PostgreSQL, MariaDB and MySQL, not on {name}."
            )


class _JsonTable(FunctionElement[Any]):
    """``JSON_TABLE``, whose path and columns have a syntax of their own."""

    inherit_cache = True
    name = "json_table"

    def __init__(self, json: Sql, keys: Keys) -> None:
        # As a clause the path is part of what tells apart the statements that are compiled once.
        super().__init__(json, sa.literal_column(f"{_json_path(keys)}[*]"))


@compiles(_JsonTable)
def _compile_json_table(element: _JsonTable, compiler: Any, **options: Any) -> str:
    json, written = element.clauses
    path = compiler.render_literal_value(written.name, sa.String())
    return f"JSON_TABLE({compiler.process(json, **options)}, {path} COLUMNS (value JSON PATH '$'))"


def _json_path(keys: Keys) -> str:
    # Keys are written as SQLAlchemy writes them into the column.
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{dumps(key)}" for key in keys)


def _fold(text: Any) -> str | None:
    return None if text is None else fold(str(text))


def insert_or_ignore(session: Session, table: sa.FromClause) -> Any:
    """Make an insert that passes over a row whose key is there already.

    :param session: the session that is going to run it.
    :param table: the table.
    :return: the statement, without values.
    """
    assert isinstance(table, sa.Table)
    match session.get_bind().dialect.name:
        case "postgresql":
            return postgresql.insert(table).on_conflict_do_nothing()
        case "sqlite":
            return sqlite.insert(table).on_conflict_do_nothing()
        case _:
            return mysql.insert(table).prefix_with("IGNORE")
