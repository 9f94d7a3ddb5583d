"""The resources of one connection, as statements select them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..protocol.syntax import Operator
from ..provisioning.ports import Connection, Page, Position, Query, Resource
from .backends import Backend, Sql
from .binding import Binding
from .failures import translated
from .filters import compile_filter
from .paging import Order
from .references import References
from .sorting import compile_order

#: The columns of the record that an answer is made of.
_RECORD_COLUMNS = (
    *("row_id", "version", "created", "modified"),
    *("attributes", "extras", "active_removed"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """The resources of one type and one connection, to be looked at.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: whose resources are in reach; nothing else is.
    :param binding: where their attributes sit.
    :param references: the attributes whose entries are other resources, by name.
    :param beside: the condition under which accounts of the tenant are seen that the connection has
        not provisioned; ``None`` where none is.
    """

    session: Session
    backend: Backend
    connection: Connection
    binding: Binding
    references: dict[str, References]
    beside: Sql | None = None

    def get(self, id: str, references: tuple[str, ...] = ()) -> Resource | None:
        """Read a resource; ``None`` if there is none.

        :param id: the SCIM ``id``.
        :param references: the attributes to load whose entries are other resources.
        :return: the resource.
        """
        with translated(self.binding.resource_type.name):
            page = self._select([self.is_it(id)], Query(count=1, references=references))
        return page.resources[0] if page.resources else None

    def find(self, query: Query) -> Page:
        """List resources in a total order.

        :param query: which ones.
        :return: a page of them.
        """
        with translated(self.binding.resource_type.name):
            return self._find(query)

    def select(self, *columns: Any) -> sa.Select[Any]:
        """Select from what this connection may see.

        :param columns: what to select, of the records and the host's rows.
        :return: the statement.
        """
        binding, connection = self.binding, self.connection
        if self.beside is None:
            return binding.select(*columns).where(*binding.own(connection))
        record = binding.record.c
        is_own = sa.and_(record.row_id.is_not(None), record.deleted.is_(None))
        is_beside = sa.and_(record.row_id.is_(None), self.beside)
        return binding.select_rows(connection.id, *columns).where(
            binding.is_of_tenant(connection), sa.or_(is_own, is_beside)
        )

    def is_it(self, id: str) -> Sql:
        """The condition that a row is that of a resource, by the SCIM ``id``."""
        place = self.binding.id
        if place.codec.parse(id) is None:
            return sa.false()
        assert place.column is not None
        return place.codec.compare(self.backend, place.column, Operator.EQ, id)

    def _find(self, query: Query) -> Page:
        conditions = []
        if query.condition is not None:
            conditions.append(
                compile_filter(query.condition, self.binding, self.backend, self.references)
            )
        order = compile_order(query, self.binding, self.backend, self._key)
        page = self._select(conditions, query, order) if query.count else Page([], 0)
        if not query.totals:
            return page
        offset, found = query.start_index - 1, len(page.resources)
        is_whole = query.after is None and query.before is None
        if is_whole and found < query.count and (found or not offset):
            return replace(page, total=offset + found)
        self.backend.prepare(self.binding.connect(self.session))
        counted = self.select(sa.func.count()).where(*conditions)
        return replace(page, total=self.session.execute(counted).scalar_one())

    def _select(
        self,
        conditions: list[Sql],
        query: Query,
        order: Order | None = None,
    ) -> Page:
        binding = self.binding
        columns = [self._key, *(binding.record.c[name] for name in _RECORD_COLUMNS[1:])]
        entity = [binding.model] if binding.computes else []
        ranks = () if order is None else order.columns
        backwards = query.before is not None and query.after is None
        selected = (*ranks, binding.id.column, *columns, *binding.columns, *entity)
        statement = self.select(*selected).where(*conditions).limit(query.count)
        if order is not None:
            statement = statement.where(*order.within(query))
            statement = statement.order_by(*order.by(backwards=backwards))
        if query.start_index > 1:
            statement = statement.offset(query.start_index - 1)
        self.backend.prepare(self.binding.connect(self.session))
        resources, keys, positions = [], [], []
        rows = list(self.session.execute(statement))
        for found in reversed(rows) if backwards else rows:
            rank, (id, *rest) = found[: len(ranks)], found[len(ranks) :]
            row = found[-1] if entity else None
            record = dict(zip(_RECORD_COLUMNS, rest, strict=False))
            values = binding.decode(rest[len(columns) : len(columns) + len(binding.columns)], row)
            resources.append(make_resource(binding, binding.id.codec.decode(id), values, record))
            keys.append(record["row_id"])
            if rank:
                positions.append(Position(*rank))
        for name in query.references:
            entries = self.references[name].load(keys)
            for key, resource in zip(keys, resources, strict=True):
                if key in entries:
                    resource.document[name] = entries[key]
        return Page(resources, 0, positions)

    @property
    def _key(self) -> Sql:
        """The primary key of the rows: that of the records, where each has one."""
        return self.binding.record.c.row_id if self.beside is None else self.binding.key


def make_resource(
    binding: Binding,
    id: str,
    values: list[Any],
    record: dict[str, Any],
    row: Any = None,
    written: tuple[str, ...] = (),
) -> Resource:
    """Make a resource of what the host's row and our record of it hold.

    :param binding: where the attributes sit.
    :param id: the SCIM ``id``.
    :param values: the SCIM values of the binding's places.
    :param record: the columns of the record, by name; each ``None`` where there is none.
    :param row: the host's object, where it is at hand.
    :param written: the attributes that were set and that nobody can read.
    :return: the resource.
    """
    document = binding.mapping.join(values, record["attributes"], record["extras"])
    is_active = document.get("active") is not False
    if record["active_removed"]:
        document.pop("active", None)
    created, modified = record["created"], record["modified"]
    version, is_known = record["version"] or 0, record["version"] is not None
    return Resource(id, document, version, created, modified, row, is_active, written, is_known)
