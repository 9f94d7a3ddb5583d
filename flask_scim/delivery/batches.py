"""Which events of a connection a worker sends next, and what has to be written down afterwards.

Events of one subject follow each other; those of different subjects do not wait for each other. All
of it is arithmetic: the rows come from :mod:`.selection`, and go to :mod:`.lanes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..provisioning.journal import Entry
from .outcomes import Attempt, Outcome, next_attempt

Subject = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that has to be told again, or waits behind one that has.

    :param position: where it stands in the order of its connection.
    :param subject: the type and the id of its subject.
    :param attempts: how often it was tried.
    :param due: when to try it; ``None`` while it waits behind another one.
    """

    position: int
    subject: Subject
    attempts: int
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Job:
    """An event to send.

    :param entry: the event.
    :param attempts: how often it was tried.
    :param is_new: whether there is no row of it yet.
    """

    entry: Entry
    attempts: int = 0
    is_new: bool = True


@dataclass(slots=True)
class Batch:
    """What a worker has taken upon itself.

    :param chains: the events of each subject, in order.
    :param behind: new events that wait behind one which is not due yet.
    :param lost: the places of waiting events that are not kept any more.
    :param following: the next waiting event of a subject, after those in its chain.
    :param upto: up to where all new events are in the batch.
    """

    chains: dict[Subject, list[Job]] = field(default_factory=dict)
    behind: list[Entry] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    following: dict[Subject, Waiting] = field(default_factory=dict)
    upto: int = 0

    def __bool__(self) -> bool:
        return bool(self.chains or self.behind or self.lost)


@dataclass(frozen=True, slots=True)
class Row:
    """What is to be written of an event that was not delivered.

    :param entry: the event.
    :param is_new: whether there is no row of it yet.
    :param attempts: how often it was tried.
    :param due: when to try it; ``None`` while it waits behind another one, or never again.
    :param is_dead: whether it is given up.
    :param attempt: the last attempt, if it was tried just now.
    """

    entry: Entry
    is_new: bool
    attempts: int
    due: datetime | None
    is_dead: bool = False
    attempt: Attempt | None = None


@dataclass(slots=True)
class Settlement:
    """What has to be written down of a batch.

    :param position: up to where the destination has been told, or has rows.
    :param done: the places of rows that are done with.
    :param rows: rows to write.
    :param woken: the places of rows whose turn has come.
    """

    position: int
    done: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    woken: list[int] = field(default_factory=list)


def find_due(
    waiting: Sequence[Waiting], now: datetime, far: datetime
) -> tuple[list[Waiting], set[Subject]]:
    """Find the waiting events whose turn has come.

    :param waiting: the waiting events in order.
    :param now: the moment.
    :param far: later than any moment that was ever set: a clock was wrong.
    :return: those of each subject whose first one is due; and the subjects that have to wait.
    """
    open: dict[Subject, bool] = {}
    for each in waiting:
        is_due = each.due is not None and (each.due <= now or each.due > far)
        open.setdefault(each.subject, is_due)
    due = [each for each in waiting if open[each.subject]]
    return due, {subject for subject, is_due in open.items() if not is_due}


def make_batch(
    due: Sequence[Waiting],
    entries: Mapping[int, Entry],
    blocked: set[Subject],
    new: Sequence[Entry],
    upto: int,
    most: int,
) -> Batch:
    """Choose what to send: first what waits, then what is new.

    :param due: waiting events whose turn has come, in order.
    :param entries: the first of these events, by their places, as far as they are still kept.
    :param blocked: subjects whose new events have to wait.
    :param new: new events, in order.
    :param upto: up to where there are no others.
    :param most: how many to send at the most.
    :return: the batch.
    """
    batch, count = Batch(upto=upto), 0
    for waiting in due[:most]:
        entry = entries.get(waiting.position)
        if entry is None:
            batch.lost.append(waiting.position)
            continue
        job = Job(entry, waiting.attempts, is_new=False)
        batch.chains.setdefault(waiting.subject, []).append(job)
        count += 1
    for waiting in due[most:]:
        batch.following.setdefault(waiting.subject, waiting)
    for entry in new:
        subject = subject_of(entry)
        if subject in blocked or subject in batch.following:
            batch.behind.append(entry)
        elif count < most:
            batch.chains.setdefault(subject, []).append(Job(entry))
            count += 1
        else:
            batch.upto = entry.position - 1
            break
    return batch


def settle(
    batch: Batch,
    attempts: Mapping[int, Attempt],
    retries: Sequence[float],
    position: int,
    now: datetime,
) -> Settlement:
    """Tell what has to be written down of a batch.

    :param batch: the batch.
    :param attempts: what came of the events that were tried, by their places.
    :param retries: how many seconds lie between the attempts at one event.
    :param position: up to where the destination had been told before.
    :param now: the moment.
    :return: the settlement.
    """
    untried = [
        job.entry.position
        for chain in batch.chains.values()
        for job in chain
        if job.is_new and job.entry.position not in attempts
    ]
    reached = [entry.position for entry in batch.behind]
    reached += [
        job.entry.position
        for chain in batch.chains.values()
        for job in chain
        if job.is_new and job.entry.position in attempts
    ]
    # What nobody has come to stays in front of the cursor, unless something behind it is done.
    last = max(reached, default=position) if untried else batch.upto
    settlement = Settlement(max(position, last), done=list(batch.lost))
    held = set()
    for subject, chain in batch.chains.items():
        if not _settle_chain(settlement, chain, attempts, retries, now):
            held.add(subject)
    settlement.woken += [
        waiting.position for subject, waiting in batch.following.items() if subject not in held
    ]
    settlement.rows += [Row(entry, True, 0, None) for entry in batch.behind]
    return settlement


def _settle_chain(
    settlement: Settlement,
    chain: Iterable[Job],
    attempts: Mapping[int, Attempt],
    retries: Sequence[float],
    now: datetime,
) -> bool:
    """Settle the events of one subject, and tell whether the way is free for the next one."""
    is_free = True
    for job in chain:
        place, attempt = job.entry.position, attempts.get(job.entry.position)
        if attempt is None:
            # A new event needs a row only if the cursor passes it.
            if not job.is_new or place <= settlement.position:
                due = now if is_free else None
                settlement.rows.append(Row(job.entry, job.is_new, job.attempts, due))
            is_free = False
        elif attempt.outcome is Outcome.DELIVERED:
            if not job.is_new:
                settlement.done.append(place)
        elif attempt.outcome is Outcome.GONE:
            # Whoever enables the destination again wants it.
            settlement.rows.append(Row(job.entry, job.is_new, job.attempts, now, False, attempt))
            is_free = False
        else:
            tried = job.attempts + 1
            due = next_attempt(retries, tried, attempt, now)
            is_dead = due is None
            settlement.rows.append(Row(job.entry, job.is_new, tried, due, is_dead, attempt))
            is_free = is_free and is_dead
    return is_free


def subject_of(entry: Entry) -> Subject:
    """Who an event is about, whose events keep their order."""
    return entry.resource_type, entry.resource_id
