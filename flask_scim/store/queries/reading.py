"""The resources of one connection, as statements select them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...protocol.resolver import All, Compare, Condition
from ...protocol.syntax import Operator
from ...protocol.values import write_datetime
from ...provisioning.ports import Connection, Page, Position, Query, Resource
from ..columns.binding import Binding
from ..references.entries import Entries
from ..sql.backends import Backend, Sql
from ..sql.failures import translated
from ..sql.slots import Slot, keep
from ..sql.statements import Shapes, run
from ..tables.types import WrittenMoment
from .filters import compile_filter
from .paging import Cut
from .sorting import compile_order
from .tally import Tally, is_told_by_records, select_keys, select_tally

#: The parameter of statements that says which resource they read.
_ID = "flask_scim_id"
#: How many columns an answer is made of beside those of the mapping: the id, the key, six more.
_OWN_COLUMNS = 8
#: From where on a page by index passes over more than a count costs.
_DEEP = 1_000


@dataclass(frozen=True, slots=True)
class Beside:
    """Accounts of the tenant that a connection sees without a record of its own.

    :param shape: what makes the condition differ from those of other connections.
    :param build: builds the condition, for a statement that runs with :meth:`.Binding.scope`.
    """

    shape: Hashable
    build: Callable[[], Sql]


@dataclass(frozen=True, slots=True)
class Reading:
    """The resources of one type and one connection, to be looked at.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: whose resources are in reach; nothing else is.
    :param binding: where their attributes sit.
    :param references: the attributes whose entries are other resources, by name.
    :param beside: which accounts of the tenant are seen that the connection has not provisioned;
        ``None`` where none is.
    """

    session: Session
    backend: Backend
    connection: Connection
    binding: Binding
    references: Mapping[str, Entries]
    beside: Beside | None = None

    def get(self, id: str, references: tuple[str, ...] = ()) -> Resource | None:
        """Read a resource; ``None`` if there is none.

        :param id: the SCIM ``id``.
        :param references: the attributes to load whose entries are other resources.
        :return: the resource.
        """
        key = self._parse(id)
        if key is None:
            return None

        def build() -> sa.Select[Any]:
            return self._seen(*self._columns).where(self._is_it)

        with translated(self.binding.resource_type.name):
            rows = self._run(self._keep(("get",), build), {_ID: key}).all()
            resources = self._read(rows[:1], 0, references)
        return resources[0] if resources else None

    def find(self, query: Query) -> Page:
        """List resources in a total order.

        :param query: which ones.
        :return: a page of them.
        """
        with translated(self.binding.resource_type.name):
            return self._find(query)

    def find_keys(self, id: str) -> Sequence[Any]:
        """Find the primary key of the row of a resource; none if there is no such resource.

        :param id: the SCIM ``id``.
        :return: the key, in a list.
        """
        key = self._parse(id)
        if key is None:
            return []
        statement = self._keep(("key",), lambda: self._seen(self.binding.key).where(self._is_it))
        return self._run(statement, {_ID: key}).scalars().all()

    def _find(self, query: Query) -> Page:
        is_from_start = query.after is None and query.before is None
        # What a page passes over is told first, lest all of it be read.
        passes = is_from_start and query.sort_by is None and query.start_index > _DEEP
        tally = self._tally(query) if passes else None
        page = self._page(query, tally) if query.count else Page([], 0)
        if not query.totals:
            return page
        offset, found = query.start_index - 1, len(page.resources)
        if is_from_start and found < query.count and (found or not offset):
            return _counted(page, offset + found)
        if (tally := tally or self._tally(query)) is not None:
            return _counted(page, tally.total)

        def build(*conditions: Sql) -> sa.Select[Any]:
            return self._seen(sa.func.count()).where(*conditions)

        statement, values = self._keep_filtered(("count",), query, build)
        return _counted(page, self._run(statement, values).scalar_one())

    def _tally(self, query: Query) -> Tally | None:
        """Count all resources by their records, if a list is of all and records tell who is."""
        is_all = query.condition is None and query.totals and self.beside is None
        if not (is_all and is_told_by_records(self.session, self.binding)):
            return None
        statement = self._keep(("tally",), lambda: select_tally(self.binding, self.backend))
        numbers: Any = self._run(statement, {}).one()
        return Tally(*numbers)

    def _page(self, query: Query, tally: Tally | None = None) -> Page:
        cut = Cut(query)
        by_records = tally is not None and not tally.strays

        def build(*conditions: Sql) -> sa.Select[Any]:
            order = compile_order(query, self.binding, self.backend, self._key)
            statement = self._seen(*order.columns, *self._columns).where(*conditions)
            keys = select_keys(self.binding) if by_records else None
            sorts = not self._names_one(query.condition)
            return cut.apply(statement, order, sorts=sorts, keys=keys)

        shape = ("page", by_records, cut.shape)
        statement, values = self._keep_filtered(shape, query, build)
        rows: Sequence[Any] = self._run(statement, values | cut.values).all()
        chosen = rows[::-1] if cut.backwards else rows
        is_sorted = query.sort_by is not None
        positions = [Position(row[0], row[1] if is_sorted else None) for row in chosen]
        return Page(self._read(chosen, 1 + is_sorted, query.references), 0, positions)

    def _names_one(self, condition: Condition | None) -> bool:
        """Tell whether a condition holds of one resource at the most: there is nothing to sort."""
        match condition:
            case All(terms):
                return any(map(self._names_one, terms))
            case Compare(path, Operator.EQ):
                unique = self.binding.unique
                return path.keys == ("id",) or (unique is not None and unique.path == path)
        return False

    def _parse(self, id: str) -> Any:
        """Read an id as a key; ``None`` if it is none."""
        key = self.binding.id.codec.parse(id)
        return None if key == "" else key

    @property
    def _is_it(self) -> Sql:
        """The condition that a row has the id that is a parameter."""
        place = self.binding.id
        assert place.column is not None
        return place.codec.is_key(self.backend, place.column, Slot(_ID))

    def _seen(self, *columns: Any) -> sa.Select[Any]:
        """Select from what this connection may see, by its parameters."""
        binding, record = self.binding, self.binding.record.c
        if self.beside is None:
            return binding.select(*columns).where(*binding.is_own)
        is_own = sa.and_(record.row_id.is_not(None), record.deleted.is_(None))
        is_beside = sa.and_(record.row_id.is_(None), self.beside.build())
        statement = binding.select_its_rows(*columns)
        return statement.where(binding.is_of_its_tenant, sa.or_(is_own, is_beside))

    @property
    def _kept(self) -> Shapes:
        # A shape with accounts beside may name domains: those of many connections are many shapes.
        return self.binding.statements if self.beside is None else self.binding.statements_beside

    def _shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.backend, None if self.beside is None else self.beside.shape, *shape)

    def _keep(self, shape: tuple[Any, ...], build: Callable[[], sa.Select[Any]]) -> sa.Select[Any]:
        return self._kept.get(self._shape(shape), build)

    def _keep_filtered(
        self,
        shape: tuple[Any, ...],
        query: Query,
        build: Callable[..., sa.Select[Any]],
    ) -> tuple[sa.Select[Any], dict[str, Any]]:
        """Keep a statement for all queries like one, and find the values to run it with."""

        def narrow(condition: Condition) -> sa.Select[Any]:
            compiled = compile_filter(
                condition,
                self.binding,
                self.backend,
                self.references,
                is_scoped=self.beside is None,
            )
            return build(compiled)

        if query.condition is None:
            return self._keep(shape, build), {}
        shape = self._shape(shape)
        statement, values = keep(self._kept, shape, query.condition, narrow, query.texts)
        for references in self.references.values():
            values |= references.scope
        return statement, values

    def _run(self, statement: sa.Select[Any], values: dict[str, Any]) -> sa.Result[Any]:
        binding, session = self.binding, self.session
        values = binding.scope(self.connection) | values
        if binding.computes:
            self.backend.prepare(binding.connect(session))
            return session.execute(statement, values)
        return run(session, statement, values, binding.mapper, self.backend.prepare)

    def _read(
        self, rows: Sequence[sa.Row[Any]], skip: int, names: tuple[str, ...]
    ) -> list[Resource]:
        """Make resources of rows.

        :param rows: what was selected.
        :param skip: how many columns come before :attr:`_columns`.
        :param names: the attributes to load whose entries are other resources.
        :return: the resources.
        """
        binding = self.binding
        compose, decode_id = binding.compose, binding.id.codec.decode
        first = skip + _OWN_COLUMNS
        resources, keys = [], []
        for row in rows:
            id, key, version, created, modified, kept, extras, removed = row[skip:first]
            document = compose(row[first:], kept, extras)
            resource = _make(decode_id(id), document, version, created, modified, removed)
            resources.append(resource)
            keys.append(key)
        for name in names:
            entries = self.references[name].load(keys)
            for key, resource in zip(keys, resources, strict=True):
                if key in entries:
                    resource.document[name] = entries[key]
        return resources

    @property
    def _columns(self) -> list[Any]:
        """What resources are made of."""
        binding, record = self.binding, self.binding.record.c
        moments = (
            sa.type_coerce(each, WrittenMoment) for each in (record.created, record.modified)
        )
        about = (record.version, *moments, record.attributes, record.extras, record.active_removed)
        entity = [binding.model] if binding.computes else []
        return [binding.id.column, self._key, *about, *binding.columns, *entity]

    @property
    def _key(self) -> Sql:
        """The primary key of the rows: that of the records, where each has one."""
        return self.binding.record.c.row_id if self.beside is None else self.binding.key


def _counted(page: Page, total: int) -> Page:
    return Page(page.resources, total, page.positions)


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
    created, modified = map(_write, (record["created"], record["modified"]))
    removed = record["active_removed"]
    return _make(id, document, record["version"], created, modified, removed, row, written)


def _write(moment: datetime | None) -> str | None:
    return None if moment is None else write_datetime(moment)


def _make(
    id: str,
    document: dict[str, Any],
    version: int | None,
    created: str | None,
    modified: str | None,
    removed: bool | None,
    row: Any = None,
    written: tuple[str, ...] = (),
) -> Resource:
    is_active = document.get("active") is not False
    if removed:
        document.pop("active", None)
    is_known = version is not None
    return Resource(
        id, document, version or 0, created, modified, row, is_active, written, is_known
    )
