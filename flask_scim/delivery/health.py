"""How destinations do: who can be told, who is left alone for a while, who is disabled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from .destinations import Destination, DestinationState, Kind
from .outcomes import FAR, Attempt, Outcome, rest
from .tables import DeliveryTables

#: How much of what was wrong is kept.
LONGEST_ERROR = 500


class Health:
    """Notes how destinations do.

    :param session: the host's session.
    :param tables: our tables.
    :param failures: how often in a row a destination may be out of reach until it is disabled.
    """

    def __init__(self, session: Any, tables: DeliveryTables, failures: int) -> None:
        self._session = session
        self._tables = tables
        self._failures = failures

    def note(
        self, before: Destination, attempts: Sequence[Attempt], is_back: bool, now: datetime
    ) -> str | None:
        """Note how a destination does, and disable it where there is no use in going on.

        :param before: what was known of it.
        :param attempts: what came of the events that it was told.
        :param is_back: whether it has answered to any.
        :param now: the moment.
        :return: why it was disabled just now; ``None`` if it was not.
        """
        table = self._tables.destinations
        changes: dict[str, Any] = {}
        failed = [each.reply for each in attempts if each.outcome is not Outcome.DELIVERED]
        if failed:
            changes["last_failure"] = now
            changes["last_error"] = f"{failed[-1].status} {failed[-1].reason}"[:LONGEST_ERROR]
        last = before.last_success
        is_news = last is None or abs(now - last) >= timedelta(minutes=1)
        if is_news and len(failed) < len(attempts):
            changes["last_success"] = now
        if is_back and before.failures:
            changes |= {"failures": 0, "resume": None}
        away = [each.reply for each in attempts if each.outcome is Outcome.UNAVAILABLE]
        failures = 0 if is_back else before.failures + len(away)
        if away:
            wanted = max((reply.retry_after or 0 for reply in away), default=0)
            changes["resume"] = rest(failures, wanted, now)
            if not is_back:
                # Others may count at the same time, for other connections.
                changes["failures"] = table.c.failures + len(away)
        reason = None
        if any(attempt.outcome is Outcome.GONE for attempt in attempts):
            reason = "The receiver has answered 410 Gone: it wants no more."
        elif failures >= self._failures:
            reason = f"It could not be reached {failures} times in a row."
        if reason is not None:
            changes |= {"state": DestinationState.DISABLED, "reason": reason}
        if changes:
            self._session.execute(table.update().where(table.c.id == before.id).values(**changes))
        return reason

    def wake(self, destination_id: str, now: datetime) -> None:
        """Try at once what has failed while a destination was away.

        :param destination_id: the destination.
        :param now: the moment.
        """
        table = self._tables.deliveries
        self._session.execute(
            table.update()
            .where(
                table.c.destination_id == destination_id,
                table.c.state == "waiting",
                table.c.due > now,
            )
            .values(due=now)
        )
        self._session.commit()


def is_served(table: sa.Table, now: datetime) -> sa.ColumnElement[bool]:
    """Tell in SQL whether somebody has to tell a destination, and may do so now.

    :param table: our table of destinations.
    :param now: the moment.
    :return: the condition.
    """
    columns = table.c
    return sa.and_(
        columns.state == DestinationState.ACTIVE,
        columns.kind != Kind.SET_POLL,
        sa.or_(columns.resume.is_(None), columns.resume <= now, columns.resume > now + FAR),
    )


def can_be_told(destination: Destination, now: datetime) -> bool:
    """Tell whether a destination is not disabled, and not left alone either.

    :param destination: the destination.
    :param now: the moment.
    :return: whether it can be told.
    """
    resume = destination.resume
    rests = resume is not None and now < resume <= now + FAR
    return destination.state is DestinationState.ACTIVE and not rests
