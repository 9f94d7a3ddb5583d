"""Those who have lost access lately, as the database has them: numbered one by one.

Each knows how many there were with it, so that the newest and the last one before a window tell how
many are in it, however many that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..store.sql.kept import kept

#: What the rows that count are called.
_ROWS = ("newest", "passed", "oldest")


class _End(NamedTuple):
    """A row: when it was, and how many there had been by then."""

    time: datetime | None = None
    ended: int = 0
    known: int = 0
    base: int | None = None


#: What stands for a row where there is none.
_NONE = _End()


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
    :param newest: the newest row, or what stands for it where there is none.
    :param written: the row in which that one is counted from now on, where there is one already.
    """

    state: str
    before: datetime
    now: datetime
    ended: int
    known: int
    base: int | None
    is_known: bool
    newest: _End
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
        dialect, state, written = database.dialect.name, None, None
        # On SQLite nobody else writes by now: the row is locked, and so is all the rest.
        if dialect != "sqlite":
            state = database.scalar(_take_turn(self._connections), asked)
        now = datetime.now(UTC)
        before = now - window
        is_known = since is not None and since <= before
        asked |= {"before": before}
        if dialect == "sqlite":
            state, *ends = database.execute(_look(self._connections, self._ends), asked).one()
        elif dialect == "postgresql":
            asked |= {"now": now, "is_known": int(is_known)}
            *ends, written = database.execute(_add(self._ends), asked).one()
        else:
            rows = {place: row for *row, place in database.execute(_read_all(self._ends), asked)}
            last, passed, first = (rows.get(place, _NONE) for place in range(3))
            ends = [*last, *passed[:3], *first[:3]]
        newest, passed, oldest = (_read(ends[a:b]) for a, b in ((0, 4), (4, 7), (7, 10)))
        if passed.time is None and oldest.ended > 1:
            # The window has become longer, and what was before the oldest row is forgotten.
            passed = oldest
        if passed.time is not None and oldest.ended < passed.ended:
            columns = self._ends.c
            is_over = columns.time <= passed.time, columns.ended < passed.ended
            is_own = columns.connection_id == self._id
            database.execute(self._ends.delete().where(is_own, *is_over))
        return Counted(
            str(state),
            before,
            # The rows of a connection follow one another, whatever clocks say.
            now if newest.time is None else max(now, newest.time),
            newest.ended - passed.ended,
            newest.known - passed.known,
            newest.base if newest.time is not None and newest.time > before else None,
            is_known,
            newest,
            written,
        )

    def note(self, counted: Counted, base: int | None) -> None:
        """Write down that one more loses access, with the transaction in hand.

        :param counted: what there was before.
        :param base: how many had access before the window, where somebody has counted them.
        """
        if counted.written is None:
            row = {
                "connection_id": self._id,
                "time": counted.now,
                "ended": counted.newest.ended + 1,
                "known": counted.newest.known + counted.is_known,
                "base": base,
            }
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
    """Read what the connection is open for, and the rows that count."""
    columns = connections.c
    rows = [each.subquery() for each in _each(ends)]
    found: sa.FromClause = connections
    for row in rows:
        found = found.outerjoin(row, sa.true())
    statement = sa.select(columns.state, *_told(*rows))
    return statement.select_from(found).where(columns.id == sa.bindparam("of"))


@kept
def _read_all(ends: sa.Table) -> sa.CompoundSelect[Any]:
    """Read the rows that count, with the place of each, as they are now."""
    # Where a transaction sees what there was when it first read something, only locks are new.
    places = (
        each.add_columns(sa.literal_column(str(place)).label("place")).with_for_update()
        for place, each in enumerate(_each(ends))
    )
    return sa.union_all(*places)


@kept
def _add(ends: sa.Table) -> sa.Select[Any]:
    """Read them, and write one more down that is not among them; what is refused is undone."""
    columns, rows = ends.c, [each.cte(name) for name, each in zip(_ROWS, _each(ends), strict=True)]
    newest, passed, oldest = rows
    nothing = sa.select(sa.literal(1)).subquery()
    found = nothing.outerjoin(newest, sa.true())
    now = sa.bindparam("now", type_=columns.time.type)
    is_within = newest.c.time > sa.bindparam("before", type_=columns.time.type)
    row = {
        "connection_id": sa.bindparam("of", type_=columns.connection_id.type),
        "time": sa.func.greatest(newest.c.time, now, type_=columns.time.type),
        "ended": sa.func.coalesce(newest.c.ended, 0) + 1,
        "known": sa.func.coalesce(newest.c.known, 0) + sa.bindparam("is_known"),
        "base": sa.case((is_within, newest.c.base)),
    }
    one_more = sa.select(*row.values()).select_from(found)
    added = ends.insert().from_select(list(row), one_more).returning(columns.id)
    written = added.cte("written")
    # Each of them has one row, or none.
    joined = written.outerjoin(newest, sa.true()).outerjoin(passed, sa.true())
    joined = joined.outerjoin(oldest, sa.true())
    return sa.select(*_told(*rows), written.c.id).select_from(joined)


def _each(ends: sa.Table) -> list[sa.Select[Any]]:
    """The newest row of the connection, the newest before the window, and the oldest."""
    columns = ends.c
    whole = (columns.time, columns.ended, columns.known, columns.base)
    own = sa.select(*whole).where(columns.connection_id == sa.bindparam("of")).limit(1)
    backwards = own.order_by(columns.time.desc(), columns.id.desc())
    passed = backwards.where(columns.time <= sa.bindparam("before"))
    return [backwards, passed, own.order_by(columns.time, columns.id)]


def _told(newest: sa.FromClause, passed: sa.FromClause, oldest: sa.FromClause) -> list[Any]:
    """What of these rows is read where one statement reads all of them."""
    others = (column for row in (passed.c, oldest.c) for column in (row.time, row.ended, row.known))
    return [*newest.c, *others]


def _read(row: Sequence[Any]) -> _End:
    return _NONE if row[0] is None else _End(*row)


@kept
def _insert(ends: sa.Table) -> sa.Insert:
    return ends.insert()
