"""Delivery: at least once, in the order of each subject, and nobody waits for others."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest
from standardwebhooks import Webhook

from flask_scim.delivery import selection
from flask_scim.delivery.claims import Lane
from flask_scim.delivery.lanes import LEASE
from flask_scim.delivery.outcomes import DONE
from flask_scim.delivery.settings import RETRIES
from tests.delivery.outgoing import Outgoing, positions, read, told
from tests.delivery.receivers import Received, answer, receiving, say_raw
from tests.waiting import PATIENCE

BATCH = 10


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few events are more than a worker takes at once."""
    monkeypatch.setattr(selection, "BATCH", BATCH)


def refuse(*subjects: str, status: int = 500) -> Any:
    """Refuse all that is about some subjects."""

    def say(handler: Any, received: Received) -> None:
        is_refused = read(received)["data"]["resource_id"] in subjects
        answer(status if is_refused else 200)(handler, received)

    return say


def test_everything_arrives(outgoing: Outgoing) -> None:
    """What happens from now on arrives once, signed so that the library verifies it."""
    outgoing.scim.create("before")
    with receiving(answer(200)) as receiver, outgoing.host.app.app_context():
        secret, destination = outgoing.host.scim.destinations.add(receiver.url)
        user = outgoing.scim.create("ann")
        outgoing.scim.patch(f"/Users/{user['id']}", {"op": "add", "value": {"title": "Dr"}})
        group = outgoing.scim.create_group("Crew", user["id"])
        outgoing.scim.delete(f"/Groups/{group['id']}")
        outgoing.deliver()
        assert outgoing.deliver() == 0
    # Subjects do not wait for each other.
    of_users = [type for type in told(receiver) if type.startswith("user.")]
    of_groups = [type for type in told(receiver) if type.startswith("group.")]
    assert of_users == ["user.created", "user.updated"]
    assert of_groups == ["group.created", "group.members_changed", "group.deleted"]
    ids = [received.headers["webhook-id"] for received in receiver.received]
    with outgoing.host.app.app_context():
        connection = outgoing.host.scim.connections.get("acme")
        assert connection is not None
        kept = {entry.id: entry for entry in outgoing.host.scim.outbox.read(connection)}
    assert secret is not None
    for received in receiver.received:
        Webhook(secret).verify(received.body, received.headers)
        assert kept[received.headers["webhook-id"]].type == read(received)["type"]
    assert len(set(ids)) == 5
    assert outgoing.get(destination.id).last_success is not None
    assert outgoing.count("deliveries") == 0


def test_a_batch_costs_the_same_however_large(here: Outgoing) -> None:
    """What a worker asks of the database does not grow with the events of a batch."""
    costs = []
    with receiving(answer(200)) as receiver:
        here.add(receiver, types=["user.created"])
        here.deliver()
        # The first one also notes that the destination is well, once a minute.
        for count in (1, 2, BATCH):
            for number in range(count):
                here.scim.create(f"user{count}-{number}")
            before = len(receiver.received)
            with here.host.app.app_context():
                (lane,) = [lane for lane, _ in here.lanes().find() if lane[1] == "acme"]
            with here.host.statements() as statements, here.host.app.app_context():
                lanes = here.lanes()
                claim = lanes.claim(lane)
                assert claim is not None
                attempts = {
                    job.entry.position: DONE
                    for chain in claim.batch.chains.values()
                    for job in chain
                }
                assert len(attempts) == count
                assert lanes.settle(claim, attempts) is not None
            costs.append(len(statements))
            assert len(receiver.received) == before
    assert costs[1] == costs[2] == 7, costs


def test_an_event_costs_one_row(here: Outgoing) -> None:
    """Many events that nobody wants, or that went out, leave one row for each connection."""
    with receiving(answer(200)) as receiver:
        here.add(receiver)
        here.add("https://hook.example", types=["group.*"])
        for number in range(BATCH + 10):
            here.scim.create(f"user{number}")
        assert here.deliver() == BATCH + 10
    assert len(receiver.received) == BATCH + 10
    assert (here.count("cursors"), here.count("deliveries")) == (2, 0)


