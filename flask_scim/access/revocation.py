"""The end of access: begun in the transaction that causes it, carried out after the commit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..store.columns.binding import Binding
from ..store.tables.people import AccessTables
from .ending import Ending, Report
from .epochs import Epochs
from .jobs import Job, Jobs
from .revokers import Revokers
from .threads import Threads, TooManyThreads

_log = logging.getLogger("flask_scim.access")
#: How much longer than its revoker may run a job is kept from other processes.
_GRACE = timedelta(seconds=5)
_LONGEST_NAP = 30.0
_BEGUN = "flask_scim.access_ended"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long revokers may take.

    :param wait: for how many seconds whoever ended the access waits for all revokers.
    :param timeout: after how many seconds a revoker counts as one that hangs.
    :param retries: whether this process tries again what failed in it.
    """

    wait: float = 5
    timeout: float = 10
    retries: bool = True

    @property
    def lease(self) -> timedelta:
        """How long one attempt keeps a job from other processes."""
        return timedelta(seconds=self.timeout) + _GRACE


@dataclass(slots=True)
class Revocation:
    """Ends the access of people of one app.

    :param context: makes the context of the app, in which revokers run.
    :param sessions: finds the host's session in it.
    :param binding: the users of the app.
    :param tables: our tables of access.
    :param revokers: what closes each way into the app.
    :param patience: how long revokers may take.
    :param settle: told, in its transaction, that the last way into the app is closed for a person.
    :param tell: told how far the end of a person's access has come, in the context of the app.
    :param prepare: writes down what a revoker has to know, in the transaction that ends the access.
    """

    context: Callable[[], AbstractContextManager[Any]]
    sessions: Callable[[], Session]
    binding: Binding
    tables: AccessTables
    revokers: Revokers
    patience: Patience
    settle: Callable[[Report], None]
    tell: Callable[[Report], None]
    prepare: Callable[[Ending], None] | None = None
    _threads: Threads = field(default_factory=Threads)
    _retrier: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _has_looked: bool = False

    @property
    def epochs(self) -> Epochs:
        """How often the access of each person has ended."""
        return Epochs(self.sessions(), self.binding, self.tables)

    @property
    def jobs(self) -> Jobs:
        """What is to be ended for whom."""
        return Jobs(self.sessions(), self.binding, self.tables)

    def begin(
        self,
        key: Any,
        id: str,
        cause: str,
        connection_id: str | None = None,
        *,
        out: bool | None = None,
        barred: bool | None = None,
    ) -> None:
        """End a person's access, in the transaction in hand: :meth:`carry_out` does the rest.

        :param key: the primary key of the person's row.
        :param id: their SCIM ``id``.
        :param cause: what brought it about.
        :param connection_id: whose identity provider did, if any.
        :param out: whether it puts them out; ``None`` leaves that as it is.
        :param barred: whether no column of the host's says so, likewise.
        """
        now = datetime.now(UTC)
        ending = Ending(key, id, connection_id, cause, now, 0)
        ending = self.epochs.move(ending, out=out, barred=barred)
        self.jobs.enlist(ending, self.revokers.names, now + self.patience.lease)
        if self.prepare is not None:
            self.prepare(ending)
        self.sessions().info.setdefault(_BEGUN, []).append(ending)

    def forget(self) -> None:
        """Forget what was begun in a transaction that has been undone."""
        self.sessions().info.pop(_BEGUN, None)

    def carry_out(self) -> list[Report]:
        """Close the ways into the app of those whose access has ended, after the commit.

        What takes too long goes on by itself, and what fails is tried again later.

        :return: how far it has come, of those for whom it is done; the rest is told later.
        """
        self._look_once()
        begun: list[Ending] = self.sessions().info.pop(_BEGUN, [])
        if not begun:
            return []
        if not self.revokers.names:
            return [Report(ending, []) for ending in begun]
        jobs = self.jobs.open_of({ending.key for ending in begun})
        # Nothing may be held while others work.
        self.sessions().rollback()
        batch = _Batch(jobs)
        worker = threading.Thread(
            target=partial(self._work_off, batch), name="flask-scim-access", daemon=True
        )
        worker.start()
        worker.join(self.patience.wait)
        return batch.reports if batch.leave() else []

    def report(self, key: Any) -> Report | None:
        """Tell how far the last end of a person's access has come; ``None`` if it never ended.

        :param key: the primary key of the person's row.
        :return: the report.
        """
        last = self.epochs.last(key)
        if last is None:
            return None
        jobs = self.jobs.of(key)
        ending = max((job.ending for job in jobs), key=lambda each: each.epoch, default=last)
        return Report(ending, [job.outcome for job in jobs])

    def work_off_due(self) -> list[Report]:
        """Try again all that is due, whichever process it was left by.

        :return: how far the end of access has come, of those whose jobs were due.
        """
        keys: dict[Any, None] = {}
        while (job := self._take_due()) is not None:
            self._attempt_within(job)
            keys[job.ending.key] = None
        return self._reports(list(keys))

    def tell_of_complete(self, reports: Iterable[Report]) -> None:
        """Tell of those who are out at last; of the others it has been told that they are not.

        :param reports: how far the end of access has come.
        """
        for report in reports:
            if report.complete:
                self.tell(report)

    def next_due(self) -> datetime | None:
        """When there is something to do next; ``None`` if nothing is open."""
        found = self.jobs.next_due()
        self.sessions().rollback()
        return found

    def _take_due(self) -> Job | None:
        """Find a job whose time has come, and take it; others at work pass it over."""
        jobs = self.jobs
        while True:
            now = datetime.now(UTC)
            job = jobs.find_due(now)
            if job is None:
                self.sessions().rollback()
                return None
            if jobs.claim(job, now, self.patience.lease):
                return job

    def _work_off(self, batch: _Batch) -> None:
        """Try each job of a batch, and tell how it went if nobody waits any more."""
        try:
            for job in batch.jobs:
                with self.context():
                    claimed = self.jobs.claim(job, datetime.now(UTC), self.patience.lease)
                if claimed:
                    self._attempt_within(job)
            with self.context():
                reports = self._reports(list(dict.fromkeys(each.ending.key for each in batch.jobs)))
                if batch.finish(reports):
                    for report in reports:
                        self.tell(report)
            if not all(report.complete for report in reports):
                self._retry_later()
        except Exception:
            # What is written down is tried again by whoever comes next.
            _log.exception("Access could not be ended; it will be tried again.")

    def _reports(self, keys: Sequence[Any]) -> list[Report]:
        reports = [report for key in keys if (report := self.report(key)) is not None]
        self.sessions().rollback()
        return reports

    def _attempt_within(self, job: Job) -> None:
        """Try a job that has been taken, and give it up for now when it takes too long."""
        try:
            done = self._threads.run(partial(self._attempt, job), self.patience.timeout)
            problem = f"it did not return within {self.patience.timeout:g} seconds"
        except TooManyThreads as error:
            done, problem = False, str(error)
        if not done:
            _log.error("The revoker %s hangs for %s: %s.", job.name, job.ending.id, problem)
            with self.context():
                self.jobs.fail(job, problem, datetime.now(UTC))

    def _attempt(self, job: Job) -> None:
        """Let a revoker do its work; it and the note that it took are one transaction."""
        with self.context():
            session, jobs = self.sessions(), self.jobs
            try:
                user = session.get(self.binding.model, job.ending.key)
                if user is None:
                    user = self._stand_in(job.ending.key)
                ended = self.revokers.end(job.name, user, job.ending)
                self._finish(job, ended)
                session.commit()
            except (Exception, SystemExit) as error:
                session.rollback()
                _log.exception("The revoker %s failed for %s.", job.name, job.ending.id)
                jobs.fail(job, f"{type(error).__name__}: {error}", datetime.now(UTC))

    def _finish(self, job: Job, ended: int) -> None:
        """Note that a job took, and settle the end if it was the last that was open."""
        key = job.ending.key
        # Of two that finish at once, the later one has to see the other.
        self.epochs.lock(key)
        if self.jobs.finish(job, ended, datetime.now(UTC)):
            outcomes = [each.outcome for each in self.jobs.of(key, locked=True)]
            report = Report(job.ending, outcomes)
            if report.complete:
                self.settle(report)

    def _stand_in(self, key: Any) -> Any:
        """An object with a key and nothing else, in place of a row that has been deleted."""
        user = self.binding.mapper.class_manager.new_instance()
        name = self.binding.mapper.get_property_by_column(self.binding.mapper.primary_key[0]).key
        sa.orm.attributes.set_committed_value(user, name, key)
        return user

    def _retry_later(self) -> None:
        """See to it that this process tries again, unless the app leaves that to its worker."""
        if not self.patience.retries:
            return
        with self._lock:
            if self._retrier is None or not self._retrier.is_alive():
                self._retrier = threading.Thread(
                    target=self._retry, name="flask-scim-retries", daemon=True
                )
                self._retrier.start()

    def _look_once(self) -> None:
        """See to what a process that was killed has left, once in the life of this one."""
        if self._has_looked or not (self.patience.retries and self.revokers.names):
            return
        self._has_looked = True
        threading.Thread(target=self._look, name="flask-scim-retries", daemon=True).start()

    def _look(self) -> None:
        # Until then it may be at work still.
        threading.Event().wait(self.patience.lease.total_seconds())
        try:
            with self.context():
                is_open = self.next_due() is not None
        except Exception:
            _log.exception("What others have left of people's access could not be looked for.")
            return
        if is_open:
            self._retry_later()

    def _retry(self) -> None:
        """Try again what is due until nothing is open."""
        nap = threading.Event()
        try:
            while True:
                with self.context():
                    due = self.next_due()
                if due is None:
                    return
                seconds = (due - datetime.now(UTC)).total_seconds()
                nap.wait(min(max(seconds, 0.1), _LONGEST_NAP))
                with self.context():
                    self.tell_of_complete(self.work_off_due())
        except Exception:
            _log.exception("What is left of people's access could not be tried again.")


class _Batch:
    """What is to be closed at once, and who tells how it went: whoever waits, or the worker."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.reports: list[Report] = []
        self._lock = threading.Lock()
        self._done = self._left = False

    def finish(self, reports: list[Report]) -> bool:
        """Hand over the reports, and tell whether nobody waits for them any more."""
        with self._lock:
            self.reports, self._done = reports, True
            return self._left

    def leave(self) -> bool:
        """Stop waiting, and tell whether the reports are there."""
        with self._lock:
            self._left = True
            return self._done
