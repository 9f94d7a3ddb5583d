"""The breaker: a slip in the identity provider does not lock a company out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from flask_scim import connection_changed, connection_held
from tests.client import ERROR, USER, ScimClient
from tests.host import Host

OFF = {"op": "replace", "path": "active", "value": False}
ON = {"op": "replace", "path": "active", "value": True}
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def limited(host: Host, name: str = "acme", **policy: int) -> ScimClient:
    """A client of a connection with a breaker of its own."""
    return host.connect(name, tenant="1", policy={"breaker_share": 0} | policy)


def populate(client: ScimClient, number: int) -> list[str]:
    """Create users; their paths."""
    return [f"/Users/{client.create(f'user-{index}')['id']}" for index in range(number)]


def age(host: Host, hours: int) -> None:
    """Let all that there is have been there for so long."""
    record, ends = host.scim._wiring.declared["User"].record, host.scim._wiring.tables.ends
    then = datetime.now(UTC) - timedelta(hours=hours)
    with host.app.app_context():
        host.db.session.execute(record.update().values(created=then))
        host.db.session.execute(ends.update().values(time=then))
        host.db.session.commit()


def state(host: Host, name: str = "acme") -> str:
    """What a connection is open for."""
    with host.app.app_context():
        found = host.scim.connections.get(name)
        assert found is not None
        return str(found.state)


def is_held(response: TestResponse) -> bool:
    """Whether a request was asked to come back later, in SCIM's own words."""
    if response.status_code != 503:
        return False
    assert response.headers["Retry-After"] == "300"
    assert response.json["schemas"] == [ERROR]
    assert response.json["status"] == "503"
    assert "nothing was changed" in response.json["detail"]
    assert "resume the connection" in response.json["detail"]
    return True


@contextmanager
def hearing(*signals: Any) -> Iterator[list[Any]]:
    """What signals tell."""
    heard: list[Any] = []

    def hear(_: Any, event: Any, **__: Any) -> None:
        heard.append(event)

    for signal in signals:
        signal.connect(hear)
    yield heard
    for signal in signals:
        signal.disconnect(hear)


def test_a_number_too_many(host: Host) -> None:
    """The one too many changes nothing, and holds the connection until somebody resumes it."""
    acme, other = limited(host, breaker_count=2), host.connect("globex", tenant="2")
    users = populate(acme, 4)
    assert acme.patch(users[0], OFF).status_code == 200
    assert acme.delete(users[1]).status_code == 204
    before = acme.get(users[2]).json
    with hearing(connection_held, connection_changed) as heard:
        title = {"op": "replace", "path": "title", "value": "Dr"}
        assert is_held(acme.patch(users[2], title, OFF))
        assert is_held(acme.delete(users[3]))
    assert [event.type for event in heard] == ["connection.held", "connection.held"]
    assert heard[0] is heard[1]
    assert heard[0].reason == (
        "An identity provider would have ended the access of 3 people within 3600 seconds, where 2 "
        "are allowed."
    )
    assert heard[0].cause.actor.startswith("token:")
    assert dict(heard[0].details) == {"ended": 3, "allowed": 2, "window": 3600, "people": None}
    assert acme.get(users[2]).json == before
    assert state(host) == "held"
    assert other.delete(f"/Users/{other.create('eve')['id']}").status_code == 204
    with host.app.app_context():
        kept = host.scim.outbox.read(host.scim.connections.get("acme"))
    assert [entry.type for entry in kept].count("connection.held") == 1
    assert "user.deactivated" in [entry.type for entry in kept]
    runner = host.app.test_cli_runner()
    resumed = runner.invoke(args=["scim", "connections", "resume", "acme"])
    assert (resumed.exit_code, state(host)) == (0, "active")
    assert acme.patch(users[2], OFF).status_code == 200
    assert acme.delete(users[3]).status_code == 204


