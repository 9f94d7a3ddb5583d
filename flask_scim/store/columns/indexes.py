"""Look-ups of identity providers that the database has no index for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlalchemy as sa

from ...mapping.sources import Source
from .binding import Binding
from .codecs import TextCodec
from .places import Place

_SQLITE = "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table"
_SQLITE_CONSTRAINTS = (
    "SELECT lower(group_concat(part.name)) FROM pragma_index_list(:table) AS list,"
    " pragma_index_info(list.name) AS part WHERE list.origin <> 'c' GROUP BY list.name"
)
_POSTGRESQL = (
    "SELECT indexdef FROM pg_indexes"
    " WHERE tablename = :table AND schemaname = coalesce(:schema, current_schema())"
)


def find_unindexed(connection: sa.Connection, binding: Binding) -> list[str]:
    """Find what identity providers look up and the database reads every row for.

    :param connection: a connection to the database.
    :param binding: the resource type.
    :return: a sentence for each, with the index that it wants.
    """
    table: sa.Table = binding.mapper.local_table
    if not sa.inspect(connection).has_table(table.name, schema=table.schema):
        return []
    indexes = list(_list_indexes(connection, table))
    found: dict[str, str] = {}
    for place in _looked_up(binding):
        column = place.column
        exact = isinstance(place.codec, TextCodec) and place.codec.exact
        folds = not exact and connection.dialect.name not in ("mysql", "mariadb")
        assert isinstance(column, sa.Column)
        wanted = f"lower({column.name.lower()})" if folds else column.name.lower()
        tenant = None if binding.tenant is None else binding.tenant.column
        leading = "" if tenant is None else getattr(tenant, "name", "").lower()
        served = (wanted, f"{leading},{wanted}" if leading else wanted)
        if not any(f"{index},".startswith(tuple(f"{s}," for s in served)) for index in indexes):
            found.setdefault(column.name, _propose(binding, place, folds=folds))
    return list(found.values())


def _looked_up(binding: Binding) -> Iterator[Place]:
    """The text columns of the model that filters of identity providers name."""
    for place in binding.places:
        keys, source = place.path.keys, place.source
        is_asked_for = place is binding.unique or keys in (("externalId",), ("emails", "value"))
        is_here = isinstance(source, Source) and isinstance(place.column, sa.Column)
        if is_asked_for and is_here and len(source.steps) == 1:  # type: ignore[union-attr]  # a Source
            yield place


def _propose(binding: Binding, place: Place, *, folds: bool) -> str:
    model, source = binding.model.__name__, place.source
    column = f"{model}.{source}"
    parts = [f"func.lower({column})" if folds else column]
    if binding.tenant is not None:
        parts.insert(0, f"{model}.{binding.tenant.source}")
    name = f"ix_{binding.mapper.local_table.name}_{source}"
    return (
        f"{place.path} is looked up without an index; add "
        f'Index("{name}", {", ".join(parts)}) and migrate.'
    )


def _list_indexes(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    """The columns and expressions of each index, in small letters, without casts and blanks."""
    match connection.dialect.name:
        case "sqlite":
            rows = connection.scalars(sa.text(_SQLITE), {"table": table.name})
            yield from (_plain(sql) for sql in rows if sql)
            # Indexes of constraints have no text of their own.
            yield from connection.scalars(sa.text(_SQLITE_CONSTRAINTS), {"table": table.name})
        case "postgresql":
            names = {"table": table.name, "schema": table.schema}
            yield from map(_plain, connection.scalars(sa.text(_POSTGRESQL), names))
        case _:
            for index in sa.inspect(connection).get_indexes(table.name, schema=table.schema):
                yield ",".join(str(name).lower() for name in index["column_names"])


def _plain(sql: str) -> str:
    """``CREATE INDEX … (tenant_id, lower((name)::text))`` as ``tenant_id,lower(name)``."""
    inner = sql[sql.index("(") + 1 : sql.rindex(")")].lower()
    inner = re.sub(r"::[a-z ]+|[\s\"`\[\]]", "", inner)
    return re.sub(r"\(+(\w+)\)+", r"(\1)", inner)
