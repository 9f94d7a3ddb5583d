"""Apps whose people belong to organisations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flask_scim.store.hooks import Hooks
from tests.host import empty, furnish
from tests.organisations.homes import House, make_house
from tests.organisations.memberships import Office, make_office


@pytest.fixture(scope="module")
def made_office(elsewhere: str) -> Iterator[Office]:
    """An app with memberships, for all tests of a module."""
    made = make_office(elsewhere)
    with made.app.app_context():
        furnish(made.db)
    yield made
    with made.app.app_context():
        made.db.session.remove()
        made.db.engine.dispose()


@pytest.fixture
def office(made_office: Office) -> Iterator[Office]:
    """An app with memberships, without rows and hooks."""
    yield made_office
    _reset(made_office)


@pytest.fixture(scope="module")
def made_house(elsewhere: str) -> Iterator[House]:
    """An app with a table of members, for all tests of a module."""
    made = make_house(elsewhere)
    with made.app.app_context():
        furnish(made.db)
    yield made
    with made.app.app_context():
        made.db.session.remove()
        made.db.engine.dispose()


@pytest.fixture
def house(made_house: House) -> Iterator[House]:
    """An app with a table of members beside the column of the organisation, without rows."""
    yield made_house
    _reset(made_house)


def _reset(made: Office | House) -> None:
    """Take away rows and hooks."""
    hooks: Hooks = made.users.hooks
    hooks.creator = hooks.deleter = hooks.finder = None
    with made.app.app_context():
        empty(made.db)
