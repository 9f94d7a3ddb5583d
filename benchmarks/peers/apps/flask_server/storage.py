"""The store: columns for the attributes, and memberships changed by their difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from scim2_models import (
    Email,
    Group,
    GroupMember,
    InvalidFilterException,
    Meta,
    Name,
    NotFoundException,
    PreconditionFailedException,
    Reference,
    UniquenessException,
    User,
)
from scim2_models.path import CompareOperator, Comparison
from scim2_server.storage import ScimStorage, SearchPage
from sqlalchemy.exc import IntegrityError

from .models import Person, Team, members

_LOOK_UPS = {
    "username": lambda value: sa.func.lower(Person.username) == value.lower(),
    "externalid": lambda value: Person.external_id == value,
}


class SqlStorage(ScimStorage):
    """The store.

    :param session: the session of the request in hand.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    @contextmanager
    def operation(self) -> Iterator[None]:
        """Commit what one request has done."""
        try:
            yield
            self._session.commit()
        except BaseException:
            self._session.rollback()
            raise

    def get(
        self, resource_type: Any, resource_id: str, *, response_parameters: Any = None
    ) -> User[Any] | Group:
        """Return a resource."""
        row = self._find(resource_type, resource_id)
        if isinstance(row, Person):
            return _present_user(row)
        shown = self._session.execute(
            sa.select(Person.id, Person.username)
            .join(members, members.c.person_id == Person.id)
            .where(members.c.team_id == row.id)
        )
        return _present_group(row, shown)

    def search(
        self, resource_types: list[Any], search_request: Any, *, position: Any = None
    ) -> SearchPage:
        """Return a page of users."""
        conditions = []
        if search_request.filter is not None:
            node = search_request.filter.ast
            look_up = None
            if isinstance(node, Comparison) and node.op == CompareOperator.eq:
                look_up = _LOOK_UPS.get(str(node.attr_path).lower())
            if look_up is None:
                raise InvalidFilterException
            conditions = [look_up(node.value)]
        total = self._session.scalar(sa.select(sa.func.count(Person.id)).where(*conditions))
        rows = self._session.scalars(
            sa.select(Person)
            .where(*conditions)
            .order_by(Person.id)
            .offset(search_request.start_index_0 or 0)
            .limit(search_request.count)
        )
        return SearchPage(total, [_present_user(row) for row in rows])

    def create(self, resource_type: Any, resource: Any) -> User[Any] | Group:
        """Store a resource."""
        row: Person | Team = Person() if resource_type.name == "User" else Team()
        self._session.add(row)
        return self._save(row, resource)

    def update(
        self, resource_type: Any, resource: Any, *, expected_version: str | None = None
    ) -> User[Any] | Group:
        """Replace a resource."""
        row = self._find(resource_type, resource.id, locked=True)
        _check(row, expected_version)
        row.version += 1
        row.modified = datetime.now(UTC)
        return self._save(row, resource)

    def delete(
        self, resource_type: Any, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        """Delete a resource."""
        row = self._find(resource_type, resource_id, locked=True)
        _check(row, expected_version)
        self._session.delete(row)

    def _find(self, resource_type: Any, id: str, *, locked: bool = False) -> Any:
        model = Person if resource_type.name == "User" else Team
        row = self._session.get(model, int(id), with_for_update=True if locked else None)
        if row is None:
            raise NotFoundException
        return row

    def _save(self, row: Any, resource: Any) -> User[Any] | Group:
        row.external_id = resource.external_id
        if isinstance(row, Team):
            row.name = resource.display_name
            self._session.flush()
            self._set_members(row.id, {int(each.value) for each in resource.members or ()})
            shown = ((int(each.value), each.display) for each in resource.members or ())
            return _present_group(row, shown)
        name, emails = resource.name or Name(), resource.emails or []
        row.username = resource.user_name
        row.email = str(emails[0].value) if emails else None
        row.given_name, row.family_name = name.given_name, name.family_name
        row.active = resource.active is not False
        try:
            self._session.flush()
        except IntegrityError:
            raise UniquenessException from None
        return _present_user(row)

    def _set_members(self, id: int, wanted: set[int]) -> None:
        is_its = members.c.team_id == id
        there = set(self._session.scalars(sa.select(members.c.person_id).where(is_its)))
        if came := wanted - there:
            pairs = [{"team_id": id, "person_id": each} for each in came]
            self._session.execute(members.insert(), pairs)
        if went := there - wanted:
            self._session.execute(members.delete().where(is_its, members.c.person_id.in_(went)))


def _check(row: Any, expected: str | None) -> None:
    if expected is not None and expected != f'W/"{row.version}"':
        raise PreconditionFailedException


def _meta(kind: str, row: Any) -> Meta:
    version = f'W/"{row.version}"'
    return Meta(
        resource_type=kind, created=row.created, last_modified=row.modified, version=version
    )


def _present_user(row: Person) -> User[Any]:
    return User(
        id=str(row.id),
        external_id=row.external_id,
        user_name=row.username,
        name=Name(given_name=row.given_name, family_name=row.family_name),
        emails=[Email(value=row.email, primary=True)] if row.email else None,
        active=row.active,
        meta=_meta("User", row),
    )


def _present_group(row: Team, shown: Iterable[Any]) -> Group:
    return Group(
        id=str(row.id),
        external_id=row.external_id,
        display_name=row.name,
        members=[
            GroupMember(value=str(id), ref=Reference(f"Users/{id}"), type="User", display=name)
            for id, name in shown
        ],
        meta=_meta("Group", row),
    )
