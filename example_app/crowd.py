"""Many people whose accounts were made as they signed in, with all that makes it hard to tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Case(StrEnum):
    """How it stands with somebody whom the identity provider is going to send."""

    #: The account has the address, verified.
    PLAIN = "has an account with a verified address"
    #: So it has, and the address was typed in capitals.
    CAPITALS = "has an account, the address in capitals"
    #: The account was deactivated by hand, and the identity provider says that it is in use.
    INACTIVE = "has an account that was deactivated"
    #: Somebody else has an account with an address that looks the same.
    LOOK_ALIKE = "has an account, and so has a look-alike"
    #: Another customer has somebody with the same address.
    ELSEWHERE = "has an account here and one at another customer"
    #: Somebody has signed up with the address and never read the mail.
    SQUATTED = "has an account, and so has a squatter"
    #: The account was never verified.
    UNVERIFIED = "has an account whose address nobody has verified"
    #: The account is an administrator's.
    ADMIN = "has an account with privileges"
    #: There are two accounts with the address.
    TWICE = "has two accounts"
    #: There is no account yet.
    NEW = "is new"


#: Whose account is taken over, and who gets a new one; all others are refused.
TAKEN_OVER = frozenset(
    {Case.PLAIN, Case.CAPITALS, Case.INACTIVE, Case.LOOK_ALIKE, Case.ELSEWHERE, Case.SQUATTED}
)
_RARE = (
    *(Case.CAPITALS, Case.INACTIVE, Case.LOOK_ALIKE, Case.ELSEWHERE, Case.SQUATTED),
    *(Case.UNVERIFIED, Case.ADMIN, Case.TWICE, Case.NEW),
)


@dataclass(frozen=True)
class Individual:
    """Somebody at a customer.

    :param number: tells them apart.
    :param domain: the domain of the customer.
    :param case: how it stands with them.
    """

    number: int
    domain: str
    case: Case

    @property
    def address(self) -> str:
        """Their e-mail address, which they also sign in with."""
        return f"kim.{self.number}@{self.domain}"

    @property
    def external_id(self) -> str:
        """What the identity provider calls them."""
        return f"00u{self.number:07}"

    @property
    def surname(self) -> str:
        """Their family name, by which an account is known to be theirs."""
        return f"Number {self.number}"

    def accounts(self) -> Iterator[dict[str, Any]]:
        """The accounts that there are, theirs first."""
        if self.case is Case.NEW:
            return
        capitals = self.case is Case.CAPITALS
        yield self._account(
            email=self.address.upper() if capitals else self.address,
            is_active=self.case is not Case.INACTIVE,
            email_verified=self.case is not Case.UNVERIFIED,
            role="admin" if self.case is Case.ADMIN else "agent",
        )
        if self.case is Case.LOOK_ALIKE:
            # The Kelvin sign folds into a k, and a Cyrillic letter merely looks like one of ours.
            for index, sign in enumerate(("\u212a", "\u043a")):
                email = f"{sign}{self.address[1:]}"
                yield self._account(username=f"other.{index}.{self.address}", email=email)
        if self.case is Case.SQUATTED:
            name = f"squatter.{self.address}"
            yield self._account(username=name, email=self.address, email_verified=False)
        if self.case is Case.TWICE:
            yield self._account(username=f"old.{self.address}", email=self.address)

    def _account(self, **columns: Any) -> dict[str, Any]:
        usual = {"username": self.address, "family_name": self.surname, "given_name": "Kim"}
        rights = {"is_active": True, "email_verified": True, "role": "agent"}
        return usual | rights | columns


def make_crowd(count: int, domain: str) -> list[Individual]:
    """Make people: most of them are plain, and each of the other cases is one in fifty.

    :param count: how many.
    :param domain: the domain of their addresses.
    :return: the people, always the same ones.
    """
    step = 50 // len(_RARE)
    cases = [_RARE[slot // step] if slot // step < len(_RARE) and slot % step == 0 else Case.PLAIN
             for slot in range(50)]  # fmt: skip
    return [Individual(number, domain, cases[number % 50]) for number in range(count)]
