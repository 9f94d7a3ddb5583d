"""An app for identity providers, which keeps what it has no column for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host import Host, make_host

#: Test suites of providers, which lie beside the repository and are not part of it. Where they are
#: missing, the tests that play them are not collected.
EXAMINERS = Path(__file__).parents[2].parent / "shared" / "examiners"
collect_ignore = [] if EXAMINERS.is_dir() else ["test_examiners.py"]

MAPPING = {
    "userName": "username",
    "name.givenName": "first_name",
    "name.familyName": "last_name",
    "emails": [{"type": "work", "primary": True, "value": "email"}],
    "active": "!blocked",
}


@pytest.fixture
def keeper(host: Host, database: str) -> Iterator[Host]:
    """An app that maps little and keeps the rest, on the tables of ``host``."""
    keeper = make_host(database, MAPPING)
    yield keeper
    with keeper.app.app_context():
        keeper.db.engine.dispose()
