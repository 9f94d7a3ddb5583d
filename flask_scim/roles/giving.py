"""Roles that are given to a person by name, and taken back, in the transaction in hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..provisioning.changes import Event
from ..provisioning.ports import Connection
from .book import RoleBook
from .grants import Grant, Origin, Stake, Wish


def give(
    book: RoleBook,
    user: Any,
    roles: Iterable[str],
    origin: Origin,
    connection: Connection | None,
) -> list[Event]:
    """Give a person roles.

    :param book: the roles as they are kept.
    :param user: the person's row.
    :param roles: the roles.
    :param origin: who gives them.
    :param connection: the connection that they come by; of the app's own none is needed.
    :return: what happened.
    :raises InvalidValue: if the app has no such role.
    :raises Forbidden: if it may not be given that way.
    """
    wanted, key = list(dict.fromkeys(roles)), book.users.key_of(user)
    stake = Stake(origin, connection.id if connection and origin != Origin.MANUAL else None)
    has = book.holder.read(book.session, [key]).get(key, {})
    book.check_given(connection, origin, [role for role in wanted if role not in has])

    def wish(row: Any, held: set[Grant]) -> set[Grant]:
        return held | {Grant(row, role, origin, stake.connection_id) for role in wanted}

    return _decide_now(book, connection, user, stake, wish)


def take_back(
    book: RoleBook,
    user: Any,
    roles: Iterable[str] | None,
    origin: Origin,
    connection: Connection | None,
) -> list[Event]:
    """Take back what was given to a person.

    :param book: the roles as they are kept.
    :param user: the person's row.
    :param roles: the roles; ``None`` for all.
    :param origin: who has given them.
    :param connection: the connection that they came by.
    :return: what happened.
    :raises Forbidden: if it would leave a customer without an administrator.
    """
    gone = None if roles is None else set(roles)
    stake = Stake(origin, connection.id if connection and origin != Origin.MANUAL else None)

    def wish(_row: Any, held: set[Grant]) -> set[Grant]:
        return {grant for grant in held if gone is not None and grant.role not in gone}

    return _decide_now(book, connection, user, stake, wish)


def _decide_now(
    book: RoleBook, connection: Connection | None, user: Any, stake: Stake, wish: Wish
) -> list[Event]:
    book.session.flush()
    tenant = connection.tenant if connection else None
    known = book.holder.known(book.session, tenant)
    key = book.users.key_of(user)
    shift = book.grants.decide(stake, wish, [key], known=known)
    book.session.expire(user)
    return [] if connection is None else book.tell(connection, shift, stake.origin)
