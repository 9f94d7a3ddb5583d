"""The last administrator of a customer's account stays, whoever asks and however many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client import ScimClient
from tests.host import Host

OFF = {"op": "replace", "path": "active", "value": False}
LAST = (
    "User '{}' is the last administrator of this customer's account in the application; make "
    "somebody else one there first. Nothing was changed."
)


@pytest.fixture
def app(build: Callable[..., Host]) -> Host:
    """An app whose administrators have the title Boss."""
    host = build()
    model = host.User

    @host.scim.admins
    def select_admins(connection: Any) -> Any:
        boss = model.profile["title"].as_string() == "Boss"
        return sa.select(model).where(
            model.tenant_id == int(connection.tenant), boss, model.blocked.is_(False)
        )

    return host


@pytest.fixture
def acme(app: Host) -> ScimClient:
    """The identity provider of one customer."""
    return app.connect("acme", tenant="1")


def test_the_last_one_stays(app: Host, acme: ScimClient) -> None:
    """Everybody else can go, administrators too, but the last; one of another customer's does not
    count."""
    app.connect("globex", tenant="2").create("eve", title="Boss")
    ann, bob = (acme.create(name, title="Boss")["id"] for name in ("ann", "bob"))
    cyd = acme.create("cyd", title="Clerk")["id"]
    assert acme.patch(f"/Users/{ann}", OFF).status_code == 200
    assert acme.patch(f"/Users/{cyd}", OFF).status_code == 200
    before = acme.get(f"/Users/{bob}").json
    for refused in (
        acme.patch(f"/Users/{bob}", {"op": "add", "path": "title", "value": "Clerk"}, OFF),
        acme.put(f"/Users/{bob}", before | {"active": "False"}),
        acme.delete(f"/Users/{bob}"),
    ):
        assert (refused.status_code, refused.json["detail"]) == (403, LAST.format(bob))
    assert acme.get(f"/Users/{bob}").json == before
    assert acme.delete(f"/Users/{ann}").status_code == 204
    dan = acme.create("dan", title="Boss")["id"]
    assert acme.delete(f"/Users/{bob}").status_code == 204
    assert acme.delete(f"/Users/{dan}").status_code == 403


def test_one_of_a_bulk_request_is_refused(acme: ScimClient) -> None:
    """Operations that take away all administrators leave the last one there."""
    ids = [acme.create(name, title="Boss")["id"] for name in ("ann", "bob", "cyd")]
    bulk = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "DELETE", "path": f"/Users/{id}"} for id in ids],
    }
    answers = acme.post("/Bulk", bulk).json["Operations"]
    assert [answer["status"] for answer in answers] == ["204", "204", "403"]


@pytest.mark.parametrize("connections", [1, 2])
def test_the_last_two_at_once(app: Host, acme: ScimClient, connections: int) -> None:
    """Of two requests at the same moment one is refused, also by two identity providers."""
    others = [acme] * (2 - connections) + [
        app.connect(f"acme-{number}", tenant="1") for number in range(1, connections)
    ]
    clients = [ScimClient(app.app.test_client(), each.base, each.token) for each in (acme, *others)]
    ids = [client.create(f"boss-{i}", title="Boss")["id"] for i, client in enumerate(clients)]
    select = app.scim._wiring.admins
    assert select is not None
    both = threading.Barrier(2)

    def select_together(connection: Any) -> Any:
        # Each has locked its own row by now; where only one can write, it does not wait long.
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        return select(connection)

    app.scim.admins(select_together)

    def send(number: int) -> int:
        return clients[number].patch(f"/Users/{ids[number]}", OFF).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, range(2))) == [200, 403]
    with app.app.app_context():
        assert len(app.db.session.scalars(select(app.scim.connections.get("acme"))).all()) == 1


def test_what_is_no_list_of_administrators(
    app: Host, acme: ScimClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A function that answers with anything else is told so, and nothing is changed."""
    ann = acme.create("ann", title="Boss")["id"]
    app.scim.admins(lambda _: sa.select(app.User.id))
    assert acme.patch(f"/Users/{ann}", OFF).status_code == 500
    assert acme.get(f"/Users/{ann}").json["active"] is True
    assert "scim.admins must return select(User).where(…)" in caplog.text
