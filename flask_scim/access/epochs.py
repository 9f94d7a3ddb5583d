"""How often the access of each person has ended: a counter, since clocks of machines differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..store.columns.binding import Binding
from ..store.sql.inserts import insert_or_change
from ..store.sql.kept import kept
from ..store.tables.people import AccessTables
from .ending import Ending

#: What is said of people whom their identity provider has put out.
DEACTIVATED, DELETED, REVOKED = "deactivated", "deleted", "revoked"


class Epochs:
    """The ends of people's access, as the database has them.

    :param session: the host's session.
    :param binding: the users of the app.
    :param tables: our tables of access.
    """

    def __init__(self, session: Session, binding: Binding, tables: AccessTables) -> None:
        self._session = session
        self._binding = binding
        self._table = tables.access

    def of(self, key: Any) -> int:
        """Read what the sessions of a person are compared with, by the primary key.

        :param key: the primary key of the person's row.
        :return: how often their access has ended; a session that began before is at an end.
        """
        return self._connect().scalar(_select_epoch(self._table), {"person": key}) or 0

    def lock(self, key: Any) -> None:
        """Let nobody else tell of a person's access until the transaction ends.

        :param key: the primary key of the person's row.
        """
        columns = self._table.c
        statement = sa.select(columns.epoch).where(columns.row_id == key).with_for_update()
        self._connect().execute(statement)

    def is_out(self, key: Any, cause: str) -> bool:
        """Tell whether an identity provider has put a person out for this cause.

        :param key: the primary key of the person's row.
        :param cause: the cause.
        :return: whether it has, and has not let them in again.
        """
        columns = self._table.c
        statement = sa.select(columns.out).where(columns.row_id == key, columns.cause == cause)
        return bool(self._connect().scalar(statement))

    def last(self, key: Any) -> Ending | None:
        """Read the last end of a person's access; ``None`` if it never ended.

        :param key: the primary key of the person's row.
        :return: the end, with the key in place of the SCIM ``id``.
        """
        statement = sa.select(self._table).where(self._table.c.row_id == key)
        found = self._connect().execute(statement).first()
        if found is None:
            return None
        return Ending(key, str(key), found.connection_id, found.cause, found.ended, found.epoch)

    def move(self, ending: Ending, *, out: bool | None, barred: bool | None) -> Ending:
        """End all that a person has begun until now.

        :param ending: the end, whose number is not known yet.
        :param out: whether an identity provider puts the person out; ``None`` leaves that as it is.
        :param barred: whether no column of the host's says so, likewise.
        :return: the end with its number.
        """
        values: dict[str, Any] = {
            "ended": ending.since,
            "cause": ending.cause,
            "connection_id": ending.connection_id,
        }
        states = {"out": out, "barred": barred}
        connection = self._connect()
        moved = values | {name: each for name, each in states.items() if each is not None}
        row = {"row_id": ending.key, "epoch": 1, "out": False, "barred": False, **moved}
        epoch = insert_or_change(connection, self._table, [row], tuple(moved), "epoch")
        return replace(ending, epoch=self.of(ending.key) if epoch is None else epoch)

    def rename(self, key: Any, cause: str) -> None:
        """Give the last end of a person's access another cause; nothing else changes.

        :param key: the primary key of the person's row.
        :param cause: what has come of it.
        """
        changed = self._table.update().where(self._table.c.row_id == key)
        self._connect().execute(changed.values(cause=cause))

    def readmit(self, key: Any) -> None:
        """Let a person in again who is out; what began before stays at an end.

        :param key: the primary key of the person's row.
        """
        self._connect().execute(_let_in(self._table), {"person": key})

    def _connect(self) -> sa.Connection:
        return self._binding.connect(self._session)


@kept
def _select_epoch(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table.c.epoch).where(table.c.row_id == sa.bindparam("person"))


@kept
def _let_in(table: sa.Table) -> sa.Update:
    columns = table.c
    is_out = sa.or_(columns.out.is_(sa.true()), columns.barred.is_(sa.true()))
    let_in = table.update().where(columns.row_id == sa.bindparam("person"), is_out)
    return let_in.values(out=False, barred=False)
