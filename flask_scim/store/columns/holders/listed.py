"""Names that are a list in JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ....protocol.syntax import Operator
from ...sql.backends import Backend, Sql
from ...sql.snapshots import current
from ..relations import chunks
from .holder import Holder, Names, Pairs


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


def _put(document: Any, path: tuple[str, ...], names: list[str]) -> Any:
    """A copy of JSON in which the list at the end of the path is another one."""
    if not path:
        return names
    document = dict(document) if isinstance(document, Mapping) else {}
    document[path[0]] = _put(document.get(path[0]), path[1:], names)
    return document
