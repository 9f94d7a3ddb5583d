"""The references of resources: read for many at once, changed as sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...protocol.errors import InvalidValue
from ...provisioning.members import Member, MemberChange
from ...provisioning.ports import Connection, Moved
from ..columns.binding import Binding
from ..columns.relations import chunks, insert_pairs
from ..columns.untouchable import spare_behind
from ..sql.backends import Sql
from ..sql.statements import run
from .links import Link
from .statements import (
    KEYS,
    LIMIT,
    NEAR,
    delete_pairs,
    entry_maker,
    select_entries,
    select_everyone,
    select_indirect,
    select_present,
    select_rows,
    visible,
)

#: How many rows are fetched at a time: more at once than one by one, and not all of a large group.
_PART = 1_000


@dataclass(slots=True)
class References:
    """The references of one attribute of one connection's resources.

    :param session: the host's session.
    :param connection: whose resources are in reach; nothing else is.
    :param links: the relationships that make up the attribute.
    :param ignores_unknown: whether ids that lead nowhere are passed over.
    """

    session: Session
    connection: Connection
    links: list[Link]
    ignores_unknown: bool = False

    def load(self, keys: list[Any]) -> dict[Any, list[dict[str, Any]]]:
        """Read the entries of some rows.

        :param keys: the primary keys of the rows.
        :return: the entries of each row that has any, in a stable order.
        """
        found: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        for link in self.links:
            for chunk in chunks(keys):
                for near, entries in self._entries(link, select_entries, chunk):
                    found[near] += entries
                if link.upward is not None:
                    self._load_indirect(link, chunk, found)
        return found

    def load_few(self, key: Any, most: int) -> list[dict[str, Any]] | None:
        """Read the entries of a row, which are its own to change; ``None`` if it has many.

        :param key: the primary key of the row.
        :param most: how many are not many.
        :return: the entries, in a stable order.
        """
        entries: list[dict[str, Any]] = []
        for link in self.links:
            rows = self._run(link, select_entries, [key], most + 1).all()
            if len(entries) + len(rows) > most:
                return None
            entries += entry_maker(link)(rows)
        return entries

    def _load_indirect(
        self, link: Link, keys: list[Any], found: defaultdict[Any, list[dict[str, Any]]]
    ) -> None:
        """Add what is referred to by way of something else."""
        for near, entries in self._entries(link, select_indirect, keys):
            known = {entry["value"] for entry in found[near]}
            found[near] += [
                each | {"type": "indirect"} for each in entries if each["value"] not in known
            ]

    def _entries(
        self, link: Link, build: Callable[..., Any], keys: list[Any]
    ) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
        """Read entries, some at a time, with the key of the row that refers to all of these."""
        make = entry_maker(link)
        for part in self._run(link, build, keys).partitions(_PART):
            entries = make(part)
            if len(keys) == 1:
                yield keys[0], entries
                continue
            spread: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
            for row, entry in zip(part, entries, strict=True):
                spread[row[0]].append(entry)
            yield from spread.items()

    def _run(
        self,
        link: Link,
        build: Callable[..., Any],
        keys: list[Any],
        limit: int | None = None,
        near: Any = None,
        **how: bool,
    ) -> Any:
        """Run a statement on some rows that is kept with the link."""
        is_one = len(keys) == 1
        if limit is not None:
            how["limited"] = True
        values = link.target.scope(self.connection) | {
            KEYS: keys[0] if is_one else keys,
            NEAR: near,
            LIMIT: limit,
        }
        return run(self.session, build(link, one=is_one, **how), values, link.target.mapper)

    @property
    def scope(self) -> dict[str, Any]:
        """The values with which a statement of :meth:`some` runs."""
        scope: dict[str, Any] = {}
        for link in self.links:
            scope |= link.target.scope(self.connection)
        return scope

    def select(self, key: Any, condition: Sql, link: Link, also: Iterable[Member]) -> list[Member]:
        """Find members that satisfy a condition.

        :param key: the primary key of the row.
        :param condition: the condition as SQL, on the rows that the link leads to.
        :param link: the link that is searched.
        :param also: resources to look at beside the members.
        :return: those that satisfy it.
        """
        id_place = link.target.id
        column = id_place.column
        statement = self._visible(link, column).where(link.near == key, condition)
        raws = list(self.session.scalars(statement))
        for chunk in chunks(list(self._find(link, key, [member for member, _ in also]))):
            others = link.target.select(column).where(link.target.key.in_(chunk), condition)
            raws += self.session.scalars(others)
        return [(id_place.codec.decode(raw), link.kind) for raw in raws]

    def some(self, binding: Binding, link: Link, condition: Sql, indirect: Sql) -> Sql:
        """Tell in SQL whether a row refers to a resource that satisfies a condition.

        The statement runs with the values of :attr:`scope`.

        :param binding: the resource type that refers.
        :param link: the relationship.
        :param condition: the condition, on the rows that the link leads to.
        :param indirect: the condition on those that it leads to by way of others.
        :return: the condition on the row that refers.
        """
        statement = visible(link, sa.literal(1)).where(link.near == binding.key, condition)
        is_direct = sa.exists(statement.correlate(binding.mapper.local_table, binding.record))
        if link.upward is None:
            return is_direct
        pairs = link.climb()
        beyond = link.target.select(pairs.c.near).join(pairs, pairs.c.far == link.target.key)
        table = link.table.alias()
        is_both = sa.exists().where(
            table.c[link.near.key] == pairs.c.near, table.c[link.far.key] == pairs.c.far
        )
        beyond = beyond.where(*link.target.is_own, indirect, sa.not_(is_both))
        return sa.or_(is_direct, binding.key.in_(beyond))

    def change(self, key: Any, change: MemberChange) -> Moved:
        """Change the references of a locked row.

        :param key: the primary key of the row.
        :param change: who is to come and to go.
        :return: those who really came and went.
        :raises InvalidValue: if somebody who is to come does not exist here.
        """
        unknown = dict(change.coming)
        is_held = self._asks_late and bool(change.coming) and not change.keeps
        if is_held:
            self._hold_circles()
        plans = []
        for link in self.links:
            there = None if change.keeps else self._everyone(link, key)
            coming = _among(link, there or {}, unknown)
            _cross_off(unknown, coming)
            others = sorted(unknown, key=itemgetter(0))
            found, before = self._find_members(link, key, others, stay=True)
            _cross_off(unknown, found)
            plans.append((link, there, coming | found, before))
        if unknown and not self.ignores_unknown:
            named = ", ".join(repr(member[:100]) for member, _ in islice(unknown, 5))
            raise InvalidValue(f"There is no such member: {named}.")
        nested = [(link, coming) for link, _, coming, _ in plans if link.is_nested and coming]
        if nested and not is_held:
            self._hold_circles()
        for link, coming in nested:
            self._refuse_circles(link, key, coming)
        added: set[tuple[str, str]] = set()
        removed: set[tuple[str, str]] = set()
        for link, there, coming, known in plans:
            if there is None:
                _, leaving = self._find_members(link, key, change.going)
                late = self._present(link, key, list(coming)) if self._asks_late else {}
                before = known | late
            else:
                before = known | there
                leaving = {far: id for far, id in there.items() if far not in coming}
            came, went = self._change_link(link, key, before, coming, leaving)
            added |= {(link.name, coming[far][0]) for far in came}
            removed |= {(link.name, id) for id in went}
        return Moved(frozenset(added), frozenset(removed))

    def clear(self, link: Link, key: Any) -> dict[str, Any]:
        """Take away all references of a row.

        :param link: the relationship.
        :param key: the primary key of the row.
        :return: the ids that it referred to, each with the primary key of its row.
        """
        there = self._everyone(link, key)
        self._spare(link, list(there))
        for chunk in chunks(list(there)):
            self._run(link, delete_pairs, chunk, near=key)
        return {id: far for far, id in there.items()}

    def _change_link(
        self,
        link: Link,
        key: Any,
        there: Container[Any],
        coming: dict[Any, Member],
        leaving: dict[Any, str],
    ) -> tuple[list[Any], set[str]]:
        arriving = [far for far in coming if far not in there]
        self._spare(link, [*leaving, *arriving])
        for chunk in chunks(list(leaving)):
            self._run(link, delete_pairs, chunk, near=key)
        self._insert(link, key, arriving)
        return arriving, set(leaving.values())

    def _hold_circles(self) -> None:
        """Let nobody else put groups into groups until all of this is done.

        Two changes that close a circle together need not meet in any group: they meet here.
        """
        (foreign_key,) = self.links[0].target.table.c.connection_id.foreign_keys
        own = sa.select(foreign_key.column).where(foreign_key.column == self.connection.id)
        self.session.execute(own.with_for_update(key_share=True)).all()

    def _refuse_circles(self, link: Link, key: Any, coming: dict[Any, Member]) -> None:
        """Refuse members that the row itself is a member of, however far away."""
        above = set(self.session.scalars(link.ancestors(key))) | {key}
        for far, (id, _) in coming.items():
            if far in above:
                raise InvalidValue(
                    f"{id[:100]!r} cannot be a member: the {link.kind.lower()} is in it already."
                )

    def _spare(self, link: Link, keys: list[Any]) -> None:
        """Refuse to change what an untouchable row belongs to, but for the end of another one."""
        if link.mirrors is None:
            for chunk in chunks(keys):
                spare_behind(self.session, link.target, chunk)

    def _everyone(self, link: Link, key: Any) -> dict[Any, str]:
        decode = link.target.id.codec.decode
        values = link.target.scope(self.connection) | {NEAR: key}
        pairs: Any = run(self.session, select_everyone(link), values, link.target.mapper)
        return {far: decode(raw) for part in pairs.partitions(_PART) for far, raw in part}

    def _insert(self, link: Link, key: Any, arriving: list[Any]) -> None:
        near, far = link.near.key, link.far.key
        pairs = ({near: key, far: each} for each in arriving)
        insert_pairs(self.session, link.table, pairs, link.fill)

    def _find_members(
        self, link: Link, key: Any, members: Iterable[Member], *, stay: bool = False
    ) -> tuple[dict[Any, Member], dict[Any, str]]:
        """Find the rows of those members that the link can lead to, by primary key.

        :return: the members, and the ids of those among them to whom the row refers already.
        """
        fitting = _fitting(link, members)
        found = self._find(link, key, list(fitting), stay=stay)
        there = {far: id for far, (id, is_there) in found.items() if is_there}
        return {far: fitting[id] for far, (id, _) in found.items()}, there

    def _find(
        self, link: Link, key: Any, ids: list[str], *, stay: bool = False
    ) -> dict[Any, tuple[str, bool]]:
        """Find the rows of some ids, each with whether a row refers to it already.

        Those that are to stay cannot be deleted meanwhile.
        """
        codec = link.target.id.codec
        raws = [raw for id in ids if (raw := codec.parse(id)) is not None]
        found: dict[Any, tuple[str, bool]] = {}
        for chunk in chunks(raws):
            late = stay and self._asks_late
            rows = self._run(link, select_rows, chunk, near=key, stay=stay, late=late).all()
            found |= {far: (codec.decode(raw), bool(is_there)) for far, raw, is_there in rows}
        # A collation may find what differs in letter case; an id is exact.
        wanted = set(ids)
        return {far: each for far, each in found.items() if each[0] in wanted}

    def _present(self, link: Link, key: Any, keys: list[Any]) -> dict[Any, str]:
        found: dict[Any, str] = {}
        for chunk in chunks(keys):
            rows = self._run(link, select_present, chunk, near=key)
            found |= dict.fromkeys((far for (far,) in rows), "")
        return found

    @property
    def _asks_late(self) -> bool:
        """Whether it is asked behind the lock against circles who is in already.

        MariaDB shows a transaction what was there when it first read without a lock: nothing may be
        read so before that lock, or a circle that another one has closed would not be seen.
        """
        return any(link.is_nested for link in self.links)

    def _visible(self, link: Link, *columns: Any) -> sa.Select[Any]:
        """Select from the pairs whose far end is a resource of this connection."""
        target = link.target
        statement = target.select(*columns).join(link.table, link.far == target.key)
        return statement.where(*target.own(self.connection))


def _fitting(link: Link, members: Iterable[Member]) -> dict[str, Member]:
    """Those members that a link can lead to, by their ids; a change spells kinds as links do."""
    kinds = (None, link.kind)
    return {member[0]: member for member in members if member[1] in kinds}


def _among(link: Link, there: dict[Any, str], members: Iterable[Member]) -> dict[Any, Member]:
    """Those members who are there already, by primary key: nobody has to be looked up for them."""
    if not there:
        return {}
    fitting = _fitting(link, members)
    return {far: fitting[id] for far, id in there.items() if id in fitting}


def _cross_off(unknown: dict[Member, None], found: dict[Any, Member]) -> None:
    for member in found.values():
        unknown.pop(member, None)
