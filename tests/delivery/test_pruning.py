"""Old events are deleted, and nobody misses one without learning of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_scim.delivery import pruning
from tests.client import ScimClient
from tests.delivery.outgoing import Outgoing, told
from tests.delivery.receivers import answer, receiving


def grow_old(outgoing: Outgoing, days: float = 100) -> None:
    """Let all that has happened so far be of some days ago."""
    events = outgoing.tables.events
    with outgoing.host.app.app_context():
        past = datetime.now(UTC) - timedelta(days=days)
        outgoing.host.db.session.execute(events.update().values(time=past))
        outgoing.host.db.session.commit()


def prune(outgoing: Outgoing, days: int = 90, **options: Any) -> int:
    """Delete old events and count them."""
    with outgoing.host.app.app_context():
        return sum(outgoing.desk.pruning().run(days, **options))


@pytest.fixture
def reader(outgoing: Outgoing) -> ScimClient:
    """A client of ``acme`` that may read events."""
    with outgoing.host.app.app_context():
        token, _ = outgoing.host.scim.tokens.issue("acme", ["get:events"])
    return ScimClient(outgoing.host.app.test_client(), outgoing.scim.base, token)


def test_old_ones_go(outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is old goes, in batches, and the places of what comes later go on."""
    monkeypatch.setattr(pruning, "BATCH", 3)
    for number in range(5):
        outgoing.scim.create(f"old{number}")
    old = outgoing.count("events")
    grow_old(outgoing)
    outgoing.scim.create("new")
    assert prune(outgoing, 101) == 0
    assert prune(outgoing) == old
    assert prune(outgoing) == 0
    with outgoing.host.app.app_context():
        acme = outgoing.host.scim.connections.get("acme")
        assert acme is not None
        (kept,) = outgoing.host.scim.outbox.read(acme)
        assert (kept.type, kept.position) == ("user.created", old + 1)
        assert outgoing.host.scim.outbox.find_pruned("acme") == old


def test_what_destinations_have_not_come_to(outgoing: Outgoing) -> None:
    """An event stays until each destination that could be told of it is past it."""
    with receiving(answer(200)) as receiver:
        id = outgoing.add(receiver, connection_id="acme", types=["user.created"])
        outgoing.scim.create("ann")
        before = outgoing.count("events")
        grow_old(outgoing)
        # What was before it need not wait for it, and it may be enabled again.
        with outgoing.host.app.app_context():
            outgoing.host.scim.destinations.disable(id)
        pruned = prune(outgoing)
        assert outgoing.count("events") == before - pruned
        kept = outgoing.count("events", type="user.created")
        assert kept == 1
        with outgoing.host.app.app_context():
            outgoing.host.scim.destinations.enable(id)
        outgoing.deliver()
        assert told(receiver) == ["user.created"]
        prune(outgoing)
        assert outgoing.count("events", type="user.created") == 0


def test_what_is_tried_again_and_what_is_dead(outgoing: Outgoing) -> None:
    """What waits stays; what was given up stays until somebody says otherwise."""
    with receiving(answer(400)) as receiver:
        id = outgoing.add(receiver, types=["user.created"])
        outgoing.scim.create("ann")
        outgoing.scim.create("bob")
        outgoing.deliver()
        grow_old(outgoing)
        prune(outgoing)
        assert outgoing.count("events", type="user.created") == 2
        outgoing.pass_by(hours=1)
        outgoing.deliver(retries=())
        assert outgoing.count("deliveries", state="dead") == 2
        grow_old(outgoing)
        prune(outgoing)
        assert outgoing.count("events", type="user.created") == 2
        # They can be redelivered still.
        receiver.answer = answer(200)
        receiver.received.clear()
        with outgoing.host.app.app_context():
            backlog = outgoing.desk.backlog()
            (dead, _) = backlog.list(id, "dead")
            entry = backlog.find(dead.event_id)
            assert entry is not None
            backlog.redeliver(entry, outgoing.get(id))
        outgoing.deliver()
        assert told(receiver) == ["user.created"]
        prune(outgoing)
        assert outgoing.count("events", type="user.created") == 1
        prune(outgoing, dead=True)
        assert outgoing.count("events", type="user.created") == 0
        assert outgoing.count("deliveries") == 0


def test_whoever_pulls(outgoing: Outgoing, reader: ScimClient) -> None:
    """A place before what was deleted is 410; from the beginning on there is what is kept."""
    for name in "abc":
        outgoing.scim.create(name)
    last = reader.get("/events").json["next"]
    grow_old(outgoing)
    outgoing.scim.create("d")
    assert prune(outgoing) > 0
    for start in (1, last - 1):
        assert refusal_of(reader, start) == 410
        stream = {"Accept": "text/event-stream", "Last-Event-ID": str(start)}
        assert reader.request("GET", "/events", headers=stream).status_code == 410
    page = reader.get("/events", **{"from": last}).json
    assert [event["data"]["object"]["userName"] for event in page["events"]] == ["d"]
    assert reader.get("/events", **{"from": 0}).json == page
    assert reader.get("/events", **{"from": page["next"]}).json["events"] == []


def test_a_gap_behind_what_is_kept(outgoing: Outgoing, reader: ScimClient) -> None:
    """What was given up stays; who reads on from there is told of what is missing behind it."""
    with receiving(answer(400)) as receiver:
        outgoing.add(receiver, types=["user.created"])
        first = outgoing.scim.create("ann")
        outgoing.deliver(retries=())
        place = reader.get("/events").json["next"]
        outgoing.scim.patch(f"/Users/{first['id']}", {"op": "add", "value": {"title": "Dr"}})
        outgoing.deliver()
        grow_old(outgoing)
        outgoing.scim.patch(f"/Users/{first['id']}", {"op": "add", "value": {"title": "Prof"}})
        assert prune(outgoing) > 0
    assert refusal_of(reader, place - 1) == 410
    assert refusal_of(reader, place) == 410
    assert reader.get("/events", **{"from": place + 1}).status_code == 200


def refusal_of(reader: ScimClient, start: int) -> int:
    """The status of a page that is refused."""
    response = reader.get("/events", **{"from": start})
    assert response.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert "begin with 0" in response.json["detail"]
    return response.status_code
