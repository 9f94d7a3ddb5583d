"""Values that stand in JSON: how they are read, written and compared."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ...protocol.schema import Attribute, Type
from ...protocol.syntax import Operator
from ...protocol.values import Comparable, write_datetime
from ..sql.backends import RELATIONS, Backend, Keys, Sql
from ..sql.slots import fits_nothing, text_of
from .codecs import Codec, order_text


class JsonCodec(Codec):
    """A value at some keys of a JSON column; the column itself is read and written as a whole."""

    def __init__(self, attribute: Attribute, keys: Keys) -> None:
        self.attribute = attribute
        self.keys = keys

    def decode(self, raw: Any) -> Any:
        for key in self.keys:
            if not isinstance(raw, dict):
                return None
            raw = raw.get(key)
        return None if raw in ("", [], {}) else raw

    def present(self, backend: Backend, column: Sql) -> Sql:
        return backend.json_present(column, self.keys)

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        return compare_json(backend, column, self.keys, self.attribute, operator, value)

    def order(self, backend: Backend, column: Sql) -> Sql:
        return order_json(backend, column, self.keys, self.attribute)


class InvertedJsonCodec(JsonCodec):
    """A boolean at some keys of a JSON column that says the opposite."""

    def decode(self, raw: Any) -> Any:
        found = super().decode(raw)
        return None if found is None else not found

    def encode(self, value: Any, where: str) -> Any:
        return not value

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        return super().compare(backend, column, operator, not value)

    def order(self, backend: Backend, column: Sql) -> Sql:
        return 1 - super().order(backend, column)


def compare_json(
    backend: Backend,
    json: Sql,
    keys: Keys,
    attribute: Attribute,
    operator: Operator,
    value: Comparable,
) -> Sql:
    """Compare a simple value that stands at some keys of JSON.

    :param backend: the database.
    :param json: the JSON.
    :param keys: the keys that lead to the value; none for the JSON itself.
    :param attribute: the definition of the value.
    :param operator: the operator of the filter.
    :param value: what to compare with.
    :return: the condition; NULL or false where nothing is assigned.
    """
    match attribute.type:
        case Type.BOOLEAN:
            found = backend.json_boolean(json, keys)
            return found if value else sa.and_(backend.json_present(json, keys), sa.not_(found))
        case Type.INTEGER | Type.DECIMAL:
            return RELATIONS[operator](backend.json_number(json, keys), value)
        case Type.DATETIME:
            assert isinstance(value, datetime)
            text = backend.json_text(json, keys)
            return backend.compare_text(text, operator, write_datetime(value), exact=True)
        case _:
            exact = attribute.case_exact or attribute.type is not Type.STRING
            text = backend.json_text(json, keys)
            condition = backend.compare_text(text, operator, text_of(value), exact=exact)
            return sa.and_(condition, text != "") if fits_nothing(operator, value) else condition


def order_json(backend: Backend, json: Sql, keys: Keys, attribute: Attribute) -> Sql:
    """The expression by which to sort a simple value that stands at some keys of JSON.

    :param backend: the database.
    :param json: the JSON.
    :param keys: the keys that lead to the value; none for the JSON itself.
    :param attribute: the definition of the value.
    :return: the expression; NULL where nothing is assigned.
    """
    match attribute.type:
        case Type.BOOLEAN:
            is_true, is_there = backend.json_boolean(json, keys), backend.json_present(json, keys)
            return sa.case((is_true, 1), (is_there, 0), else_=None)
        case Type.INTEGER | Type.DECIMAL:
            return backend.json_number(json, keys)
        case _:
            exact = attribute.case_exact or attribute.type is not Type.STRING
            return order_text(backend, backend.json_text(json, keys), exact=exact)
