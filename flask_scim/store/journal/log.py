"""The log of requests in the host's database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.pool import AssertionPool, SingletonThreadPool, StaticPool

from ...provisioning.log import Logged, Search, Waiting

#: How many rows are deleted in one transaction, so that it holds up nobody.
BATCH = 1_000
#: Pools that have one connection for all, or one with a database of its own for each thread.
_NARROW = (AssertionPool, SingletonThreadPool, StaticPool)
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
        self._insert = _insert_into(table)

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

    def is_apart(self) -> bool:
        """Tell whether a thread can have a connection to the database that nobody else uses.

        It cannot where the host's session stands on one connection, as it does in tests that undo
        what they did, or where the database is in memory.
        """
        return hasattr(self._session, "session_factory") and self._is_apart(self._session())

    def _is_apart(self, session: Any) -> bool:
        bind = session.get_bind(clause=self._insert)
        if not isinstance(bind, sa.Engine) or isinstance(bind.pool, _NARROW):
            return False
        # Connections that share a database in memory lock each other out, and do not wait.
        return bind.dialect.name != "sqlite" or _is_file(bind.url)

    def write_apart(self, waiting: Sequence[Waiting]) -> int:
        """Write requests in one transaction, on a connection that nobody else uses.

        What is logged for a connection that does not exist, or is another one by now, is passed
        over.

        :param waiting: the requests.
        :return: how many the database does not take.
        """
        session = self._session.session_factory()
        try:
            if not self._is_apart(session):
                raise RuntimeError("sessions stand on one connection just now")
            return SqlLog(session, self._table, self._connections)._write_all(waiting)
        finally:
            session.close()

    def _write_all(self, waiting: Sequence[Waiting]) -> int:
        rows = self._find_rows(waiting)
        try:
            if rows:
                self._connect().execute(self._insert, rows)
            self._session.commit()
        except (DataError, IntegrityError):
            self._session.rollback()
            return sum(not self._write_row(row) for row in rows)
        return 0

    def _find_rows(self, waiting: Sequence[Waiting]) -> list[dict[str, Any]]:
        """Find what can be written: requests of connections that are still there."""
        columns = self._connections.c
        ids = {each.logged.connection_id for each in waiting}
        # Where requests are written, and not on a copy of the database that lags behind.
        found = sa.select(columns.id, columns.created).where(columns.id.in_(ids))
        created = {row.id: row.created for row in self._connect().execute(found)}
        return [
            _row(logged)
            for each in waiting
            if (logged := each.logged).connection_id in created
            and each.created in (None, created[logged.connection_id])
        ]

    def _write_row(self, row: dict[str, Any]) -> bool:
        """Write one of several requests; tell whether that, or the connection, is at an end."""
        try:
            self._connect().execute(self._insert, row)
            self._session.commit()
        except IntegrityError:
            # Its connection was removed just now.
            self._session.rollback()
        except DataError:
            self._session.rollback()
            return False
        return True

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


@lru_cache(maxsize=16)
def _insert_into(table: sa.Table) -> sa.Insert:
    """The statement that inserts one row or many, which come with it: made and compiled once."""
    return sa.insert(table)


def _is_file(url: sa.URL) -> bool:
    return ":memory:" not in (url.database or ":memory:") and url.query.get("mode") != "memory"


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
