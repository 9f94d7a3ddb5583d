"""The organisation that provisioned people become members of, beside the column that names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...config import ConfigurationError
from ...mapping.sources import Refs, Source
from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..columns.relations import Relation, find_relation, insert_pairs


@dataclass(frozen=True, slots=True)
class Home:
    """The members of the organisation that a connection's tenant is.

    :param relation: the pairs of an organisation and its members.
    :param tenant: the column of the organisation that says which tenant it is.
    :param fill: makes the other columns of a new pair.
    """

    relation: Relation
    tenant: sa.ColumnElement[Any]
    fill: Callable[[], dict[str, Any]] | None = None

    def join(self, session: Session, binding: Binding, connection: Connection, key: Any) -> None:
        """Make a person a member; a second time changes nothing.

        :param session: the host's session.
        :param binding: the resource type of people.
        :param connection: the connection, whose tenant the organisation is.
        :param key: the primary key of the person's row.
        """
        relation = self.relation
        for organisation in self._find(session, binding, connection):
            is_pair = sa.and_(relation.near == organisation, relation.far == key)
            there = session.execute(sa.select(sa.literal(1)).where(is_pair)).first()
            if there is None:
                pair = {relation.near.key: organisation, relation.far.key: key}
                insert_pairs(session, relation.table, [pair], self.fill)

    def leave(self, session: Session, binding: Binding, connection: Connection, key: Any) -> None:
        """Let a person be no member any more; see :meth:`join`."""
        relation = self.relation
        for organisation in self._find(session, binding, connection):
            session.execute(
                sa.delete(relation.table).where(relation.near == organisation, relation.far == key)
            )

    def _find(self, session: Session, binding: Binding, connection: Connection) -> list[Any]:
        """Find the key of the organisation that a connection's tenant is."""
        assert binding.tenant is not None
        tenant = binding.tenant.codec.encode(connection.tenant, "tenant")
        if self.tenant is self.relation.near_key:
            return [tenant]
        return list(session.scalars(sa.select(self.relation.near_key).where(self.tenant == tenant)))


def read_home(members: Any, model: type, tenant: Source | None) -> Home | None:
    """Read which relationship holds the members of an organisation.

    :param members: the relationship from the organisation to its people, or :class:`Refs` with the
        way through an association object; ``None`` where there is none.
    :param model: the model of people.
    :param tenant: the attribute of theirs that says which tenant they are of.
    :return: the organisation's members.
    :raises ConfigurationError: if it is no such relationship.
    """
    if members is None:
        return None
    named: Any = members.source if isinstance(members, Refs) else members
    owner = getattr(named, "class_", None)
    if owner is None:
        raise ConfigurationError(
            f"members_of={named!r}: name the relationship as an attribute of its model, as in "
            "Organization.users."
        )
    called = f"members_of={owner.__name__}.{named.key}"
    relation = find_relation(owner, _way(named.key, owner, model))
    mapper: Any = sa.inspect(model)
    if relation is None or (relation.model, relation.far_key) != (model, mapper.primary_key[0]):
        raise ConfigurationError(
            f"{called} is no many-to-many relationship to {model.__name__}, direct or by way of an "
            "association object; name one."
        )
    if tenant is None:
        raise ConfigurationError(
            f"{called} needs tenant=…, the attribute of {model.__name__} that says whose they are."
        )
    fill = members.fill if isinstance(members, Refs) else None
    return Home(relation, _tenant_column(mapper, tenant, relation), fill)


def _way(name: str, owner: type, model: type) -> str:
    """The way from an organisation to its people: the relationship, or on through its rows."""
    mapper: Any = sa.inspect(owner)
    related = mapper.relationships.get(name)
    if related is None or related.mapper.class_ is model:
        return name
    onward = [
        each.key
        for each in related.mapper.relationships
        if not each.uselist and each.mapper.class_ is model
    ]
    return f"{name}.{onward[0]}" if len(onward) == 1 else name


def _tenant_column(mapper: Any, tenant: Source, relation: Relation) -> sa.ColumnElement[Any]:
    """The column of the organisation that the tenant of a person refers to; else its key."""
    property_ = mapper.attrs.get(tenant.steps[0])
    columns = getattr(property_, "columns", ())
    table = getattr(relation.near_key, "table", None)
    for key in (key for column in columns for key in getattr(column, "foreign_keys", ())):
        if key.column.table is table:
            return key.column  # type: ignore[no-any-return]
    return relation.near_key
