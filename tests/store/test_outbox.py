"""The outbox: each change once, in the transaction of the change, in an order without a gap."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import Connection, Event, user_created
from flask_scim.provisioning.changes import Cause, Kind
from flask_scim.provisioning.journal import MOST_LISTED, Entry, make_entry
from tests.client import ENTERPRISE, USER, ScimClient
from tests.host import Host

ACME = Connection("acme", "1", "generic", False, datetime(2026, 1, 1, tzinfo=UTC))
CAUSE = Cause("token:0123456789abcdef", "req_1")


@pytest.fixture
def entries(host: Host, scim: ScimClient) -> Callable[[], list[Entry]]:
    """Reads what happened to resources of ``acme`` since the test began."""

    def read() -> list[Entry]:
        with host.app.app_context():
            connection = host.scim.connections.get("acme")
            assert connection is not None
            return list(host.scim.outbox.read(connection, begin))

    begin = 0
    begin = max((entry.position for entry in read()), default=0)
    return read


def happened(id: str = "1", **values: Any) -> Event:
    """An event as a service tells it."""
    told = Event(Kind.UPDATED, "User", id, ACME, {"title": "Dr"}, {}, ("title",), None)
    return replace(told, **values)


def test_one_row_for_each_change(scim: ScimClient, entries: Callable[[], list[Entry]]) -> None:
    """Every change is a row with the object, what it was before, and where it stands."""
    user = scim.create("ann", title="Dr", **{ENTERPRISE: {"department": "R&D"}})
    path = f"/Users/{user['id']}"
    scim.patch(path, {"op": "replace", "value": {"title": "Prof", "active": False}})
    scim.patch(path, {"op": "remove", "path": f"{ENTERPRISE}:department"})
    scim.patch(path, {"op": "add", "path": "nickName", "value": "Annie"})
    scim.delete(path)
    found = entries()
    assert [entry.type for entry in found] == [
        "user.created",
        "user.updated",
        "user.deactivated",
        "user.updated",
        "user.updated",
        "user.deleted",
    ]
    first = found[0].position
    assert [entry.position for entry in found] == [*range(first, first + 6)]
    assert {entry.resource_id for entry in found} == {user["id"]}
    assert {(entry.connection_id, entry.tenant) for entry in found} == {("acme", "1")}
    assert [entry.previous for entry in found] == [
        {},
        {"active": True, "title": "Dr"},
        {"active": True, "title": "Dr"},
        {ENTERPRISE: {"department": "R&D"}},
        {"nickName": None},
        {},
    ]
    assert found[1].changed == ("active", "title")
    titles = [(entry.object or {}).get("title") for entry in found]
    assert titles == ["Dr", "Prof", "Prof", "Prof", "Prof", "Prof"]
    assert all(re.fullmatch("evt_[0-9A-Za-z]{22}", entry.id) for entry in found)
    assert len({entry.id for entry in found}) == 6
    assert sorted(entry.time for entry in found) == [entry.time for entry in found]


def test_cause(host: Host, scim: ScimClient, entries: Callable[[], list[Entry]]) -> None:
    """An event tells which request of which token brought it about."""
    body = {"schemas": [USER], "userName": "ann"}
    scim.request("POST", "/Users", body, headers={"X-Request-Id": "trace-1/2"})
    scim.request(
        "POST", "/Users", body | {"userName": "bob"}, headers={"X-Request-Id": "<b>" + "x" * 99}
    )
    with host.app.app_context():
        (token,) = host.scim.tokens.list("acme")
    sound, unsound = (entry.cause for entry in entries())
    assert sound == Cause(f"token:{token.id}", "trace-1/2")
    assert unsound.actor == sound.actor
    assert re.fullmatch("req_[0-9a-f]{24}", unsound.request_id or "")


def test_members(scim: ScimClient, entries: Callable[[], list[Entry]]) -> None:
    """What happens to members is who came and who went, and never who all of them are."""
    ann, bob = scim.create("ann")["id"], scim.create("bob")["id"]
    group = scim.create_group("Devs", ann)["id"]
    scim.patch(
        f"/Groups/{group}",
        {"op": "add", "path": "members", "value": [{"value": bob}]},
        {"op": "remove", "path": f'members[value eq "{ann}"]'},
    )
    scim.delete(f"/Users/{bob}")
    scim.delete(f"/Groups/{group}")
    found = entries()[2:]
    assert [(entry.type, entry.added, entry.removed, entry.removed_count) for entry in found] == [
        ("group.created", (), (), 0),
        ("group.members_changed", (ann,), (), 0),
        ("group.members_changed", (bob,), (ann,), 1),
        ("user.deleted", (), (), 0),
        ("group.members_changed", (), (bob,), 1),
        ("group.deleted", (), (), 0),
    ]
    assert all("members" not in (entry.object or {}) for entry in found)
    assert found[1].object == {"displayName": "Devs"}


def test_very_many_members() -> None:
    """Members beyond a thousand are counted and not listed."""
    many = frozenset(f"{index:05}" for index in range(MOST_LISTED + 500))
    event = happened(kind=Kind.MEMBERS_CHANGED, added=many, time=ACME.created, cause=CAUSE)
    entry = make_entry(event)
    assert (len(entry.added), entry.added_count) == (MOST_LISTED, MOST_LISTED + 500)
    assert entry.added[-1] == "00999"


def test_no_password(host: Host) -> None:
    """A password leads to an event that names it, and is kept in none."""
    scim = host.connect("acme", tenant="1")
    id = scim.create("ann", password="correct horse")["id"]
    scim.patch(f"/Users/{id}", {"op": "replace", "path": "password", "value": "correct horse"})
    scim.delete(f"/Users/{id}")
    table = host.scim._wiring.tables.events
    with host.app.app_context():
        rows = host.db.session.execute(sa.select(table)).all()
    assert rows
    assert "correct horse" not in str(rows)


def test_what_changes_nothing(
    host: Host, scim: ScimClient, entries: Callable[[], list[Entry]]
) -> None:
    """What changes nothing, is refused or fails leaves no row, and no gap for the next one."""
    id = scim.create("ann", title="Dr")["id"]
    scim.create("bob")
    path = f"/Users/{id}"
    declared = host.scim._wiring.declared["User"]

    def fail(row: Any, connection: Any) -> None:
        raise RuntimeError

    declared.deleter(fail)
    try:
        assert scim.delete(path).status_code == 500
    finally:
        declared.hooks.deleter = None
    title = {"op": "replace", "path": "title", "value": "Dr"}
    assert scim.patch(path, title).status_code == 200
    assert scim.patch(path, {**title, "path": "userName", "value": "bob"}).status_code == 409
    scim.patch(path, {**title, "value": "Prof"})
    found = entries()
    assert [entry.type for entry in found] == ["user.created"] * 2 + ["user.updated"]
    assert found[2].position == found[0].position + 2


def test_signals_carry_the_event_of_the_outbox(
    host: Host, scim: ScimClient, entries: Callable[[], list[Entry]]
) -> None:
    """A receiver gets the id, the place, the time and the cause that are in the outbox."""
    heard: list[Event] = []

    def hear(sender: Any, event: Event, **_: Any) -> None:
        heard.append(event)

    with user_created.connected_to(hear, sender=host.app):
        scim.create("ann")
    (entry,) = entries()
    (event,) = heard
    assert make_entry(event) == entry


def test_another_tenant_of_the_same_name(host: Host, scim: ScimClient) -> None:
    """Events outlive their connection, and a later one of the same name cannot read them."""
    scim.create("ann")
    with host.app.app_context():
        connections = host.scim.connections
        before = connections.get("acme")
        assert before is not None
        connections.remove("acme")
        after = connections.add("acme", tenant="2")
        assert "user.created" in [entry.type for entry in host.scim.outbox.read(before)]
        assert "user.created" not in [entry.type for entry in host.scim.outbox.read(after)]


def test_many_events_cost_as_much_as_one(host: Host) -> None:
    """However many events a change has, they take two statements; one alone may take one."""
    counts = []
    with host.app.app_context():
        alone = 1 if host.db.engine.dialect.name == "postgresql" else 2
        for number in (1, 500):
            with host.statements() as statements:
                host.scim.outbox.append([happened() for _ in range(number)], CAUSE)
                host.db.session.commit()
            counts.append(len(statements))
    assert counts == [alone, 2]


def test_several_connections(host: Host) -> None:
    """One change may concern several connections, each of which has an order of its own."""
    other = replace(ACME, id="zeta")
    with host.app.app_context():
        told = host.scim.outbox.append([happened(), happened(connection=other), happened()], CAUSE)
        host.db.session.commit()
    assert [(event.connection.id, event.position) for event in told] == [
        ("acme", 1),
        ("zeta", 1),
        ("acme", 2),
    ]


def test_order_among_writers(host: Host, database: str) -> None:
    """Eight writers, some of whom undo their change, leave no gap; no reader sees one filled."""
    table, over = host.scim._wiring.tables.events, Flag()
    per_writer, writers = 15, 8

    def write(seed: int) -> int:
        chance, kept = random.Random(seed), 0
        for index in range(per_writer):
            with host.app.app_context():
                events = [happened(f"{seed}-{index}")] * chance.randint(1, 3)
                host.scim.outbox.append(events, CAUSE)
                if chance.random() < 0.3:
                    host.db.session.rollback()
                else:
                    host.db.session.commit()
                    kept += len(events)
        return kept

    def watch() -> list[list[int]]:
        engine = sa.create_engine(database)
        seen = []
        while not over.wait(0.002):
            with engine.connect() as connection:
                seen.append(
                    list(connection.scalars(sa.select(table.c.position).order_by(table.c.position)))
                )
        engine.dispose()
        return seen

    with ThreadPoolExecutor(writers + 1) as pool:
        watched = pool.submit(watch)
        kept = sum(pool.map(write, range(writers)))
        over.set()
        seen = watched.result()
    with host.app.app_context():
        found = host.scim.outbox.read(ACME, most=1_000)
    assert [entry.position for entry in found] == [*range(1, kept + 1)]
    assert len(seen) > 1
    assert [places for places in seen if places != [*range(1, len(places) + 1)]] == []


def test_counter_is_no_matter_of_snapshots(host: Host, database: str) -> None:
    """A change that has read something gets a place after those that others took since."""
    if database.startswith("sqlite"):
        pytest.skip("SQLite lets nobody write whose reading is out of date.")
    table = host.scim._wiring.tables.events
    with host.app.app_context():
        session = host.db.session
        if "mysql" in database:
            session.execute(sa.text("SET SESSION innodb_snapshot_isolation = ON"))
            session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0
        with host.app.app_context():
            host.scim.outbox.append([happened(), happened()], CAUSE)
            host.db.session.commit()
        (event,) = host.scim.outbox.append([happened()], CAUSE)
        session.commit()
        assert event.position == 3
        if "mysql" in database:
            session.execute(sa.text("SET SESSION innodb_snapshot_isolation = OFF"))
