"""Workers that tell destinations of events, and carry out what waits: threads of many processes."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .batches import Job
from .carriers import Carrier
from .claims import Claim, Lane, Settled
from .destinations import Destination
from .lanes import Lanes
from .outcomes import PATIENCE, Attempt, Outcome
from .sender import Reply

_log = logging.getLogger("flask_scim.delivery")
#: How many events of different subjects a worker sends at once.
_AT_ONCE = 4
#: How many lanes of one destination a process works on at once.
_LANES_OF_ONE = 4
#: After how many seconds a worker says that it lives, and for how long it goes on with one batch.
_SIGN_OF_LIFE, _LONGEST_BATCH = 15.0, 30.0


#: What stands for a destination where a lane has requests, and not events.
_REQUESTS = ""


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests that wait for a worker.

    :param find: finds the connections of which one can be carried out.
    :param carry_out: carries out the next one of a connection, unless it is told to stop, and tells
        whether it has.
    """

    find: Callable[[], list[str]]
    carry_out: Callable[[str, Callable[[], bool]], bool]


@dataclass(frozen=True, slots=True)
class Office:
    """What workers need of the app, each time anew, for its session.

    :param context: the context of the app, in which all of it happens.
    :param lanes: makes the lanes.
    :param carrier: makes what tells a destination, in any thread.
    :param notify: tells the app that a destination was disabled, and why.
    :param requests: the requests that wait for a worker.
    """

    context: Callable[[], AbstractContextManager[object]]
    lanes: Callable[[], Lanes]
    carrier: Callable[[Destination], Callable[[], Carrier]]
    notify: Callable[[Destination, str], None]
    requests: Requests


