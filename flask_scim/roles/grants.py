"""Who has which role and where from, so that nobody takes away what somebody else has given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..store.columns.holders.holder import Holder
from ..store.columns.relations import chunks
from ..store.sql.backends import Sql
from .rules import Rules

#: Which of two grants decides where a person can have one role: the lower number.
FIRST, LAST, DEFAULT = 0, 10_000, 100


class Origin(StrEnum):
    """Who has given a role."""

    #: An identity provider, by a group or by the attribute ``roles``.
    SCIM = "scim"
    #: A sign-in, by what it said of the person.
    LOGIN = "login"
    #: The app itself.
    MANUAL = "manual"


_RANKS: dict[Origin, int] = {Origin.SCIM: 0, Origin.LOGIN: 1, Origin.MANUAL: 2}


@dataclass(frozen=True, slots=True)
class Grant:
    """One reason why somebody has a role.

    :param row: the primary key of the person.
    :param role: the role.
    :param origin: who has given it.
    :param connection_id: whose connection it came by; ``None`` for what the app has given.
    :param group: the primary key of the group that stands for it; ``None`` for no group.
    :param precedence: where a person can have one role, the lowest decides.
    :param id: the key of the grant itself; ``None`` if it is not written yet.
    """

    row: Any
    role: str
    origin: Origin
    connection_id: str | None = None
    group: Any = None
    precedence: int = DEFAULT
    id: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Stake:
    """The grants that somebody decides about, and no others.

    :param origin: who has given them.
    :param connection_id: whose connection they came by.
    :param groups: the primary keys of the groups that stand for them, ``None`` for no group;
        nothing for whatever group, and for none.
    """

    origin: Origin
    connection_id: str | None
    groups: frozenset[Any] | None = frozenset({None})

    def holds(self, grant: Grant) -> bool:
        """Tell whether a grant is one of them."""
        return (
            grant.origin == self.origin
            and grant.connection_id == self.connection_id
            and (self.groups is None or grant.group in self.groups)
        )


@dataclass(slots=True)
class Shift:
    """What really changed: who has got a role and who has lost one, and by which groups.

    :param gained: by person and role, the primary keys of the groups.
    :param lost: likewise.
    """

    gained: dict[tuple[Any, str], frozenset[Any]] = field(default_factory=dict)
    lost: dict[tuple[Any, str], frozenset[Any]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost)

    def add(self, other: Shift) -> None:
        """Add what else has changed."""
        self.gained |= other.gained
        self.lost |= other.lost

    @property
    def rows(self) -> list[Any]:
        """The primary keys of all whom it concerns."""
        return list(dict.fromkeys(row for row, _ in (*self.gained, *self.lost)))


#: Takes the primary key of a person and the grants at stake that they have, and returns those that
#: they are to have.
Wish = Callable[[Any, set[Grant]], set[Grant]]


@dataclass(frozen=True, slots=True)
class _Draft:
    """What has to be written for some people."""

    repair: bool
    new: list[Grant] = field(default_factory=list)
    old: list[Grant] = field(default_factory=list)
    shift: Shift = field(default_factory=Shift)


class Grants:
    """The grants of an app.

    :param session: the host's session.
    :param table: our table of them.
    :param holder: where the app keeps roles.
    :param rules: what it says of them.
    """

    def __init__(self, session: Session, table: sa.Table, holder: Holder, rules: Rules) -> None:
        self._rules = rules
        self._session = session
        self._table = table
        self._holder = holder

    def rows_at(self, stake: Stake) -> set[Any]:
        """List who has grants that are at stake.

        :param stake: the grants.
        :return: the primary keys of the people.
        """
        columns = self._table.c
        statement = sa.select(columns.row_id).where(*self._at(stake)).distinct()
        return set(self._session.scalars(statement))

    def groups_of(self, connection_id: str) -> set[Any]:
        """List the groups by which a connection has given roles.

        :param connection_id: the connection.
        :return: their primary keys.
        """
        columns = self._table.c
        statement = sa.select(columns.group_id).distinct()
        statement = statement.where(
            columns.connection_id == connection_id, columns.group_id.is_not(None)
        )
        return set(self._session.scalars(statement))

    def decide(
        self,
        stake: Stake,
        wish: Wish,
        rows: Iterable[Any],
        *,
        known: Mapping[str, Any] | None = None,
        repair: bool = False,
        dry_run: bool = False,
    ) -> Shift:
        """Let the grants at stake be those that are wanted, and the app's own roles follow.

        :param stake: the grants that are decided about.
        :param wish: takes the primary key of a person and the grants at stake that they have, and
            returns those that they are to have.
        :param rows: the primary keys of the people.
        :param known: what :meth:`~flask_scim.store.columns.holders.holder.Holder.known` has found.
        :param repair: whether to give again what was given and the app has taken since.
        :param dry_run: whether to write nothing.
        :return: who has really got a role, and who has lost one.
        """
        shift = Shift()
        for chunk in chunks(sorted(set(rows))):
            if not dry_run:
                self._lock(chunk)
            draft = self._draft(stake, wish, chunk, repair=repair, is_locked=not dry_run)
            if not dry_run:
                self._write(draft, known)
            shift.add(draft.shift)
        return shift

    def held_by(self, rows: list[Any], *, is_locked: bool = False) -> dict[Any, list[Grant]]:
        """Read the grants of some people.

        :param rows: the primary keys of the people.
        :param is_locked: whether to keep others from changing them.
        :return: the grants of each person who has any.
        """
        columns = self._table.c
        found: dict[Any, list[Grant]] = {}
        for chunk in chunks(rows):
            statement = sa.select(self._table).where(columns.row_id.in_(chunk))
            if is_locked:
                statement = statement.with_for_update()
            for each in self._session.execute(statement.order_by(columns.id)).mappings():
                found.setdefault(each["row_id"], []).append(read_grant(each))
        return found

    def _at(self, stake: Stake) -> Iterator[Sql]:
        columns = self._table.c
        yield columns.origin == stake.origin.value
        yield columns.connection_id == stake.connection_id
        if stake.groups == frozenset({None}):
            yield columns.group_id.is_(None)
        elif stake.groups is not None:
            yield columns.group_id.in_(list(stake.groups))

    def _lock(self, rows: list[Any]) -> None:
        """Let two changes to the roles of one person come one after the other."""
        key = self._holder.key
        statement = sa.select(key).where(key.in_(rows)).order_by(key).with_for_update()
        self._session.execute(statement).all()

    def _draft(
        self, stake: Stake, wish: Wish, rows: list[Any], *, repair: bool, is_locked: bool
    ) -> _Draft:
        draft = _Draft(repair)
        held = self.held_by(rows, is_locked=is_locked)
        names = self._holder.read(self._session, rows)
        for row in rows:
            grants, has = held.get(row, []), set(names.get(row, ()))
            if self._holder.is_single:
                self._decide_one(draft, stake, wish, row, grants, has)
            else:
                _decide_many(draft, stake, wish, row, grants, has)
        return draft

    def _decide_one(
        self,
        draft: _Draft,
        stake: Stake,
        wish: Wish,
        row: Any,
        held: list[Grant],
        has: set[str],
    ) -> None:
        """Decide about the role of a person who can have one."""
        now = next(iter(has), None)
        decided = min(held, key=self._rank, default=None)
        own = {grant for grant in held if grant.origin is Origin.MANUAL}
        given = set(held) - own
        if decided is None or decided.role != now:
            # The app has chosen since; what it had chosen before is forgotten.
            own = set() if now is None else {Grant(row, now, Origin.MANUAL)}
        at_stake = {grant for grant in (*given, *own) if stake.holds(grant)}
        wanted = wish(row, at_stake)
        if wanted == at_stake and not draft.repair:
            return
        if stake.origin is Origin.MANUAL:
            # The newest choice of the app is its only one.
            own = (wanted - at_stake) or wanted
        else:
            given = (given - at_stake) | wanted
        first = min(given | own, key=self._rank, default=None)
        will_be = None if first is None else first.role
        _note(draft, held, given | own if given else set())
        if will_be == now:
            return
        by = _groups(at_stake ^ wanted)
        if now is not None:
            draft.shift.lost[row, now] = by
        if will_be is not None:
            draft.shift.gained[row, will_be] = by

    def _rank(self, grant: Grant) -> tuple[int, int, str]:
        """Where a person can have one role, that of the least rank."""
        if grant.origin is Origin.MANUAL and not self._rules.may_give(grant.role):
            # Who may not give a role may not take it away either.
            return -1, grant.precedence, grant.role
        return _RANKS[grant.origin], grant.precedence, grant.role

    def _write(self, draft: _Draft, known: Mapping[str, Any] | None) -> None:
        columns, now = self._table.c, datetime.now(UTC)
        for ids in chunks([grant.id for grant in draft.old if grant.id is not None]):
            self._session.execute(self._table.delete().where(columns.id.in_(ids)))
        for some in chunks(draft.new):
            values = [_columns(grant) | {"created": now} for grant in some]
            self._session.execute(self._table.insert(), values)
        if self._holder.is_single:
            changed = {row for row, _ in draft.shift.gained}
            lost = [pair for pair in draft.shift.lost if pair[0] not in changed]
        else:
            lost = list(draft.shift.lost)
        if lost:
            self._holder.remove(self._session, lost)
        if draft.shift.gained:
            self._holder.add(self._session, list(draft.shift.gained), known)


def read_grant(row: Any) -> Grant:
    """Read a grant from a row of its table.

    :param row: the columns by name.
    :return: the grant.
    """
    return Grant(
        row["row_id"],
        row["role"],
        Origin(row["origin"]),
        row["connection_id"],
        row["group_id"],
        row["precedence"],
        row["id"],
    )


def _decide_many(
    draft: _Draft, stake: Stake, wish: Wish, row: Any, held: list[Grant], has: set[str]
) -> None:
    """Decide about the roles of a person who can have many."""
    noted = {grant.role for grant in held}
    # What nobody has noted is the app's own, and what it has taken back it has not given.
    own = {Grant(row, role, Origin.MANUAL) for role in has - noted}
    own |= {grant for grant in held if grant.origin is Origin.MANUAL and grant.role in has}
    given = {grant for grant in held if grant.origin is not Origin.MANUAL}
    before = given | own
    at_stake = {grant for grant in before if stake.holds(grant)}
    wanted = wish(row, at_stake)
    new, old = wanted - at_stake, at_stake - wanted
    after = (before - old) | new
    giving = wanted if draft.repair else new
    for role in sorted({grant.role for grant in giving | old}):
        left = {grant for grant in after if grant.role == role}
        # What is the app's alone needs no note.
        is_shared = any(grant.origin is not Origin.MANUAL for grant in left)
        of_role = [grant for grant in held if grant.role == role]
        _note(draft, of_role, left if is_shared else set())
        by = _groups(grant for grant in giving | old if grant.role == role)
        if role not in has and any(grant.role == role for grant in giving):
            draft.shift.gained[row, role] = by
        elif role in has and not left:
            draft.shift.lost[row, role] = by


def _note(draft: _Draft, held: Iterable[Grant], left: set[Grant]) -> None:
    """Let what is written be what is left."""
    held = list(held)
    draft.new.extend(grant for grant in left if grant not in held)
    draft.old.extend(grant for grant in held if grant not in left)


def _groups(grants: Iterable[Grant]) -> frozenset[Any]:
    return frozenset(grant.group for grant in grants) - {None}


def _columns(grant: Grant) -> dict[str, Any]:
    return {
        "row_id": grant.row,
        "role": grant.role,
        "origin": grant.origin.value,
        "connection_id": grant.connection_id,
        "group_id": grant.group,
        "precedence": grant.precedence,
    }
