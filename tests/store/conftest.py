"""More apps on the same tables, and stores to speak to without HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from flask_scim.protocol.definitions import USER_TYPE
from flask_scim.protocol.dialects import GENERIC
from flask_scim.provisioning.ports import Connection, Store
from tests.host import Host


@pytest.fixture
def opened(host: Host) -> Iterator[Callable[..., Store]]:
    """Opens the store of a connection, in an app context of its own that stays open."""
    with ExitStack() as stack:

        def open(name: str = "acme", tenant: str | None = "1", of: Host = host) -> Store:
            stack.enter_context(of.app.app_context())
            connection = of.scim.connections.get(name)
            return store_of(of, connection or of.scim.connections.add(name, tenant=tenant))

        yield open


@pytest.fixture
def store(opened: Callable[..., Store]) -> Store:
    """The users of the connection ``acme`` of tenant 1."""
    return opened()


def store_of(host: Host, connection: Connection) -> Store:
    """The users of a connection, in the current app context."""
    return host.scim._wiring.service(connection, USER_TYPE, USER_TYPE, GENERIC).store
