"""An app with ways into it that are closed by revokers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.access.ways import Keys
from tests.client import ScimClient
from tests.host import Host, make_host


@pytest.fixture(scope="session")
def _keys(hosted: Host, database: str) -> Iterator[Keys]:
    host = make_host(database, SCIM_REVOCATION_RETRY=False, SCIM_REVOKER_TIMEOUT=1)
    keys = Keys(host)
    keys.add("api_keys", "tokens")
    yield keys
    with host.app.app_context():
        host.db.engine.dispose()


@pytest.fixture
def keys(host: Host, _keys: Keys) -> Iterator[Keys]:
    """The revokers ``api_keys`` and ``tokens`` of an app that does not try again by itself."""
    _keys.forget()
    with _keys.listening():
        yield _keys


@pytest.fixture
def acme(keys: Keys) -> ScimClient:
    """A client of a connection of that app."""
    return keys.host.connect("acme", tenant="1")
