"""Which groups of a connection stand for which roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..store.columns.binding import Binding
from ..store.columns.relations import chunks
from ..store.sql.snapshots import current


@dataclass(frozen=True, slots=True)
class GroupRole:
    """That a group of a connection stands for a role.

    :param group_id: the SCIM ``id`` of the group.
    :param external_id: what its identity provider calls it; ``None`` if it has not said so.
    :param name: what people call it.
    :param role: the role.
    :param precedence: where a person can have one role, the lowest decides.
    :param created: when it was mapped.
    """

    group_id: str
    external_id: str | None
    name: str | None
    role: str
    precedence: int
    created: datetime


#: By the primary key of a group, the roles that it stands for, each with its precedence.
RolesOfGroups = dict[Any, dict[str, int]]


class GroupRoles:
    """The roles of groups.

    :param session: the host's session.
    :param table: our table of them.
    """

    def __init__(self, session: Session, table: sa.Table) -> None:
        self._session = session
        self._table = table

    def of(self, connection_id: str, groups: Iterable[Any] | None = None) -> RolesOfGroups:
        """Read which roles groups stand for.

        :param connection_id: the connection.
        :param groups: the primary keys of the groups; ``None`` for all.
        :return: those that stand for any.
        """
        columns, found = self._table.c, RolesOfGroups()
        statement = sa.select(columns.group_id, columns.role, columns.precedence)
        statement = statement.where(columns.connection_id == connection_id)
        parts = [None] if groups is None else chunks(list(groups))
        for part in parts:
            narrowed = statement if part is None else statement.where(columns.group_id.in_(part))
            for group, role, precedence in self._session.execute(current(self._session, narrowed)):
                found.setdefault(group, {})[role] = precedence
        return found

    def add(self, connection_id: str, group: Any, role: str, precedence: int) -> None:
        """Let a group stand for a role, or change the precedence that it does so with."""
        self.drop(connection_id, group, role)
        self._session.execute(
            self._table.insert().values(
                connection_id=connection_id,
                group_id=group,
                role=role,
                precedence=precedence,
                created=datetime.now(UTC),
            )
        )

    def drop(self, connection_id: str, group: Any, role: str | None = None) -> None:
        """Let a group not stand for a role any more, or for none at all."""
        columns = self._table.c
        of_group = (columns.connection_id == connection_id, columns.group_id == group)
        found = self._session.execute(sa.select(columns.id, columns.role).where(*of_group))
        # A collation may take two names for one; a role is exact.
        ids = [id for id, name in found if role in (None, name)]
        self._session.execute(self._table.delete().where(columns.id.in_(ids)))

    def list(
        self,
        connection_id: str,
        groups: Binding,
        group_id: str | None = None,
        *,
        after: int = 0,
        most: int | None = None,
    ) -> tuple[list[GroupRole], list[int]]:
        """List which groups stand for which roles, in the order in which they were mapped.

        :param connection_id: the connection.
        :param groups: the resource type of groups.
        :param group_id: the SCIM ``id`` of one group; ``None`` for all.
        :param after: the key of the one after which to begin.
        :param most: the most to list; ``None`` for all.
        :return: the roles of groups, and the key of each.
        """
        columns, shown = self._table.c, _display(groups)
        statement = (
            groups.select(
                columns.id,
                groups.id.column,
                groups.record.c.external_id,
                shown.column,
                columns.role,
                columns.precedence,
                columns.created,
            )
            .join(self._table, columns.group_id == groups.key)
            .where(
                columns.connection_id == connection_id,
                groups.record.c.connection_id == connection_id,
                groups.record.c.deleted.is_(None),
                columns.id > after,
            )
            .order_by(columns.id)
            .limit(most)
        )
        if group_id is not None:
            raw = groups.id.codec.parse(group_id)
            statement = statement.where(sa.false() if raw is None else groups.id.column == raw)
        found, keys = [], []
        for key, id, external_id, name, *rest in self._session.execute(statement):
            text = shown.codec.decode(name)
            found.append(GroupRole(groups.id.codec.decode(id), external_id, text, *rest))
            keys.append(key)
        return found, keys


def _display(groups: Binding) -> Any:
    """Where the name of a group sits."""
    for place in groups.places:
        if place.path.keys == ("displayName",) and place.column is not None:
            return place
    return groups.id
