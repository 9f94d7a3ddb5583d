"""What a change to the roles of groups comes to, as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from .book import RoleBook
from .grants import Shift

#: How many of those who gain or lose a role a preview names; beyond these they are counted.
MOST_NAMED = 1_000


@dataclass(frozen=True, slots=True)
class RoleChange:
    """That somebody gains a role, or loses it.

    :param user_id: the SCIM ``id`` of the person.
    :param name: the person's unique name.
    :param role: the role.
    """

    user_id: str
    name: str | None
    role: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change to the roles of groups comes to: before it is made, or as it was made.

    :param gained: how many gain a role.
    :param lost: how many lose one.
    :param gains: who gains which, at most 1,000 of them.
    :param losses: who loses which, at most 1,000 of them.
    """

    gained: int
    lost: int
    gains: list[RoleChange]
    losses: list[RoleChange]


def make_preview(book: RoleBook, shift: Shift) -> Preview:
    """Tell people what a change comes to.

    :param book: the roles as they are kept.
    :param shift: who gains a role, and who loses one.
    :return: the same, with names.
    """
    gains, losses = (
        list(islice(some, MOST_NAMED)) for some in (sorted(shift.gained), sorted(shift.lost))
    )
    people = book.people(list(dict.fromkeys(row for row, _ in (*gains, *losses))))
    unique = book.users.unique

    def named(some: list[tuple[Any, str]]) -> list[RoleChange]:
        return [
            RoleChange(
                book.users.id_of(people[row]),
                None if unique is None else unique.read(people[row], {}),
                role,
            )
            for row, role in some
            if row in people
        ]

    return Preview(len(shift.gained), len(shift.lost), named(gains), named(losses))
