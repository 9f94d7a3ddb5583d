"""Tokens that need somebody's attention: those that end soon, and those that nobody uses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

#: How many days before the end of a token the app is told of it, each once.
WARNINGS = (30, 20, 7, 1)


class Kind(StrEnum):
    """Why somebody should look at a token."""

    EXPIRING = "expiring"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Notice:
    """A token that somebody should look at.

    :param kind: why.
    :param connection_id: the connection that it opens.
    :param token_id: the token.
    :param days: the days until it ends, or since it was last used.
    """

    kind: Kind
    connection_id: str
    token_id: str
    days: int

    def __str__(self) -> str:
        token = f"Token {self.token_id} of connection {self.connection_id}"
        if self.kind is Kind.EXPIRING:
            return f"{token} ends within {_days(self.days)}; rotate it."
        return f"{token} has not been used for {_days(self.days)}; it is safe to revoke."


class Used(Protocol):
    """A token as far as its use goes."""

    @property
    def created(self) -> datetime:
        """When it was issued."""
        ...

    @property
    def last_used(self) -> datetime | None:
        """When it was last used."""
        ...


def warning_due(expires: datetime | None, now: datetime) -> int | None:
    """Find the warning that a token is due for.

    :param expires: when it ends; ``None`` for never.
    :param now: the moment.
    :return: the number of days, one of :data:`WARNINGS`; ``None`` if it is too early or too late.
    """
    if expires is None or expires <= now:
        return None
    left = math.ceil((expires - now) / timedelta(days=1))
    return min((days for days in WARNINGS if left <= days), default=None)


def idle_days(newer: Used, older: Used, now: datetime) -> int | None:
    """Find for how many days a token has not been used, since another one has taken over from it.

    :param newer: the token that took over.
    :param older: the token.
    :param now: the moment.
    :return: the whole days, at least one; ``None`` as long as the older one may still be in use.
    """
    since = max(older.last_used or older.created, newer.created)
    # Somebody may have tried the newer one out, and the identity provider not have it yet.
    if newer.last_used is None or newer.last_used <= since:
        return None
    days = (now - since).days
    return days if days >= 1 else None


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
