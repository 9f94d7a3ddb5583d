"""Those who have lost access lately, as the database has them: counted one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from ..store.sql.kept import kept

#: On these, a read sees what there was when the transaction first read something.
_READS_OLD = ("mysql", "mariadb")


@dataclass(frozen=True, slots=True)
class Counted:
    """How many people of a connection have lost access in a window of time.

    :param state: what the connection is open for.
    :param before: the moment before the window.
    :param now: the moment at its end.
    :param ended: how many there are.
    :param known: how many of them had access before the window began.
    :param base: how many had in all, where somebody has counted them.
    :param is_known: whether the one who is about to lose access had it before.
    :param written: the row in which that one is counted from now on, where there is one already.
    """

    state: str
    before: datetime
    now: datetime
    ended: int
    known: int
    base: int | None
    is_known: bool
    written: int | None = None


class Ends:
    """Those of one connection who have lost access.

    :param session: the host's session, in the transaction that ends somebody's access.
    :param connections: our table of connections.
    :param ends: our table of those who have lost access lately.
    :param connection_id: the connection.
    """

    def __init__(
        self, session: Any, connections: sa.Table, ends: sa.Table, connection_id: str
    ) -> None:
        self._session = session
        self._connections = connections
        self._ends = ends
        self._id = connection_id

    def count(self, window: timedelta, since: datetime | None) -> Counted:
        """Count those who have lost access, and forget those who did before the window.

        One process counts at a time, and sees what the others have done.

        :param window: its length.
        :param since: since when the one who is about to lose access has been there, if that is
            known.
        :return: what there is.
        """
        database = self._database
        asked: dict[str, Any] = {"of": self._id}
        dialect, state = database.dialect.name, None
        # On SQLite nobody else writes by now: the row is locked, and so is all the rest.
        if dialect != "sqlite":
            state = database.scalar(_take_turn(self._connections), asked)
        now = datetime.now(UTC)
        before = now - window
        is_known = since is not None and since <= before
        asked |= {"since": before}
        written = None
        if dialect == "sqlite":
            look = _look(self._connections, self._ends)
            state, total, ended, known, base = database.execute(look, asked).one()
        elif dialect == "postgresql":
            asked |= {"now": now, "is_known": int(is_known)}
            total, ended, known, base, written = database.execute(_add(self._ends), asked).one()
        else:
            total, ended, known, base = database.execute(_count(self._ends, dialect), asked).one()
        if total > ended:
            columns = self._ends.c
            is_over = sa.and_(columns.connection_id == self._id, columns.time <= before)
            database.execute(self._ends.delete().where(is_over))
        return Counted(str(state), before, now, ended, int(known or 0), base, is_known, written)

    def note(self, counted: Counted, base: int | None) -> None:
        """Write down that one more loses access, with the transaction in hand.

        :param counted: what there was before.
        :param base: how many had access before the window, where somebody has counted them.
        """
        if counted.written is None:
            known = int(counted.is_known)
            row = {"connection_id": self._id, "time": counted.now, "known": known, "base": base}
            self._database.execute(_insert(self._ends), row)
        elif base != counted.base:
            columns = self._ends.c
            is_it = columns.id == counted.written
            self._database.execute(self._ends.update().where(is_it).values(base=base))

    def forget(self) -> None:
        """Forget all of them."""
        is_own = self._ends.c.connection_id == self._id
        self._session.execute(self._ends.delete().where(is_own))

    @cached_property
    def _database(self) -> sa.Connection:
        database: sa.Connection = self._session.connection(bind_arguments={"clause": self._ends})
        return database


@kept
def _take_turn(connections: sa.Table) -> sa.Select[Any]:
    columns = connections.c
    locked = sa.select(columns.state).where(columns.id == sa.bindparam("of"))
    return locked.with_for_update(key_share=True)


@kept
def _look(connections: sa.Table, ends: sa.Table) -> sa.Select[Any]:
    """Read what the connection is open for, and count."""
    columns = connections.c
    return (
        sa.select(columns.state, *_counts(ends))
        .select_from(connections.outerjoin(ends, ends.c.connection_id == columns.id))
        .where(columns.id == sa.bindparam("of"))
        .group_by(columns.id)
    )


@kept
def _count(ends: sa.Table, dialect: str) -> sa.Select[Any]:
    counted = sa.select(*_counts(ends)).where(ends.c.connection_id == sa.bindparam("of"))
    return counted.with_for_update() if dialect in _READS_OLD else counted


@kept
def _add(ends: sa.Table) -> sa.Select[Any]:
    """Count, and write one more down that is not counted itself; what is refused is undone."""
    counts = _count(ends, "postgresql").cte("counts")
    columns = ends.c
    row = {
        "connection_id": sa.bindparam("of", type_=columns.connection_id.type),
        "time": sa.bindparam("now", type_=columns.time.type),
        "known": sa.bindparam("is_known", type_=columns.known.type),
        "base": counts.c.base,
    }
    added = ends.insert().from_select(list(row), sa.select(*row.values())).returning(columns.id)
    written = added.cte("written")
    # Each of them has one row.
    return sa.select(counts, written).select_from(counts.join(written, sa.true()))


def _counts(ends: sa.Table) -> list[Any]:
    """All who are written down, those in the window, how many of them were known, and the base."""
    columns = ends.c
    within = columns.time > sa.bindparam("since")
    return [
        sa.func.count(columns.id).label("total"),
        sa.func.count(sa.case((within, 1))).label("ended"),
        sa.func.sum(sa.case((within, columns.known), else_=0)).label("known"),
        sa.func.max(sa.case((within, columns.base))).label("base"),
    ]


@kept
def _insert(ends: sa.Table) -> sa.Insert:
    return ends.insert()