def test_what_a_held_connection_answers(host: Host) -> None:
    """It is read as ever, and changed by nobody from outside: no group loses its members either."""
    acme = limited(host, breaker_count=1)
    users = populate(acme, 3)
    group = acme.create_group("Devs", users[2].rpartition("/")[2])
    acme.delete(users[0])
    assert is_held(acme.delete(users[1]))
    assert acme.get("/Users").json["totalResults"] == 2
    assert acme.get(users[1]).status_code == 200
    assert acme.get("/ServiceProviderConfig").status_code == 200
    assert acme.post("/Users/.search", {"filter": 'userName eq "user-2"'}).status_code == 200
    path = f"/Groups/{group['id']}"
    for refused in (
        acme.post("/Users", {"schemas": [USER], "userName": "new"}),
        acme.patch(users[1], {"op": "replace", "path": "title", "value": "Dr"}),
        acme.put(users[1], acme.get(users[1]).json),
        acme.patch(path, {"op": "remove", "path": "members"}),
        acme.delete(path),
    ):
        assert is_held(refused)
    operations = [{"method": "DELETE", "path": path}]
    (answer,) = acme.post("/Bulk", {"schemas": [BULK], "Operations": operations}).json["Operations"]
    assert answer["status"] == "503"
    assert acme.get(path).json == group


def test_only_real_ends_count(host: Host) -> None:
    """What is out already, and what comes back, is no end; nor is anything that was refused."""
    acme = limited(host, breaker_count=3)
    users = populate(acme, 3)
    for _ in range(3):
        assert acme.patch(users[0], OFF).status_code == 200
    assert acme.delete(users[0]).status_code == 204
    assert acme.patch(users[1], OFF).status_code == 200
    assert acme.patch(users[1], ON).status_code == 200
    missing = {"op": "remove", "path": "userName"}
    assert acme.patch(users[2], OFF, missing).status_code == 400
    assert acme.patch(users[1], OFF).status_code == 200
    assert is_held(acme.patch(users[2], OFF))


def test_time_passes(host: Host) -> None:
    """What is longer ago than the window does not count, and all but the last is forgotten."""
    acme = limited(host, breaker_count=3, breaker_window=7_200)
    users = populate(acme, 7)
    assert [acme.delete(user).status_code for user in users[:3]] == [204, 204, 204]
    age(host, hours=3)
    assert [acme.delete(user).status_code for user in users[3:]] == [204, 204, 204, 503]
    with host.app.app_context():
        ends = host.scim._wiring.tables.ends
        assert host.db.session.query(ends).count() == 1 + 3
        assert [row.ended for row in host.db.session.query(ends).order_by(ends.c.id)] == [
            3,
            4,
            5,
            6,
        ]


def test_a_longer_window(host: Host) -> None:
    """Who is forgotten does not come back to count when the window becomes longer."""
    acme = limited(host, breaker_count=4, breaker_window=3_600)
    users = populate(acme, 10)
    assert {acme.delete(user).status_code for user in users[:3]} == {204}
    age(host, hours=2)
    assert {acme.delete(user).status_code for user in users[3:5]} == {204}
    with host.app.app_context():
        host.scim.connections.edit("acme", policy={"breaker_window": 86_400})
    assert [acme.delete(user).status_code for user in users[5:8]] == [204, 204, 503]


def test_a_share_too_large(host: Host) -> None:
    """Those who had access before count, and so many of them may go."""
    acme = limited(host, breaker_count=0, breaker_share=50)
    users = populate(acme, 15)
    assert acme.patch(users[0], OFF).status_code == 200
    age(host, hours=2)
    new = [f"/Users/{acme.create(f'new-{index}')['id']}" for index in range(10)]
    assert {acme.delete(path).status_code for path in new} == {204}
    assert {acme.patch(path, OFF).status_code for path in users[1:8]} == {200}
    with hearing(connection_held) as heard:
        assert is_held(acme.patch(users[8], OFF))
    assert heard[0].reason == (
        "An identity provider would have ended the access of 8 of 14 people within 3600 seconds, "
        "where 7 are allowed."
    )


