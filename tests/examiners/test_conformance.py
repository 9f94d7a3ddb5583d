"""A conformance tester of SCIM at live servers: it asks what there is, and tries all of it."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from example_app import create_app
from example_app.commands import fill_database
from example_app.database import db
from example_app.provisioning import scim
from flask_scim import Type
from tests.client import ScimClient
from tests.examiners.everything import make_everything
from tests.examiners.workers import serve_workers
from tests.waiting import PATIENCE
from tests.web.live import serve

pytestmark = [
    pytest.mark.once("the requests are those that other tests send"),
    pytest.mark.one_database(
        "it tries answers; this one is strictest with what it is sent", on="postgresql"
    ),
]


def check(origin: str, client: ScimClient) -> list[CheckResult]:
    """Let the tester check everything, and return what it has checked."""
    headers = {"Authorization": f"Bearer {client.token}"}
    with httpx2.Client(
        base_url=f"{origin}{client.base}", headers=headers, timeout=PATIENCE
    ) as http:
        return check_server(SyncSCIMClient(http))


def problems(results: list[CheckResult]) -> list[str]:
    """What was not a success, one line each; a check that was skipped is none."""
    return [
        f"{result.status.name}: {result.resource_type} {result.title}: {result.reason}"
        for result in results
        if result.status is not Status.SUCCESS
    ]


def test_the_example_app(vacant: str, tmp_path: Path) -> None:
    """The example app passes, behind the server that its page names."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": vacant}, tmp_path)
    with app.app_context():
        fill_database(reset=True)
        scim.connections.add("acme", tenant="acme")
        token, _ = scim.tokens.issue("acme")
    variables = {"EXAMPLE_DATABASE_URL": vacant, "EXAMPLE_INSTANCE_PATH": str(tmp_path)}
    try:
        with serve_workers("example_app:create_app()", variables, tmp_path) as origin:
            results = check(origin, ScimClient(app.test_client(), "/scim/v2/acme", token))
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    assert not problems(results), "\n".join(problems(results))
    assert len(results) >= 130


#: The tester sends any text for these in a schema that it does not know, or expects text back.
NOT_TESTED = (Type.DECIMAL, Type.DATETIME, Type.BINARY)


def test_every_attribute(elsewhere: str) -> None:
    """An app passes that has every attribute of the RFC, and more of its own."""
    with make_everything(elsewhere, *NOT_TESTED) as (app, client), serve(app) as server:
        results = check(f"http://127.0.0.1:{server.port}", client)
    assert not problems(results), "\n".join(problems(results))
    assert {"User", "Group", "Device"} <= {result.resource_type for result in results}
    assert len([result for result in results if result.resource_type != "Device"]) >= 135
