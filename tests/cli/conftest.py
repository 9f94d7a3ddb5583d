"""What the tests of commands begin with."""

from __future__ import annotations

import pytest

from tests.cli.console import succeed
from tests.host import Host


@pytest.fixture
def acme(host: Host) -> Host:
    """The app with the connection ``acme``."""
    succeed(host, "connections", "add", "acme", "--tenant", "1")
    return host
