"""A mapping bound to the host's model: every place as a column, and how it is read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, RelationshipProperty, Session, aliased

from ...config import ConfigurationError, MappingError
from ...mapping.mapping import Mapping, writable
from ...mapping.sources import AnySource, Computed, RecordColumn, Source, Values, read_source
from ...protocol.errors import InvalidValue
from ...protocol.resolver import AttributePath
from ...protocol.schema import Type, Uniqueness
from ...provisioning.ports import Connection
from ..sql.backends import Sql
from ..sql.statements import Shapes
from .codecs import BooleanCodec, Codec, HashedCodec, TextCodec
from .fitting import find_codec
from .holders.finding import make_holder
from .holders.listed import ListedNames
from .holders.related import RelatedNames
from .json_codecs import JsonCodec
from .marks import Marks
from .names import ListedNamesCodec, RelatedNamesCodec
from .places import Place
from .rows import RowReader

_NO_MARKS = Marks()
#: The parameter of statements that says whose resources they read.
_CONNECTION = "flask_scim_connection"

#: What ends a name in the path of JSON.
_UNQUOTED = frozenset('"\\')


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
        self.key = self._key_column()
        self._joins: dict[tuple[str, ...], tuple[Any, Any]] = {}
        self._problems: list[str] = []
        self.places = [self._place(path, source) for path, source in mapping.sources]
        self.tenant = None if tenant is None else self._scope("tenant", tenant)
        self.id = self.key_place if id is None else self._scope("id", id)
        self._check_scopes()
        if self._problems:
            heading = f"The mapping of {self.resource_type.name} does not fit {model.__name__}"
            raise MappingError(heading, self._problems)
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
        for _, relationship in self._joins.values():
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

    def decode(self, raws: Any, row: Any = None) -> list[Any]:
        """Turn what a statement selected into SCIM values, in the order of :attr:`places`.

        :param raws: the selected columns of the places that have one, in order.
        :param row: the host's object, needed where a function computes.
        :return: one value for each place.
        """
        if len(self.columns) == len(self.places):
            return [
                (raw or None) if decode is None else None if raw is None else decode(raw)
                for decode, raw in zip(self._decoders, raws, strict=False)
            ]
        columns = iter(raws)
        values = []
        for place in self.places:
            if place.column is not None:
                values.append(place.codec.decode(next(columns)))
            else:
                computed = isinstance(place.source, Computed)
                values.append(place.read(row, {}) if computed else None)
        return values

    @cached_property
    def _decoders(self) -> list[Callable[[Any], Any] | None]:
        """What decodes the columns; ``None`` for text, which most are, to save it the call."""
        codecs = (place.codec for place in self.places)
        return [
            None if type(codec).decode is TextCodec.decode else codec.decode for codec in codecs
        ]

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

    def _key_column(self) -> Sql:
        (column,) = self.mapper.primary_key
        if self.entity is self.model:
            return column  # type: ignore[no-any-return]  # mappers are Any
        name = self.mapper.get_property_by_column(column).key
        return getattr(self.entity, name).expression  # type: ignore[no-any-return]  # so are aliases

    @cached_property
    def key_place(self) -> Place:
        """The place of the primary key."""
        attribute = self.resource_type.attribute("id")
        assert attribute is not None
        path = AttributePath(attribute)
        name = self.mapper.get_property_by_column(self.mapper.primary_key[0]).key
        codec = self._codec(path, Source((name,)), self.key.type, ())
        return Place(path, Source((name,)), self.key, codec, nullable=False)

    def _scope(self, what: str, source: Source) -> Place:
        attribute = self.resource_type.attribute("id")
        assert attribute is not None
        place = self._place(AttributePath(attribute), source)
        if isinstance(place.codec, JsonCodec) or place.is_secret or len(source.steps) > 1:
            self._problems.append(f"{what}={source}: it must be a column of {self.model.__name__}.")
        return place

    def _check_scopes(self) -> None:
        """Refuse to let an identity provider write whose a row is, or its id."""
        scopes = {
            scope.source.steps[0]: what
            for what, scope in (("tenant", self.tenant), ("id", self.id))
            if scope is not None and isinstance(scope.source, Source)
        }
        for place in self.places:
            if isinstance(place.source, Source) and place.writable:
                what = scopes.get(place.source.steps[0])
                if what is not None:
                    self._problems.append(
                        f"{place.path}: {place.source} is the {what}; wrap it in read_only()."
                    )

    def _place(self, path: AttributePath, source: AnySource) -> Place:
        match source:
            case RecordColumn(name):
                column = self.record.c[name]
                boolean = path.leaf.type is Type.BOOLEAN
                return Place(
                    path, source, column, BooleanCodec() if boolean else TextCodec(path.leaf, 255)
                )
            case Computed(_, expression):
                codec = self._codec(path, source, getattr(expression, "type", None), ())
                return Place(path, source, expression, codec)
            case Values():
                return self._names_place(path, source)
            case Source():
                return self._source_place(path, source)

    def _names_place(self, path: AttributePath, values: Values) -> Place:
        try:
            holder = make_holder(self.model, values)
        except ConfigurationError as error:
            self._problems.append(f"{path}: {error}")
            return Place(path, values, sa.null(), TextCodec(path.leaf))
        if isinstance(holder, RelatedNames):
            codec = RelatedNamesCodec(holder, values)
            return Place(path, values, codec.select(self.key), codec)
        source = read_source(values.source)
        assert isinstance(source, Source)
        if not isinstance(holder, ListedNames):
            self._problems.append(
                f"{path}: {source} holds one name; a list in JSON or a relationship holds many."
            )
            return Place(path, source, sa.null(), TextCodec(path.leaf))
        place = self._source_place(path, source)
        return replace(place, codec=ListedNamesCodec(path.attribute, holder.path))

    def _source_place(self, path: AttributePath, source: Source) -> Place:
        blank = Place(path, source, sa.null(), TextCodec(path.leaf))
        if source.owner is not None and not issubclass(self.model, source.owner):
            self._problems.append(
                f"{path}: {source.owner.__name__}.{source} is not an attribute of "
                f"{self.model.__name__}; name the relationship that leads to it, as in"
                f" '{source.owner.__name__.lower()}.{source}'."
            )
            return blank
        entity: Any = self.entity
        way: list[RelationshipProperty[Any]] = []
        for index, step in enumerate(source.steps):
            attribute = getattr(entity, step, None)
            found = isinstance(attribute, InstrumentedAttribute) or hasattr(attribute, "expression")
            if not found:
                self._problems.append(f"{path}: {self.model.__name__} has no attribute {source}.")
                return blank
            related = getattr(attribute, "property", None)
            if isinstance(related, RelationshipProperty):
                if related.uselist:
                    self._problems.append(f"{path}: {step} leads to many rows; name a to-one.")
                    return blank
                way.append(related)
                entity = self._join(source.steps[: index + 1], attribute, related)
                continue
            turn = self._find_turn(way, writes=writable(source))
            if turn is not None:
                self._problems.append(f"{path}: {source} {turn}.")
                return blank
            assert attribute is not None
            return self._column_place(path, source, attribute, source.steps[index + 1 :])
        self._problems.append(f"{path}: {source} is a relationship; name an attribute behind it.")
        return blank

    def _find_turn(self, way: list[RelationshipProperty[Any]], *, writes: bool) -> str | None:
        """Say what is wrong with a way that comes back to where it has been, if it does."""
        for before, after in pairwise(way):
            if _columns(before.local_remote_pairs) == _columns(
                (remote, local) for local, remote in after.local_remote_pairs or ()
            ):
                return f"goes round: {after.key} leads back over {before.key}; leave both out"
        if writes and any(issubclass(self.model, each.mapper.class_) for each in way):
            name = self.model.__name__
            return f"leads to another {name}, a resource of its own; wrap it in read_only()"
        return None

    def _column_place(
        self, path: AttributePath, source: Source, attribute: Any, keys: tuple[str, ...]
    ) -> Place:
        expression = getattr(attribute, "expression", attribute)
        column = next(iter(getattr(getattr(attribute, "property", None), "columns", ())), None)
        if source.hashed is None:
            codec = self._codec(path, source, expression.type, keys)
        else:
            expression, codec = None, HashedCodec(source.hashed)
            if keys:
                self._problems.append(
                    f"{path}: {source} is a key in JSON; a hash needs a column of its own."
                )
        if writable(source) and not _is_settable(attribute, column):
            self._problems.append(f"{path}: {source} cannot be set; wrap it in read_only().")
        if not isinstance(column, sa.Column):
            return Place(path, source, expression, codec)
        default = column.default is not None or column.server_default is not None
        nullable = bool(column.nullable)
        return Place(path, source, expression, codec, nullable, nullable or default)

    def _join(self, steps: tuple[str, ...], attribute: Any, related: Any) -> Any:
        if steps not in self._joins:
            target = aliased(related.mapper.class_)
            self._joins[steps] = (target, attribute.of_type(target))
        return self._joins[steps][0]

    def _codec(
        self, path: AttributePath, source: AnySource, kind: Any, keys: tuple[str, ...]
    ) -> Codec:
        if any(set(key) & _UNQUOTED or not key.isprintable() for key in keys):
            self._problems.append(
                f"{path}: {source} names a key with a quotation mark or a backslash in it, which "
                "no filter can follow; name another."
            )
        attribute = path.leaf
        inverted = isinstance(source, Source) and source.inverted
        codec = find_codec(path.leaf, kind, keys, inverted=inverted)
        if codec is None:
            self._problems.append(
                f"{path} is of type {attribute.type}{'s' if attribute.multi_valued else ''}, which "
                f"{source} ({type(kind).__name__}{' key' if keys else ''}) cannot hold; "
                "name another attribute or a key of a JSON column."
            )
        return codec or TextCodec(attribute)


class _ApartBinding(Binding):
    _is_apart = True


def _columns(pairs: Iterable[tuple[Any, Any]] | None) -> set[tuple[Any, Any]]:
    return set(pairs or ())


def _source_of(place: Place | None) -> Source | None:
    return place.source if place is not None and isinstance(place.source, Source) else None


def _is_computed(place: Place) -> bool:
    return place.column is None and isinstance(place.source, Computed)


def _note(place: Place) -> str:
    """What SCIM does not do at a place."""
    if place.is_secret:
        return ", hashed, never read"
    return "" if place.writable or isinstance(place.source, RecordColumn) else ", read only"


def _is_settable(attribute: Any, column: Any) -> bool:
    """Whether an object's attribute can be set: a column, or a hybrid with a setter."""
    entity: Any = sa.inspect(attribute.parent if hasattr(attribute, "parent") else attribute.class_)
    descriptor = entity.mapper.all_orm_descriptors.get(attribute.key)
    if hasattr(descriptor, "fset"):
        return descriptor.fset is not None
    return isinstance(column, sa.Column)
