"""The log of requests in the host's database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..provisioning.log import Logged, Search

#: How many rows are deleted in one transaction, so that it holds up nobody.
BATCH = 1_000
_LISTED = ("quirks", "changed", "added", "removed")
_SHOWN = ("values", "outcomes")
_NAMES = [each.name for each in fields(Logged)]


class SqlLog:
    """The requests of all connections.

    :param session: the host's session.
    :param table: our table of requests.
    :param connections: our table of connections.
    """

    def __init__(self, session: Any, table: sa.Table, connections: sa.Table) -> None:
        self._session = session
        self._table = table
        self._connections = connections
        # Without values of its own: what is compiled of it is kept, and serves one row and many.
        self._insert = sa.insert(table)

    def add(self, logged: Logged) -> int:
        """Write a request to the log, in the transaction in hand.

        :param logged: the request.
        :return: its place in the log.
        """
        key = self._connect().execute(self._insert, _row(logged)).inserted_primary_key
        assert key is not None
        return int(key[0])

    def write(self, logged: Logged) -> None:
        """Write a request to the log, in a transaction of its own.

        What is logged for a connection that does not exist is passed over.

        :param logged: the request.
        """
        columns, id = self._connections.c, logged.connection_id
        if logged.actor is None:
            # A stranger may have made the name up, and not every database checks foreign keys.
            statement = sa.select(columns.id).where(columns.id == id)
            if self._session.scalar(statement) != id:
                return
        try:
            self.add(logged)
            self._session.commit()
        except IntegrityError:
            self._session.rollback()

    def amend(self, id: int, status: int) -> None:
        """Put the status of a request right.

        :param id: its place in the log.
        :param status: the status that was answered.
        """
        is_it = self._table.c.id == id
        self._session.execute(self._table.update().where(is_it).values(status=status))
        self._session.commit()

    def read(
        self,
        connection_id: str,
        search: Search = Search(),  # noqa: B008  # it is frozen
        *,
        before: tuple[datetime, int] | None = None,
        after: int | None = None,
        most: int = 100,
    ) -> list[Logged]:
        """Read requests of a connection, the newest first by the time when they came.

        :param connection_id: the connection.
        :param search: which ones.
        :param before: the time and the place of the one before which to begin.
        :param after: read only those that were written after this place, whenever they came.
        :param most: how many to read.
        :return: the requests.
        """
        columns = self._table.c
        conditions = [columns.connection_id == connection_id, *self._conditions(search)]
        if before is not None:
            time, id = before
            conditions.append(columns.time <= time)
            conditions.append(sa.or_(columns.time < time, columns.id < id))
        if after is not None:
            conditions.append(columns.id > after)
        # What was read before belongs to an older snapshot, for those who look again and again.
        self._session.commit()
        rows = self._session.execute(
            sa.select(self._table)
            .where(*conditions)
            .order_by(columns.time.desc(), columns.id.desc())
            .limit(most)
        )
        return [_read(row) for row in rows.mappings()]

    def prune(self, days: int | None, rows: int | None) -> Iterator[int]:
        """Delete old requests, and those of each connection that are too many, in batches.

        :param days: how many days to keep them; ``None`` for ever.
        :param rows: how many of each connection to keep; ``None`` for all.
        :return: after each batch, how many it had.
        """
        columns = self._table.c
        if days is not None:
            yield from self._delete(columns.time < datetime.now(UTC) - timedelta(days=days))
        if rows is None:
            return
        for id in self._session.scalars(sa.select(self._connections.c.id)).all():
            is_its = columns.connection_id == id
            newest = sa.select(columns.time, columns.id).where(is_its)
            newest = newest.order_by(columns.time.desc(), columns.id.desc())
            last = self._session.execute(newest.offset(rows).limit(1)).first()
            if last is not None:
                is_as_old = sa.or_(columns.time < last.time, columns.id <= last.id)
                yield from self._delete(is_its, columns.time <= last.time, is_as_old)

    def _connect(self) -> sa.Connection:
        """The session's connection to where the log is written: not every one may lead there."""
        connection: sa.Connection = self._session.connection(
            bind_arguments={"clause": self._insert}
        )
        return connection

    def _delete(self, *conditions: Any) -> Iterator[int]:
        column = self._table.c.id
        some = sa.select(column).where(*conditions).limit(BATCH)
        while ids := self._session.scalars(some).all():
            self._session.execute(self._table.delete().where(column.in_(ids)))
            self._session.commit()
            yield len(ids)

    def _conditions(self, search: Search) -> Iterator[Any]:
        columns = self._table.c
        if search.status is not None and search.status < 10:
            yield columns.status.between(search.status * 100, search.status * 100 + 99)
        elif search.status is not None:
            yield columns.status == search.status
        if search.errors:
            yield columns.status >= 400
        if search.since is not None:
            yield columns.time >= search.since
        for name in ("method", "resource_id", "request_id"):
            if (value := getattr(search, name)) is not None:
                yield columns[name] == value


def _row(logged: Logged) -> dict[str, Any]:
    """The columns of a request; what is empty takes no room."""
    row = {name: getattr(logged, name) for name in _NAMES if name != "id"}
    row |= {name: list(row[name]) or None for name in _LISTED}
    row |= {name: dict(row[name]) or None for name in _SHOWN}
    return row


def _read(row: Any) -> Logged:
    values = {name: row[name] for name in _NAMES}
    values |= {name: tuple(values[name] or ()) for name in _LISTED}
    values |= {name: values[name] or {} for name in _SHOWN}
    return Logged(**values)
