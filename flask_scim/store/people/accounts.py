"""Which accounts an app has for the people of a connection, and which of them it takes over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...mapping.mapping import Parts
from ...mapping.sources import Source
from ...protocol.addresses import Address, read_address
from ...protocol.errors import Forbidden, ScimError
from ...provisioning.adoption import Account, Obstacle, Reason, Surveyed, choose, judge, refusal
from ...provisioning.policy import Adoption, Policy
from ...provisioning.ports import Connection, Document
from ..columns.binding import Binding
from ..columns.places import Place
from ..queries.reading import Beside
from ..queries.uniqueness import Held
from ..sql.backends import Backend
from .candidates import NO_RECORD, Candidates
from .sight import Sight
from .signs import Signs, steps_of

#: Chooses among accounts for :attr:`~flask_scim.provisioning.policy.Adoption.ASK`.
Adopter = Callable[[list[Any], Document, Connection], Any]

_PERSONS = "User"


class Accounts:
    """The accounts of one connection's tenant, and which of them it may take over.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: whose tenant is in reach; nothing else is.
    :param binding: where their attributes sit.
    :param policy: the choices that hold for the connection.
    :param adopter: chooses an account where the choice is to ask.
    """

    def __init__(
        self,
        session: Session,
        backend: Backend,
        connection: Connection,
        binding: Binding,
        policy: Policy,
        adopter: Adopter | None = None,
    ) -> None:
        self.session = session
        self.backend = backend
        self.connection = connection
        self.binding = binding
        self.policy = policy
        self.adopter = adopter
        self.signs = Signs(backend, connection, binding)
        self.candidates = Candidates(session, backend, connection, binding, self.signs)
        # None is taken over where what the choice needs is not there.
        lack = find_lack(binding, policy.adoption, adopter)
        self.adoption = Adoption.NEVER if lack else policy.adoption

    def find(self, document: Document, parts: Parts) -> tuple[Account, Reason] | None:
        """Find the account of a person who is to be provisioned.

        :param document: what the identity provider says of the person.
        :param parts: the same taken apart.
        :return: the account and what it was told by; ``None`` if the person has none.
        :raises ScimError: if it cannot be told which one it is, or it must not be taken over.
        """
        sign: Address | str | None = None
        match self.adoption:
            case Adoption.ASK:
                return self._ask(document, parts)
            case Adoption.EXTERNAL_ID:
                sign = self.signs.external_id_in(parts.values)
            case Adoption.VERIFIED_EMAIL:
                sign = self._verified(parts)
        condition = None if sign is None else self.signs.bears([sign])
        if condition is None:
            return None
        # What the database takes for equal need not be.
        found = [each for each in self.candidates.find(condition) if sign in self._signs(each)]
        return choose(found, self.adoption, self.connection.domains)

    def find_address(self, text: str) -> Any:
        """Find the account that has an e-mail address, where that tells whose it is.

        :param text: the address, which the identity provider has verified.
        :return: the host's object; ``None`` if there is none that the connection may take over.
        """
        address = read_address(text)
        if self.adoption is not Adoption.VERIFIED_EMAIL or not self._is_verified(address):
            return None
        condition = None if address is None else self.signs.bears([address])
        found = [] if condition is None else self.candidates.find(condition)
        try:
            same = [each for each in found if each.address == address]
            chosen = choose(same, self.adoption, self.connection.domains)
        except ScimError:
            return None
        return None if chosen is None else chosen[0].row

    def check(self, account: Account, document: Document, parts: Parts) -> Reason:
        """Check that an account which the identity provider has named itself may be taken over.

        :param account: the account, locked.
        :param document: what the identity provider says of the person.
        :param parts: the same taken apart.
        :return: what it was told by.
        :raises ScimError: if it may not.
        """
        if self.adoption is Adoption.ASK:
            assert self.adopter is not None
            if self.adopter([account.row], document, self.connection) is not account.row:
                raise refusal(None)
        reason = self.recheck(account)
        if reason is not Reason.ASK:
            self.confirm(account, parts)
        if self.find_doubles([account]):
            raise refusal(Obstacle.SEVERAL)
        return reason

    def recheck(self, account: Account) -> Reason:
        """Check that an account may be taken over, whoever comes for it.

        :param account: the account, locked.
        :return: what it is told by.
        :raises ScimError: if it may not.
        """
        verdict = judge(account, self.adoption, self.connection.domains)
        if isinstance(verdict, Reason):
            return verdict
        raise refusal(verdict)

    def confirm(self, account: Account, parts: Parts) -> None:
        """Check that a document names what an account is told by.

        Without it, somebody with an account of their own could be taken for whoever has the user
        name that they have given themselves.

        :param account: the account.
        :param parts: the first document of it, taken apart.
        :raises Forbidden: if it does not.
        """
        if self.signs.external_id_in(parts.values) in account.external_ids:
            return
        if account.address is not None and account.address == self.signs.address_of(parts):
            return
        raise Forbidden(
            "The application knows the person of this account by another e-mail address or"
            " externalId than the request says, or it says none; the account is not taken over."
        )

    def lock(self, keys: Iterable[Any]) -> list[tuple[Held, Account]]:
        """Lock rows of the tenant, and read them and whose they are as they are now.

        :param keys: the primary keys of the rows, no more than one statement can name.
        :return: each row that is there, with the connection's own record of it, and as an account;
            in the order of their keys.
        """
        return self.candidates.lock(keys)

    def account(self, row: Any, values: list[Any]) -> Account:
        """See a row as an account of nobody else's.

        :param row: the host's object.
        :param values: the SCIM values of the binding's places.
        :return: the account.
        """
        return self.candidates.see(row, values)

    def protected(self, held: Held) -> list[bool]:
        """Tell for each place whether the request that takes an account over must not write there.

        That is what the account was told by, and what lets somebody in: the e-mail addresses, a
        user name that is one of them, an external id of the app's own, passwords.

        :param held: the account.
        :return: one answer for each of the binding's places.
        """
        pairs = list(zip(self.binding.places, held.values, strict=True))
        mails = [(place, value) for place, value in pairs if place.path.keys[0] == "emails"]
        steps = [steps_of(place) for place, _ in mails]
        addresses = [address for _, value in mails if (address := read_address(value))]

        def is_protected(place: Place, value: Any) -> bool:
            if place.path.keys[0] == "emails" or place.is_secret:
                return True
            if place.path.keys == ("userName",) and read_address(value) in addresses:
                return True
            is_own_id = place.path.keys == ("externalId",) and value is not None
            return isinstance(place.source, Source) and (is_own_id or steps_of(place) in steps)

        return [is_protected(place, value) for place, value in pairs]

    def survey(self, after: Any, most: int) -> list[Surveyed]:
        """Look at accounts of the tenant, in the order of their keys.

        :param after: the key of the last account that was looked at; ``None`` to begin.
        :param most: the most to look at.
        :return: the accounts, and whether they may be taken over without a document.
        """
        found = self.candidates.page(after, most)
        doubles = self.find_doubles(each for each, _, is_known in found if not is_known)
        surveyed = []
        for account, name, is_known in found:
            verdict = judge(account, self.adoption, self.connection.domains)
            if verdict is Reason.ASK:
                # Only a document could be asked about.
                verdict = None
            elif account.key in doubles and verdict is not Obstacle.UNVERIFIED:
                verdict = Obstacle.SEVERAL
            id = self.binding.id_of(account.row)
            surveyed.append(Surveyed(account.key, id, name, verdict, is_known))
        return surveyed

    def find_doubles(self, accounts: Iterable[Account]) -> set[Any]:
        """Find those among accounts that others of the tenant are told by the same as.

        :param accounts: the accounts.
        :return: the keys of those that have a double.
        """
        chosen = list(accounts)
        is_it = self.signs.bears({sign for each in chosen for sign in self._signs(each)})
        by_sign: dict[Any, set[Any]] = {}
        for account in [] if is_it is None else self.candidates.find(is_it):
            verdict = judge(account, self.adoption, self.connection.domains)
            if verdict not in (None, Obstacle.UNVERIFIED):
                for sign in self._signs(account):
                    by_sign.setdefault(sign, set()).add(account.key)
        return {
            each.key
            for each in chosen
            if any(len(by_sign.get(sign, ())) > 1 for sign in self._signs(each))
        }

    @property
    def visible(self) -> Beside | None:
        """The rows without a record that the connection sees; ``None`` where it sees none."""
        if self.binding.resource_type.name != _PERSONS:
            return None
        return Sight(self.binding, self.connection, self.signs, self.adoption).of(
            self.policy.visibility
        )

    def _ask(self, document: Document, parts: Parts) -> tuple[Account, Reason] | None:
        assert self.adopter is not None
        signs = [self.signs.external_id_in(parts.values), self._verified(parts)]
        conditions = [
            self.signs.bears([sign for sign in signs if sign is not None]),
            self.signs.has_name(parts),
        ]
        wanted = [condition for condition in conditions if condition is not None]
        found = self.candidates.find(sa.or_(*wanted)) if wanted else []
        rows = [each.row for each in found if judge(each, self.adoption, ()) is Reason.ASK]
        row = self.adopter(rows, document, self.connection)
        if row is None:
            return None
        if not isinstance(row, self.binding.model):
            raise TypeError(f"the adopter returned {row!r}, no {self.binding.model.__name__}")
        return self.candidates.see(row, self.binding.read(row, NO_RECORD)), Reason.ASK

    def _verified(self, parts: Parts) -> Address | None:
        """The e-mail address of a document, if the customer has proved to own its domain."""
        address = self.signs.address_of(parts)
        return address if self._is_verified(address) else None

    def _is_verified(self, address: Address | None) -> bool:
        """Whether the customer has proved to own the domain of an address."""
        return address is not None and address.domain in self.connection.domains

    def _signs(self, account: Account) -> frozenset[Any]:
        """What an account is told by."""
        match self.adoption:
            case Adoption.EXTERNAL_ID:
                return account.external_ids
            case Adoption.VERIFIED_EMAIL if account.address is not None:
                return frozenset({account.address})
            case _:
                return frozenset()


def find_lack(binding: Binding, adoption: Adoption, adopter: Adopter | None) -> str | None:
    """Find what an app lacks for a choice of which accounts are taken over.

    :param binding: where the attributes of users sit.
    :param adoption: the choice.
    :param adopter: chooses an account, where there is one.
    :return: what is missing and how it comes, as a sentence; ``None`` if nothing is.
    """
    if binding.resource_type.name != _PERSONS:
        return None if adoption is Adoption.NEVER else "Only users are taken over."
    match adoption:
        case Adoption.VERIFIED_EMAIL if binding.marks.verified is None:
            return (
                "adoption verified_email needs to know which e-mail addresses are verified; name"
                " what says it: scim.users(…, verified=User.email_verified_at)."
            )
        case Adoption.VERIFIED_EMAIL if not _has_address(binding):
            return "adoption verified_email needs the e-mail address; map emails to its column."
        case Adoption.ASK if adopter is None:
            return "adoption ask needs somebody to ask; declare one with @users.adopter."
        case _:
            return None


def _has_address(binding: Binding) -> bool:
    return any(
        place.path.keys == ("emails", "value") and place.column is not None
        for place in binding.places
        if isinstance(place.source, Source)
    )
