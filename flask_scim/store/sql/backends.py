"""What is asked of every database, to compare text and read JSON, so that all answer alike."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps
from operator import eq, ge, gt, le, lt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...protocol.syntax import Operator
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


def written(*texts: str) -> list[Sql]:
    """Write texts into a statement itself: as values they would be put in with each execution.

    :param texts: the texts, which are ours and have no quotes.
    :return: the expressions.
    """
    return [sa.literal_column(f"'{text}'") for text in texts]


#: What JSON says where nothing is assigned.
NOTHING = written("null", '""', "[]", "{}")
#: How much of a text sorting looks at: what MariaDB sorts by, and what fits into a cursor.
SORTED_LENGTH = 255


def json_path(keys: Keys) -> str:
    """Write what leads to a value in JSON as SQLite, MariaDB and MySQL read it.

    :param keys: the keys.
    :return: the path.
    """
    # Keys are written as SQLAlchemy writes them into the column.
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{dumps(key)}" for key in keys)


class Backend:
    """What the databases have in common."""

    #: What SQLAlchemy calls it.
    dialect: str
    #: Whether tables are joined row by row in any case, and foreign keys need not hold.
    joins_by_loops = False
    #: Whether a statement that writes tells of itself which rows it has written.
    tells_rows = False

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