def test_one_subject_does_not_hold_up_others(outgoing: Outgoing) -> None:
    """Of whom the receiver refuses an event, the later ones wait; all others arrive."""
    with receiving(answer(200)) as receiver:
        outgoing.add(receiver)
        bad, good = outgoing.scim.create("bad"), outgoing.scim.create("good")
        receiver.answer = refuse(bad["id"])
        for user in (bad, good, bad):
            for title in ("Dr", "Prof"):
                path = f"/Users/{user['id']}"
                outgoing.scim.patch(path, {"op": "add", "value": {"title": title}})
        outgoing.deliver()
        assert len(positions(receiver, bad["id"])) == 1
        assert len(positions(receiver, good["id"])) == 3
        assert outgoing.count("deliveries", state="waiting") == 5
        receiver.received.clear()
        receiver.answer = answer(200)
        assert outgoing.deliver() == 0  # it is not due yet
        outgoing.pass_by(minutes=1)
        outgoing.deliver()
    arrived = positions(receiver, bad["id"])
    assert len(arrived) == 5
    assert arrived == sorted(arrived)
    assert outgoing.count("deliveries") == 0


@pytest.mark.parametrize("status", [301, 400, 404, 500])
def test_given_up(here: Outgoing, status: int) -> None:
    """After the last attempt, days later, an event is given up, and the next one is told."""
    with receiving(answer(200)) as receiver:
        id = here.add(receiver)
        user = here.scim.create("ann")
        other = here.scim.create("bob")
        receiver.answer = refuse(user["id"], status=status)
        here.scim.patch(f"/Users/{user['id']}", {"op": "add", "value": {"title": "Dr"}})
        for attempt in range(len(RETRIES) + 1):
            # Something else keeps arriving, so that the receiver is not away.
            path = f"/Users/{other['id']}"
            here.scim.patch(path, {"op": "add", "value": {"title": str(attempt)}})
            here.deliver()
            here.pass_by(days=1.3)
        assert here.count("deliveries", state="dead") == 1
        assert len(positions(receiver, user["id"])) == 2
        with here.host.app.app_context():
            (given_up,) = here.desk.backlog().list(id, "dead")
            assert given_up.attempts == len(RETRIES) + 1 == 11
            assert given_up.status == status
            # All of it again, and this time it arrives.
            receiver.answer = answer(200)
            receiver.received.clear()
            assert here.desk.backlog().redeliver_dead(id) == 1
        here.deliver()
    assert positions(receiver, user["id"])[0] == given_up.position
    assert here.get(id).state == "active"
    assert here.count("deliveries") == 0


def test_a_destination_that_is_away(outgoing: Outgoing) -> None:
    """It is left alone after three failures, tried again now and then, and told all of it."""
    with receiving(answer(503)) as receiver:
        id = outgoing.add(receiver)
        users = [outgoing.scim.create(f"user{number}") for number in range(BATCH * 2)]
        outgoing.deliver()
        # Four were under way at once when the third had failed.
        assert 3 <= len(receiver.received) <= 6
        assert outgoing.count("deliveries") <= BATCH
        for _ in range(10):
            outgoing.pass_by(minutes=6)
            outgoing.deliver()
        assert outgoing.get(id).failures > 10
        assert len(receiver.received) < 40
        receiver.received.clear()
        receiver.answer = answer(200)
        outgoing.pass_by(minutes=6)
        outgoing.deliver()
    arrived = sorted(positions(receiver))
    assert arrived == [*range(arrived[0], arrived[0] + len(users))]
    assert outgoing.get(id).failures == 0
    assert outgoing.count("deliveries") == 0


