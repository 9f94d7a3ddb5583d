"""``flask scim events``, ``destinations`` and ``deliver``: what they print, do and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from flask_scim.delivery.tokens import make_key
from tests.cli.console import cells, read, run, succeed
from tests.client import ScimClient
from tests.delivery.outgoing import SETTINGS
from tests.delivery.receivers import answer, receiving
from tests.host import Host
from tests.web.bulks import BULK, user


@pytest.fixture
def app(share: Callable[..., Host]) -> Host:
    """An app whose receivers may be on this machine."""
    return share(**SETTINGS)


@pytest.fixture
def client(app: Host) -> ScimClient:
    """A client of ``acme``."""
    return app.connect("acme", tenant="1")


def test_from_nothing_to_a_delivery(app: Host, client: ScimClient) -> None:
    """A destination is added, tested, told, and removed."""
    with receiving(answer(200, b"thanks")) as receiver:
        id, secret = succeed(app, "destinations", "add", receiver.url, "--quiet").split()
        assert secret.startswith("whsec_")
        tested = succeed(app, "destinations", "test", id)
        assert tested == "The event has arrived: 200 OK thanks\n"
        client.create("ann")
        assert read(app, "deliver", "--once") == {"delivered": 1, "failed": 0, "carried_out": 0}
        shown = read(app, "destinations", "show", id)
        assert shown["undelivered"] == {"new": 0, "waiting": 0, "dead": 0}
        assert secret not in json.dumps(shown)
        (header, row) = cells(succeed(app, "destinations", "list"))
        assert header[0] == "DESTINATION"
        assert row[:4] == [id, "active", "webhook", "all"]
        rotated = read(app, "destinations", "rotate", id)
        assert rotated["secret"] != secret
        assert read(app, "destinations", "disable", id)["state"] == "disabled"
        assert read(app, "destinations", "enable", id)["state"] == "active"
        edited = read(app, "destinations", "edit", id, "--type", "group.*")
        assert edited["types"] == ["group.*"]
        assert run(app, "destinations", "remove", id, typed="n\n").exit_code == 1
        succeed(app, "destinations", "remove", id, "--yes")
    assert succeed(app, "destinations", "list") == "There are no destinations.\n"


def test_pruning(app: Host, client: ScimClient) -> None:
    """What is old is deleted, if anything is to be deleted."""
    assert succeed(app, "events", "prune") == "Deleted 0 events.\n"
    client.create("ann")
    tables = app.scim._wiring.tables
    with app.app.app_context():
        long_ago = datetime.now(UTC) - timedelta(days=100)
        of_ann = tables.events.c.type == "user.created"
        app.db.session.execute(tables.events.update().where(of_ann).values(time=long_ago))
        app.db.session.commit()
    assert succeed(app, "events", "prune", "--days", "0") == "Deleted 0 events.\n"
    assert succeed(app, "events", "prune", "--days", "101", "--dead") == "Deleted 0 events.\n"
    assert succeed(app, "events", "prune") == "Deleted 1 event.\n"


def test_requests_that_nobody_carries_out(build: Callable[..., Host]) -> None:
    """A check tells of them, and what has waited for a day is refused even without a worker."""
    app = build(SCIM_EVENTS_KEYS=make_key(), SCIM_EVENTS_ISSUER="us", SCIM_MAX_WAITING_BULKS=9)
    client = app.connect("acme", tenant="1")
    body = {"schemas": [BULK], "Operations": [user("ann")]}
    sent = client.request("POST", "/Bulk", body, headers={"Prefer": "respond-async"})
    assert sent.status_code == 202
    table = app.scim._wiring.tables.deferred

    def wait(**time: float) -> None:
        with app.app.app_context():
            then = datetime.now(UTC) - timedelta(**time)
            app.db.session.execute(table.update().values(created=then))
            app.db.session.commit()

    checked = run(app, "check")
    assert "see to it that flask scim deliver always runs" in checked.stderr
    assert "nobody carries them out" not in checked.stderr
    wait(minutes=6)
    checked = run(app, "check")
    assert checked.exit_code == 1
    assert "nobody carries them out" in checked.stderr
    with app.app.app_context():
        app.scim.connections.pause("acme")
    assert succeed(app, "events", "prune") == "Deleted 0 events.\n"
    wait(hours=25)
    text = "Deleted 0 events.\nBulk requests refused that had waited for too long: 1.\n"
    assert succeed(app, "events", "prune") == text
    (event,) = read(app, "events", "list", "acme", "--type", "request.completed")
    assert event["details"]["operation"]["status"] == "503"
    assert read(app, "deliver", "--once")["carried_out"] == 0


def test_events_and_redelivery(app: Host, client: ScimClient) -> None:
    """What was given up is listed, and delivered once more."""
    app.app.extensions["scim"].delivery.settings.__dict__["retries"] = ()
    with receiving(answer(400)) as receiver:
        id, _ = succeed(app, "destinations", "add", receiver.url, "--quiet").split()
        client.create("ann")
        assert read(app, "deliver", "--once") == {"delivered": 0, "failed": 1, "carried_out": 0}
        (dead,) = read(app, "events", "undelivered", id, "--dead")
        assert (dead["state"], dead["status"], dead["attempts"]) == ("dead", 400, 1)
        receiver.answer = answer(200)
        again = read(app, "events", "redeliver", "--destination", id, "--dead")
        assert again == {"events": 1, "delivered": 1, "failed": 0}
        one = read(app, "events", "redeliver", dead["event_id"])
        assert one == {"events": 1, "delivered": 1, "failed": 0}
        all = ("--destination", id, "--connection", "acme", "--after", str(dead["position"] - 1))
        assert read(app, "events", "redeliver", *all)["delivered"] == 1
        later = succeed(app, "events", "redeliver", dead["event_id"], "--later")
        assert later == "To be delivered again: 1.\n"
    shown = json.loads(succeed(app, "events", "show", dead["event_id"]))
    assert shown["object"]["userName"] == "ann"
    listed = read(app, "events", "list", "acme", "--type", "user.created")
    assert [event["id"] for event in listed] == [dead["event_id"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("destinations", "add", "ftp://x"), "https://"),
        (("destinations", "show", "0123456789abcdef"), "no destination"),
        (("destinations", "test", "x"), "no destination"),
        (("destinations", "edit", "x"), "Say what to change"),
        (("events", "show", "evt_x"), "no event"),
        (("events", "redeliver"), "Name one event"),
        (("events", "redeliver", "--dead"), "Name the --destination"),
        (("events", "redeliver", "--after", "1", "--destination", "x"), "together"),
        (("events", "undelivered", "x"), "no destination"),
    ],
)
def test_refusals(app: Host, words: tuple[str, ...], said: str) -> None:
    """What cannot be done is said, without a traceback."""
    result = run(app, *words)
    assert result.exit_code != 0
    assert said in result.stderr


def test_a_key(app: Host) -> None:
    """A key that is printed can be used."""
    key = json.loads(succeed(app, "events", "key"))
    assert {"kty", "crv", "x", "y", "d", "kid"} == set(key)
