"""What the account of a person is told by: an e-mail address, an external id, a user name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from ...mapping.mapping import Parts
from ...mapping.sources import Source
from ...protocol.addresses import Address, decode_domain, read_address
from ...protocol.resolver import AttributePath
from ...protocol.syntax import Operator
from ...protocol.values import comparable
from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..columns.places import Place
from ..sql.backends import Backend, Sql
from .logins import is_of_subject


@dataclass(frozen=True)
class Signs:
    """What the accounts of a connection's people are told by.

    :param backend: the database.
    :param connection: the connection.
    :param binding: where the attributes of its people sit.
    """

    backend: Backend
    connection: Connection
    binding: Binding

    @cached_property
    def address_place(self) -> Place | None:
        """Where an account has the e-mail address that it is told by.

        That is the primary address, else the first that is mapped to something that SQL can read.
        """
        attribute = self.binding.resource_type.attribute("emails")
        if attribute is None:
            return None
        found = []
        for slot, index in self.binding.mapping.slots_of(AttributePath(attribute)):
            for offset, (name, _) in enumerate(slot.sources):
                place = self.binding.places[index + offset]
                if name == "value" and place.column is not None and steps_of(place) is not None:
                    found.append((dict(slot.literals).get("primary") is not True, index, place))
        return min(found, key=lambda each: each[:2])[2] if found else None

    @cached_property
    def external_place(self) -> Place | None:
        """Where the app itself keeps the identity provider's id of a person, if it does."""
        for place in self.binding.places:
            if place.path.keys == ("externalId",) and steps_of(place) is not None:
                return place if place.column is not None else None
        return None

    def address_in(self, values: list[Any]) -> Address | None:
        """Read the e-mail address of an account.

        :param values: the SCIM values of the binding's places.
        :return: the address, ``None`` where there is none that can be compared.
        """
        place = self.address_place
        return None if place is None else read_address(values[self.binding.places.index(place)])

    def address_of(self, parts: Parts) -> Address | None:
        """Read the e-mail address of a document that an account would have where it has its own.

        :param parts: the document, taken apart.
        :return: the address, ``None`` where there is none that can be compared.
        """
        if self.address_place is None:
            return None
        steps = steps_of(self.address_place)
        for place, value in zip(self.binding.places, parts.values, strict=True):
            address = read_address(value) if steps_of(place) == steps else None
            if address is not None:
                return address
        return None

    def external_id_in(self, values: list[Any]) -> str | None:
        """Read the ``externalId`` of an account or a document.

        :param values: the SCIM values of the binding's places.
        :return: the id, if there is one.
        """
        found: str | None = self.value(values, ("externalId",))
        return found

    def value(self, values: list[Any], keys: tuple[str, ...]) -> Any:
        """Find the value of an attribute among those of the binding's places."""
        for place, value in zip(self.binding.places, values, strict=True):
            if place.path.keys == keys:
                return value
        return None

    def bears(self, signs: Iterable[Address | str]) -> Sql | None:
        """The condition that an account is told by one of some addresses and external ids.

        :param signs: the addresses, and the ids.
        :return: the condition, which indexes serve; ``None`` if no account can be.
        """
        addresses = [sign for sign in signs if isinstance(sign, Address)]
        ids = [sign for sign in signs if isinstance(sign, str)]
        conditions = []
        if addresses and self.address_place is not None:
            texts = [form for address in addresses for form in address.forms]
            conditions.append(self._is_one_of(self.address_place, texts))
        if ids and self.external_place is not None:
            conditions.append(self._is_one_of(self.external_place, ids))
        if ids and self.binding.logins is not None:
            conditions += [is_of_subject(self.binding, self.connection, id) for id in ids]
        return sa.or_(*conditions) if conditions else None

    def has_name(self, parts: Parts) -> Sql | None:
        """The condition that an account has the unique value of a document.

        :param parts: the document, taken apart.
        :return: the condition; ``None`` where nothing is unique.
        """
        place = self.binding.unique
        value = None if place is None else self.value(parts.values, place.path.keys)
        return None if place is None or value is None else self._is_one_of(place, [value])

    def is_known_by_id(self) -> Sql:
        """The condition that the app knows an external id of an account.

        It is for a statement that runs with :meth:`.Binding.scope`.
        """
        place, table = self.external_place, self.binding.logins
        conditions = []
        if place is not None and place.column is not None:
            conditions.append(place.codec.present(self.backend, place.column))
        if table is not None:
            has_signed_in = sa.select(table.c.row_id).where(
                table.c.connection_id == self.binding.its_connection
            )
            conditions.append(self.binding.key.in_(has_signed_in))
        return sa.or_(sa.false(), *conditions)

    def is_in_domain(self) -> Sql:
        """The condition that the address of an account is in a domain of the connection's."""
        place = self.address_place
        if place is None or place.column is None:
            return sa.false()
        endings = {
            f"@{form}"
            for domain in self.connection.domains
            for form in (domain, decode_domain(domain))
        }
        compare, column = place.codec.compare, place.column
        ends = [compare(self.backend, column, Operator.EW, ending) for ending in sorted(endings)]
        return sa.or_(sa.false(), *ends)

    def _is_one_of(self, place: Place, values: Iterable[Any]) -> Sql:
        """The condition that a place holds one of some values."""
        column, codec, leaf = place.column, place.codec, place.path.leaf
        if column is None:
            return sa.false()
        folded = [comparable(leaf, value) for value in values]
        is_one = [codec.compare(self.backend, column, Operator.EQ, value) for value in folded]
        return sa.or_(sa.false(), *is_one)


def steps_of(place: Place) -> tuple[str, ...] | None:
    """The attribute of the row where a place is, if it is one."""
    return place.source.steps if isinstance(place.source, Source) else None
