"""An app with ways into it that are closed by revokers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.access.ways import Keys
from tests.client import ScimClient
from tests.host import Host


@pytest.fixture
def keys(build: Callable[..., Host]) -> Iterator[Keys]:
    """The revokers ``api_keys`` and ``tokens`` of an app that does not try again by itself."""
    keys = Keys(build(SCIM_REVOCATION_RETRY=False, SCIM_REVOKER_TIMEOUT=1))
    keys.add("api_keys", "tokens")
    with keys.listening():
        yield keys


@pytest.fixture
def acme(keys: Keys) -> ScimClient:
    """A client of a connection of that app."""
    return keys.host.connect("acme", tenant="1")
