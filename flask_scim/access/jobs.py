"""What is to be ended for whom: one row for a person and a way in, until it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from ..store.columns.binding import Binding
from ..store.sql.inserts import insert_or_change
from ..store.tables.people import AccessTables
from .ending import Ending, Outcome

_FIRST_WAIT, _LONGEST_WAIT = 5, 300


@dataclass(frozen=True, slots=True)
class Job:
    """One way into the app that is to be closed for one person.

    :param ending: the end of the person's access.
    :param outcome: how far it has come.
    """

    ending: Ending
    outcome: Outcome

    @property
    def name(self) -> str:
        """The way into the app."""
        return self.outcome.name


def wait_after(attempts: int) -> timedelta:
    """How long to wait after a failure: twice as long each time, up to five minutes.

    :param attempts: how often it was tried.
    :return: the time until the next attempt.
    """
    return timedelta(seconds=min(_FIRST_WAIT * 2 ** min(attempts - 1, 10), _LONGEST_WAIT))


class Jobs:
    """What is to be ended, as the database has it.

    :param session: the host's session.
    :param binding: the users of the app.
    :param tables: our tables of access.
    """

    def __init__(self, session: Session, binding: Binding, tables: AccessTables) -> None:
        self._session = session
        self._binding = binding
        self._table = tables.revocations

    def enlist(self, ending: Ending, names: Iterable[str], due: datetime) -> None:
        """Write down what is to be ended, in the transaction that ends the access.

        What is still open of an earlier end goes into this one, which reaches further.

        :param ending: the end of the person's access.
        :param names: the ways into the app.
        :param due: when another process may take it that the one at work has died.
        """
        values = {
            "epoch": ending.epoch,
            "resource_id": ending.id,
            "connection_id": ending.connection_id,
            "cause": ending.cause,
            "since": ending.since,
            "due": due,
            "attempts": 0,
            "took": None,
            "ended": None,
            "error": None,
        }
        rows = [{"row_id": ending.key, "name": name, **values} for name in names]
        if rows:
            insert_or_change(self._connect(), self._table, rows, tuple(values))

    def of(self, key: Any, *, locked: bool = False) -> list[Job]:
        """List what was to be ended the last time that a person's access did, by name.

        :param key: the primary key of the person's row.
        :param locked: whether to read what others have committed since the transaction began.
        :return: the jobs.
        """
        columns = self._table.c
        latest = sa.select(sa.func.max(columns.epoch)).where(columns.row_id == key)
        is_last = columns.epoch == latest.scalar_subquery()
        is_shown = (columns.row_id == key, sa.or_(is_last, columns.due.is_not(None)))
        return self._read(*is_shown, locked=locked)

    def open_of(self, keys: Iterable[Any]) -> list[Job]:
        """List what is still to be ended for some people.

        :param keys: the primary keys of their rows.
        :return: the jobs.
        """
        columns = self._table.c
        return self._read(columns.row_id.in_(list(keys)), columns.due.is_not(None))

    def next_due(self) -> datetime | None:
        """When the next attempt is due; ``None`` if nothing is open."""
        statement = sa.select(sa.func.min(self._table.c.due))
        found: datetime | None = self._connect().scalar(statement)
        return found

    def count_open(self) -> int:
        """How many ways into the app are still to be closed, over all people."""
        statement = sa.select(sa.func.count()).where(self._table.c.due.is_not(None))
        return self._connect().scalar(statement) or 0

    def claim(self, job: Job, now: datetime, lease: timedelta) -> bool:
        """Take a job, so that nobody else does until the lease is over.

        :param job: the job as it was read.
        :param now: the moment.
        :param lease: how long the attempt may take.
        :return: whether it is ours; if not, somebody else was faster.
        """
        columns = self._table.c
        is_as_read = (columns.attempts == job.outcome.attempts, columns.due.is_not(None))
        taken = {"attempts": job.outcome.attempts + 1, "due": now + lease}
        try:
            done = self._update(job, taken, *is_as_read)
            self._session.commit()
        except OperationalError:
            # Two processes met, and the database let the other one pass.
            self._session.rollback()
            return False
        return done

    def find_due(self, now: datetime) -> Job | None:
        """Find a job whose time has come and that no other process is just taking.

        :param now: the moment.
        :return: the job, to be claimed; ``None`` if nothing is due.
        """
        columns = self._table.c
        statement = (
            self._select()
            .where(columns.due <= now)
            .order_by(columns.due)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        found = self._connect().execute(statement).first()
        return None if found is None else _read_job(found)

    def finish(self, job: Job, ended: int, now: datetime) -> bool:
        """Write down that a job took, in the transaction of what it did.

        :param job: the job.
        :param ended: how many of its kind have ended.
        :param now: the moment.
        :return: whether it was open; if not, the access has ended once more meanwhile.
        """
        took = {"took": now, "due": None, "ended": ended, "error": None}
        return self._update(job, took, self._table.c.due.is_not(None))

    def fail(self, job: Job, error: str, now: datetime) -> None:
        """Write down that an attempt failed, and when to try again.

        :param job: the job as it was before the attempt.
        :param error: why.
        :param now: the moment.
        """
        attempts = job.outcome.attempts + 1
        failed = {"due": now + wait_after(attempts), "error": error[:500]}
        columns = self._table.c
        self._update(job, failed, columns.attempts == attempts, columns.due.is_not(None))
        self._session.commit()

    def _update(self, job: Job, values: dict[str, Any], *conditions: Any) -> bool:
        columns, ending = self._table.c, job.ending
        statement = self._table.update().where(
            columns.row_id == ending.key,
            columns.name == job.name,
            columns.epoch == ending.epoch,
            *conditions,
        )
        done = self._connect().execute(statement.values(values))
        return done.rowcount == 1

    def _read(self, *conditions: Any, locked: bool = False) -> list[Job]:
        columns = self._table.c
        statement = self._select().where(*conditions)
        if locked:
            statement = statement.with_for_update()
        rows = self._connect().execute(statement.order_by(columns.row_id, columns.name))
        return [_read_job(row) for row in rows]

    def _select(self) -> sa.Select[Any]:
        # A column of another name in the database is called by ours.
        return sa.select(*[column.label(column.key) for column in self._table.c])

    def _connect(self) -> sa.Connection:
        return self._binding.connect(self._session)


def _read_job(row: Any) -> Job:
    return Job(
        Ending(row.row_id, row.resource_id, row.connection_id, row.cause, row.since, row.epoch),
        Outcome(row.name, row.ended, row.took, row.attempts, row.error, row.due),
    )
