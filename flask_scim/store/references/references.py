"""The references of resources, changed as sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from ...protocol.errors import InvalidValue
from ...provisioning.members import Member, MemberChange
from ...provisioning.ports import Moved
from ..columns.relations import chunks, insert_pairs
from ..columns.untouchable import spare_behind
from ..sql.backends import Sql
from .entries import PART, Entries
from .links import Link
from .statements import (
    delete_pairs,
    entry_maker,
    is_plain,
    is_plainly_filled,
    let_in,
    let_out,
    select_everyone,
    select_present,
    select_rows,
)


@dataclass(slots=True)
class References(Entries):
    """The references of one attribute of one connection's resources, to be changed.

    :param ignores_unknown: whether ids that lead nowhere are passed over.
    """

    ignores_unknown: bool = False
    #: What was read of rows to replace their references, by the keys of the rows.
    _known: dict[Any, list[_Plan]] = field(default_factory=dict)

    def change(self, key: Any, change: MemberChange) -> Moved:
        """Change the references of a locked row.

        :param key: the primary key of the row.
        :param change: who is to come and to go.
        :return: those who really came and went.
        :raises InvalidValue: if somebody who is to come does not exist here.
        """
        self._known.pop(key, None)
        unknown = dict(change.coming)
        is_held = self._asks_late and bool(change.coming) and not change.keeps
        if is_held:
            self._hold_circles()
        plans = [self._plan(link, key, unknown, keeps=change.keeps) for link in self.links]
        if unknown and not self.ignores_unknown:
            named = ", ".join(repr(member[:100]) for member, _ in islice(unknown, 5))
            raise InvalidValue(f"There is no such member: {named}.")
        nested = [each for each in plans if each.link.is_nested and each.coming]
        if nested and not is_held:
            self._hold_circles()
        for each in nested:
            self._refuse_circles(each.link, key, each.coming)
        added: set[tuple[str, str]] = set()
        removed: set[tuple[str, str]] = set()
        for each in plans:
            link, coming = each.link, each.coming
            if each.there is None:
                went = self._let_out(link, key, change.going)
            else:
                went = self._take_out(link, key, each.leaving)
            is_late = self._asks_late and change.keeps
            late = self._present(link, key, each.arriving) if is_late else ()
            arriving = [far for far in each.arriving if far not in late]
            self._put_in(link, key, arriving)
            each.came |= {far: coming[far] for far in arriving}
            added |= {(link.name, id) for id, _ in each.came.values()}
            removed |= {(link.name, id) for id in went}
        if all(each.is_known for each in plans):
            self._known[key] = plans
        return Moved(frozenset(added), frozenset(removed))

    def load_changed(self, key: Any) -> list[dict[str, Any]]:
        """Read the entries of a locked row, but for what has been read of it to change it.

        :param key: the primary key of the row.
        :return: the entries, in a stable order.
        """
        known = self._known.pop(key, None)
        if known is None:
            return self.load([key]).get(key, [])
        entries: list[dict[str, Any]] = []
        for plan in known:
            rows = [row for row in plan.rows or () if row[0] in plan.coming]
            for chunk in chunks(list(plan.came)):
                some = self._run(plan.link, select_everyone, chunk, near=key, some=True)
                rows += map(tuple, some)
                rows.sort(key=itemgetter(0))
            entries += entry_maker(plan.link)(rows)
        return entries

    def forget(self) -> None:
        """Forget what has been read of rows, which are locked no longer."""
        self._known.clear()

    def clear(self, link: Link, key: Any) -> dict[str, Any]:
        """Take away all references of a row.

        :param link: the relationship.
        :param key: the primary key of the row.
        :return: the ids that it referred to, each with the primary key of its row.
        """
        there = _ids(link, self._everyone(link, key))
        self._take_out(link, key, there)
        return {id: far for far, id in there.items()}

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

    def _plan(self, link: Link, key: Any, unknown: dict[Member, None], *, keeps: bool) -> _Plan:
        """Find out who is to be in over a link, let in whom one statement can, cross all off."""
        rows = None if keeps else self._everyone(link, key)
        there = None if rows is None else _ids(link, rows)
        coming = _among(link, there or {}, unknown)
        _cross_off(unknown, coming)
        came = self._let_in(link, key, _in_order(unknown))
        _cross_off(unknown, came)
        found, before = self._find_members(link, key, _in_order(unknown), stay=True)
        _cross_off(unknown, found)
        arriving = [far for far in found if far not in before]
        return _Plan(link, rows, there, coming | came | found, arriving, came)

    def _let_in(self, link: Link, key: Any, members: list[Member]) -> dict[Any, Member]:
        """Let in those who are there and not yet in, as far as one statement does; tell who did."""
        if self._asks_late or not (self.backend.tells_rows and is_plainly_filled(link)):
            return {}
        return self._move(link, key, members, let_in, dialect=self.backend.dialect)

    def _let_out(self, link: Link, key: Any, members: Iterable[Member]) -> list[str]:
        """Let some out who are there, and tell the ids of those who were in."""
        if self.backend.tells_rows and is_plain(link):
            return [id for id, _ in self._move(link, key, members, let_out).values()]
        _, leaving = self._find_members(link, key, members)
        return self._take_out(link, key, leaving)

    def _move(
        self, link: Link, key: Any, members: Iterable[Member], build: Callable[..., Any], **how: Any
    ) -> dict[Any, Member]:
        """Change pairs with some members by a statement that tells which of them it has changed."""
        fitting, codec = _fitting(link, members), link.target.id.codec
        moved: dict[Any, Member] = {}
        for chunk in chunks([raw for id in fitting if (raw := codec.parse(id)) is not None]):
            rows = self._run(link, build, chunk, near=key, **how)
            moved |= {far: fitting[codec.decode(far)] for (far,) in rows}
        return moved

    def _take_out(self, link: Link, key: Any, leaving: dict[Any, str]) -> list[str]:
        keys = list(leaving)
        self._spare(link, keys)
        for chunk in chunks(keys):
            self._run(link, delete_pairs, chunk, near=key)
        return list(leaving.values())

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

    def _everyone(self, link: Link, key: Any) -> list[tuple[Any, ...]]:
        """Read what the entries of all to whom a row refers are made of."""
        parts = self._run(link, select_everyone, [], near=key).partitions(PART)
        # A plain tuple of plain values costs the collector nothing, however many there are.
        return [tuple(row) for part in parts for row in part]

    def _put_in(self, link: Link, key: Any, arriving: list[Any]) -> None:
        self._spare(link, arriving)
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

    def _present(self, link: Link, key: Any, keys: list[Any]) -> set[Any]:
        found: set[Any] = set()
        for chunk in chunks(keys):
            rows = self._run(link, select_present, chunk, near=key)
            found |= {far for (far,) in rows}
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


@dataclass(slots=True)
class _Plan:
    """What is to become of the references of a row over one link.

    :param link: the link.
    :param rows: what is known of all to which it refers; ``None`` where others stay.
    :param there: the ids of these, by primary key.
    :param coming: who is to be in, by primary key.
    :param arriving: those of them who are not in yet.
    :param came: those who were not in before, and are now.
    """

    link: Link
    rows: list[tuple[Any, ...]] | None
    there: dict[Any, str] | None
    coming: dict[Any, Member]
    arriving: list[Any]
    came: dict[Any, Member]

    @property
    def leaving(self) -> dict[Any, str]:
        """Those who are in and are not to be, with their ids."""
        there = self.there or {}
        return {far: id for far, id in there.items() if far not in self.coming}

    @property
    def is_known(self) -> bool:
        """Whether it is known to whom the row refers now, and in which order these are read."""
        return self.rows is not None and all(isinstance(far, int) for far in self.came)


def _ids(link: Link, rows: Iterable[Any]) -> dict[Any, str]:
    """The ids among rows of :func:`select_everyone`, by primary key."""
    decode = link.target.id.codec.decode
    return {row[0]: decode(row[1]) for row in rows}


def _in_order(members: Iterable[Member]) -> list[Member]:
    """Members in the order in which all changes look them up."""
    return sorted(members, key=itemgetter(0))


def _fitting(link: Link, members: Iterable[Member]) -> dict[str, Member]:
    """Those members that a link can lead to, by their ids; a change spells kinds as links do."""
    kinds = (None, link.kind)
    return {member[0]: member for member in members if member[1] in kinds}


def _among(link: Link, there: dict[Any, str], members: dict[Member, None]) -> dict[Any, Member]:
    """Those members who are there already, by primary key: nobody has to be looked up for them."""
    found: dict[Any, Member] = {}
    for kind in {kind for _, kind in members}.intersection((None, link.kind)):
        found |= {far: each for far, id in there.items() if (each := (id, kind)) in members}
    return found


def _cross_off(unknown: dict[Member, None], found: dict[Any, Member]) -> None:
    for member in found.values():
        unknown.pop(member, None)
