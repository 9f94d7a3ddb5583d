"""Statements of the shapes that clients ask for, and how they run."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, scoped_session

_Built = TypeVar("_Built")

#: How many shapes of one kind are kept: more than clients ask for in earnest.
_MOST = 256


class Shapes:
    """What is built once for each of its shapes, and kept with what it was built from.

    Nothing here grows old: what can change between two requests is a value that the statement is
    run with. Shapes come from clients, and are forgotten; what an app fixes has :func:`.kept`.

    :param most: how many shapes to keep; beyond that all are built again as they are needed.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._found: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self._found)

    def get(self, shape: Hashable, build: Callable[[], _Built]) -> _Built:
        """Find what is kept of a shape, or build it.

        :param shape: what makes it differ from others.
        :param build: builds it.
        :return: what is kept.
        """
        found = self._found.get(shape)
        if found is None:
            found = build()
            self.put(shape, found)
        return found

    def put(self, shape: Hashable, value: Any) -> None:
        """Keep something under a shape."""
        if len(self._found) >= self._most:
            self._found.clear()
        self._found[shape] = value


def _leave(_: sa.Connection) -> None:
    """Do nothing to a connection."""


def run(
    session: Session | scoped_session[Any],
    statement: Any,
    values: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    mapper: Any = None,
    prepare: Callable[[sa.Connection], None] = _leave,
) -> sa.Result[Any]:
    """Run a statement that is about columns, and no objects, past what the ORM does for objects.

    :param session: the host's session.
    :param statement: the statement.
    :param values: the values of its parameters, by name; several to run it for each.
    :param mapper: the mapper whose database it is for; ``None`` for that of the statement.
    :param prepare: makes the connection ready.
    :return: the rows.
    """
    session = session() if isinstance(session, scoped_session) else session
    arguments: Any = {"clause": statement} if mapper is None else {"mapper": mapper}
    if session.autoflush:
        session.flush()
    connection = session.connection(bind_arguments=arguments)
    prepare(connection)
    if session.dispatch.do_orm_execute:
        # The host looks at what its session executes, and may narrow it.
        return session.execute(statement, values, bind_arguments=arguments)
    return connection.execute(statement, values)
