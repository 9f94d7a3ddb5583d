"""An app for identity providers, which keeps what it has no column for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from example_app import create_app
from example_app.commands import fill_database
from example_app.database import db
from example_app.provisioning import scim
from tests.client import ScimClient
from tests.host import Host

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
def keeper(share: Callable[..., Host]) -> Host:
    """An app that maps little and keeps the rest, on the tables of ``host``."""
    return share(MAPPING)


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Flask]:
    """The example app with its sample accounts."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'app.db'}"}, tmp_path)
    with app.app_context():
        fill_database(reset=True)
    yield app
    with app.app_context():
        db.engine.dispose()


def connect_example(app: Flask, idp: str) -> ScimClient:
    """Connect an identity provider to the example app."""
    with app.app_context():
        scim.connections.add(idp, idp=idp)
        token, _ = scim.tokens.issue(idp)
    return ScimClient(app.test_client(), f"/scim/v2/{idp}", token)
