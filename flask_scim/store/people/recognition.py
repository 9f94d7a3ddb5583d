"""Whom a document for a new resource turns out to be of: somebody who was here, or nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...mapping.mapping import Parts
from ...protocol.addresses import fold_letters
from ...protocol.errors import UniquenessError
from ...protocol.resolver import All, Compare, Condition
from ...protocol.syntax import Operator
from ...provisioning.adoption import Obstacle, refusal
from ...provisioning.policy import GroupNames, PersonKey, Policy, Revival
from ...provisioning.ports import Connection, Document
from ..columns.binding import Binding
from ..queries.uniqueness import (
    Held,
    find_named,
    hold,
    is_same,
    refuse_taken,
    same_name,
    select_named,
)
from ..sql.backends import Backend, Sql
from ..sql.slots import keep
from ..sql.statements import run
from .accounts import Accounts

#: The reason of an event that tells of somebody who has come back.
REVIVAL = "revival"


@dataclass(frozen=True, slots=True)
class Recognized:
    """What is known of the person of a document.

    :param parts: the document, taken apart.
    :param held: the row of the host that is theirs, with the connection's record of it; ``None``
        where they are new.
    :param reason: how they were told; ``None`` where they are new.
    :param retired: deleted resources of others who had the unique value.
    """

    parts: Parts
    held: Held | None
    reason: str | None
    retired: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognition:
    """Recognizes the people of one connection.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: whose people they are.
    :param binding: where their attributes sit.
    :param policy: the choices that hold for the connection.
    :param accounts: the accounts that the app has beside.
    """

    session: Session
    backend: Backend
    connection: Connection
    binding: Binding
    policy: Policy
    accounts: Accounts

    def recognize(self, document: Document, parts: Parts) -> Recognized:
        """Find out whom a document for a new resource is of.

        :param document: the document.
        :param parts: the same taken apart.
        :return: what is known of the person.
        :raises UniquenessError: if another one has the unique value.
        :raises Forbidden: if the person is known and must not be taken over.
        """
        named, keyed = self._find_same(parts)
        known = self._find_known(parts, named, keyed)
        if known is not None:
            if self.policy.revival is Revival.REFUSE:
                raise UniquenessError(
                    f"This {self.binding.resource_type.name} has been removed before, and does not"
                    " come back by itself. Let the application's administrator see to it."
                )
            if self.policy.revival is Revival.RESTORE:
                known = self._locked(known)
                return Recognized(parts, known, REVIVAL, self._others(known, parts, named))
        found = self.accounts.find(document, parts)
        if found is None:
            return Recognized(parts, None, None, self.refuse_taken(parts, named))
        account, reason = found
        locked = self.accounts.lock([account.key])
        if not locked:
            raise refusal(None)
        ((held, account),) = locked
        record = held.record
        if record["row_id"] is not None and record["deleted"] is None and not record["awaited"]:
            raise refusal(Obstacle.SEVERAL)
        self.accounts.recheck(account)
        return Recognized(parts, held, reason, self._others(held, parts, named))

    def _find_same(self, parts: Parts) -> tuple[list[Held], list[Held]]:
        """Find who has the unique value of a document, and whose key is its key."""
        if not self._is_anybody(parts):
            return [], []
        return self.find_named(parts), self._find_keyed(parts)

    def _is_anybody(self, parts: Parts) -> bool:
        """Tell whether there is anybody like that: mostly there is not, and no object to load."""
        binding, backend = self.binding, self.backend
        ways = [
            (select, condition)
            for select, condition in (
                (select_named, same_name(binding, parts)),
                (_select_keyed, self._same_key(parts)),
            )
            if condition is not None
        ]
        if not ways:
            return False

        def build(condition: Condition) -> sa.CompoundSelect[Any]:
            assert isinstance(condition, All)
            pairs = zip(ways, condition.terms, strict=True)
            one: Sql = sa.literal_column("1")
            return sa.union_all(
                *(select(backend, binding, term, one) for (select, _), term in pairs)
            )

        both = All(tuple(condition for _, condition in ways))
        statement, values = keep(binding.statements, ("anybody", backend), both, build)
        values |= binding.scope(self.connection)
        return run(self.session, statement, values, binding.mapper).first() is not None

    def _find_known(self, parts: Parts, named: list[Held], keyed: list[Held]) -> Held | None:
        """Find somebody who was here, and has been deleted or deactivated."""
        if len(keyed) == 1 and not keyed[0].record["awaited"] and self._is_away(keyed[0]):
            return keyed[0]
        for held in named:
            record = held.record
            if record["row_id"] is None or record["awaited"]:
                continue
            is_same = self._is_same(held, parts)
            if record["deleted"] is not None:
                if is_same is not False:
                    return held
            elif is_same is True and not _is_active(self.binding, held):
                return held
        return None

    def _locked(self, known: Held) -> Held:
        """Read somebody again who is deactivated: another request may have been faster."""
        if known.record["deleted"] is not None:
            return known
        for held, _ in self.accounts.lock([self.binding.key_of(known.row)]):
            if self._is_away(held):
                return held
        name = self.binding.resource_type.name
        raise UniquenessError(f"Another request brought back this {name}.")

    def _is_away(self, held: Held) -> bool:
        return held.record["deleted"] is not None or not _is_active(self.binding, held)

    def _is_same(self, held: Held, parts: Parts) -> bool | None:
        """Tell whether somebody with the same unique value is the person of a document.

        :return: ``None`` if nothing says so, and nothing contradicts.
        """
        if not self._has_same_name(held, parts):
            return False
        if self._key_is_user_name:
            return True
        index = self.binding.index_of("externalId")
        if index is None:
            return True
        known, value = held.values[index], parts.values[index]
        if known is None or value is None:
            return True if known is value else None
        return bool(known == value)

    def _has_same_name(self, held: Held, parts: Parts) -> bool:
        """Whether the unique values are one, and do not merely look so to the database."""
        index = self.binding.unique_index
        if index is None:
            return True
        return fold_letters(str(held.values[index])) == fold_letters(str(parts.values[index]))

    @property
    def _key_is_user_name(self) -> bool:
        if self.binding.resource_type.name != "User":
            return False
        return self.policy.key_for(self.connection.idp) is PersonKey.USER_NAME

    def find_named(self, parts: Parts, other_than: Any = None) -> list[Held]:
        """Find who in the tenant has the unique value of a document.

        :param parts: the document, taken apart.
        :param other_than: the key of the row that may have the value.
        :return: the rows that have it.
        """
        binding, connection = self.binding, self.connection
        return find_named(self.session, self.backend, binding, connection, parts, other_than)

    def refuse_taken(self, parts: Parts, named: Iterable[Held]) -> tuple[Held, ...]:
        """Refuse a document whose unique value somebody has who is still there.

        :param parts: the document, taken apart.
        :param named: those who have the value.
        :return: those among them whose resources have been deleted.
        :raises UniquenessError: if one has not.
        """
        is_group = self.binding.resource_type.name == "Group"
        apart = is_group and self.policy.group_names is GroupNames.APART
        return tuple(refuse_taken(self.binding, parts, named, apart=apart))

    def _same_key(self, parts: Parts) -> Compare | None:
        """Say in a condition that somebody has the key of a document's person."""
        index = self.binding.index_of("externalId")
        if index is None or self._key_is_user_name or self.binding.resource_type.name != "User":
            return None
        place, value = self.binding.places[index], parts.values[index]
        if place.column is None or value is None:
            return None
        return Compare(place.path, Operator.EQ, value)

    def _find_keyed(self, parts: Parts) -> list[Held]:
        """Find the connection's own people, deleted or not, by the key of the person."""
        condition = self._same_key(parts)
        if condition is None:
            return []
        binding, backend = self.binding, self.backend

        def build(condition: Condition) -> sa.Select[Any]:
            columns = (binding.model, *binding.record.c)
            selected = _select_keyed(backend, binding, condition, *columns)
            return selected.where(binding.is_of_its_tenant)

        statement, values = keep(binding.statements, ("keyed", backend), condition, build)
        values |= binding.scope(self.connection)
        return hold(self.session, binding, statement, values)

    def _others(self, held: Held, parts: Parts, named: list[Held]) -> tuple[Held, ...]:
        """Those who have the unique value beside the person, all of them deleted."""
        key = self.binding.key_of(held.row)
        others = [each for each in named if self.binding.key_of(each.row) != key]
        return self.refuse_taken(parts, others)


def _select_keyed(
    backend: Backend, binding: Binding, condition: Condition, *columns: Any
) -> sa.Select[Any]:
    """Select from a connection's own people who have a key, deleted or not.

    Whose they are is for the caller to ask: where few people have a key, SQLite would go through
    all that a tenant has to find one.
    """
    index = binding.index_of("externalId")
    assert index is not None
    return binding.select(*columns).where(
        binding.is_of_its_connection, is_same(backend, binding.places[index], condition)
    )


def _is_active(binding: Binding, held: Held) -> bool:
    index = binding.index_of("active")
    return index is None or held.values[index] is not False
