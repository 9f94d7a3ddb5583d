"""The roles that a person has, and where they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .book import RoleBook
from .grants import Grant, Origin, read_grant


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that a person has.

    :param role: the role.
    :param display: what people read; ``None`` for nothing else.
    :param origins: who has given it: ``scim``, ``login`` or ``manual``.
    :param groups: the SCIM ids of the groups that it came by.
    :param connections: the connections that it came by.
    """

    role: str
    display: str | None
    origins: frozenset[Origin]
    groups: frozenset[str]
    connections: frozenset[str]


def list_held(book: RoleBook, user: Any, *, take: int | None, after: str | None) -> list[HeldRole]:
    """List the roles of a person and where they come from, with one statement.

    :param book: the roles as they are kept.
    :param user: the person's row.
    :param take: the most to list; ``None`` for all.
    :param after: the role after which to begin.
    :return: the roles by name.
    """
    key, grants = book.users.key_of(user), book.tables.grants
    statement = book.holder.select(key)
    statement = statement.add_columns(*grants.c)
    joined = statement.outerjoin(grants, grants.c.row_id == book.holder.near)
    if book.groups is not None:
        groups = book.circle.groups
        joined = joined.outerjoin(groups.model, groups.key == grants.c.group_id)
        assert groups.id.column is not None
        joined = joined.add_columns(groups.id.column)
    names: dict[str, str | None] = {}
    reasons: dict[str, dict[Grant, Any]] = {}
    for held, display, *rest in book.session.execute(joined):
        names |= book.holder.decode(held, display)
        columns = dict(zip(grants.c.keys(), rest, strict=False))
        if columns["id"] is not None:
            grant = read_grant(columns)
            group = rest[len(grants.c)] if book.groups is not None else None
            reasons.setdefault(grant.role, {})[grant] = group
    found = [_held(book, name, names[name], reasons.get(name, {})) for name in sorted(names)]
    return list(islice((each for each in found if after is None or each.role > after), take))


def has_any(book: RoleBook, user: Any, roles: Iterable[str]) -> bool:
    """Tell whether a person has one of some roles, with one statement.

    :param book: the roles as they are kept.
    :param user: the person's row.
    :param roles: the roles, whoever has given them.
    :return: whether they do.
    """
    holder, names = book.holder, set[str]()
    for held, display in book.session.execute(holder.select(book.users.key_of(user))):
        names.update(holder.decode(held, display))
    return not names.isdisjoint(roles)


def _held(book: RoleBook, name: str, display: str | None, reasons: dict[Grant, Any]) -> HeldRole:
    codec = None if book.groups is None else book.circle.groups.id.codec
    groups = {codec.decode(raw) for raw in reasons.values() if codec and raw is not None}
    return HeldRole(
        name,
        display,
        frozenset(grant.origin for grant in reasons) or frozenset({Origin.MANUAL}),
        frozenset(groups),
        frozenset(grant.connection_id for grant in reasons if grant.connection_id),
    )
