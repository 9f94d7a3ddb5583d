"""Other apps that are to be told that somebody is signed out: each until it has heard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..store.columns.binding import Binding
from ..store.sql.inserts import insert_or_change
from ..store.tables.people import AccessTables


class Logout(NamedTuple):
    """An app that is to be told.

    :param id: by which it is known for this person.
    :param client_id: what our app calls it; empty where it is not known yet whom to tell.
    :param uri: where to tell it.
    :param sub: what it knows the person as.
    :param sid: the session that is to end.
    """

    id: str
    client_id: str
    uri: str
    sub: str | None
    sid: str | None


def make_logout(client_id: str, uri: str, sub: str | None, sid: str | None) -> Logout:
    """Note an app that is to be told; see :class:`Logout`."""
    named = json.dumps([client_id, uri, sub, sid])
    return Logout(hashlib.sha256(named.encode()).hexdigest(), client_id, uri, sub, sid)


#: Whom to tell could not be found out: ask again.
UNKNOWN = make_logout("", "", None, None)


class Logouts:
    """The apps that are to be told, as the database has them.

    :param session: the host's session.
    :param binding: the users of the app.
    :param tables: our tables of access.
    """

    def __init__(self, session: Session, binding: Binding, tables: AccessTables) -> None:
        self._session = session
        self._binding = binding
        self._table = tables.logouts

    def enlist(self, key: Any, logouts: Iterable[Logout]) -> None:
        """Write down whom to tell, in the transaction in hand; who has heard hears it once more.

        :param key: the primary key of the person's row.
        :param logouts: the apps.
        """
        anew = {"told": None, "attempts": 0, "error": None}
        each = {logout.id: logout._asdict() for logout in logouts}
        rows = [{"row_id": key, **values, **anew} for values in each.values()]
        if rows:
            insert_or_change(self._connect(), self._table, rows, tuple(anew))

    def open_of(self, key: Any) -> list[Logout]:
        """List those who have not heard yet, the least tried first.

        :param key: the primary key of the person's row.
        :return: the apps.
        """
        columns = self._table.c
        statement = (
            sa.select(*[columns[name] for name in Logout._fields])
            .where(columns.row_id == key, columns.told.is_(None))
            .order_by(columns.attempts, columns.id)
        )
        return [Logout(*found) for found in self._connect().execute(statement)]

    def note(self, key: Any, logout: Logout, error: str | None) -> None:
        """Write down what came of an attempt, and commit it.

        :param key: the primary key of the person's row.
        :param logout: the app.
        :param error: why it has not heard; ``None`` if it has.
        """
        columns = self._table.c
        told = datetime.now(UTC) if error is None else None
        noted = self._table.update().where(columns.row_id == key, columns.id == logout.id)
        noted = noted.values(
            told=told, attempts=columns.attempts + 1, error=None if error is None else error[:500]
        )
        self._connect().execute(noted)
        self._session.commit()

    def forget(self, key: Any, *logouts: Logout) -> None:
        """Forget apps that need not be told.

        :param key: the primary key of the person's row.
        :param logouts: the apps.
        """
        columns, ids = self._table.c, [logout.id for logout in logouts]
        gone = self._table.delete().where(columns.row_id == key, columns.id.in_(ids))
        self._connect().execute(gone)

    def finish(self, key: Any) -> int:
        """Forget those who have heard, in the transaction in hand.

        :param key: the primary key of the person's row.
        :return: how many they are.
        """
        columns = self._table.c
        gone = self._table.delete().where(columns.row_id == key, columns.told.is_not(None))
        return self._connect().execute(gone).rowcount

    def _connect(self) -> sa.Connection:
        return self._binding.connect(self._session)