def test_disabled_after_very_many_failures(here: Outgoing) -> None:
    """A destination that never answers is disabled, which a signal tells; nothing is lost."""
    with receiving(answer(500)) as receiver:
        id = here.add(receiver)
        for number in range(10):
            here.scim.create(f"user{number}")
        for _ in range(10):
            here.deliver(failures=5)
            here.pass_by(minutes=6)
        disabled = here.get(id)
        assert disabled.state == "disabled"
        assert here.disabled == [(id, disabled.reason)]
        assert disabled.reason is not None
        assert re.fullmatch(r"It could not be reached [5-8] times in a row\.", disabled.reason)
        receiver.received.clear()
        receiver.answer = answer(200)
        assert here.deliver() == 0
        with here.host.app.app_context():
            here.host.scim.destinations.enable(id)
        assert here.deliver() == 10
    assert len(positions(receiver)) == 10


def test_gone(here: Outgoing) -> None:
    """Who answers 410 is asked no more, and is told the same event if somebody enables it."""
    with receiving(answer(410)) as receiver:
        id = here.add(receiver)
        here.scim.create("ann")
        here.deliver()
        here.pass_by(days=9)
        here.deliver()
        assert len(receiver.received) == 1
        assert here.disabled[0][0] == id
        assert "410" in here.disabled[0][1]
        receiver.answer = answer(200)
        with here.host.app.app_context():
            here.host.scim.destinations.enable(id)
        assert here.deliver() == 1


def test_retry_after(here: Outgoing) -> None:
    """A receiver that asks for time gets it, for all that there is to tell."""
    with receiving(answer(429, Retry_After="600")) as receiver:
        here.add(receiver)
        for number in range(5):
            here.scim.create(f"user{number}")
        here.deliver()
        asked = len(receiver.received)
        here.pass_by(seconds=590)
        here.deliver()
        assert len(receiver.received) == asked <= 4
        receiver.answer = answer(200)
        here.pass_by(seconds=700)
        assert here.deliver() == 5


@pytest.mark.parametrize(
    "bad", [None, b"nonsense\r\n\r\n", b""], ids=["hang", "garbage", "nothing"]
)
def test_a_destination_that_is_down_slows_nobody(here: Outgoing, bad: bytes | None) -> None:
    """While one receiver hangs, another one is told everything."""
    all_told, hung = threading.Event(), []

    def fail(handler: Any, received: Received) -> None:
        if bad is None:
            hung.append(all_told.wait(PATIENCE / 10))
        say_raw(bad or b"")(handler, received)

    def note(handler: Any, received: Received) -> None:
        answer(200)(handler, received)
        if len(up.received) == 20:
            all_told.set()

    with receiving(fail) as down, receiving(note) as up:
        here.add(down)
        here.add(up)
        for number in range(20):
            here.scim.create(f"user{number}")
        here.deliver()
    assert len(up.received) == 20
    assert 1 <= len(down.received) <= 6
    assert all(hung)


def test_two_workers_at_one_lane(outgoing: Outgoing) -> None:
    """A lane that somebody has is nobody else's, until its holder gives no sign of life."""
    with receiving(answer(200)) as receiver:
        id = outgoing.add(receiver)
        outgoing.scim.create("ann")
        lane = Lane(id, "acme")
        with outgoing.host.app.app_context():
            lanes = outgoing.lanes()
            claim = lanes.claim(lane)
            assert claim is not None
            assert (lanes.find(), lanes.claim(lane)) == ([], None)
            outgoing.pass_by(seconds=LEASE.total_seconds() - 1)
            assert lanes.renew(claim)
            outgoing.pass_by(seconds=2)
            assert lanes.claim(lane) is None
            # It dies after it has sent, and before it has written that down.
            outgoing.pass_by(seconds=LEASE.total_seconds())
        assert outgoing.deliver() == 1
        with outgoing.host.app.app_context():
            lanes = outgoing.lanes()
            assert not lanes.renew(claim)
            (place,) = [
                job.entry.position for chain in claim.batch.chains.values() for job in chain
            ]
            assert lanes.settle(claim, {place: DONE}) is None
    assert len(receiver.received) == 1


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_jumps(here: Outgoing, days: int) -> None:
    """What a wrong clock has put off for years is told as soon as the clock is right."""
    with receiving(answer(500)) as receiver:
        here.add(receiver)
        user = here.scim.create("ann")
        here.pass_by(days=days)
        here.deliver()
        here.pass_by(days=-days)
        receiver.answer = answer(200)
        receiver.received.clear()
        here.scim.patch(f"/Users/{user['id']}", {"op": "add", "value": {"title": "Dr"}})
        here.deliver()
        here.pass_by(minutes=1)
        here.deliver()
    assert told(receiver) == ["user.created", "user.updated"]


