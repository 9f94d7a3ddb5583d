"""A mapping bound to the host's model: every place as a column, and how it is read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ...config import MappingError
from ...mapping.joining import Join
from ...mapping.mapping import Mapping
from ...mapping.sources import Computed, RecordColumn, Source
from ...protocol.errors import InvalidValue
from ...protocol.resolver import AttributePath
from ...protocol.schema import Uniqueness
from ...provisioning.ports import Connection
from ..sql.backends import Sql
from ..sql.statements import Shapes
from .marks import Marks
from .names import RelatedNamesCodec
from .places import Place
from .placing import Placing
from .rows import RowReader, read_columns

_NO_MARKS = Marks()
#: The parameter of statements that says whose resources they read.
_CONNECTION = "flask_scim_connection"


class Binding:
    """The mapping of one resource type, bound to the host's model and our record table.

    :param mapping: the checked declaration.
    :param model: the host's model class.
    :param record: our table of records.
    :param tenant: the model's attribute that says whose a row is, where the app has tenants.
    :param id: the model's attribute that is the SCIM ``id``; the primary key by default.
    :param shared: whether the app has rows of the model beside those of SCIM.
    :param logins: our table of the subjects under which its people have signed in, where they are
        people.
    :param marks: what the app says of its rows beside the mapping.
    :raises MappingError: with every place that does not fit the model, and its repair.
    """

    #: Whether statements name the tables by aliases, beside those that do not.
    _is_apart = False

    def __init__(
        self,
        mapping: Mapping,
        model: type,
        record: sa.Table,
        *,
        tenant: Source | None,
        id: Source | None,
        shared: bool = True,
        logins: sa.Table | None = None,
        marks: Marks = _NO_MARKS,
    ) -> None:
        self.mapping = mapping
        self.resource_type = mapping.resource_type
        self.table = record
        self.model = model
        self.entity: Any = aliased(model) if self._is_apart else model
        self.shared = shared
        self.logins = logins
        self.marks = marks
        # An alias has the columns of its table, which is all that statements ask of it.
        self.record = cast("sa.Table", record.alias()) if self._is_apart else record
        self.mapper: Any = sa.inspect(model)
        self._placing = Placing(model, self.entity, self.record, self._id_path)
        self.key = self._placing.key
        self.places = [self._placing.find(path, source) for path, source in mapping.sources]
        find_scope = self._placing.find_scope
        self.tenant = None if tenant is None else find_scope("tenant", tenant)
        self.id = self.key_place if id is None else find_scope("id", id)
        problems = [*self._placing.problems, *self._writable_scopes()]
        if problems:
            heading = f"The mapping of {self.resource_type.name} does not fit {model.__name__}"
            raise MappingError(heading, problems)
        self.computes = any(_is_computed(place) for place in self.places)
        self.columns = [place.column for place in self.places if place.column is not None]
        #: The statements that read resources, and read the same for every connection.
        self.statements = Shapes()
        #: The same where accounts are seen that a connection has not provisioned.
        self.statements_beside = Shapes()

    def apart(self) -> Binding:
        """The same resource type under aliases, for statements that name its tables twice."""
        return _ApartBinding(
            self.mapping,
            self.model,
            self.table,
            tenant=_source_of(self.tenant),
            id=_source_of(self.id),
            shared=self.shared,
            logins=self.logins,
            marks=self.marks,
        )

    def connect(self, session: Session) -> sa.Connection:
        """The session's connection to the database of the model."""
        return session.connection(bind_arguments={"mapper": self.mapper})

    @cached_property
    def unique(self) -> Place | None:
        """The place of the attribute that no two resources share, where there is one."""
        for place in self.places:
            if place.path.leaf.uniqueness is not Uniqueness.NONE:
                return place
        return None

    @cached_property
    def unique_index(self) -> int | None:
        """Which of the places :attr:`unique` is."""
        return None if self.unique is None else self.places.index(self.unique)

    def index_of(self, *keys: str) -> int | None:
        """Find which of the places an attribute is at; ``None`` where it has none."""
        return self._indexes.get(keys)

    @cached_property
    def _indexes(self) -> dict[tuple[str, ...], int]:
        pairs = [(place.path.keys, index) for index, place in enumerate(self.places)]
        # Of several places the first counts.
        return dict(reversed(pairs))

    @cached_property
    def of_record(self) -> list[tuple[str, int]]:
        """The columns of the record that hold attributes, and which of the places they are."""
        return [
            (place.source.name, index)
            for index, place in enumerate(self.places)
            if isinstance(place.source, RecordColumn)
        ]

    @cached_property
    def active(self) -> Place | None:
        """The place of ``active`` in the host's model; ``None`` where only our record has it."""
        for place in self.places:
            if str(place.path) == "active" and not isinstance(place.source, RecordColumn):
                return place
        return None

    @cached_property
    def related_names(self) -> list[Place]:
        """The places of names that sit in rows behind a relationship."""
        return [each for each in self.places if isinstance(each.codec, RelatedNamesCodec)]

    def own(self, connection: Connection) -> tuple[Sql, ...]:
        """The conditions under which a resource is one of a connection's.

        :param connection: the connection.
        :return: conditions on the record and on the host's row.
        """
        columns = self.record.c
        is_own = (columns.connection_id == connection.id, columns.deleted.is_(None))
        return is_own if self.tenant is None else (*is_own, self.is_of_tenant(connection))

    @cached_property
    def is_own(self) -> tuple[Sql, ...]:
        """What :meth:`own` says, for a statement that is kept and runs with :meth:`scope`."""
        own = self.is_own_record
        return own if self.tenant is None else (*own, self.is_of_its_tenant)

    @cached_property
    def is_own_record(self) -> tuple[Sql, ...]:
        """The part of :attr:`is_own` that is about records."""
        return (self.is_of_its_connection, self.record.c.deleted.is_(None))

    @cached_property
    def is_of_its_connection(self) -> Sql:
        """That a record is one of a connection's, deleted or not, likewise."""
        is_of: Sql = self.record.c.connection_id == self.its_connection
        return is_of

    @cached_property
    def is_of_its_tenant(self) -> Sql:
        """What :meth:`is_of_tenant` says, likewise."""
        if self.tenant is None:
            return sa.true()
        assert self.tenant.column is not None
        is_of: Sql = self.tenant.column == sa.bindparam(self._tenant_name)
        return is_of

    @cached_property
    def is_of_another_tenant(self) -> Sql:
        """The opposite of :attr:`is_of_its_tenant`, so that an index on the tenant serves."""
        if self.tenant is None:
            return sa.false()
        assert self.tenant.column is not None
        column = self.tenant.column
        its: sa.BindParameter[Any] = sa.bindparam(self._tenant_name)
        return sa.or_(column < its, column > its, column.is_(None))

    def scope(self, connection: Connection) -> MappingProxyType[str, Any]:
        """The values that make :attr:`is_own` mean one connection."""
        return self._scope_of(connection.id, connection.tenant)

    @cached_property
    def _scope_of(self) -> Callable[[str, str | None], MappingProxyType[str, Any]]:
        return lru_cache(maxsize=256)(self._make_scope)

    def _make_scope(self, connection_id: str, tenant: str | None) -> MappingProxyType[str, Any]:
        values: dict[str, Any] = {_CONNECTION: connection_id}
        if self.tenant is not None:
            values[self._tenant_name] = self._tenant_key(tenant)
        return MappingProxyType(values)

    def is_of_tenant(self, connection: Connection) -> Sql:
        """The condition that a row of the host belongs to the connection's tenant."""
        if self.tenant is None:
            return sa.true()
        assert self.tenant.column is not None
        is_of: Sql = self.tenant.column == self._tenant_key(connection.tenant)
        return is_of

    def check_tenant(self, tenant: str | None) -> None:
        """Check that a connection of this tenant could have resources here.

        :param tenant: the tenant's key as text.
        :raises ValueError: if it is missing, or not of the type of the model's attribute.
        """
        if self.tenant is None:
            return
        name = f"{self.model.__name__}.{self.tenant.source}"
        if tenant is None:
            raise ValueError(f"This app has tenants; name one, a value of {name}.")
        try:
            self.tenant.codec.encode(tenant, name)
        except InvalidValue as error:
            raise ValueError(error.detail) from None

    def describe(self, *, refuses: bool = False) -> list[str]:
        """Say where every attribute sits, a line for each.

        :param refuses: whether requests are refused that send anything else.
        """
        name = self.resource_type.name
        lines = [f"{name} is {self.model.__name__}, its id {self.id.source}"]
        for written, place in zip(self.mapping.names, self.places, strict=True):
            lines.append(f"  {written}: {place.source}{_note(place)}")
        rest = "refused" if refuses else "ignored"
        if self.mapping.keep_unmapped:
            rest = "kept in the SCIM record"
        return [*lines, f"  everything else: {rest}"]

    def select(self, *columns: Any) -> sa.Select[Any]:
        """Select from the records and the host's rows that they belong to.

        :param columns: what to select.
        :return: the statement, with the to-one relationships of the mapping joined.
        """
        statement = sa.select(*columns).select_from(self.record)
        return self._joined(statement.join(self.entity, self.record.c.row_id == self.key))

    def select_its_rows(self, *columns: Any) -> sa.Select[Any]:
        """What :meth:`select_rows` selects, for a statement that runs with :meth:`scope`."""
        return self.select_rows(self.its_connection, *columns)

    @property
    def its_connection(self) -> sa.BindParameter[Any]:
        """The parameter that says which connection a statement is for that runs likewise."""
        return sa.bindparam(_CONNECTION)

    def select_rows(self, connection_id: Any, *columns: Any) -> sa.Select[Any]:
        """Select from the host's rows, with the records that one connection has of them.

        :param connection_id: the connection.
        :param columns: what to select; those of the record are NULL where there is none.
        :return: the statement, with the to-one relationships of the mapping joined.
        """
        own = sa.and_(
            self.record.c.row_id == self.key, self.record.c.connection_id == connection_id
        )
        return self._joined(
            sa.select(*columns).select_from(self.entity).outerjoin(self.record, own)
        )

    def select_joined(self, *columns: Any) -> sa.Select[Any]:
        """Select from the host's rows, whoever has a record of them.

        :param columns: what to select.
        :return: the statement, with the to-one relationships of the mapping joined.
        """
        return self._joined(sa.select(*columns).select_from(self.entity))

    def key_of(self, row: Any) -> Any:
        """The primary key of the host's object."""
        return self.mapper.primary_key_from_instance(row)[0]

    def id_of(self, row: Any) -> str:
        """The SCIM ``id`` of the host's object."""
        return str(self.id.read(row, {}))

    def _joined(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        for _, relationship in self._placing.joins.values():
            statement = statement.outerjoin(relationship)
        return statement

    def read(self, row: Any, kept: dict[str, Any]) -> list[Any]:
        """Read the values of all places from the host's object.

        :param row: the host's object.
        :param kept: the columns of the record, by name.
        :return: one SCIM value for each place.
        """
        return self._row_reader.read(row, kept)

    @cached_property
    def _row_reader(self) -> RowReader:
        return RowReader(self.places)

    @cached_property
    def compose(self) -> Join:
        """Puts the document of a resource together of what a statement selected.

        It takes the :attr:`columns`, and behind them the host's object where the binding
        :attr:`computes`; and what the record keeps.
        """
        width = len(self.columns) + self.computes
        return self.mapping.write_join(list(read_columns(self.places)), width)

    def place_at(self, path: AttributePath) -> Place | None:
        """Find the place of a field: of the attribute itself, or of what it is a part of."""
        whole = AttributePath(path.attribute, urn=path.urn)
        for candidate in (path, whole):
            for field, place in zip(self.mapping.fields, self.places, strict=False):
                if field.path == candidate:
                    return place
        return None

    def _tenant_key(self, tenant: str | None) -> Any:
        assert self.tenant is not None
        return self.tenant.codec.encode(tenant, "tenant")

    @property
    def _tenant_name(self) -> str:
        # Models may differ in the type of the attribute.
        return f"flask_scim_tenant_{self.resource_type.name}"

    def _writable_scopes(self) -> Iterator[str]:
        """Tell where an identity provider would write whose a row is, or its id."""
        scopes = {
            scope.source.steps[0]: what
            for what, scope in (("tenant", self.tenant), ("id", self.id))
            if scope is not None and isinstance(scope.source, Source)
        }
        for place in self.places:
            if isinstance(place.source, Source) and place.writable:
                what = scopes.get(place.source.steps[0])
                if what is not None:
                    yield f"{place.path}: {place.source} is the {what}; wrap it in read_only()."

    @cached_property
    def key_place(self) -> Place:
        """The place of the primary key."""
        return self._placing.find_key()

    @property
    def _id_path(self) -> AttributePath:
        attribute = self.resource_type.attribute("id")
        assert attribute is not None
        return AttributePath(attribute)


class _ApartBinding(Binding):
    _is_apart = True


def _source_of(place: Place | None) -> Source | None:
    return place.source if place is not None and isinstance(place.source, Source) else None


def _is_computed(place: Place) -> bool:
    return place.column is None and isinstance(place.source, Computed)


def _note(place: Place) -> str:
    """What SCIM does not do at a place."""
    if place.is_secret:
        return ", hashed, never read"
    return "" if place.writable or isinstance(place.source, RecordColumn) else ", read only"
