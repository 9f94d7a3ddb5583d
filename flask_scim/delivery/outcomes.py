"""What came of telling a destination, and when to try again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .sender import Reply

#: After how many failures in a row a destination is left alone for a while.
PATIENCE = 3
#: For how long at the least, and at the most, in seconds.
_SHORTEST_REST, _LONGEST_REST = 5, 300
#: What a receiver may ask for with ``Retry-After``, in seconds.
LONGEST_RETRY_AFTER = 86_400
#: Later than any moment that is ever set, from now; what is later still was set by a wrong clock.
FAR = timedelta(days=3)
_JITTER = 0.2


class Outcome(StrEnum):
    """What came of one attempt."""

    DELIVERED = "delivered"
    #: The receiver is there and does not want this one, which may be its fault or ours.
    REFUSED = "refused"
    #: The receiver is not there, or has enough to do.
    UNAVAILABLE = "unavailable"
    #: The receiver wants nothing any more.
    GONE = "gone"
    #: It cannot be sent, however often it is tried.
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at one event.

    :param outcome: what came of it.
    :param reply: what the receiver has answered.
    """

    outcome: Outcome
    reply: Reply


#: What there is to say where nothing had to be sent.
DONE = Attempt(Outcome.DELIVERED, Reply(204))


def judge(reply: Reply) -> Attempt:
    """Tell what an answer means.

    :param reply: what the receiver has answered.
    :return: the attempt.
    """
    match reply.status:
        case status if 200 <= status < 300:
            return Attempt(Outcome.DELIVERED, reply)
        case 410:
            return Attempt(Outcome.GONE, reply)
        case 0 | 408 | 425 | 429:
            return Attempt(Outcome.UNAVAILABLE, reply)
        case status if status >= 500:
            return Attempt(Outcome.UNAVAILABLE, reply)
        case _:
            return Attempt(Outcome.REFUSED, reply)


def next_attempt(
    retries: Sequence[float], attempts: int, attempt: Attempt, now: datetime
) -> datetime | None:
    """Find out when to try an event again.

    :param retries: how many seconds lie between attempts.
    :param attempts: how many there have been, this one included.
    :param attempt: what came of the last one.
    :param now: the moment.
    :return: when; ``None`` for never.
    """
    if attempt.outcome is Outcome.IMPOSSIBLE or attempts > len(retries):
        return None
    seconds = retries[attempts - 1] * _spread()
    wanted = min(attempt.reply.retry_after or 0, LONGEST_RETRY_AFTER)
    return now + timedelta(seconds=max(seconds, wanted))


def rest(failures: int, retry_after: float | None, now: datetime) -> datetime | None:
    """Find out for how long to leave a destination alone.

    It is tried every few minutes, however long it has been away: not at the pace of one event.

    :param failures: how often in a row it could not be reached.
    :param retry_after: for how many seconds it wants to be left alone.
    :param now: the moment.
    :return: until when; ``None`` where it is not left alone.
    """
    seconds = min(retry_after or 0, LONGEST_RETRY_AFTER)
    if failures >= PATIENCE:
        doubled = _SHORTEST_REST * 2 ** min(failures - PATIENCE, 10)
        seconds = max(seconds, min(doubled, _LONGEST_REST) * _spread())
    return now + timedelta(seconds=seconds) if seconds else None


def _spread() -> float:
    """Keep all that has failed at one moment from coming back at one moment."""
    return 1 + random.uniform(0, _JITTER)