def test_a_lease_of_a_wrong_clock(here: Outgoing) -> None:
    """A worker whose clock was years ahead holds nothing longer than any other."""
    with receiving(answer(200)) as receiver:
        id = here.add(receiver)
        here.scim.create("ann")
        here.pass_by(days=400)
        with here.host.app.app_context():
            assert here.lanes().claim(Lane(id, "acme")) is not None
        here.pass_by(days=-400)
        assert here.deliver() == 1


def test_types(outgoing: Outgoing) -> None:
    """A destination is told of what it wants, and what it does not want is no delay."""
    with receiving(answer(200)) as receiver:
        outgoing.add(receiver, types=["group.*", "user.deleted"])
        user = outgoing.scim.create("ann")
        outgoing.scim.create_group("Crew")
        outgoing.scim.delete(f"/Users/{user['id']}")
        outgoing.deliver()
        assert sorted(told(receiver)) == ["group.created", "user.deleted"]
        with outgoing.host.app.app_context():
            assert outgoing.lanes().find() == []


def test_connections(outgoing: Outgoing) -> None:
    """A destination of one connection is told of no other; one of all is told of those to come."""
    with receiving(answer(200)) as own, receiving(answer(200)) as all:
        outgoing.add(own, connection_id="acme")
        outgoing.add(all)
        other = outgoing.host.connect("hooli", tenant="2")
        outgoing.scim.create("ann")
        other.create("bob")
        outgoing.deliver()
    assert {read(received)["data"]["connection_id"] for received in own.received} == {"acme"}
    assert {read(received)["data"]["connection_id"] for received in all.received} == {
        "acme",
        "hooli",
    }
    assert len(own.received) == 1


def test_a_connection_of_the_same_name(outgoing: Outgoing) -> None:
    """A destination of a connection is never told of what another tenant's has left behind."""
    outgoing.scim.create("ann")
    with outgoing.host.app.app_context():
        outgoing.host.scim.connections.remove("acme")
    again = outgoing.host.connect("acme", tenant="2")
    with receiving(answer(200)) as receiver:
        outgoing.add(receiver, connection_id="acme", from_start=True)
        again.create("bob")
        outgoing.deliver()
    tenants = {read(received)["data"]["tenant"] for received in receiver.received}
    assert tenants == {"2"}
    assert "user.created" in told(receiver)


def test_from_the_start(here: Outgoing) -> None:
    """A destination can be told of what has happened already."""
    here.scim.create("ann")
    with receiving(answer(200)) as receiver:
        here.add(receiver, from_start=True)
        here.deliver()
    assert "user.created" in told(receiver)
    assert 1 in positions(receiver)


def test_a_removed_connection_takes_its_destinations_along(outgoing: Outgoing) -> None:
    """Nothing of a destination is left, and one of all is told of the end."""
    with receiving(answer(500)) as receiver, receiving(answer(200)) as all:
        outgoing.add(receiver, connection_id="acme")
        outgoing.add(all)
        outgoing.scim.create("ann")
        outgoing.deliver()
        assert outgoing.count("deliveries") == 1
        with outgoing.host.app.app_context():
            outgoing.host.scim.connections.remove("acme")
        assert (outgoing.count("destinations"), outgoing.count("deliveries")) == (1, 0)
        outgoing.deliver()
    assert told(all)[-1] == "connection.removed"


