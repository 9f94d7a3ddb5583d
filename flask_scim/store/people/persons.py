"""The people behind rows of which one person can have several: memberships of organisations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...config import ConfigurationError
from ...mapping.mapping import Parts
from ...mapping.sources import Source
from ...protocol.errors import UniquenessError
from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..columns.places import Place
from ..queries.uniqueness import Held


@dataclass(frozen=True, slots=True)
class Persons:
    """The people behind the rows of a resource type.

    What is behind a row is the row's own while nobody shares it: as soon as a person has another
    row, no connection changes what all of them would see.

    :param name: the to-one relationship that leads from a row to its person.
    :param pairs: the attributes of the row that refer to the person, and what they refer to.
    """

    name: str
    pairs: tuple[tuple[str, str], ...]

    def give(self, row: Any, person: Any) -> None:
        """Make a row one of a person's."""
        setattr(row, self.name, person)

    def is_known(self, row: Any) -> bool:
        """Tell whether a new row is one of a person who was there before."""
        person = getattr(row, self.name)
        return person is not None and bool(sa.inspect(person).persistent)

    def is_behind(self, place: Place) -> bool:
        """Tell whether a place is an attribute of the person."""
        return isinstance(place.source, Source) and place.source.steps[0] == self.name

    def refuse_members(
        self, session: Session, binding: Binding, connection: Connection, row: Any
    ) -> None:
        """Refuse a new row of a person who has one in the tenant already.

        :param session: the host's session.
        :param binding: the resource type of the rows.
        :param connection: whose tenant it is.
        :param row: the row, which is not in the database yet.
        :raises UniquenessError: if the person has.
        """
        person = getattr(row, self.name)
        values = [getattr(person, remote) for _, remote in self.pairs]
        is_theirs = self._is_of(binding, values)
        if self._exists(session, binding, is_theirs, binding.is_of_tenant(connection)):
            name = binding.resource_type.name
            raise UniquenessError(f"The person behind this {name} is in this organisation already.")

    def spare(self, session: Session, binding: Binding, held: Held, parts: Parts) -> None:
        """Let stay what a person has, where others see it too.

        :param session: the host's session.
        :param binding: where the attributes sit.
        :param held: the row as it is.
        :param parts: the document that is going to be stored; what stays is put into it.
        """
        differing = [
            index
            for index, place in self._behind(binding)
            if held.values[index] != parts.values[index]
        ]
        if differing and self._is_shared(session, binding, held.row):
            for index in differing:
                parts.values[index] = held.values[index]

    def keep(self, binding: Binding, row: Any, parts: Parts) -> None:
        """Let stay everything that a person has.

        :param binding: where the attributes sit.
        :param row: the row of the person.
        :param parts: the document that is going to be stored; what stays is put into it.
        """
        for index, place in self._behind(binding):
            parts.values[index] = place.read(row, {})

    def _behind(self, binding: Binding) -> Iterator[tuple[int, Place]]:
        for index, place in enumerate(binding.places):
            if place.writable and self.is_behind(place):
                yield index, place

    def _is_shared(self, session: Session, binding: Binding, row: Any) -> bool:
        is_theirs = self._is_of(binding, [getattr(row, local) for local, _ in self.pairs])
        return self._exists(session, binding, is_theirs, binding.key != binding.key_of(row))

    def _is_of(self, binding: Binding, values: list[Any]) -> Any:
        columns = [getattr(binding.model, local) for local, _ in self.pairs]
        return sa.and_(*(column == value for column, value in zip(columns, values, strict=True)))

    def _exists(self, session: Session, binding: Binding, *conditions: Any) -> bool:
        statement = sa.select(sa.literal(1)).select_from(binding.model).where(*conditions).limit(1)
        return session.execute(statement).first() is not None


def read_persons(source: Source | None, model: type) -> Persons | None:
    """Read which relationship leads to the person of a row.

    :param source: the relationship, if the host has named one.
    :param model: the model of the rows.
    :return: the people behind its rows.
    :raises ConfigurationError: if it is no relationship to one person of many rows.
    """
    if source is None:
        return None
    mapper: Any = sa.inspect(model)
    related = mapper.relationships.get(source.steps[0]) if len(source.steps) == 1 else None
    if related is None or related.uselist or related.secondary is not None:
        raise ConfigurationError(
            f"person={source}: it must be a relationship of {model.__name__} to one person."
        )
    pairs = tuple(
        (
            mapper.get_property_by_column(local).key,
            related.mapper.get_property_by_column(remote).key,
        )
        for local, remote in related.local_remote_pairs
    )
    return Persons(source.steps[0], pairs)
