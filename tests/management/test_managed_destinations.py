"""Destinations of events over the management API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client import ScimClient
from tests.delivery.outgoing import SETTINGS
from tests.delivery.receivers import answer, receiving
from tests.host import Host, make_host
from tests.management.admin import Admin, mount, problem

HOOK = "https://hooks.example.com/scim"


@pytest.fixture(scope="module")
def telling(hosted: Host, database: str) -> Iterator[tuple[Host, Admin]]:
    """An app whose receivers may be on this machine, for all tests of this module."""
    made = make_host(database, **SETTINGS)
    yield made, mount(made)
    with made.app.app_context():
        made.db.engine.dispose()


@pytest.fixture
def app(host: Host, telling: tuple[Host, Admin]) -> Host:
    """The same, without rows."""
    return telling[0]


@pytest.fixture
def admin(app: Host, telling: tuple[Host, Admin]) -> Admin:
    """An administrator of it."""
    return telling[1]


@pytest.fixture
def client(app: Host, admin: Admin) -> ScimClient:
    """A client of ``acme``."""
    return app.connect("acme", tenant="1")


def test_life(app: Host, admin: Admin, client: ScimClient) -> None:
    """A destination is added, tested, changed, rotated and removed; its secret is shown twice."""
    with receiving(answer(200)) as receiver:
        body = {"target": receiver.url, "connection_id": "acme", "types": ["user.*"]}
        added = admin.ask("POST", "/destinations", body, 201)
        assert added["secret"].startswith("whsec_")
        path = f"/destinations/{added['id']}"
        shown = admin.ask("GET", path)
        assert shown == {name: added[name] for name in shown}
        assert "secret" not in shown
        assert admin.ask("GET", "/destinations") == [shown]
        tested = admin.ask("POST", f"{path}/test")
        assert tested == {"arrived": True, "status": 200, "answer": "OK"}
        changed = admin.ask("PATCH", path, {"types": None, "state": "disabled"})
        assert (changed["types"], changed["state"]) == (None, "disabled")
        assert admin.ask("PATCH", path, {"state": "active"})["state"] == "active"
        assert admin.ask("POST", f"{path}/rotate", status=201)["secret"] != added["secret"]
        admin.ask("DELETE", path, status=204)
    assert problem(admin.request("GET", path))[0] == 404


def test_deliveries(app: Host, admin: Admin, client: ScimClient) -> None:
    """What was not delivered is listed by the page, and delivered once more."""
    with receiving(answer(400)) as receiver:
        added = admin.ask("POST", "/destinations", {"target": receiver.url}, 201)
        path = f"/destinations/{added['id']}"
        for name in ("ann", "bob", "cho"):
            client.create(name)
        with app.app.app_context():
            app.scim.deliverer().run(once=True)
        pages = admin.pages(f"{path}/deliveries", "deliveries", 2)
        assert [len(page) for page in pages] == [2, 1]
        assert pages[0][0]["status"] == 400
        receiver.answer = answer(200)
        event = {"event_id": pages[0][0]["event_id"]}
        admin.ask("POST", f"{path}/redeliver", event, 204)
        with app.app.app_context():
            assert app.scim.deliverer().run(once=True) == 1
        admin.ask("POST", f"{path}/redeliver", {}, 204)
    events = [
        event for page in admin.pages("/connections/acme/events", "events", 2) for event in page
    ]
    assert [event["data"]["position"] for event in events] == [*range(1, len(events) + 1)]
    assert pages[0][0]["event_id"] in {event["id"] for event in events}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/destinations", {}, 400),
        ("POST", "/destinations", {"target": "ftp://x"}, 400),
        ("POST", "/destinations", {"target": "https://x.example", "kind": "pigeon"}, 400),
        ("POST", "/destinations", {"target": "https://x.example", "secret": "mine"}, 400),
        ("POST", "/destinations", {"target": "https://x.example", "connection_id": "no"}, 400),
        ("GET", "/destinations/0123456789abcdef", None, 404),
        ("PATCH", "/destinations/x", {"state": "active"}, 404),
        ("DELETE", "/destinations/x", None, 404),
        ("POST", "/destinations/x/test", None, 404),
        ("POST", "/destinations/x/redeliver", {"event_id": "evt_x"}, 404),
        ("GET", "/destinations/x/deliveries", None, 404),
    ],
)
def test_refusals(admin: Admin, method: str, path: str, body: object, status: int) -> None:
    """What cannot be done is said in the API's own words."""
    assert problem(admin.request(method, path, body))[0] == status


def test_a_page_of_another_site(admin: Admin) -> None:
    """What does not say that it is JSON is refused, even where there is nothing to say."""
    path = f"/destinations/{admin.ask('POST', '/destinations', {'target': HOOK}, 201)['id']}"
    for what in ("rotate", "test", "redeliver"):
        sent = admin.request("POST", f"{path}/{what}", data="", content_type="text/plain")
        assert problem(sent)[0] == 415
