"""Bulk requests that are carried out later, and security event tokens of what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from blinker import Signal
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from flask_scim import ConfigurationError, request_completed, user_created, user_updated
from flask_scim.delivery.tokens import make_key
from tests.client import ENTERPRISE, ERROR, USER, ScimClient
from tests.delivery.outgoing import SETTINGS, Outgoing, told
from tests.delivery.receivers import answer, receiving
from tests.host import Host, make_host
from tests.web.answers import refusal, stored
from tests.web.bulks import BULK, delete, entitle, managed, user

ASYNC = "urn:ietf:params:scim:event:misc:asyncresp"
CONFIG: dict[str, Any] = {
    "SCIM_EVENTS_KEYS": make_key(),
    "SCIM_EVENTS_ISSUER": "https://app.example",
    "SCIM_MAX_WAITING_BULKS": 2,
    "SCIM_MAX_BULK_OPERATIONS": 10,
}


class Killed(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class Later:
    """An app whose Bulk requests may wait.

    :param host: the app.
    :param scim: a client of its connection ``acme``.
    :param reader: one that asks for security event tokens.
    :param stream: where it asks.
    """

    host: Host
    scim: ScimClient
    reader: ScimClient
    stream: str

    def send(self, *operations: Any, prefer: str = "respond-async", **more: Any) -> TestResponse:
        """Send a Bulk request whose client prefers something."""
        body = {"schemas": [BULK], "Operations": list(operations), **more}
        return self.scim.request("POST", "/Bulk", body, headers={"Prefer": prefer})

    def accepted(self, *operations: Any, **more: Any) -> str:
        """Send a Bulk request that is carried out later, and return what it is known by."""
        response = self.send(*operations, **more)
        assert response.status_code == 202, response.text
        return str(response.headers["Set-Txn"])

    def work(self) -> int:
        """Carry out all that waits, and count it."""
        with self.host.app.app_context():
            desk = self.host.app.extensions["scim"].delivery
            settled: list[Any] = []
            desk.deliverer().run(once=True, pause=0.01, tell=settled.append)
            return sum(each.carried_out for each in settled)

    def die(self) -> None:
        """Carry out what waits until the process is killed, and let its lease end."""
        with self.host.app.app_context(), pytest.raises(Killed):
            self.host.scim._wiring.carry_out("acme")
        self.expire()

    def expire(self) -> None:
        """Let the lease of a worker end."""
        table = self.host.scim._wiring.tables.deferred
        with self.host.app.app_context():
            past = datetime.now(UTC) - timedelta(seconds=1)
            self.host.db.session.execute(table.update().values(until=past))
            self.host.db.session.commit()

    def poll(self) -> dict[str, dict[str, Any]]:
        """Ask for all tokens, check them, and return what those of requests say, by ``txn``."""
        keys = KeySet.import_key_set(self.reader.get("/events/jwks.json").json)
        found: dict[str, dict[str, Any]] = {}
        acknowledged: list[str] = []
        while True:
            asked = self.reader.post(self.stream, {"ack": acknowledged}).json
            for jti, text in asked["sets"].items():
                token = jwt.decode(text, keys, algorithms=["ES256"])
                assert token.header["typ"] == "secevent+jwt"
                assert (token.claims["iss"], token.claims["jti"]) == ("https://app.example", jti)
                assert token.claims["sub_id"]["format"] == "scim"
                assert "sub" not in token.claims
                if ASYNC in token.claims["events"]:
                    assert token.claims["txn"] not in found
                    found[token.claims["txn"]] = token.claims
            acknowledged = list(asked["sets"])
            if not acknowledged:
                return found

    def results(self, txn: str) -> list[dict[str, Any]]:
        """What the tokens say of each operation of one request, in its order."""
        claims = {each: claim for each, claim in self.poll().items() if each.startswith(txn)}
        assert sorted(claims) == sorted(f"{txn}:{index}" for index in range(len(claims)))
        return [claims[f"{txn}:{index}"]["events"][ASYNC] for index in range(len(claims))]

    def rows(self) -> int:
        """How many rows are left of requests that wait."""
        tables = self.host.scim._wiring.tables
        with self.host.app.app_context():
            return sum(
                int(self.host.db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
                for table in (tables.deferred, tables.steps)
            )


@pytest.fixture
def later(build: Callable[..., Host]) -> Later:
    """An app whose Bulk requests may wait, and somebody who asks for tokens."""
    host = build(**SETTINGS, **CONFIG)
    scim = host.connect("acme", tenant="1")
    with host.app.app_context():
        token, _ = host.scim.tokens.issue("acme", ["get:events"])
        _, destination = host.scim.destinations.add("acme", "set-poll", connection_id="acme")
    reader = ScimClient(host.app.test_client(), scim.base, token)
    return Later(host, scim, reader, f"/events/poll/{destination.id}")


@contextmanager
def hearing(later: Later, signal: Signal, receiver: Callable[..., None]) -> Iterator[None]:
    """Let somebody hear a signal."""
    with signal.connected_to(receiver, sender=later.host.app):
        yield


def dying(number: int) -> Callable[..., None]:
    """A receiver that dies with its process when it is called for the nth time."""
    calls = 0

    def hear(_: Any, **__: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            raise Killed

    return hear


def test_carried_out_later(later: Later) -> None:
    """The answer is 202 with nothing in it; then each operation has a token of its own."""
    before = stored(later.host)
    response = later.send(
        user("ann", externalId="a-1"), entitle("/Users/bulkId:ann"), delete("/Users/4711")
    )
    assert response.status_code == 202
    assert response.data == b""
    assert "Content-Type" not in response.headers
    assert "Location" not in response.headers
    assert response.headers["Preference-Applied"] == "respond-async"
    txn = response.headers["Set-Txn"]
    assert stored(later.host) == before
    assert later.poll() == {}
    assert later.work() == 1
    (ann,) = later.scim.get("/Users").json["Resources"]
    assert (ann["userName"], ann["title"]) == ("ann", "Dr")
    claims = later.poll()
    assert list(claims) == [f"{txn}:{index}" for index in range(3)]
    made, changed, gone = (claims[f"{txn}:{index}"] for index in range(3))
    location = ann["meta"]["location"]
    assert made["events"] == {
        ASYNC: {
            "method": "POST",
            "bulkId": "ann",
            "status": "201",
            "location": location,
            "version": 'W/"1"',
        }
    }
    assert made["sub_id"] == {"format": "scim", "uri": f"/Users/{ann['id']}"}
    assert changed["events"][ASYNC]["status"] == "200"
    assert changed["events"][ASYNC]["version"] == ann["meta"]["version"]
    assert gone["events"][ASYNC]["status"] == "404"
    assert gone["events"][ASYNC]["response"]["schemas"] == [ERROR]
    assert later.rows() == 0
    assert later.work() == 0


def test_the_cause_is_the_request(later: Later) -> None:
    """Events and the log name who asked and by which request, not the worker."""
    response = later.send(user("ann"))
    request_id = response.headers["X-Request-Id"]
    later.work()
    with later.host.app.app_context():
        acme = later.host.scim.connections.get("acme")
        assert acme is not None
        entries = later.host.scim.outbox.read(acme)
        logged = later.host.scim._wiring.requests.read("acme")
        writer = next(
            token for token in later.host.scim.tokens.list("acme") if "post:users" in token.scopes
        )
    told = {entry.type: entry for entry in entries}
    assert {told[type].cause.request_id for type in ("user.created", "request.completed")} == {
        request_id
    }
    assert told["user.created"].cause.actor == f"token:{writer.id}"
    done, accepted = logged[0], logged[1]
    assert (accepted.status, accepted.request_id, accepted.path) == (202, request_id, "/Bulk")
    assert (done.status, done.request_id, done.path) == (200, request_id, "/Bulk")
    assert dict(done.outcomes) == {"201": 1}


def test_signal(later: Later) -> None:
    """The app hears of each operation, too."""
    heard: list[Any] = []

    def hear(_: Any, event: Any, connection: Any) -> None:
        heard.append((event.type, event.id, connection.id, event.details["operation"]["status"]))

    txn = later.accepted(user("ann"), user("ANN"))
    with hearing(later, request_completed, hear):
        later.work()
    assert heard == [
        ("request.completed", f"{txn}:0", "acme", "201"),
        ("request.completed", f"{txn}:1", "acme", "409"),
    ]


@pytest.mark.parametrize(
    "prefer",
    ["respond-async", "wait=10, Respond-Async", 'respond-async; foo="a,b"', 'respond-async=""'],
)
def test_preferences(later: Later, prefer: str) -> None:
    """The preference is found among others, and however it is written."""
    assert later.send(user("ann"), prefer=prefer).status_code == 202


@pytest.mark.parametrize("prefer", ["return=minimal", 'x="respond-async"', "respond-async=no", ""])
def test_other_preferences(later: Later, prefer: str) -> None:
    """Whoever prefers something else gets results."""
    response = later.send(user("ann"), prefer=prefer)
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers


def test_where_none_may_wait(scim: ScimClient) -> None:
    """Without the setting the preference is passed over, as RFC 7240 lets a server."""
    body = {"schemas": [BULK], "Operations": [user("ann")]}
    response = scim.request("POST", "/Bulk", body, headers={"Prefer": "respond-async"})
    assert response.status_code == 200
    assert response.json["Operations"][0]["status"] == "201"


@pytest.mark.parametrize(
    "operation",
    [
        user("ann", password="secret"),
        {
            **entitle("/Users/1"),
            "data": {"Operations": [{"op": "add", "value": {"Password": "x"}}]},
        },
        {
            **entitle("/Users/1"),
            "data": {"Operations": [{"OP": "add", "PATH": f"{USER}:passWord", "value": "x"}]},
        },
    ],
    ids=["resource", "value", "path"],
)
def test_secrets_do_not_wait(later: Later, operation: Any) -> None:
    """A password is not kept in clear: the request is carried out at once."""
    response = later.send(operation)
    assert response.status_code == 200
    assert later.rows() == 0


def test_what_is_wrong_with_all_of_it(later: Later) -> None:
    """What can be refused at once is refused at once, and nothing waits."""
    assert refusal(later.send(*[user("x")] * 11)) == (413, None)
    assert refusal(later.send(user("x"), failOnErrors=0)) == (400, "invalidSyntax")
    later.scim.token = "scim_no"
    assert refusal(later.send(user("x"))) == (401, None)
    assert later.rows() == 0


def test_only_so_many_wait(later: Later) -> None:
    """A connection whose requests pile up is asked to come back later, and no other one is."""
    other = later.host.connect("other", tenant="2")
    later.accepted(user("ann"))
    later.accepted(user("bob"))
    response = later.send(user("cho"))
    assert refusal(response) == (429, None)
    assert int(response.headers["Retry-After"]) > 0
    body = {"schemas": [BULK], "Operations": [user("ann")]}
    prefer = {"Prefer": "respond-async"}
    assert other.request("POST", "/Bulk", body, headers=prefer).status_code == 202
    assert later.work() == 3
    assert later.send(user("cho")).status_code == 202


def test_order(later: Later) -> None:
    """Requests of one connection are carried out one after another, in their order."""
    first = later.accepted(user("ann"))
    second = later.accepted({**user("ann"), "bulkId": "again"})
    wiring = later.host.scim._wiring
    with later.host.app.app_context():
        taken = wiring.deferred.take("acme")
        assert taken is not None
        assert taken.request.txn == first
        # The second one has to wait for it.
        assert wiring.deferred.take("acme") is None
        assert wiring.deferred.find() == []
        later.expire()
        assert wiring.deferred.find() == ["acme"]
    assert later.work() == 2
    results = later.poll()
    assert results[f"{first}:0"]["events"][ASYNC]["status"] == "201"
    assert results[f"{second}:0"]["events"][ASYNC]["status"] == "409"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_killed_between_operations(later: Later, number: int) -> None:
    """Whoever takes over goes on behind the last operation, and does none of them twice."""
    txn = later.accepted(user("ann"), user("bob"), user("ann"), user("cho"))
    with hearing(later, user_created, dying(number)):
        later.die()
    assert len(later.scim.get("/Users").json["Resources"]) == number
    assert later.work() == 1
    names = [each["userName"] for each in later.scim.get("/Users").json["Resources"]]
    assert sorted(names) == ["ann", "bob", "cho"]
    assert [each["status"] for each in later.results(txn)] == ["201", "201", "400", "201"]
    with later.host.app.app_context():
        acme = later.host.scim.connections.get("acme")
        assert acme is not None
        types = [entry.type for entry in later.host.scim.outbox.read(acme)]
    assert types.count("user.created") == 3
    assert types.count("request.completed") == 4


@pytest.mark.parametrize(
    ("signal", "number"), [(user_created, 1), (user_created, 2), (user_updated, 1)]
)
def test_killed_within_a_circle(later: Later, signal: Signal, number: int) -> None:
    """Users who manage each other are made once, and completed by whoever takes over."""
    txn = later.accepted(managed("ann", "bob"), managed("bob", "ann"))
    with hearing(later, signal, dying(number)):
        later.die()
    later.work()
    found = {each["userName"]: each for each in later.scim.get("/Users").json["Resources"]}
    assert set(found) == {"ann", "bob"}
    assert found["ann"][ENTERPRISE]["manager"]["value"] == found["bob"]["id"]
    assert found["bob"][ENTERPRISE]["manager"]["value"] == found["ann"]["id"]
    results = later.results(txn)
    assert [each["status"] for each in results] == ["201", "201"]
    assert results[0]["location"] == found["ann"]["meta"]["location"]


def test_a_worker_that_was_only_slow(later: Later) -> None:
    """Whoever has lost the request to somebody else changes nothing any more."""
    later.accepted(user("ann"), entitle("/Users/bulkId:ann"))
    wiring = later.host.scim._wiring

    def take_over(*_: Any, **__: Any) -> None:
        user_created.disconnect(take_over)
        later.expire()
        assert later.work() == 1
        # Somebody else has changed his mind by now.
        (ann,) = later.scim.get("/Users").json["Resources"]
        change = {"op": "replace", "path": "title", "value": "Prof"}
        assert later.scim.patch(f"/Users/{ann['id']}", change).status_code == 200

    user_created.connect(take_over, sender=later.host.app)
    with later.host.app.app_context():
        assert not wiring.carry_out("acme")
    (ann,) = later.scim.get("/Users").json["Resources"]
    assert ann["title"] == "Prof"
    assert len(later.poll()) == 2


def test_two_workers_at_once(later: Later, caplog: pytest.LogCaptureFixture) -> None:
    """Two workers share the requests, and none is carried out by both."""
    other = later.host.connect("other", tenant="2")
    for number in range(2):
        later.accepted(*(user(f"ann{number}{letter}") for letter in "abcde"))
        body = {"schemas": [BULK], "Operations": [user(f"bob{number}"), user(f"cho{number}")]}
        sent = other.request("POST", "/Bulk", body, headers={"Prefer": "respond-async"})
        assert sent.status_code == 202
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(later.work) for _ in range(2)]
        count = sum(each.result() for each in done)
    # Who comes too late for a request that another one is at does not wait for the next one.
    assert count + later.work() == 4
    assert later.rows() == 0
    assert len(later.scim.get("/Users").json["Resources"]) == 10
    assert len(other.get("/Users").json["Resources"]) == 4
    assert len(later.poll()) == 10
    assert "could not be seen to" not in caplog.text


def test_a_worker_that_is_stopped(later: Later) -> None:
    """It ends after the operation that it is at, and the next one goes on at once."""
    txn = later.accepted(user("ann"), user("bob"))
    stopping: list[bool] = []

    def stop(*_: Any, **__: Any) -> None:
        stopping.append(True)

    with hearing(later, user_created, stop), later.host.app.app_context():
        assert not later.host.scim._wiring.carry_out("acme", lambda: bool(stopping))
    assert [each["userName"] for each in later.scim.get("/Users").json["Resources"]] == ["ann"]
    assert later.work() == 1
    assert [each["status"] for each in later.results(txn)] == ["201", "201"]


def test_revoked_meanwhile(later: Later) -> None:
    """A token that was revoked since opens nothing: each operation is refused."""
    txn = later.accepted(user("ann"), delete("/Users/1"), failOnErrors=1)
    with later.host.app.app_context():
        for token in later.host.scim.tokens.list("acme"):
            if "get:events" not in token.scopes:
                later.host.scim.tokens.revoke(token.id)
    later.work()
    assert [each["status"] for each in later.results(txn)] == ["401", "401"]
    assert stored(later.host)["host_user"] == []


def test_disabled_and_paused_meanwhile(later: Later) -> None:
    """A connection that is paused lets its requests wait; one that is disabled has them refused."""
    txn = later.accepted(user("ann"))
    connections = later.host.scim.connections
    with later.host.app.app_context():
        connections.pause("acme")
    assert later.work() == 0
    with later.host.app.app_context():
        connections.resume("acme")
    assert later.work() == 1
    assert later.results(txn)[0]["status"] == "201"
    txn = later.accepted(user("bob"))
    with later.host.app.app_context():
        connections.disable("acme")
    assert later.work() == 1
    with later.host.app.app_context():
        connections.resume("acme")
    assert later.results(txn)[0]["status"] == "403"


def test_removed_meanwhile(later: Later) -> None:
    """With a connection its requests go, and one of the same name does not carry them out."""
    later.accepted(user("ann"))
    with later.host.app.app_context():
        later.host.scim.connections.remove("acme")
    assert later.rows() == 0
    later.host.connect("acme", tenant="2")
    assert later.work() == 0


def test_waited_for_too_long(later: Later) -> None:
    """What has waited for more than a day is refused: it may be wrong by now."""
    txn = later.accepted(user("ann"))
    table = later.host.scim._wiring.tables.deferred
    with later.host.app.app_context():
        old = datetime.now(UTC) - timedelta(days=1, minutes=1)
        later.host.db.session.execute(table.update().values(created=old))
        later.host.db.session.commit()
    assert later.work() == 1
    assert later.results(txn)[0]["status"] == "503"
    assert stored(later.host)["host_user"] == []


def test_fail_on_errors(later: Later) -> None:
    """Each operation has a token, as RFC 9967 wants it, also those that were not come to."""
    txn = later.accepted(user("ann"), delete("/Users/no"), user("bob"), failOnErrors=1)
    later.work()
    results = later.results(txn)
    assert [each["status"] for each in results] == ["201", "404", "409"]
    assert results[2]["bulkId"] == "bob"
    assert "failOnErrors" in results[2]["response"]["detail"]


def test_operations_that_nobody_can_read(later: Later) -> None:
    """What is wrong with an operation is its result, and none of it stops the worker."""
    operations = [7, {}, {"method": 7, "path": 7}, {"method": "GET", "path": "/Users"}]
    operations += [{"method": "POST", "path": "/Nowhere", "bulkId": "x", "data": {}}]
    response = later.send(*operations)
    if response.status_code == 400:
        operations = operations[1:]
        response = later.send(*operations)
    assert response.status_code == 202
    assert later.work() == 1
    results = later.results(response.headers["Set-Txn"])
    assert [each["status"] for each in results] == ["400"] * (len(operations) - 1) + ["404"]


def test_code_of_the_app_that_raises(later: Later, caplog: pytest.LogCaptureFixture) -> None:
    """A hook of the app that raises is a result of 500, and the others are done."""

    def refuse(intent: Any) -> None:
        if (intent.after or {}).get("userName") == "ann":
            raise LookupError

    later.host.scim.guard(refuse)
    txn = later.accepted(user("ann"), user("bob"))
    later.work()
    assert [each["status"] for each in later.results(txn)] == ["500", "201"]


def test_discovery(later: Later) -> None:
    """Clients learn whether requests can wait."""
    described = later.scim.get("/ServiceProviderConfig").json["securityEvents"]
    assert described["asyncRequest"] == "request"
    assert ASYNC in described["eventUris"]
    document = later.host.app.test_client().get("/scim/v2/openapi.json").json
    (bulk,) = (item["post"] for path, item in document["paths"].items() if path.endswith("/Bulk"))
    assert "Set-Txn" in bulk["responses"]["202"]["headers"]
    assert "Prefer" in {each["name"] for each in bulk["parameters"]}


def test_without_anything_to_tell_by(database: str) -> None:
    """Requests cannot wait where no token could tell of them."""
    with pytest.raises(ConfigurationError, match="SCIM_EVENTS_KEYS"):
        make_host(database, SCIM_MAX_WAITING_BULKS=1)


def test_push_and_webhook(later: Later) -> None:
    """What came of it is pushed as a token, and told to webhooks as an event."""
    outgoing = Outgoing(later.host, later.scim)
    with receiving(answer(202)) as pushed, receiving(answer(200)) as hooked:
        outgoing.add(pushed, "set-push", connection_id="acme", audience="https://hear.example")
        outgoing.add(hooked, connection_id="acme", types=["request.*"])
        txn = later.accepted(user("ann"), entitle("/Users/bulkId:ann"))
        later.work()
        later.work()
        keys = KeySet.import_key_set(later.reader.get("/events/jwks.json").json)
        tokens = [
            jwt.decode(each.body.decode(), keys, algorithms=["ES256"]) for each in pushed.received
        ]
        assert {each.headers["content-type"] for each in pushed.received} == {
            "application/secevent+jwt"
        }
        told_of = [each.claims["txn"] for each in tokens if ASYNC in each.claims["events"]]
        assert sorted(told_of) == [f"{txn}:0", f"{txn}:1"]
        assert {each.claims["aud"] for each in tokens} == {"https://hear.example"}
        assert told(hooked) == ["request.completed"] * 2


def test_forgetting(later: Later) -> None:
    """Who is forgotten is in no request that waits, and in nothing that came of one."""
    ann = later.scim.create("ann@example.com", externalId="a-1")["id"]
    bob = later.scim.create("bob")["id"]
    # Bulk requests name the person by a path, by a value, and by a name that is taken.
    done = later.accepted(
        entitle(f"/Users/{ann}"), user("ann@example.com"), entitle(f"/Users/{bob}")
    )
    later.work()
    waits = later.accepted(
        entitle(f"/Users/{ann}", "Prof"),
        user("cho", **{ENTERPRISE: {"manager": {"value": ann}}}),
        entitle(f"/Users/{bob}", "Prof"),
    )
    tables = later.host.scim._wiring.tables
    with later.host.app.app_context():
        assert later.host.scim.forget(ann) > 0
        session = later.host.db.session
        kept = repr(session.execute(sa.select(tables.deferred.c.body)).all())
        kept += repr(session.execute(sa.select(tables.events.c.details)).all())
        assert "ann@example.com" not in kept
        assert f'"{ann}"' not in kept
        assert f'/Users/{ann}"' not in kept
    later.work()
    results = later.poll()
    assert {txn for txn in results if txn.startswith(done)} == {f"{done}:2"}
    statuses = [results[f"{waits}:{index}"]["events"][ASYNC]["status"] for index in range(3)]
    assert [status[0] for status in statuses] == ["4", "4", "2"]
    assert later.scim.get(f"/Users/{bob}").json["title"] == "Prof"
    assert later.scim.get(f"/Users/{ann}").json["title"] == "Dr"
    assert len(later.scim.get("/Users").json["Resources"]) == 2


def test_forgetting_what_a_dead_worker_has_done(later: Later) -> None:
    """What was written down of a person is gone as well, and nothing is done once more."""
    later.accepted(user("ann@example.com"), user("bob"))
    with hearing(later, user_created, dying(1)):
        later.die()
    (ann,) = later.scim.get("/Users").json["Resources"]
    with later.host.app.app_context():
        assert later.host.scim.forget(ann["id"]) > 0
        steps = later.host.scim._wiring.tables.steps
        (outcome,) = later.host.db.session.scalars(sa.select(steps.c.outcome))
        assert set(outcome) == {"status", "scim_type", "detail"}
        assert ann["id"] not in outcome.values()
    later.work()
    statuses = [each["events"][ASYNC]["status"] for each in later.poll().values()]
    assert statuses == ["404", "201"]
    assert len(later.scim.get("/Users").json["Resources"]) == 2
