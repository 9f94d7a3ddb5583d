"""Names of a row as entries of a multi-valued attribute, of which each is one ``value``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from ...mapping.sources import Values, read_source
from ...protocol.errors import InvalidFilter, InvalidValue
from ...protocol.resolver import AttributePath
from ...protocol.schema import Attribute
from ...protocol.syntax import Operator
from ...protocol.values import Comparable
from ..sql.backends import Backend, Sql
from ..sql.slots import text_of
from .codecs import Codec, order_text
from .holders.related import RelatedNames
from .json_codecs import JsonCodec

Entries = list[dict[str, Any]]


class RelatedNamesCodec(Codec):
    """The rows that a relationship leads to; the store writes the pairs.

    :param holder: the relationship.
    :param values: what the declaration says of it.
    """

    def __init__(self, holder: RelatedNames, values: Values) -> None:
        self.holder = holder
        self._steps: tuple[str, ...] = getattr(read_source(values.source), "steps", ())
        mapper: Any = sa.inspect(holder.relation.model)
        shown = holder.display
        self._name = mapper.get_property_by_column(holder.name).key
        self._display = None if shown is None else mapper.get_property_by_column(shown).key

    @property
    def relationship(self) -> str:
        """The relationship of the model."""
        return self._steps[0]

    def select(self, key: Sql) -> Sql:
        """Select the names of a row as JSON."""
        relation, shown = self.holder.relation, self.holder.display
        display = sa.null() if shown is None else shown
        pairs = sa.join(relation.table, relation.model, relation.far == relation.far_key)
        entries = _JsonEntries(self.holder.name, display)
        statement = sa.select(entries).select_from(pairs).where(relation.near == key)
        return statement.scalar_subquery()

    def read(self, row: Any) -> Any:
        """Read the names from the host's object."""
        found = list(getattr(row, self._steps[0]))
        for step in self._steps[1:]:
            found = [getattr(each, step) for each in found]
        return self.decode([self._entry(each) for each in found if each is not None])

    def decode(self, raw: Any) -> Any:
        raw = json.loads(raw) if isinstance(raw, str) else raw
        named = [
            {part: text for part, text in entry.items() if text not in (None, "")}
            for entry in raw or ()
            if entry["value"] not in (None, "")
        ]
        return sorted(named, key=lambda entry: str(entry["value"])) or None

    def present(self, backend: Backend, column: Sql) -> Sql:
        return column.is_not(None)

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        raise InvalidFilter("Entries cannot be compared as a whole.")

    def first(self, key: Sql, name: Sql | None) -> Sql:
        """Select what sorts first among the names of a row."""
        relation = self.holder.relation
        pairs = sa.join(relation.table, relation.model, relation.far == relation.far_key)
        chosen = self.holder.name if name is None else name
        statement = sa.select(chosen).select_from(pairs).where(relation.near == key)
        return statement.order_by(self.holder.name).limit(1).scalar_subquery()

    def _entry(self, found: Any) -> dict[str, Any]:
        entry = {"value": getattr(found, self._name)}
        return (
            entry if self._display is None else entry | {"display": getattr(found, self._display)}
        )


class ListedNamesCodec(JsonCodec):
    """A list of text in JSON."""

    def decode(self, raw: Any) -> Any:
        found = super().decode(raw)
        listed = [found] if isinstance(found, str) else found
        if not isinstance(listed, list):
            return None
        return [{"value": name} for name in listed if isinstance(name, str) and name] or None

    def encode(self, value: Any, where: str) -> Any:
        return names_of(value, where)