def test_redelivery_of_one(here: Outgoing) -> None:
    """An event is told once more, under its id, to whom it had arrived before."""
    with receiving(answer(200)) as receiver, here.host.app.app_context():
        id = here.add(receiver)
        here.scim.create("ann")
        here.deliver()
        backlog, destination = here.desk.backlog(), here.get(id)
        entry = backlog.find(receiver.received[0].headers["webhook-id"])
        assert entry is not None
        backlog.redeliver(entry, destination)
        assert here.deliver() == 1
        other = here.host.scim.destinations.edit(id, types=["group.*"])
        with pytest.raises(ValueError, match=r"not told of user\.created"):
            backlog.redeliver(entry, other)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_rewinding(outgoing: Outgoing) -> None:
    """All that has happened since some event is told once more, in order."""
    with receiving(answer(200)) as receiver, outgoing.host.app.app_context():
        id = outgoing.add(receiver)
        user = outgoing.scim.create("ann")
        for title in ("Dr", "Prof"):
            outgoing.scim.patch(f"/Users/{user['id']}", {"op": "add", "value": {"title": title}})
        outgoing.deliver()
        all = positions(receiver)
        receiver.received.clear()
        assert outgoing.desk.backlog().rewind(outgoing.get(id), "acme", all[0]) == 2
        assert outgoing.deliver() == 2
    assert positions(receiver) == all[1:]


def test_an_event_that_is_not_kept_any_more(outgoing: Outgoing) -> None:
    """What was deleted from the outbox while it waited is passed over."""
    with receiving(answer(500)) as receiver:
        outgoing.add(receiver)
        user = outgoing.scim.create("ann")
        outgoing.deliver()
        events = outgoing.tables.events
        with outgoing.host.app.app_context():
            outgoing.host.db.session.execute(events.delete())
            outgoing.host.db.session.commit()
        outgoing.scim.patch(f"/Users/{user['id']}", {"op": "add", "value": {"title": "Dr"}})
        receiver.answer = answer(200)
        receiver.received.clear()
        outgoing.pass_by(minutes=1)
        outgoing.deliver()
        outgoing.deliver()
    assert told(receiver) == ["user.updated"]
    assert outgoing.count("deliveries") == 0


def test_cloudevents(here: Outgoing) -> None:
    """A webhook can have CloudEvents, signed like any other message, one for each member."""
    with receiving(answer(200)) as receiver, here.host.app.app_context():
        secret, _ = here.host.scim.destinations.add(
            receiver.url, encoding="cloudevents", types=["group.*"]
        )
        users = [here.scim.create(name)["id"] for name in ("ann", "bob")]
        here.scim.create_group("Crew", *users)
        assert here.deliver() == 2
    types = [json.loads(received.body)["type"] for received in receiver.received]
    assert types == ["group.created", "group.member.added", "group.member.added"]
    assert secret is not None
    for received in receiver.received:
        Webhook(secret).verify(received.body, received.headers)
        assert received.headers["content-type"] == "application/cloudevents+json"


def test_more_waits_than_is_good(here: Outgoing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing new is taken while very much waits, so that no second outbox grows."""
    monkeypatch.setattr(selection, "MOST_WAITING", 5)
    with receiving(answer(400)) as receiver:
        here.add(receiver)
        for number in range(3 * BATCH):
            here.scim.create(f"user{number}")
        here.deliver()
        assert here.count("deliveries") <= 5 + BATCH
        receiver.answer = answer(200)
        here.pass_by(minutes=1)
        here.deliver()
    assert len(positions(receiver)) == 3 * BATCH