def test_a_small_customer(host: Host) -> None:
    """Five may go whatever their share, so that a small customer can work."""
    acme = limited(host, breaker_count=0, breaker_share=1)
    users = populate(acme, 6)
    age(host, hours=2)
    assert [acme.delete(user).status_code for user in users] == [204] * 5 + [503]


def test_it_is_on_unless_somebody_switches_it_off(host: Host) -> None:
    """By default a quarter of those who were there may go in an hour."""
    acme, off = host.connect("acme", tenant="1"), limited(host, "off", breaker_count=0)
    users, others = populate(acme, 40), [off.create(f"off-{index}")["id"] for index in range(15)]
    age(host, hours=2)
    assert [acme.delete(user).status_code for user in users[:11]] == [204] * 10 + [503]
    assert {off.delete(f"/Users/{id}").status_code for id in others} == {204}


def test_a_bulk_request(host: Host) -> None:
    """Each operation counts, and those after the one too many are refused."""
    acme = limited(host, breaker_count=2)
    operations = [{"method": "DELETE", "path": path} for path in populate(acme, 4)]
    answer = acme.post("/Bulk", {"schemas": [BULK], "Operations": operations})
    statuses = [each["status"] for each in answer.json["Operations"]]
    assert statuses == ["204", "204", "503", "503"]
    assert state(host) == "held"


def test_many_at_once(build: Callable[..., Host]) -> None:
    """Exactly as many as are allowed go, however many requests come at the same moment."""
    host = build()

    @host.scim.guard
    def read_something(_: Any) -> None:
        # Where a transaction sees what was there when it first read, it must not count by that.
        host.db.session.query(host.Team).count()

    acme = limited(host, breaker_count=5)
    users = populate(acme, 12)

    def end(path: str) -> int:
        client = ScimClient(host.app.test_client(), acme.base, acme.token)
        for _ in range(50):
            answer = client.patch(path, OFF)
            # A database that lets one write at a time asks the others to come again.
            if answer.status_code != 503 or is_held_words(answer):
                break
        return answer.status_code

    def is_held_words(answer: TestResponse) -> bool:
        return "resume the connection" in answer.json["detail"]

    with ThreadPoolExecutor(6) as pool, hearing(connection_held) as heard:
        statuses = sorted(pool.map(end, users))
    assert statuses == [200] * 5 + [503] * 7
    assert len(heard) == 1
    assert acme.get("/Users", filter="active eq false").json["totalResults"] == 5


def test_what_it_costs(host: Host) -> None:
    """Two statements where somebody's access ends, three on MariaDB; none where nobody's does."""

    names = iter("abcdefgh")

    def count(client: ScimClient, *operations: Any) -> int:
        path = f"/Users/{client.create(next(names))['id']}"
        with host.statements() as seen:
            assert client.patch(path, *operations).status_code == 200
        return len(seen)

    on = limited(host, "on", breaker_count=100, breaker_share=25)
    off = limited(host, "off", breaker_count=0)
    title = {"op": "replace", "path": "title", "value": "Dr"}
    assert count(on, title) == count(off, title)
    with host.app.app_context():
        has_returning = host.db.engine.dialect.name in ("sqlite", "postgresql")
    assert count(on, OFF) == count(off, OFF) + (2 if has_returning else 3)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"breaker_share": 101}, "breaker_share must be at most 100, not 101."),
        ({"breaker_count": -1}, "breaker_count must be a whole number from 0 on, not -1."),
        ({"breaker_window": "1h"}, "breaker_window must be a whole number from 0 on, not '1h'."),
    ],
)
def test_what_cannot_be_chosen(host: Host, policy: dict[str, Any], words: str) -> None:
    """A choice that makes no sense is refused when it is made."""
    with host.app.app_context(), pytest.raises(ValueError, match=r"^\w+ must be") as caught:
        host.scim.connections.add("acme", tenant="1", policy=policy)
    assert str(caught.value).startswith(words.rstrip("."))
