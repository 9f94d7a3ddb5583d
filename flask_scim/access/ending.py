"""The end of somebody's access, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a person's access at one moment.

    :param key: the primary key of the person's row.
    :param id: the person's SCIM ``id``.
    :param connection_id: the connection whose identity provider ended it; ``None`` if the app did.
    :param cause: ``deactivated``, ``deleted``, ``revoked`` or words of the app's own.
    :param since: the moment; what the person has begun after it goes on.
    :param epoch: how often the person's access has ended by now.
    """

    key: Any
    id: str
    connection_id: str | None
    cause: str
    since: datetime
    epoch: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one way into the app.

    :param name: the way, as its revoker is registered.
    :param ended: how many of its kind have ended; ``None`` until it took.
    :param took: when it took; ``None`` until then.
    :param attempts: how often its revoker was asked.
    :param error: why it did not take, if it failed the last time.
    :param due: when it is tried next; ``None`` if it took.
    """

    name: str
    ended: int | None
    took: datetime | None
    attempts: int
    error: str | None
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """How far the last end of a person's access has come.

    :param ending: the end.
    :param outcomes: what became of each way into the app that has a revoker, by name.
    """

    ending: Ending
    outcomes: Sequence[Outcome]

    @property
    def complete(self) -> bool:
        """Whether every way into the app is closed; if not, the person is not fully out."""
        return all(outcome.took is not None for outcome in self.outcomes)

    @property
    def ended(self) -> dict[str, int]:
        """How many have ended of each kind, of those that took."""
        return {each.name: each.ended for each in self.outcomes if each.ended is not None}

    @property
    def open(self) -> list[str]:
        """The ways into the app that are still to be closed."""
        return [outcome.name for outcome in self.outcomes if outcome.took is None]

    def __str__(self) -> str:
        ended = ", ".join(f"{name} {count}" for name, count in self.ended.items())
        parts = [f"ended {ended}"] if ended else []
        parts += [f"not yet {', '.join(self.open)}"] if self.open else []
        return "; ".join(parts) or "nothing to end"