class NameScope:
    """One name, as a filter of the entries sees it.

    :param backend: the database.
    :param name: the name.
    :param display: what people read, where there is anything.
    """

    def __init__(self, backend: Backend, name: Sql, display: Sql | None) -> None:
        self._backend = backend
        self._columns = {"value": name, "display": display}

    def compare(self, path: AttributePath, operator: Operator, value: Comparable) -> Sql:
        """Compare the name, or what people read."""
        column = self._columns.get(path.leaf.name)
        if column is None:
            return sa.false()
        exact = path.leaf.case_exact
        return self._backend.compare_text(column, operator, text_of(value), exact=exact)

    def has(self, path: AttributePath) -> Sql:
        """Tell whether it has such a part."""
        if path.sub_attribute is None:
            return sa.true()
        column = self._columns.get(path.leaf.name)
        return sa.false() if column is None else column != ""

    def some(self, path: AttributePath, condition: Any) -> Sql:
        """Refuse what has no meaning here."""
        raise InvalidFilter(f"{path} cannot be filtered within an entry.")


def some_name(
    codec: Codec, key: Sql, column: Sql, backend: Backend, compiled: Callable[[NameScope], Sql]
) -> Sql:
    """Tell in SQL whether some name of a row satisfies a condition.

    :param codec: how the names are kept.
    :param key: the primary key of the row.
    :param column: where they are kept.
    :param backend: the database.
    :param compiled: makes the condition on one name.
    :return: the condition.
    """
    match codec:
        case RelatedNamesCodec():
            relation = codec.holder.relation
            scope = NameScope(backend, codec.holder.name, codec.holder.display)
            pairs = sa.join(relation.table, relation.model, relation.far == relation.far_key)
            is_it = sa.select(sa.literal(1)).select_from(pairs)
            return sa.exists(is_it.where(relation.near == key, compiled(scope)))
        case ListedNamesCodec():
            elements, element = backend.json_elements(column, codec.keys)
            scope = NameScope(backend, backend.json_text(element, ()), None)
            is_it = sa.select(sa.literal(1)).select_from(elements).where(compiled(scope))
            return sa.exists(is_it)
        case _:
            raise TypeError(codec)


def first_name(codec: Codec, key: Sql, column: Sql, backend: Backend, part: Attribute) -> Sql:
    """The expression to sort rows with such names by: the first one.

    :param codec: how the names are kept.
    :param key: the primary key of the row.
    :param column: where they are kept.
    :param backend: the database.
    :param part: the part of an entry to sort by.
    :return: the expression.
    """
    match codec:
        case RelatedNamesCodec():
            shown = {"display": codec.holder.display, "value": codec.holder.name}.get(part.name)
            if shown is None:
                return sa.null()
            return order_text(backend, codec.first(key, shown), exact=part.case_exact)
        case ListedNamesCodec() if part.name == "value":
            text = backend.json_text(column, (*codec.keys, 0))
            return order_text(backend, text, exact=part.case_exact)
        case _:
            return sa.null()


def names_of(entries: Entries | None, where: str) -> list[str]:
    """Read the names in the entries of a document, each once.

    :param entries: the entries.
    :param where: the attribute, in messages.
    :return: the names.
    :raises InvalidValue: if an entry has none.
    """
    names = [entry.get("value") for entry in entries or ()]
    if not all(isinstance(name, str) and name for name in names):
        raise InvalidValue(f"{where}: each entry needs a value.")
    return list(dict.fromkeys(str(name) for name in names))


def is_named(codec: Codec) -> bool:
    """Tell whether what is kept are names."""
    return isinstance(codec, RelatedNamesCodec | ListedNamesCodec)


class _JsonEntries(FunctionElement[Any]):
    """All names and what people read of them, as one array of JSON."""

    inherit_cache = True
    name = "json_entries"
    type = sa.JSON()


_MAKERS = {
    # Here nothing makes an empty array.
    "sqlite": "nullif(json_group_array(json_object('value', {}, 'display', {})), '[]')",
    "postgresql": "jsonb_agg(jsonb_build_object('value', {}, 'display', {}))",
    "mysql": "JSON_ARRAYAGG(JSON_OBJECT('value', {}, 'display', {}))",
}
_MAKERS["mariadb"] = _MAKERS["mysql"]


@compiles(_JsonEntries)
def _compile_json_entries(element: _JsonEntries, compiler: Any, **options: Any) -> str:
    parts = (compiler.process(part, **options) for part in element.clauses)
    return _MAKERS[compiler.dialect.name].format(*parts)
