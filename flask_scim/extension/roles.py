"""The roles of a host as it declares them, and as they stand in the current app."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..config import ConfigurationError
from ..mapping.sources import AnySource, Source, Values, read_source
from ..roles.admins import AdminSelect
from ..roles.book import RoleBook
from ..roles.membership import Circle
from ..roles.rules import Rules
from ..store.columns.binding import Binding
from ..store.columns.holders.holder import Holder
from ..store.columns.names import is_named
from ..store.references.links import Link
from ..store.sql.backends import Backend
from ..store.tables.roles import RoleTables
from .state import State


@dataclass(frozen=True, slots=True)
class DeclaredRoles:
    """The roles of a host as it declares them.

    :param source: the attribute of the model, or the way to it, where it keeps them.
    :param holder: how it keeps them.
    :param tables: our tables.
    :param rules: what it says of them.
    """

    source: tuple[str, ...]
    holder: Holder
    tables: RoleTables
    rules: Rules

    def shown_by(self, users: Binding) -> list[tuple[str, ...]]:
        """List the attributes whose entries are these roles.

        :param users: the resource type of people.
        :return: the paths of the attributes.
        """
        return [
            place.path.keys
            for place in users.places
            if is_named(place.codec) and _steps(place.source) == self.source
        ]


def read_rules(
    allowed: Iterable[str] | None,
    never: Iterable[str],
    admin: str | Iterable[str],
) -> Rules:
    """Read what a host says of its roles.

    :param allowed: the roles that identity providers may give; ``None`` for all.
    :param never: the roles that they may not give.
    :param admin: the role, or the roles, of which somebody has to have one.
    :return: the rules.
    :raises ConfigurationError: if they cannot be used.
    """
    if isinstance(allowed, str) or isinstance(never, str):
        raise ConfigurationError("allowed and never are sets of roles, as in never={'owner'}.")
    admins = frozenset([admin] if isinstance(admin, str) else admin)
    return Rules(None if allowed is None else frozenset(allowed), frozenset(never), admins)


def make_circle(state: State, session: Session, backend: Backend) -> Circle | None:
    """Find out who is in which group in an app.

    :param state: what belongs to the app.
    :param session: the host's session.
    :param backend: the database behind it.
    :return: the people and groups; ``None`` if people are in no groups.
    """
    users, groups = state.named("User"), state.named("Group")
    if users is None or groups is None:
        return None
    links = [link for link in state.layouts.own.links[users.resource_type] if link.name == "groups"]
    if not links:
        return None
    return Circle(session, backend, users, groups, links, _nested(state, groups))


def make_book(
    declared: DeclaredRoles,
    state: State,
    session: Session,
    backend: Backend,
    connections: sa.Table,
    admin_select: AdminSelect | None,
) -> RoleBook:
    """Open the roles of an app.

    :param declared: what its host declares.
    :param state: what belongs to the app.
    :param session: the host's session.
    :param backend: the database behind it.
    :param connections: our table of connections.
    :param admin_select: what the app says itself of who administers a customer's account.
    :return: the roles as they are kept.
    """
    users, settings = state.named("User"), state.settings
    assert users is not None
    rules = declared.rules
    return RoleBook(
        session,
        backend,
        declared.tables,
        declared.holder,
        Rules(
            rules.allowed,
            rules.never,
            rules.admin,
            settings.max_roles_per_group,
            settings.max_mapped_roles,
        ),
        users,
        make_circle(state, session, backend),
        connections,
        admin_select,
        is_shown=bool(declared.shown_by(users)),
    )


def _steps(source: AnySource) -> tuple[str, ...]:
    read = read_source(source.source) if isinstance(source, Values) else source
    return read.steps if isinstance(read, Source) else ()


def _nested(state: State, groups: Binding) -> Link | None:
    for link in state.layouts.own.links[groups.resource_type]:
        if link.is_nested and link.mirrors is None:
            return link
    return None
