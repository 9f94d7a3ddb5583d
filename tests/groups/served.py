"""The host of the tests as a module that a web server of several processes can load."""

from __future__ import annotations

import os

from sqlalchemy.pool import NullPool

from tests.host import make_host

host = make_host(
    os.environ["EXAMPLE_DATABASE_URL"],
    SQLALCHEMY_ENGINE_OPTIONS={"poolclass": NullPool},
)
app = host.app
