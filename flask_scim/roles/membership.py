"""The groups that people are in, also by way of other groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..protocol.syntax import Operator
from ..protocol.values import comparable
from ..provisioning.ports import Connection
from ..store.columns.binding import Binding
from ..store.columns.relations import chunks
from ..store.references.links import Link
from ..store.sql.backends import Backend, Sql
from ..store.sql.snapshots import current

#: How many groups or roles a page holds where nobody says.
PAGE = 50
#: How a group is named.
By = Literal["id", "external_id", "name"]


@dataclass(frozen=True, slots=True)
class Membership:
    """That a person is in a group.

    :param id: the SCIM ``id`` of the group.
    :param name: what people call it.
    :param external_id: what its identity provider calls it; ``None`` if it has not said so.
    :param connection_id: the connection that the group came by.
    :param is_direct: whether the person is in it by name, and not only by way of another group.
    """

    id: str
    name: str | None
    external_id: str | None
    connection_id: str
    is_direct: bool


@dataclass(frozen=True, slots=True)
class Circle:
    """The people and the groups of an app, and who is in what.

    :param session: the host's session.
    :param backend: the database behind it.
    :param users: the resource type of the people.
    :param groups: that of the groups.
    :param links: the relationships by which people are in groups, seen from the people.
    :param nested: the relationship by which groups are in groups, seen from the outer one.
    """

    session: Session
    backend: Backend
    users: Binding
    groups: Binding
    links: list[Link]
    nested: Link | None

    def above(self, groups: Iterable[Any]) -> set[Any]:
        """List groups and all that these are in.

        :param groups: the primary keys of groups.
        :return: the same, and those of the groups above them.
        """
        return set(self._climb(groups, upward=True))

    def below(self, groups: Iterable[Any]) -> dict[Any, set[Any]]:
        """List groups and all that are in these.

        :param groups: the primary keys of groups.
        :return: the same, and those of the groups below them, each with those that it leads to.
        """
        return self._climb(groups, upward=False)

    def _climb(self, groups: Iterable[Any], *, upward: bool) -> dict[Any, set[Any]]:
        """Follow the pairs of groups, one statement for each floor."""
        leads: dict[Any, set[Any]] = {key: {key} for key in groups}
        if self.nested is None:
            return leads
        outer, inner = self.nested.near, self.nested.far
        here, there = (inner, outer) if upward else (outer, inner)
        edge = set(leads)
        while edge:
            further: set[Any] = set()
            for chunk in chunks(list(edge)):
                pairs = current(self.session, sa.select(here, there).where(here.in_(chunk)))
                for start, end in self.session.execute(pairs):
                    known = leads.setdefault(end, {end} if upward else set())
                    more = leads[start] - known
                    if more:
                        known |= more
                        further.add(end)
            edge = further
        return leads

    def members(
        self, connection: Connection, leads: dict[Any, set[Any]], rows: list[Any] | None = None
    ) -> dict[Any, set[Any]]:
        """Find out who is in some groups, directly or by way of others.

        :param connection: whose people and groups they are.
        :param leads: the primary keys of groups, each with those of the groups that it leads to.
        :param rows: the primary keys of the people to look at; ``None`` for everybody.
        :return: the primary keys of the people, each with those of the groups that they are in.
        """
        found: dict[Any, set[Any]] = {}
        users = self.users
        for link in self.links:
            for groups in chunks(list(leads)):
                whole = (
                    users.select(link.near, link.far)
                    .join(link.table, link.near == users.key)
                    .where(link.far.in_(groups), *users.own(connection))
                )
                for some in [None] if rows is None else chunks(rows):
                    narrowed = whole if some is None else whole.where(link.near.in_(some))
                    for row, group in self.session.execute(current(self.session, narrowed)):
                        found.setdefault(row, set()).update(leads[group])
        return found

    def find_rows(self, ids: Iterable[str]) -> tuple[set[Any], bool]:
        """Find the people whom the ids of members stand for, those below groups among them.

        :param ids: SCIM ids, of people and of groups.
        :return: the primary keys of the people, and whether all of the ids lead to somebody: what
            is deleted by now leads nowhere.
        """
        ids = set(ids)
        people = self._find(self.users, ids)
        if self.nested is None:
            return set(people), True
        groups = self._find(self.groups, ids)
        rows, leads = set(people), self.below(groups)
        for link in self.links:
            for chunk in chunks(list(leads)):
                pairs = sa.select(link.near).where(link.far.in_(chunk))
                rows |= set(self.session.scalars(current(self.session, pairs)))
        return rows, ids <= {*people.values(), *groups.values()}

    def _find(self, binding: Binding, ids: set[str]) -> dict[Any, str]:
        codec, column = binding.id.codec, binding.id.column
        assert column is not None
        raws = {raw: id for id in ids if (raw := codec.parse(id)) is not None}
        if column is binding.key and self.nested is None:
            return dict(raws)
        found: dict[Any, str] = {}
        for chunk in chunks(list(raws)):
            rows = self.session.execute(sa.select(binding.key, column).where(column.in_(chunk)))
            found |= {key: codec.decode(raw) for key, raw in rows}
        return {key: id for key, id in found.items() if id in ids}

    def of(
        self,
        user: Any,
        *,
        take: int | None = PAGE,
        after: str | None = None,
        only: tuple[str, ...] | None = None,
        by: By | None = None,
    ) -> list[Membership]:
        """List the groups that a person is in, with one statement.

        :param user: the person's row.
        :param take: the most to list; ``None`` for all.
        :param after: the SCIM ``id`` of the group after which to begin.
        :param only: ids, external ids or names of the groups to look for; ``None`` for all.
        :param by: which of the three they are: ``id``, ``external_id`` or ``name``; ``None`` for
            any.
        :return: the groups in a stable order.
        """
        key = self.users.key_of(user)
        target, shown = self.links[0].target, self.links[0].display
        pairs = self._pairs(key)
        record, theirs = target.record.c, self.users.table.c
        connections = sa.select(theirs.connection_id).where(
            theirs.row_id == key, theirs.deleted.is_(None)
        )
        conditions: list[Sql] = [record.deleted.is_(None), record.connection_id.in_(connections)]
        if self.users.tenant is not None and target.tenant is not None:
            tenant = self.users.tenant.read(user, {})
            assert target.tenant.column is not None
            conditions.append(target.tenant.column == target.tenant.codec.encode(tenant, "tenant"))
        if only is not None:
            conditions.append(self._is_one_of(only, by))
        if after is not None:
            raw = target.id.codec.parse(after)
            if target.id.column is target.key or raw is None:
                conditions.append(sa.false() if raw is None else target.key > raw)
            else:
                begin = sa.select(self.groups.key).where(self.groups.id.column == raw)
                conditions.append(target.key > begin.scalar_subquery())
        is_direct = sa.or_(
            *(
                sa.exists().where(
                    table.c[link.near.key] == key, table.c[link.far.key] == target.key
                )
                for link in self.links
                for table in [link.table.alias()]
            )
        )
        statement = (
            target.select(
                target.id.column,
                shown.column,
                record.external_id,
                record.connection_id,
                is_direct,
            )
            .where(target.key.in_(pairs), *conditions)
            .order_by(target.key, record.connection_id)
            .limit(take)
        )
        self.backend.prepare(target.connect(self.session))
        return [
            Membership(
                target.id.codec.decode(id),
                shown.codec.decode(name),
                external_id,
                connection_id,
                bool(is_direct),
            )
            for id, name, external_id, connection_id, is_direct in self.session.execute(statement)
        ]

    def _pairs(self, key: Any) -> sa.Select[Any]:
        """Select the primary keys of the groups that a person is in."""
        direct = [sa.select(link.far.label("key")).where(link.near == key) for link in self.links]
        united: Any = direct[0] if len(direct) == 1 else sa.union(*direct)
        if self.nested is None:
            return sa.select(united.subquery().c.key)
        outer, inner = self.nested.near, self.nested.far
        found = united.cte(recursive=True)
        found = found.union(sa.select(outer).join(found, inner == found.c.key))
        return sa.select(found.c.key)

    def _is_one_of(self, wanted: tuple[str, ...], by: By | None) -> Sql:
        target, shown = self.links[0].target, self.links[0].display
        ways: list[Sql] = []
        assert target.id.column is not None
        assert shown.column is not None
        for text in wanted:
            if by in (None, "id"):
                raw = target.id.codec.parse(text)
                ways.append(sa.false() if raw is None else target.id.column == raw)
            if by in (None, "external_id"):
                column = target.record.c.external_id
                ways.append(self.backend.compare_text(column, Operator.EQ, text, exact=True))
            if by in (None, "name"):
                value = comparable(shown.path.leaf, text)
                ways.append(shown.codec.compare(self.backend, shown.column, Operator.EQ, value))
        return sa.or_(sa.false(), *ways)
