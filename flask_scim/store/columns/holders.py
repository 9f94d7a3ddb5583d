"""Where an app keeps names that a row has, such as roles: related rows, a list, or one column."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...config import ConfigurationError
from ...mapping.sources import Source, Values, read_source
from ...protocol.definitions import USER_TYPE
from ...protocol.errors import InvalidValue
from ...protocol.schema import Attribute
from ...protocol.syntax import Operator
from ..sql.backends import Backend, Sql
from .codecs import Codec, EnumCodec
from .fitting import find_codec
from .relations import Relation, chunks, find_relation, insert_pairs

#: The names of some rows, by the key of the row, each with the text that people read.
Names = dict[Any, dict[str, str | None]]
#: Keys of rows, and the names that each is to get or to lose.
Pairs = Iterable[tuple[Any, str]]


class Holder(ABC):
    """A place where rows of one model have names.

    :param key: the primary key of the model.
    """

    #: Whether a row has one name at the most.
    is_single = False

    def __init__(self, key: Sql) -> None:
        self.key = key

    @property
    def near(self) -> Sql:
        """The column of :meth:`select` that holds the primary key of the row."""
        return self.key

    @abstractmethod
    def read(self, session: Session, keys: list[Any]) -> Names:
        """Read the names of some rows, as they are now and not as a snapshot has them.

        :param session: the host's session.
        :param keys: the primary keys of the rows.
        :return: the names of each row that has any.
        """

    @abstractmethod
    def known(self, session: Session, tenant: str | None) -> dict[str, Any] | None:
        """List the names that the app has.

        :param session: the host's session.
        :param tenant: whose they have to be, where names belong to tenants.
        :return: what stands for each of them in the database; ``None`` where any text is a name.
        """

    @abstractmethod
    def add(self, session: Session, pairs: Pairs, known: Mapping[str, Any] | None) -> None:
        """Give names to rows that do not have them.

        :param session: the host's session.
        :param pairs: the primary key of each row and the name.
        :param known: what :meth:`known` has found.
        """

    @abstractmethod
    def remove(self, session: Session, pairs: Pairs) -> None:
        """Take names from rows."""

    @abstractmethod
    def narrow(
        self, statement: sa.Select[Any], backend: Backend, names: Iterable[str]
    ) -> sa.Select[Any]:
        """Narrow a statement on the model to the rows that have one of some names.

        :param statement: the statement.
        :param backend: the database.
        :param names: the names.
        :return: the statement; a row may come twice.
        """

    @abstractmethod
    def select(self, key: Any) -> sa.Select[Any]:
        """Select what one row has, as two columns that :meth:`decode` reads.

        :param key: the primary key of the row.
        :return: the statement.
        """

    @abstractmethod
    def decode(self, held: Any, display: Any) -> dict[str, str | None]:
        """Read the names in a row of :meth:`select`.

        :return: the names, each with the text that people read.
        """


class RelatedNames(Holder):
    """Rows of another model, by a many-to-many relationship: a row has those that it leads to.

    :param key: the primary key of the model.
    :param relation: the relationship.
    :param name: the column with the names.
    :param display: the column with what people read, if there is one.
    :param tenant: the column that says whose a name is, with its codec, if there is one.
    :param fill: makes the other columns of a new association.
    """

    def __init__(
        self,
        key: Sql,
        relation: Relation,
        name: Sql,
        display: Sql | None,
        tenant: tuple[Sql, Codec] | None,
        fill: Callable[[], dict[str, Any]] | None,
    ) -> None:
        super().__init__(key)
        self.relation = relation
        self.name = name
        self.display = display
        self._tenant = tenant
        self._fill = fill

    @property
    def near(self) -> Sql:
        return self.relation.near

    def read(self, session: Session, keys: list[Any]) -> Names:
        near, far, far_key = self.relation.near, self.relation.far, self.relation.far_key
        shown = sa.null() if self.display is None else self.display
        found: Names = {}
        row: Any
        for chunk in chunks(keys):
            statement: sa.Select[Any] = sa.select(near, self.name, shown).join_from(
                self.relation.table, self.relation.model, far == far_key
            )
            statement = current(session, statement.where(near.in_(chunk)))
            for row, name, display in session.execute(statement.order_by(near, self.name)):
                if name is not None:
                    found.setdefault(row, {})[str(name)] = display
        return found

    def known(self, session: Session, tenant: str | None) -> dict[str, Any] | None:
        statement = sa.select(self.name, self.relation.far_key)
        if self._tenant is not None:
            column, codec = self._tenant
            own = sa.false() if tenant is None else column == codec.encode(tenant, "tenant")
            statement = statement.where(sa.or_(column.is_(None), own))
            # A name of the tenant's own goes before one that all of them have.
            statement = statement.order_by(column.is_not(None))
        rows = session.execute(statement.order_by(self.relation.far_key.desc()))
        return {str(name): key for name, key in rows if name is not None}

    def add(self, session: Session, pairs: Pairs, known: Mapping[str, Any] | None) -> None:
        near, far = self.relation.near.key, self.relation.far.key
        rows = [{near: row, far: (known or {})[name]} for row, name in pairs]
        insert_pairs(session, self.relation.table, rows, self._fill)

    def remove(self, session: Session, pairs: Pairs) -> None:
        table, near, far = self.relation.table, self.relation.near, self.relation.far
        gone = by_name(pairs)
        wanted = sa.select(self.name, self.relation.far_key).where(self.name.in_(list(gone)))
        keys: dict[str, list[Any]] = {}
        for name, key in session.execute(wanted):
            keys.setdefault(name, []).append(key)
        for name, rows in gone.items():
            # A collation may find what differs in letter case; a name is exact.
            for chunk in chunks(rows):
                is_it = far.in_(keys.get(name, []))
                session.execute(sa.delete(table).where(near.in_(chunk), is_it))

    def narrow(
        self, statement: sa.Select[Any], backend: Backend, names: Iterable[str]
    ) -> sa.Select[Any]:
        table, near, far, _, far_key, model = self.relation
        ways = (backend.compare_text(self.name, Operator.EQ, name, exact=True) for name in names)
        return (
            statement.join(table, near == self.key)
            .join(model, far == far_key)
            .where(sa.or_(sa.false(), *ways))
        )

    def select(self, key: Any) -> sa.Select[Any]:
        table, near, far, _, far_key, model = self.relation
        shown = sa.null() if self.display is None else self.display
        statement = sa.select(self.name, shown).join_from(table, model, far == far_key)
        return statement.where(near == key)

    def decode(self, held: Any, display: Any) -> dict[str, str | None]:
        return {} if held is None else {str(held): display}


class ListedNames(Holder):
    """A list of names in a JSON column, or at keys of it.

    :param key: the primary key of the model.
    :param column: the JSON column.
    :param path: the keys that lead to the list; none for the column itself.
    """

    def __init__(self, key: Sql, column: Any, path: tuple[str, ...]) -> None:
        super().__init__(key)
        self.column = column
        self.path = path

    def read(self, session: Session, keys: list[Any]) -> Names:
        return {
            row: dict.fromkeys(names)
            for row, document in self._documents(session, keys).items()
            if (names := self._listed(document))
        }

    def known(self, session: Session, tenant: str | None) -> dict[str, Any] | None:
        return None

    def add(self, session: Session, pairs: Pairs, known: Mapping[str, Any] | None) -> None:
        def with_more(names: list[str], more: set[str]) -> list[str]:
            return names + sorted(more - set(names))

        self._rewrite(session, pairs, with_more)

    def remove(self, session: Session, pairs: Pairs) -> None:
        def with_fewer(names: list[str], gone: set[str]) -> list[str]:
            return [name for name in names if name not in gone]

        self._rewrite(session, pairs, with_fewer)

    def narrow(
        self, statement: sa.Select[Any], backend: Backend, names: Iterable[str]
    ) -> sa.Select[Any]:
        elements, element = backend.json_elements(self.column, self.path)
        text = backend.json_text(element, ())
        ways = (backend.compare_text(text, Operator.EQ, name, exact=True) for name in names)
        is_there = sa.select(sa.literal(1)).select_from(elements).where(sa.or_(sa.false(), *ways))
        return statement.where(sa.exists(is_there))

    def select(self, key: Any) -> sa.Select[Any]:
        return sa.select(self.column, sa.null()).where(self.key == key)

    def decode(self, held: Any, display: Any) -> dict[str, str | None]:
        return dict.fromkeys(self._listed(held))

    def _rewrite(
        self,
        session: Session,
        pairs: Pairs,
        changed: Callable[[list[str], set[str]], list[str]],
    ) -> None:
        by_row: dict[Any, set[str]] = {}
        for row, name in pairs:
            by_row.setdefault(row, set()).add(name)
        documents = self._documents(session, list(by_row))
        rows = [
            {"held": row, "written": _put(document, self.path, changed(names, by_row[row]))}
            for row, document in documents.items()
            for names in [self._listed(document)]
        ]
        table = self.column.table
        written = sa.bindparam("written", type_=self.column.type)
        update = table.update().where(self.key == sa.bindparam("held"))
        for chunk in chunks(rows):
            session.execute(update.values({self.column: written}), chunk)

    def _documents(self, session: Session, keys: list[Any]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for chunk in chunks(keys):
            statement = sa.select(self.key, self.column).where(self.key.in_(chunk))
            statement = current(session, statement)
            found |= {row[0]: row[1] for row in session.execute(statement)}
        return found

    def _listed(self, document: Any) -> list[str]:
        for key in self.path:
            document = document.get(key) if isinstance(document, Mapping) else None
        if isinstance(document, str):
            return [document]
        if not isinstance(document, list):
            return []
        return [name for name in document if isinstance(name, str)]


class SingleName(Holder):
    """One column of text or of choices: a row has one name, or none.

    :param key: the primary key of the model.
    :param column: the column.
    :param codec: how the column holds a name.
    """

    is_single = True

    def __init__(self, key: Sql, column: Any, codec: Codec) -> None:
        super().__init__(key)
        self.column = column
        self.codec = codec

    def read(self, session: Session, keys: list[Any]) -> Names:
        found: Names = {}
        for chunk in chunks(keys):
            statement = sa.select(self.key, self.column).where(self.key.in_(chunk))
            statement = current(session, statement)
            for row, raw in session.execute(statement):
                name = self.codec.decode(raw)
                if name is not None:
                    found[row] = {name: None}
        return found

    def known(self, session: Session, tenant: str | None) -> dict[str, Any] | None:
        return dict(self.codec.members) if isinstance(self.codec, EnumCodec) else None

    def add(self, session: Session, pairs: Pairs, known: Mapping[str, Any] | None) -> None:
        table = self.column.table
        for name, rows in by_name(pairs).items():
            raw = self.codec.encode(name, "The role")
            for chunk in chunks(rows):
                update = table.update().where(self.key.in_(chunk))
                session.execute(update.values({self.column: raw}))

    def remove(self, session: Session, pairs: Pairs) -> None:
        empty = None if self.column.nullable else self.codec.empty
        if empty is None and not self.column.nullable:
            raise InvalidValue("This application has nobody without a role.")
        table = self.column.table
        for chunk in chunks([row for row, _ in pairs]):
            update = table.update().where(self.key.in_(chunk))
            session.execute(update.values({self.column: empty}))

    def narrow(
        self, statement: sa.Select[Any], backend: Backend, names: Iterable[str]
    ) -> sa.Select[Any]:
        ways = (self.codec.compare(backend, self.column, Operator.EQ, name) for name in names)
        return statement.where(sa.or_(sa.false(), *ways))

    def select(self, key: Any) -> sa.Select[Any]:
        return sa.select(self.column, sa.null()).where(self.key == key)

    def decode(self, held: Any, display: Any) -> dict[str, str | None]:
        name = self.codec.decode(held)
        return {} if name is None else {name: None}


def make_holder(model: type, values: Values) -> Holder:
    """Find where a declaration keeps names.

    :param model: the model whose rows have the names.
    :param values: the declaration.
    :return: the place.
    :raises ConfigurationError: if names cannot be kept there; the message names the repair.
    """
    mapper: Any = sa.inspect(model)
    (key,) = mapper.primary_key
    source = read_source(values.source)
    if not isinstance(source, Source) or source.inverted or source.read_only or source.hashed:
        raise ConfigurationError(f"{source}: name an attribute of {model.__name__} itself.")
    if source.owner is not None and not issubclass(model, source.owner):
        raise ConfigurationError(
            f"{source.owner.__name__}.{source} is not an attribute of {model.__name__}."
        )
    relation = find_relation(model, values.source)
    if relation is not None:
        return _make_related(model, key, relation, values)
    if values.value is not None or values.display is not None or values.tenant is not None:
        raise ConfigurationError(
            f"{source} is no many-to-many relationship of {model.__name__}, so it has no value, "
            "display or tenant to name; leave them out, or name a relationship."
        )
    columns = mapper.columns
    column = columns.get(source.steps[0])
    if column is None:
        raise ConfigurationError(
            f"{model.__name__} has no column and no many-to-many relationship {source}."
        )
    if isinstance(column.type, sa.JSON):
        return ListedNames(key, column, source.steps[1:])
    codec = find_codec(role_attribute(), column.type, (), inverted=False)
    if codec is None or len(source.steps) > 1:
        raise ConfigurationError(
            f"{source} ({type(column.type).__name__}) cannot hold names; name a column of text, of "
            "choices or of JSON, or a many-to-many relationship."
        )
    return SingleName(key, column, codec)


def set_names(
    session: Session, holder: Holder, key: Any, wanted: Iterable[str], tenant: str | None
) -> bool:
    """Let a row have these names and no others.

    :param session: the host's session.
    :param holder: where the names are kept.
    :param key: the primary key of the row.
    :param wanted: the names.
    :param tenant: whose they have to be, where names belong to tenants.
    :return: whether anything has changed.
    :raises InvalidValue: if the app has no such name.
    """
    has, names = holder.read(session, [key]).get(key, {}), list(wanted)
    missing = [name for name in names if name not in has]
    gone = [name for name in has if name not in names]
    if missing:
        known = holder.known(session, tenant)
        for name in missing:
            if known is not None and name not in known:
                raise InvalidValue(f"This application has no {name[:100]!r}.")
        holder.add(session, [(key, name) for name in missing], known)
    if gone:
        holder.remove(session, [(key, name) for name in gone])
    return bool(missing or gone)


def role_attribute() -> Attribute:
    """The definition of what names one role: ``roles.value`` (:rfc:`7643#section-4.1.2`)."""
    roles = USER_TYPE.attribute("roles")
    assert roles is not None
    value = roles.sub("value")
    assert value is not None
    return value


def current(session: Session, statement: sa.Select[Any]) -> sa.Select[Any]:
    """Let a statement see what others have committed since the transaction began.

    MariaDB and MySQL read from a snapshot unless they lock what they read.

    :param session: the host's session.
    :param statement: the statement; it names the tables themselves.
    :return: the statement for the database in hand.
    """
    if session.get_bind().dialect.name in ("mysql", "mariadb"):
        return statement.with_for_update(read=True)
    return statement


def by_name(pairs: Pairs) -> dict[str, list[Any]]:
    """Gather the rows of each name."""
    gathered: dict[str, list[Any]] = {}
    for row, name in pairs:
        gathered.setdefault(name, []).append(row)
    return gathered


def _make_related(model: type, key: Sql, relation: Relation, values: Values) -> Holder:
    if relation.near_key is not key:
        raise ConfigurationError(
            f"{read_source(values.source)} does not begin at the primary key of {model.__name__}."
        )
    if values.value is None:
        raise ConfigurationError(
            f"{read_source(values.source)} leads to {relation.model.__name__}; say which of its "
            f"columns names one, as in {relation.model.__name__}.slug."
        )
    name, display = _column(relation, values.value), None
    if values.display is not None:
        display = _column(relation, values.display)
    tenant = None
    if values.tenant is not None:
        column = _column(relation, values.tenant)
        codec = find_codec(role_attribute(), column.type, (), inverted=False)
        if codec is None:
            raise ConfigurationError(f"{column} cannot say whose a name is.")
        tenant = column, codec
    return RelatedNames(key, relation, name, display, tenant, values.fill)


def _column(relation: Relation, named: Any) -> Sql:
    mapper: Any = sa.inspect(relation.model)
    source = read_source(named)
    steps: tuple[str, ...] = getattr(source, "steps", ())
    column: Sql | None = mapper.columns.get(steps[0]) if len(steps) == 1 else None
    if column is None:
        raise ConfigurationError(f"{source} is no column of {relation.model.__name__}.")
    return column


def _put(document: Any, path: tuple[str, ...], names: list[str]) -> Any:
    """A copy of JSON in which the list at the end of the path is another one."""
    if not path:
        return names
    document = dict(document) if isinstance(document, Mapping) else {}
    document[path[0]] = _put(document.get(path[0]), path[1:], names)
    return document
