"""Apps whose people have roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.client import ScimClient
from tests.roles.staff import Staff


@pytest.fixture(scope="module")
def employed(elsewhere: str) -> Iterator[Staff]:
    """An app whose roles are rows of their own, for all tests of a module."""
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
    yield staff
    staff.let_go()


@pytest.fixture
def staff(employed: Staff) -> Staff:
    """An app whose roles are rows of their own; nobody but the app makes an owner."""
    employed.furnish()
    return employed


@pytest.fixture
def make_staff(elsewhere: str) -> Iterator[Callable[..., Staff]]:
    """Makes an app with the roles that it is given, in place of that of ``staff``."""
    made: list[Staff] = []

    def make(roles: Any, mapping: Any = None, *, nested: bool = True, **config: Any) -> Staff:
        staff = Staff(elsewhere)
        staff.app.config.update(config)
        made.append(staff.declare(roles, mapping(staff) if mapping else None, nested=nested))
        staff.furnish()
        return staff

    yield make
    for staff in made:
        staff.let_go()


@pytest.fixture
def acme(staff: Staff) -> ScimClient:
    """The identity provider of acme."""
    return staff.connect()
