"""One name in one column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ....protocol.errors import InvalidValue
from ....protocol.syntax import Operator
from ...sql.backends import Backend, Sql
from ...sql.snapshots import current
from ..codecs import Codec, EnumCodec
from ..relations import chunks
from .holder import Holder, Names, Pairs, by_name


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