class Deliverer:
    """Tells destinations of events.

    :param office: what it needs of the app.
    :param threads: how many lanes to work on at once.
    :param only: the ids of the destinations to tell; left out, all.
    """

    def __init__(
        self, office: Office, threads: int = 8, only: Collection[str] | None = None
    ) -> None:
        self._office = office
        self._only = only
        self._threads = threads
        self._stopped = threading.Event()
        #: Until when lanes are passed over where there was nothing to do.
        self._idle: dict[Lane, float] = {}

    def stop(self) -> None:
        """Begin nothing new, in any thread; what was begun is written down."""
        self._stopped.set()

    def run(
        self,
        *,
        once: bool = False,
        pause: float = 1.0,
        tell: Callable[[Settled], None] | None = None,
    ) -> int:
        """Deliver until somebody stops it.

        :param once: whether to stop by itself as soon as there is nothing to do just now.
        :param pause: for how many seconds to wait where there is nothing to do.
        :param tell: told of each batch.
        :return: how many events were delivered.
        """
        delivered = 0
        running: dict[Future[Settled | None], Lane] = {}
        self._idle.clear()
        with ThreadPoolExecutor(self._threads, "scim-deliver") as pool:
            while not self._stopped.is_set():
                begun = self._begin(pool, running)
                if once and not running:
                    break
                done, _ = wait(running, pause, FIRST_COMPLETED) if running else (set(), None)
                for future in done:
                    lane, settled = running.pop(future), future.result()
                    if settled is None:
                        # Somebody else is at it, or something is wrong: it has time.
                        self._idle[lane] = math.inf if once else time.monotonic() + pause
                    else:
                        delivered += settled.delivered
                        if tell is not None:
                            tell(settled)
                if not done and not begun:
                    self._stopped.wait(pause if not running else 0)
        for future in running:
            settled = future.result()
            delivered += 0 if settled is None else settled.delivered
        return delivered

    def _begin(self, pool: ThreadPoolExecutor, running: dict[Future[Settled | None], Lane]) -> int:
        """Begin with as many lanes as there are threads for, those that are well before others."""
        if len(running) >= self._threads:
            return 0
        try:
            with self._office.context():
                found = self._find()
        except Exception:
            _log.exception("What there is to do could not be read; that is tried again.")
            return 0
        taken = set(running.values())
        of_one = Counter(lane.destination_id for lane in taken)
        ailing = 0
        begun = 0
        for lane, is_well in found:
            if len(running) >= self._threads:
                break
            if self._only is not None and lane.destination_id not in self._only:
                continue
            if self._idle.get(lane, 0.0) > time.monotonic():
                continue
            # What hangs must not hold all threads.
            ailing += not is_well
            if lane in taken or of_one[lane.destination_id] >= (_LANES_OF_ONE if is_well else 1):
                continue
            if ailing > max(1, self._threads // 2):
                continue
            of_one[lane.destination_id] += 1
            running[pool.submit(self._work, lane)] = lane
            begun += 1
        return begun

    def _find(self) -> list[tuple[Lane, bool]]:
        """Find what there is to do: first of all requests, of which there will be events."""
        waiting = [] if self._only is not None else self._office.requests.find()
        lanes = [(Lane(_REQUESTS, connection_id), True) for connection_id in waiting]
        return lanes + self._office.lanes().find()

    def _work(self, lane: Lane) -> Settled | None:
        """Tell one destination of what is next for it, or carry out a request."""
        try:
            with self._office.context():
                if lane.destination_id == _REQUESTS:
                    carry_out = self._office.requests.carry_out
                    is_done = carry_out(lane.connection_id, self._stopped.is_set)
                    return Settled(0, 0, carried_out=1) if is_done else None
                lanes = self._office.lanes()
                claim = lanes.claim(lane)
                if claim is None:
                    return None
                attempts = self._send(claim, lanes) if claim.batch.chains else {}
                settled = lanes.settle(claim, attempts)
                if settled is not None and settled.disabled is not None:
                    self._office.notify(claim.destination, settled.disabled)
                return settled
        except Exception:
            # The lease ends by itself, and whoever takes the lane then begins anew.
            what = f"destination {lane[0]}" if lane[0] else f"the requests of {lane[1]}"
            _log.exception("%s could not be seen to; that is tried again.", what.capitalize())
            return None

    def _send(self, claim: Claim, lanes: Lanes) -> dict[int, Attempt]:
        """Send a batch, the events of several subjects at once."""
        work = _Work(claim, self._stopped)
        try:
            make = self._office.carrier(claim.destination)
        except ValueError as error:
            return {
                place: Attempt(Outcome.UNAVAILABLE, Reply(0, str(error))) for place in work.heads
            }
        threads = min(_AT_ONCE, len(work.chains)) if claim.destination.failures == 0 else 1
        began = 0.0
        with ThreadPoolExecutor(threads, "scim-send") as pool:
            futures = [pool.submit(self._carry, make, work) for _ in range(threads)]
            while wait(futures, _SIGN_OF_LIFE).not_done:
                began += _SIGN_OF_LIFE
                if began >= _LONGEST_BATCH or not lanes.renew(claim):
                    work.stop()
            for future in futures:
                future.result()
        return work.attempts

    def _carry(self, make: Callable[[], Carrier], work: _Work) -> None:
        with self._office.context():
            carrier = make()
            try:
                while (chain := work.take()) is not None:
                    for job in chain:
                        if work.is_stopped or not work.note(job, carrier.tell(job.entry)):
                            break
            finally:
                carrier.close()


class _Work:
    """A batch that several threads send."""

    def __init__(self, claim: Claim, stopped: threading.Event) -> None:
        self.chains = deque(claim.batch.chains.values())
        self.heads = [chain[0].entry.position for chain in self.chains][:1]
        self.attempts: dict[int, Attempt] = {}
        self._lock = threading.Lock()
        self._away = 0
        self._stop = False
        self._all_stopped = stopped

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more is to be sent."""
        return self._stop or self._all_stopped.is_set()

    def stop(self) -> None:
        """Send nothing more."""
        self._stop = True

    def take(self) -> list[Job] | None:
        """Take the events of the next subject."""
        with self._lock:
            return None if self.is_stopped or not self.chains else self.chains.popleft()

    def note(self, job: Job, attempt: Attempt) -> bool:
        """Note what came of an event, and tell whether the next one of its subject may follow."""
        with self._lock:
            self.attempts[job.entry.position] = attempt
            is_away = attempt.outcome is Outcome.UNAVAILABLE
            self._away = self._away + 1 if is_away else 0
            # Receivers that ask for time, or want nothing more, get what they ask for.
            asks = is_away and attempt.reply.retry_after is not None
            if self._away >= PATIENCE or asks or attempt.outcome is Outcome.GONE:
                self._stop = True
        return attempt.outcome in (Outcome.DELIVERED, Outcome.IMPOSSIBLE)
