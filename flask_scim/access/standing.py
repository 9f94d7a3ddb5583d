"""Whether a person may sign in, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from .epochs import DELETED
from .revocation import Revocation


class Refusal(StrEnum):
    """Why a person may not sign in."""

    #: The account is not active: its identity provider or the app has switched it off.
    DEACTIVATED = "deactivated"
    #: Its identity provider has deleted the person.
    DELETED = "deleted"
    #: There is no such row.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a person may sign in: true or false where it is tested.

    :param reason: why not; ``None`` if they may.
    :param connection_id: the connection that has last ended their access; ``None`` if none did.
    :param ended: when their access last ended; ``None`` if it never did.
    :param fully_out: whether nothing that began before that goes on; false as long as a way into
        the app is still to be closed.
    :param by_idp: whether an identity provider has put them out, and not let them in again.
    :param epoch: how often their access has ended.
    """

    reason: Refusal | None
    connection_id: str | None = None
    ended: datetime | None = None
    fully_out: bool = True
    by_idp: bool = False
    epoch: int = 0

    def __bool__(self) -> bool:
        return self.reason is None

    def __str__(self) -> str:
        match self.reason:
            case None:
                return "may sign in"
            case Refusal.DEACTIVATED:
                text = "has been deactivated"
            case Refusal.DELETED:
                text = "has been deleted by the identity provider"
            case Refusal.UNKNOWN:
                text = "is not known"
        return text if self.fully_out else f"{text}, and is not fully out yet"


def stand(revocation: Revocation, user: Any) -> Standing:
    """Find out whether a person may sign in, with one statement.

    :param revocation: what ends access.
    :param user: the person's row; ``None`` for nobody.
    :return: where they stand.
    """
    if user is None:
        return Standing(Refusal.UNKNOWN)
    binding, tables = revocation.binding, revocation.tables
    key, access, jobs = binding.key_of(user), tables.access, tables.revocations
    active = binding.active
    column = None if active is None else active.column
    still = sa.select(sa.func.count()).where(jobs.c.row_id == key, jobs.c.due.is_not(None))
    statement = (
        binding.select_joined(
            sa.true() if column is None else column,
            access.c.barred,
            access.c.cause,
            access.c.connection_id,
            access.c.ended,
            access.c.out,
            access.c.epoch,
            still.scalar_subquery(),
        )
        .outerjoin(access, access.c.row_id == binding.key)
        .where(binding.key == key)
    )
    found = binding.connect(revocation.sessions()).execute(statement).first()
    if found is None:
        return Standing(Refusal.UNKNOWN)
    raw, barred, cause, connection_id, ended, out, epoch, count = found
    is_active = True
    if active is not None:
        value = active.read(user, {}) if column is None else active.codec.decode(raw)
        is_active = value is not False
    reason = None
    if barred or not is_active:
        reason = Refusal.DELETED if cause == DELETED else Refusal.DEACTIVATED
    return Standing(reason, connection_id, ended, not count, bool(out), epoch or 0)
