"""Sessions that Flask-Session keeps in a database or in Redis, by their owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..store.sql.inserts import insert_or_change
from .ending import Ending
from .revokers import Revoker

#: The way into the app that is closed by deleting sessions from where they are kept.
STORED = "stored_sessions"


class Shelf(Protocol):
    """Knows which of the sessions kept somewhere are whose."""

    def add(self, key: Any, name: str, epoch: int, seconds: int) -> None:
        """Note whose a session is.

        :param key: the primary key of the owner's row.
        :param name: what the session is called where it is kept.
        :param epoch: how often the owner's access has ended by now.
        :param seconds: for how long it is kept without being used.
        """
        ...

    def clear(self, key: Any, epoch: int) -> int:
        """Delete the sessions of a person that began before their access ended.

        :param key: the primary key of the person's row.
        :param epoch: how often it has ended.
        :return: how many were there.
        """
        ...


@dataclass(frozen=True, slots=True)
class SqlShelf:
    """The sessions of Flask-Session's type ``sqlalchemy``, with a table of ours beside it.

    :param session: the host's session.
    :param kept: the model of Flask-Session.
    :param client: Flask-Session's database.
    :param table: our table, which says whose they are.
    """

    session: Callable[[], Session]
    kept: Any
    client: Any
    table: sa.Table

    def add(self, key: Any, name: str, epoch: int, seconds: int) -> None:
        """Note whose a session is; Flask-Session commits it with the session itself."""
        connection = self._connect()
        columns = self.table.c
        known = sa.select(columns.session_id).where(columns.row_id == key)
        names = set(connection.scalars(known))
        if names:
            there = sa.select(self.kept.session_id).where(self.kept.session_id.in_(names))
            gone = names - set(self.client.session.scalars(there))
            connection.execute(self.table.delete().where(columns.session_id.in_(gone)))
        values = {"row_id": key, "epoch": epoch}
        insert_or_change(connection, self.table, [{"session_id": name, **values}], tuple(values))

    def clear(self, key: Any, epoch: int) -> int:
        """Delete the sessions of a person that began before their access ended."""
        connection, columns = self._connect(), self.table.c
        old = (columns.row_id == key, columns.epoch < epoch)
        names = list(connection.scalars(sa.select(columns.session_id).where(*old)))
        connection.execute(self.table.delete().where(*old))
        deleted = self.client.session.execute(
            sa.delete(self.kept).where(self.kept.session_id.in_(names))
        )
        count: int = deleted.rowcount
        if self.client.session() is not self.session():
            self.client.session.commit()
        return count

    def _connect(self) -> sa.Connection:
        return self.session().connection(bind_arguments={"clause": self.table})


@dataclass(frozen=True, slots=True)
class RedisShelf:
    """The sessions of Flask-Session's type ``redis``, with a hash of ours for each person.

    :param client: Flask-Session's client.
    :param prefix: how the names of its keys begin.
    """

    client: Any
    prefix: str

    def add(self, key: Any, name: str, epoch: int, seconds: int) -> None:
        """Note whose a session is, for as long as it is kept itself."""
        place = self._place(key)
        known = self.client.hkeys(place)
        gone = [each for each in known if not self.client.exists(each)]
        with self.client.pipeline() as pipeline:
            if gone:
                pipeline.hdel(place, *gone)
            pipeline.hset(place, name, epoch)
            pipeline.expire(place, max(seconds, 86_400) * 2)
            pipeline.execute()

    def clear(self, key: Any, epoch: int) -> int:
        """Delete the sessions of a person that began before their access ended."""
        place = self._place(key)
        old = [name for name, begun in self.client.hgetall(place).items() if int(begun) < epoch]
        if not old:
            return 0
        count = int(self.client.delete(*old))
        self.client.hdel(place, *old)
        return count

    def _place(self, key: Any) -> str:
        return f"{self.prefix}scim:{key}"


def find_shelf(interface: Any, session: Callable[[], Session], table: sa.Table) -> Shelf | None:
    """Find out whether sessions are kept where they can be found by their owner.

    :param interface: the app's session interface.
    :param session: the host's session.
    :param table: our table of whose they are, for sessions in a database.
    :return: where they are; ``None`` if they are in cookies, or cannot be found.
    """
    client = getattr(interface, "client", None)
    kept = getattr(interface, "sql_session_model", None)
    if kept is not None and client is not None:
        return SqlShelf(session, kept, client, table)
    if hasattr(client, "hgetall"):
        return RedisShelf(client, interface.key_prefix)
    return None


def clearing(find: Callable[[], Shelf | None]) -> Revoker:
    """Make the revoker that deletes the sessions of a person from where they are kept.

    :param find: finds where that is.
    :return: the revoker.
    """

    def clear(_: Any, ending: Ending) -> int:
        shelf = find()
        return 0 if shelf is None else shelf.clear(ending.key, ending.epoch)

    return clear
