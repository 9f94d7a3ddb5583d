"""The accounts that an app has beside those that a connection has provisioned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..mapping.mapping import Parts
from ..mapping.sources import Source
from ..protocol.addresses import Address, decode_domain, read_address
from ..protocol.errors import Forbidden, ScimError
from ..protocol.resolver import AttributePath
from ..protocol.syntax import Operator
from ..protocol.values import comparable
from ..provisioning.adoption import Account, Obstacle, Reason, choose, judge, refusal
from ..provisioning.policy import Adoption, Policy, Visibility
from ..provisioning.ports import Connection, Document
from .backends import Backend, Sql
from .binding import Binding
from .logins import is_of_subject
from .places import Place
from .uniqueness import Held

#: Chooses among accounts for :attr:`~flask_scim.provisioning.policy.Adoption.ASK`.
Adopter = Callable[[list[Any], Document, Connection], Any]

_PERSONS = "User"


@dataclass(frozen=True)
class Accounts:
    """The accounts of one connection's tenant, and which of them it may take over.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: whose tenant is in reach; nothing else is.
    :param binding: where their attributes sit.
    :param policy: the choices that hold for the connection.
    :param adopter: chooses an account where the choice is to ask.
    """

    session: Session
    backend: Backend
    connection: Connection
    binding: Binding
    policy: Policy
    adopter: Adopter | None = None

    @cached_property
    def adoption(self) -> Adoption:
        """The choice that holds: none is taken over where what the choice needs is not there."""
        chosen = self.policy.adoption
        return Adoption.NEVER if find_lack(self.binding, chosen, self.adopter) else chosen

    @property
    def visible(self) -> Sql | None:
        """The condition on rows without a record under which the connection sees them.

        ``None`` where it sees none.
        """
        if self.binding.resource_type.name != _PERSONS:
            return None
        match self.policy.visibility:
            case Visibility.PROVISIONED:
                return None
            case Visibility.ADOPTABLE:
                return self._adoptable()
            case Visibility.TENANT:
                return sa.true()

    def find(self, document: Document, parts: Parts) -> tuple[Account, Reason] | None:
        """Find the account of a person who is to be provisioned.

        :param document: what the identity provider says of the person.
        :param parts: the same taken apart.
        :return: the account and what it was told by; ``None`` if the person has none.
        :raises ScimError: if it cannot be told which one it is, or it must not be taken over.
        """
        domains = self.connection.domains
        match self.adoption:
            case Adoption.NEVER:
                return None
            case Adoption.EXTERNAL_ID:
                condition = self._has_external_id(parts)
            case Adoption.VERIFIED_EMAIL:
                condition = self._has_address(self._address_of(parts))
            case Adoption.ASK:
                return self._ask(document, parts)
        if condition is None:
            return None
        address, external_id = self._address_of(parts), self._external_id_of(parts)
        is_by_id = self.adoption is Adoption.EXTERNAL_ID
        # What the database takes for equal need not be.
        found = [
            account
            for account in self._select(condition)
            if (external_id in account.external_ids if is_by_id else account.address == address)
        ]
        return choose(found, self.adoption, domains)

    def find_address(self, text: str) -> Any:
        """Find the account that has an e-mail address, where that tells whose it is.

        :param text: the address, which the identity provider has verified.
        :return: the host's object; ``None`` if there is none that the connection may take over.
        """
        address = read_address(text)
        condition = self._has_address(address)
        if self.adoption is not Adoption.VERIFIED_EMAIL or condition is None:
            return None
        found = [account for account in self._select(condition) if account.address == address]
        try:
            chosen = choose(found, self.adoption, self.connection.domains)
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
        if self._has_doubles(account):
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
        if self._external_id_of(parts) in account.external_ids:
            return
        if account.address is not None and account.address == self._address_of(parts):
            return
        raise Forbidden(
            "The application knows the person of this account by another e-mail address or"
            " externalId than the request says, or it says none; the account is not taken over."
        )

    def lock(self, is_it: Sql) -> tuple[Held, Account] | None:
        """Lock a row of the tenant, and read it and whose it is as they are now.

        :param is_it: the condition that it is the row.
        :return: the row with the connection's own record of it, and the account; ``None`` if there
            is none.
        """
        binding = self.binding
        # SQLite alone needs this: its write lock comes with the first write.
        self.backend.lock(binding.connect(self.session), binding.record, sa.false())
        statement: sa.Select[Any] = sa.select(binding.model).where(is_it)
        row = self.session.scalars(
            statement.where(binding.is_of_tenant(self.connection)).with_for_update(
                of=binding.model
            ),
            execution_options={"populate_existing": True},
        ).one_or_none()
        if row is None:
            return None
        key = binding.key_of(row)
        # Nobody else takes it over meanwhile: for that they would have to lock the row.
        columns = binding.record.c
        records: sa.Select[Any] = (
            sa.select(*columns).where(columns.row_id == key).with_for_update(read=True)
        )
        own: dict[str, Any] = dict.fromkeys(columns.keys())
        is_owned = False
        for found in self.session.execute(records.with_for_update(read=True)):
            record = dict(zip(columns.keys(), found, strict=True))
            if record["connection_id"] == self.connection.id:
                own = record
            elif record["deleted"] is None:
                is_owned = True
        held = Held(row, binding.read(row, own), own)
        return held, self.account(row, held.values, is_owned=is_owned)

    def account(self, row: Any, values: list[Any], *, is_owned: bool = False) -> Account:
        """See a row as an account.

        :param row: the host's object.
        :param values: the SCIM values of the binding's places.
        :param is_owned: whether another connection has provisioned it.
        :return: the account.
        """
        subjects = self._subjects([self.binding.key_of(row)])
        return self._account(row, values, subjects, is_owned=is_owned)

    def protected(self, held: Held) -> list[bool]:
        """Tell for each place whether the request that takes an account over must not write there.

        That is what the account was told by, and what lets somebody in: the e-mail addresses, a
        user name that is one of them, an external id of the app's own, passwords.

        :param held: the account.
        :return: one answer for each of the binding's places.
        """
        places, values = self.binding.places, held.values
        mails = [place.path.keys[0] == "emails" for place in places]
        named = zip(places, values, mails, strict=True)
        known = [(place, read_address(value)) for place, value, is_mail in named if is_mail]
        steps = [_steps(place) for place, _ in known]
        addresses = [address for _, address in known if address is not None]

        def is_protected(place: Place, value: Any) -> bool:
            if not isinstance(place.source, Source):
                return False
            if place.path.keys == ("userName",) and read_address(value) in addresses:
                return True
            is_known = place.path.keys == ("externalId",) and value is not None
            return is_known or place.is_secret or place.source.steps in steps

        return [
            is_mail or is_protected(place, value)
            for place, value, is_mail in zip(places, values, mails, strict=True)
        ]

    def scan(self, keys_after: Any, size: int) -> list[tuple[Account, bool, str | None]]:
        """Read a batch of the tenant's accounts in the order of their keys.

        :param keys_after: the key of the last account of the batch before; ``None`` for the first.
        :param size: how many accounts a batch has.
        :return: each account, whether the connection has or had a record of it, and its user name.
        """
        binding = self.binding
        statement = self._statement(binding.record.c.row_id)
        if keys_after is not None:
            statement = statement.where(binding.key > keys_after)
        self.backend.prepare(binding.connect(self.session))
        found = self.session.execute(statement.order_by(binding.key).limit(size)).all()
        subjects = self._subjects([binding.key_of(row) for row, *_ in found])
        scanned = []
        for row, is_owned, known in found:
            values = binding.read(row, _NO_RECORD)
            account = self._account(row, values, subjects, is_owned=bool(is_owned))
            name = self._value(values, ("userName",))
            scanned.append((account, known is not None, None if name is None else str(name)))
        return scanned

    def find_doubles(self, accounts: Iterable[Account]) -> set[Any]:
        """Find those among accounts that others of the tenant are told by the same as.

        :param accounts: the accounts.
        :return: the keys of those that have a double.
        """
        chosen = list(accounts)
        signs = {sign for each in chosen for sign in self._signs(each)}
        is_it = self._bears(signs)
        by_sign: dict[Any, set[Any]] = {}
        for account in self._select(is_it) if is_it is not None else ():
            verdict = judge(account, self.adoption, self.connection.domains)
            if verdict not in (None, Obstacle.UNVERIFIED):
                for sign in self._signs(account):
                    by_sign.setdefault(sign, set()).add(account.key)
        return {
            each.key
            for each in chosen
            if any(len(by_sign.get(sign, ())) > 1 for sign in self._signs(each))
        }

    def _signs(self, account: Account) -> frozenset[Any]:
        """What an account is told by."""
        match self.adoption:
            case Adoption.EXTERNAL_ID:
                return account.external_ids
            case Adoption.VERIFIED_EMAIL if account.address is not None:
                return frozenset({account.address})
            case _:
                return frozenset()

    def _bears(self, signs: Iterable[Any]) -> Sql | None:
        """The condition that an account is told by one of some addresses, or external ids."""
        addresses = [sign for sign in signs if isinstance(sign, Address)]
        ids = [sign for sign in signs if isinstance(sign, str)]
        conditions = []
        if addresses and self._address_place is not None:
            texts = [form for address in addresses for form in address.forms]
            conditions.append(self._is_one_of(self._address_place, texts))
        if ids and self._external_place is not None:
            conditions.append(self._is_one_of(self._external_place, ids))
        if ids and self.binding.logins is not None:
            conditions += [is_of_subject(self.binding, self.connection, id) for id in ids]
        return sa.or_(*conditions) if conditions else None

    def _has_doubles(self, account: Account) -> bool:
        return account.key in self.find_doubles([account])

    def _ask(self, document: Document, parts: Parts) -> tuple[Account, Reason] | None:
        assert self.adopter is not None
        conditions = [
            condition
            for condition in (
                self._has_external_id(parts),
                self._has_address(self._address_of(parts)),
                self._has_name(parts),
            )
            if condition is not None
        ]
        found = self._select(sa.or_(*conditions)) if conditions else iter(())
        rows = [account.row for account in found if judge(account, self.adoption, ()) is Reason.ASK]
        row = self.adopter(rows, document, self.connection)
        if row is None:
            return None
        if not isinstance(row, self.binding.model):
            raise TypeError(f"the adopter returned {row!r}, no {self.binding.model.__name__}")
        return self.account(row, self.binding.read(row, _NO_RECORD)), Reason.ASK

    def _select(self, condition: Sql) -> Iterator[Account]:
        """Read the accounts of the tenant that the connection has no claim to yet."""
        binding, record = self.binding, self.binding.record.c
        is_free = sa.or_(record.row_id.is_(None), record.awaited.is_(sa.true()))
        statement = self._statement().where(condition, is_free).order_by(binding.key)
        self.backend.prepare(binding.connect(self.session))
        found = self.session.execute(statement).all()
        subjects = self._subjects([binding.key_of(row) for row, _ in found])
        for row, is_owned in found:
            values = binding.read(row, _NO_RECORD)
            yield self._account(row, values, subjects, is_owned=bool(is_owned))

    def _statement(self, *columns: Any) -> sa.Select[Any]:
        binding = self.binding
        statement = binding.select_rows(
            self.connection.id, binding.model, self._is_owned.label("is_owned"), *columns
        )
        return statement.where(binding.is_of_tenant(self.connection))

    @property
    def _is_owned(self) -> Sql:
        """The condition that another connection has provisioned a row."""
        others = self.binding.table.alias()
        return sa.exists().where(
            others.c.row_id == self.binding.key,
            others.c.connection_id != self.connection.id,
            others.c.deleted.is_(None),
        )

    def _account(
        self, row: Any, values: list[Any], subjects: dict[Any, set[str]], *, is_owned: bool
    ) -> Account:
        marks, key = self.binding.marks, self.binding.key_of(row)
        address, place = self._address_place, self._external_place
        index = None if address is None else self.binding.places.index(address)
        own = None if place is None else self._value(values, place.path.keys)
        return Account(
            row,
            key,
            None if index is None else read_address(values[index]),
            frozenset(subjects.get(key, ())) | ({own} if own else frozenset()),
            marks.verified is not None and marks.verified.holds(row),
            any(
                mark is not None and mark.holds(row)
                for mark in (marks.privileged, marks.untouchable)
            ),
            is_owned,
        )

    def _subjects(self, keys: list[Any]) -> dict[Any, set[str]]:
        """As whom people have signed in through the connection, by the keys of their rows."""
        table = self.binding.logins
        found: dict[Any, set[str]] = {}
        if table is None or not keys:
            return found
        statement = sa.select(table.c.row_id, table.c.subject).where(
            table.c.connection_id == self.connection.id, table.c.row_id.in_(keys)
        )
        for key, subject in self.binding.connect(self.session).execute(statement):
            found.setdefault(key, set()).add(subject)
        return found

    @cached_property
    def _address_place(self) -> Place | None:
        return find_address_place(self.binding)

    @cached_property
    def _external_place(self) -> Place | None:
        return find_external_place(self.binding)

    def _value(self, values: list[Any], keys: tuple[str, ...]) -> Any:
        for place, value in zip(self.binding.places, values, strict=True):
            if place.path.keys == keys:
                return value
        return None

    def _external_id_of(self, parts: Parts) -> str | None:
        value: str | None = self._value(parts.values, ("externalId",))
        return value

    def _address_of(self, parts: Parts) -> Address | None:
        """The e-mail address of a document where the account has its own."""
        place = self._address_place
        if place is None:
            return None
        steps = _steps(place)
        for other, value in zip(self.binding.places, parts.values, strict=True):
            address = read_address(value) if _steps(other) == steps else None
            if address is not None:
                return address
        return None

    def _has_address(self, address: Address | None) -> Sql | None:
        if address is None or address.domain not in self.connection.domains:
            return None
        return self._bears([address])

    def _has_external_id(self, parts: Parts) -> Sql | None:
        value = self._external_id_of(parts)
        return None if value is None else self._bears([value])

    def _has_name(self, parts: Parts) -> Sql | None:
        place = self.binding.unique
        value = None if place is None else self._value(parts.values, place.path.keys)
        return None if place is None or value is None else self._is_one_of(place, [value])

    def _is_one_of(self, place: Place, values: Iterable[Any]) -> Sql:
        """The condition that a place holds one of some values."""
        column, codec, leaf = place.column, place.codec, place.path.leaf
        if column is None:
            return sa.false()
        folded = [comparable(leaf, value) for value in values]
        is_one = [codec.compare(self.backend, column, Operator.EQ, value) for value in folded]
        return sa.or_(sa.false(), *is_one)

    def _adoptable(self) -> Sql | None:
        """What :func:`judge` says, in SQL."""
        conditions: list[Sql] = [sa.not_(self._is_owned)]
        for mark in (self.binding.marks.privileged, self.binding.marks.untouchable):
            if mark is not None and mark.condition is None:
                return None
            if mark is not None and mark.condition is not None:
                conditions.append(sa.not_(mark.condition))
        match self.adoption:
            case Adoption.NEVER:
                return None
            case Adoption.EXTERNAL_ID:
                conditions.append(self._has_some_external_id())
            case Adoption.VERIFIED_EMAIL:
                assert self.binding.marks.verified is not None
                if self.binding.marks.verified.condition is None:
                    return None
                conditions += [self.binding.marks.verified.condition, self._is_in_domain()]
            case Adoption.ASK:
                pass
        return sa.and_(*conditions)

    def _has_some_external_id(self) -> Sql:
        place, table = self._external_place, self.binding.logins
        conditions = []
        if place is not None and place.column is not None:
            conditions.append(place.codec.present(self.backend, place.column))
        if table is not None:
            has_signed_in = sa.select(table.c.row_id).where(
                table.c.connection_id == self.connection.id
            )
            conditions.append(self.binding.key.in_(has_signed_in))
        return sa.or_(sa.false(), *conditions)

    def _is_in_domain(self) -> Sql:
        place = self._address_place
        assert place is not None
        column, codec = place.column, place.codec
        assert column is not None
        endings = {
            f"@{form}"
            for domain in self.connection.domains
            for form in (domain, decode_domain(domain))
        }
        ends = [
            codec.compare(self.backend, column, Operator.EW, ending) for ending in sorted(endings)
        ]
        return sa.or_(sa.false(), *ends)


class _NoRecord(dict[str, Any]):
    """The columns of a record that is not there."""

    def __missing__(self, _key: str) -> None:
        return None


_NO_RECORD = _NoRecord()


def _steps(place: Place) -> tuple[str, ...] | None:
    """The attribute of the row where a place is, if it is one."""
    return place.source.steps if isinstance(place.source, Source) else None


def find_address_place(binding: Binding) -> Place | None:
    """Find where an account has the e-mail address that it is told by.

    :param binding: where the attributes sit.
    :return: the place of the primary address, else of the first that is mapped; ``None`` if none
        is mapped to something that SQL can read.
    """
    attribute = binding.resource_type.attribute("emails")
    if attribute is None:
        return None
    found = []
    for slot, index in binding.mapping.slots_of(AttributePath(attribute)):
        for offset, (name, _) in enumerate(slot.sources):
            place = binding.places[index + offset]
            if name == "value" and place.column is not None and isinstance(place.source, Source):
                found.append((dict(slot.literals).get("primary") is not True, index, place))
    return min(found, key=lambda each: each[:2])[2] if found else None


def find_external_place(binding: Binding) -> Place | None:
    """Find where the app itself keeps the identity provider's id of a person.

    :param binding: where the attributes sit.
    :return: the place; ``None`` if ``externalId`` is kept in our record alone.
    """
    for place in binding.places:
        if place.path.keys == ("externalId",) and isinstance(place.source, Source):
            return place if place.column is not None else None
    return None


def find_lack(binding: Binding, adoption: Adoption, adopter: Adopter | None) -> str | None:
    """Find what an app lacks for a choice of which accounts are taken over.

    :param binding: where the attributes of users sit.
    :param adoption: the choice.
    :param adopter: chooses an account, where there is one.
    :return: what is missing and how it comes, as a sentence; ``None`` if nothing is.
    """
    if binding.resource_type.name != _PERSONS:
        return "Only users are taken over." if adoption is not Adoption.NEVER else None
    match adoption:
        case Adoption.EXTERNAL_ID if binding.logins is None and not find_external_place(binding):
            return (
                "adoption external_id needs a column with the identity provider's id of each"
                " person; map externalId to it."
            )
        case Adoption.VERIFIED_EMAIL if binding.marks.verified is None:
            return (
                "adoption verified_email needs to know which e-mail addresses are verified; name"
                " what says it: scim.users(…, verified=User.email_verified_at)."
            )
        case Adoption.VERIFIED_EMAIL if find_address_place(binding) is None:
            return "adoption verified_email needs the e-mail address; map emails to its column."
        case Adoption.ASK if adopter is None:
            return "adoption ask needs somebody to ask; declare one with @users.adopter."
        case _:
            return None
