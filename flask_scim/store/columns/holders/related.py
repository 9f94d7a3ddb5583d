"""Names that are related rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ....protocol.syntax import Operator
from ...sql.backends import Backend, Sql
from ...sql.snapshots import current
from ..codecs import Codec
from ..relations import Relation, chunks, insert_pairs
from .holder import Holder, Names, Pairs, by_name


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
