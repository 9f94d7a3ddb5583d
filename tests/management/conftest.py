"""Apps with the management API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client import ScimClient
from tests.host import Host, make_host
from tests.management.admin import Admin, mount


@pytest.fixture(scope="session")
def mounted(hosted: Host, database: str) -> Iterator[tuple[Host, Admin]]:
    """An app on the tables of ``hosted``, with the management API, for the whole session."""
    made = make_host(database)
    yield made, mount(made)
    with made.app.app_context():
        made.db.engine.dispose()


@pytest.fixture
def managed(host: Host, mounted: tuple[Host, Admin]) -> Host:
    """An app with the management API, and no rows."""
    return mounted[0]


@pytest.fixture
def admin(managed: Host, mounted: tuple[Host, Admin]) -> Admin:
    """An administrator of it, who is let in."""
    return mounted[1]


@pytest.fixture
def acme(managed: Host) -> ScimClient:
    """The identity provider of the connection ``acme`` of tenant 1."""
    return managed.connect("acme", tenant="1")


@pytest.fixture
def other(managed: Host) -> ScimClient:
    """The identity provider of the connection ``other`` of tenant 2."""
    return managed.connect("other", tenant="2")
