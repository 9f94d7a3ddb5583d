"""The accounts of a whole tenant, taken over before their people are heard of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .adoption import Reason, Surveyed
from .service import Service

#: How many accounts are taken over in one transaction.
BATCH = 100


class Fate(StrEnum):
    """What becomes of an account."""

    #: It is taken over, or would be.
    ADOPTED = "adopted"
    #: It could be somebody's, and something stands in the way.
    CONFLICT = "conflict"
    #: A guard of the app's did not allow it.
    REFUSED = "refused"
    #: Nothing says whose it is.
    STRANGER = "stranger"
    #: The connection has it already, or has deleted it.
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Finding:
    """An account, and what becomes of it.

    :param id: its SCIM ``id``.
    :param user_name: its ``userName``; ``None`` if it has none.
    :param fate: what becomes of it.
    :param reason: what it was told by, what stands in the way, or the words of who refused it.
    """

    id: str
    user_name: str | None
    fate: Fate
    reason: str | None


def take_over(service: Service, *, dry_run: bool = False, most: int = BATCH) -> Iterator[Finding]:
    """Take over all accounts of a tenant that may be taken over without a document.

    Each batch is one transaction. What was interrupted goes on when it is done again.

    :param service: the users of the connection.
    :param dry_run: whether to look only; guards are not asked then.
    :param most: how many accounts a batch has.
    :return: every account of the tenant, in the order of their keys.
    """
    after: Any = None
    while True:
        surveyed, refused = service.adopt_some(after, most, dry_run=dry_run)
        for each in surveyed:
            yield _find(each, refused.get(each.id))
        if len(surveyed) < most:
            return
        after = surveyed[-1].key


def _find(each: Surveyed, refusal: str | None) -> Finding:
    if each.is_known:
        fate, reason = Fate.KNOWN, None
    elif refusal is not None:
        fate, reason = Fate.REFUSED, refusal
    elif each.verdict is None:
        fate, reason = Fate.STRANGER, None
    else:
        fate = Fate.ADOPTED if isinstance(each.verdict, Reason) else Fate.CONFLICT
        reason = str(each.verdict)
    return Finding(each.id, each.user_name, fate, reason)
