"""Apps whose people have roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client import ScimClient
from tests.roles.staff import ROLES, Staff


@pytest.fixture(scope="module")
def standing(elsewhere: str) -> list[Staff]:
    """The apps whose tables are to be there at the beginning of a test."""
    return []


@pytest.fixture(scope="module")
def employed(elsewhere: str, standing: list[Staff]) -> Iterator[Staff]:
    """An app whose roles are rows of their own; its rows stay from test to test."""
    staff = Staff(elsewhere).declare(
        lambda s: s.scim.roles(
            s.Person.roles,
            key=s.Role.slug,
            display=s.Role.title,
            tenant=s.Role.firm,
            never={"owner"},
            admin="admin",
        )
    )
    with staff.app.app_context():
        staff.db.create_all()
    standing.append(staff)
    yield staff
    _drop(staff)


@pytest.fixture
def staff(employed: Staff) -> Iterator[Staff]:
    """An app whose roles are rows of their own; nobody but the app makes an owner."""
    _fill(employed)
    yield employed
    with employed.app.app_context(), employed.db.engine.begin() as session:
        for table in reversed(employed.db.metadata.sorted_tables):
            # Empty tables cost a server much to empty.
            if session.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
                session.execute(table.delete())


@pytest.fixture
def make_staff(elsewhere: str, standing: list[Staff]) -> Iterator[Callable[..., Staff]]:
    """Makes an app with the roles that it is given, beside that of ``staff``."""
    made: list[Staff] = []

    def make(roles: Any, mapping: Any = None, *, nested: bool = True, **config: Any) -> Staff:
        staff = Staff(elsewhere)
        staff.app.config.update(config)
        made.append(staff.declare(roles, mapping(staff) if mapping else None, nested=nested))
        _drop(staff)
        with staff.app.app_context():
            staff.db.create_all()
        _fill(staff)
        return staff

    yield make
    for staff in made:
        _drop(staff)
    for staff in standing:
        with staff.app.app_context():
            staff.db.create_all()
            staff.db.engine.dispose()


@pytest.fixture
def acme(staff: Staff) -> ScimClient:
    """The identity provider of acme."""
    return staff.connect()


def _fill(staff: Staff) -> None:
    with staff.app.app_context():
        rows = (staff.Role(slug=slug, title=slug.capitalize()) for slug in ROLES)
        staff.db.session.add_all(rows)
        staff.db.session.commit()


def _drop(staff: Staff) -> None:
    with staff.app.app_context():
        staff.db.session.remove()
        # Another app may have had tables that this one does not know.
        there = sa.MetaData()
        there.reflect(staff.db.engine)
        there.drop_all(staff.db.engine)
        staff.db.engine.dispose()
