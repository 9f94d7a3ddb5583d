"""What ends when somebody is deactivated: every way into the app, once, and whatever happens."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import ConfigurationError, Report
from tests.access.ways import Keys
from tests.client import USER, ScimClient
from tests.host import Host
from tests.waiting import PATIENCE, wait_until

INACTIVE = {"op": "replace", "path": "active", "value": False}
ACTIVE = {"op": "replace", "path": "active", "value": True}


def report(keys: Keys, id: str) -> Report:
    """How far the end of somebody's access has come."""
    with keys.host.app.app_context():
        found = keys.host.scim.access_of(keys.db.get(keys.host.User, int(id)))
        assert found is not None
        return found


def make_due(keys: Keys) -> None:
    """Let what is open be due now."""
    with keys.host.app.app_context():
        jobs = keys.host.db.metadata.tables["scim_own_revocation"]
        past = datetime.now(UTC) - timedelta(seconds=1)
        keys.db.execute(jobs.update().where(jobs.c.due.is_not(None)).values(due=past))
        keys.db.commit()


def retry(keys: Keys) -> list[Report]:
    """Try what is due, as a worker does."""
    with keys.host.app.app_context():
        access = keys.host.app.extensions["scim"].access
        return list(access.revocation.work_off_due())


def test_all_ways_are_closed(keys: Keys, acme: ScimClient) -> None:
    """Each revoker is asked once, with the row and the end, and its figure is reported."""
    id = acme.create("ann")["id"]
    keys.behaviour["tokens"] = 3
    before = datetime.now(UTC)
    assert acme.patch(f"/Users/{id}", INACTIVE).status_code == 200
    ((_, name, ending), (_, _, other)) = keys.asked
    assert keys.names() == ["api_keys", "tokens"]
    assert ending == other
    assert (name, ending.id, ending.key) == ("ann", id, int(id))
    assert (ending.connection_id, ending.cause, ending.epoch) == ("acme", "deactivated", 1)
    assert before <= ending.since <= datetime.now(UTC)
    found = report(keys, id)
    assert found.complete
    assert found.ended == {"api_keys": 1, "tokens": 3}
    assert keys.reports == [(found, "ann", "acme")]
    assert retry(keys) == []


def test_workers_leave_the_first_attempt_alone(keys: Keys, acme: ScimClient) -> None:
    """What the process at work has not come to yet is not due for others."""
    id = acme.create("ann")["id"]
    keys.behaviour["api_keys"] = lambda: len(retry(keys))
    acme.patch(f"/Users/{id}", INACTIVE)
    assert report(keys, id).ended == {"api_keys": 0, "tokens": 1}


@pytest.mark.parametrize(
    "end",
    [
        {"op": "replace", "path": "active", "value": False},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "value": {"active": False}},
        {"op": "add", "value": {"active": "false"}},
        "PUT",
        "DELETE",
    ],
)
def test_in_all_its_forms(keys: Keys, acme: ScimClient, end: Any) -> None:
    """However it is said, what counts is that somebody is out who was in, and it counts once."""
    user = acme.create("ann", active=True)
    path = f"/Users/{user['id']}"

    def say() -> None:
        if end == "PUT":
            acme.put(path, {"schemas": [USER], "userName": "ann", "active": False})
        elif end == "DELETE":
            acme.delete(path)
        else:
            acme.patch(path, end)

    acme.patch(path, {"op": "remove", "path": "active"}, {"op": "replace", "path": "active"})
    acme.patch(path, ACTIVE, {"op": "replace", "path": "title", "value": "Dr"})
    assert keys.names() == []
    say()
    assert keys.names() == ["api_keys", "tokens"]
    say()
    acme.patch(path, {"op": "remove", "path": "active"})
    acme.delete(path)
    assert keys.names() == []
    assert len(keys.reports) == 1


def test_each_transition_counts(keys: Keys, acme: ScimClient) -> None:
    """Who came back and goes again has their access ended again."""
    id = acme.create("ann")["id"]
    for epoch in (1, 2):
        acme.patch(f"/Users/{id}", INACTIVE)
        assert report(keys, id).ending.epoch == epoch
        acme.patch(f"/Users/{id}", ACTIVE)
    acme.delete(f"/Users/{id}")
    assert report(keys, id).ending.cause == "deleted"
    acme.create("ann")
    assert keys.names() == ["api_keys", "tokens"] * 3


def test_out_already_when_deleted(keys: Keys, acme: ScimClient) -> None:
    """Who is out already loses nothing twice by being deleted, and is known to be deleted."""
    id = acme.create("ann")["id"]
    acme.patch(f"/Users/{id}", INACTIVE)
    acme.delete(f"/Users/{id}")
    assert keys.names() == ["api_keys", "tokens"]
    with keys.host.app.app_context():
        standing = keys.host.scim.allows_login(keys.db.get(keys.host.User, int(id)))
    assert (bool(standing), standing.reason) == (False, "deleted")


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: sys.exit(3), "SystemExit: 3"),
        (None, "it must return how many it has ended, not None"),
        (-1, "not -1"),
        (True, "not True"),
        ("all", "not 'all'"),
        (10**30, "not 1000000"),
    ],
)
def test_one_that_fails(keys: Keys, acme: ScimClient, told: Any, error: str) -> None:
    """One that raises or lies is contained, and tried again until it took."""
    id = acme.create("ann")["id"]
    keys.behaviour["api_keys"] = told
    answer = acme.patch(f"/Users/{id}", INACTIVE)
    assert (answer.status_code, answer.json["active"]) == (200, False)
    found = report(keys, id)
    assert (found.complete, found.open, found.ended) == (False, ["api_keys"], {"tokens": 1})
    assert error in (found.outcomes[0].error or "")
    assert keys.reports[-1][0].open == ["api_keys"]
    assert retry(keys) == []
    make_due(keys)
    retry(keys)
    assert report(keys, id).outcomes[0].attempts == 2
    keys.behaviour["api_keys"] = 2
    make_due(keys)
    (done,) = retry(keys)
    assert done.complete
    assert report(keys, id).ended == {"api_keys": 2, "tokens": 1}
    assert keys.names() == ["api_keys", "tokens", "api_keys", "api_keys"]


def test_the_waits(keys: Keys, acme: ScimClient) -> None:
    """The first retries are due within five minutes, each after a longer wait."""
    id = acme.create("ann")["id"]
    keys.behaviour["api_keys"] = None
    began = datetime.now(UTC)
    acme.patch(f"/Users/{id}", INACTIVE)
    for wait in (5, 10, 20, 40, 80, 160, 300, 300):
        due = report(keys, id).outcomes[0].due
        assert due is not None
        # It failed at some time between; how fast this machine is decides nothing.
        assert began <= due - timedelta(seconds=wait) <= datetime.now(UTC)
        make_due(keys)
        began = datetime.now(UTC)
        retry(keys)


def test_one_that_hangs(build: Callable[..., Host]) -> None:
    """One that hangs holds up neither the answer nor the others, and may finish later."""
    host = build(SCIM_REVOCATION_RETRY=False, SCIM_REVOKER_TIMEOUT=1, SCIM_REVOCATION_WAIT=60)
    keys, go_on = Keys(host), threading.Event()
    keys.add("api_keys", "tokens")
    keys.behaviour["api_keys"] = lambda: 7 * go_on.wait(PATIENCE)
    acme = host.connect("acme", tenant="1")
    id = acme.create("ann")["id"]
    with keys.listening():
        acme.patch(f"/Users/{id}", INACTIVE)
    found = report(keys, id)
    assert (found.open, found.ended) == (["api_keys"], {"tokens": 1})
    assert found.outcomes[0].error == "it did not return within 1 seconds"
    assert keys.reports[-1][0] == found
    go_on.set()
    wait_until(lambda: report(keys, id).complete)
    assert report(keys, id).ended == {"api_keys": 7, "tokens": 1}


def test_the_answer_does_not_wait(build: Callable[..., Host]) -> None:
    """An app that lets nothing wait is answered at once; what is left is told when it is done."""
    host = build(SCIM_REVOCATION_RETRY=False, SCIM_REVOCATION_WAIT=0)
    keys, go_on = Keys(host), threading.Event()
    keys.add("api_keys")
    keys.behaviour["api_keys"] = lambda: 1 * go_on.wait(PATIENCE)
    acme = host.connect("acme", tenant="1")
    id = acme.create("ann")["id"]
    with keys.listening():
        acme.patch(f"/Users/{id}", INACTIVE)
        assert (keys.reports, report(keys, id).complete) == ([], False)
        go_on.set()
        wait_until(lambda: keys.reports)
    assert keys.reports[0][0].ended == {"api_keys": 1}


def test_what_another_process_has_left(
    build: Callable[..., Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a worker, the next process sees to what one that was killed has left."""
    monkeypatch.setattr("flask_scim.access.revocation._GRACE", timedelta(0))
    killed = Keys(build(SCIM_REVOCATION_RETRY=False, SCIM_REVOKER_TIMEOUT=1))
    killed.add("api_keys")
    killed.behaviour["api_keys"] = None
    acme = killed.host.connect("acme", tenant="1")
    id = acme.create("ann")["id"]
    acme.patch(f"/Users/{id}", INACTIVE)
    make_due(killed)
    assert report(killed, id).open == ["api_keys"]
    keys = Keys(build(SCIM_REVOKER_TIMEOUT=1))
    keys.add("api_keys")
    other = ScimClient(keys.host.app.test_client(), acme.base, acme.token)
    # What is asked of it first costs no statement more, and is not what the other has left.
    other.create("bob")
    wait_until(lambda: report(keys, id).complete)
    assert report(keys, id).ended == {"api_keys": 1}
    assert keys.names() == ["api_keys"]


def test_it_tries_again_itself(build: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a worker, the process in which a revoker failed tries again."""
    monkeypatch.setattr("flask_scim.access.jobs._FIRST_WAIT", 0)
    host = build()
    keys, tries = Keys(host), iter([None, "nothing", 5])
    keys.add("api_keys")
    keys.behaviour["api_keys"] = lambda: next(tries)
    acme = host.connect("acme", tenant="1")
    id = acme.create("ann")["id"]
    with keys.listening():
        acme.patch(f"/Users/{id}", INACTIVE)
        wait_until(lambda: len(keys.reports) == 2)
    assert [told.complete for told, _, _ in keys.reports] == [False, True]
    assert report(keys, id).ended == {"api_keys": 5}


def test_the_event(keys: Keys, acme: ScimClient) -> None:
    """The outbox tells once, in its place, when the last way into the app is closed."""
    id = acme.create("ann")["id"]

    def read() -> list[Any]:
        with keys.host.app.app_context():
            connection = keys.host.scim.connections.get("acme")
            assert connection is not None
            return list(keys.host.scim.outbox.read(connection))

    keys.behaviour = {"tokens": None}
    acme.patch(f"/Users/{id}", INACTIVE)
    assert read()[-1].type == "user.deactivated"
    keys.behaviour = {"tokens": 3}
    make_due(keys)
    retry(keys)
    make_due(keys)
    retry(keys)
    *_, before, last = read()
    assert (before.type, last.type) == ("user.deactivated", "user.access_ended")
    assert (last.resource_id, last.reason, last.object) == (id, "deactivated", None)
    since = report(keys, id).ending.since
    assert last.details == {
        "ended": {"api_keys": 1, "tokens": 3},
        "since": since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def test_one_of_several_workers(keys: Keys, acme: ScimClient) -> None:
    """However many workers look at once, each job is done by one of them."""
    ids = [acme.create(f"user{number}")["id"] for number in range(6)]
    keys.behaviour = {"api_keys": None, "tokens": None}
    for id in ids:
        acme.patch(f"/Users/{id}", INACTIVE)
    keys.names()
    keys.behaviour = {}
    make_due(keys)
    workers = [threading.Thread(target=retry, args=(keys,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(keys.names()) == ["api_keys"] * 6 + ["tokens"] * 6
    assert all(report(keys, id).complete for id in ids)


def test_a_worker_that_died(keys: Keys, acme: ScimClient) -> None:
    """What somebody has taken and not finished is free for others after a while."""
    id = acme.create("ann")["id"]
    keys.behaviour = {"api_keys": None}
    acme.patch(f"/Users/{id}", INACTIVE)
    make_due(keys)
    with keys.host.app.app_context():
        revocation = keys.host.app.extensions["scim"].access.revocation
        began = datetime.now(UTC)
        assert revocation._take_due().name == "api_keys"
        assert revocation._take_due() is None
        due = revocation.next_due()
    # It was taken at some time between.
    assert began <= due - revocation.patience.lease <= datetime.now(UTC)
    keys.behaviour = {}
    make_due(keys)
    assert [done.complete for done in retry(keys)] == [True]


def test_back_before_a_retry(keys: Keys, acme: ScimClient) -> None:
    """Who is back may sign in, while what began before the end is still to be ended."""
    id = acme.create("ann")["id"]
    keys.behaviour = {"api_keys": None}
    acme.patch(f"/Users/{id}", INACTIVE)
    ended = report(keys, id).ending.since
    acme.patch(f"/Users/{id}", ACTIVE)
    with keys.host.app.app_context():
        standing = keys.host.scim.allows_login(keys.db.get(keys.host.User, int(id)))
    assert (bool(standing), standing.fully_out, standing.ended) == (True, False, ended)
    keys.names()
    keys.behaviour = {}
    make_due(keys)
    retry(keys)
    ((_, _, ending),) = keys.asked
    assert (ending.since, ending.epoch) == (ended, 1)


def test_out_again_before_a_retry(keys: Keys, acme: ScimClient) -> None:
    """A second end takes in what is left of the first."""
    id = acme.create("ann")["id"]
    keys.behaviour = {"api_keys": None, "tokens": None}
    for operation in (INACTIVE, ACTIVE, INACTIVE):
        acme.patch(f"/Users/{id}", operation)
    assert {each.attempts for each in report(keys, id).outcomes} == {1}
    keys.behaviour = {}
    make_due(keys)
    assert [done.ending.epoch for done in retry(keys)] == [2]
    make_due(keys)
    assert retry(keys) == []


def test_a_row_that_is_gone(build: Callable[..., Host]) -> None:
    """Where the app deletes the row, revokers get an object with its key."""
    host = build()
    keys = Keys(host)
    keys.add("api_keys")
    host.scim._wiring.declared["User"].deleter(lambda user, _: host.db.session.delete(user))
    acme = host.connect("acme", tenant="1")
    id = acme.create("ann")["id"]
    with keys.listening():
        assert acme.delete(f"/Users/{id}").status_code == 204
    ((_, key, ending),) = keys.asked
    assert (key, ending.id, ending.cause) == (int(id), id, "deleted")
    assert [(told.complete, user) for told, user, _ in keys.reports] == [(True, None)]


def test_nothing_without_a_commit(keys: Keys, acme: ScimClient) -> None:
    """What is refused or undone ends nothing."""
    id = acme.create("ann")["id"]
    operation = {"op": "replace", "path": "userName", "value": None}
    assert acme.patch(f"/Users/{id}", INACTIVE, operation).status_code == 400
    assert acme.patch("/Users/999999", INACTIVE).status_code == 404
    assert keys.names() == []
    with keys.host.app.app_context():
        assert keys.host.scim.access_of(keys.db.get(keys.host.User, int(id))) is None


def test_by_the_app(keys: Keys, acme: ScimClient) -> None:
    """The app's own code ends access too, of people whom SCIM has never seen."""
    scim = keys.host.scim
    with keys.host.app.app_context():
        user = keys.host.User(tenant_id=1, username="own", last_name="x")
        keys.db.add(user)
        told = scim.revoke(user, "password changed")
        assert told.complete
        assert (told.ending.cause, told.ending.connection_id) == ("password changed", None)
        assert scim.allows_login(user)
        assert keys.reports == [(told, "own", None)]
        for wrong in ("", "x" * 65, "two\nlines"):
            with pytest.raises(ValueError, match="1 to 64 characters"):
                scim.revoke(user, wrong)
        with pytest.raises(ValueError, match="no row yet"):
            scim.revoke(keys.host.User(username="new"))
    assert keys.names() == ["api_keys", "tokens"]


def test_groups_have_no_access(keys: Keys, acme: ScimClient) -> None:
    """What happens to a group ends nobody's access."""
    user = acme.create("ann")
    group = acme.create_group("Devs", user["id"])
    acme.delete(f"/Groups/{group['id']}")
    assert keys.names() == []


def test_names(build: Callable[..., Host]) -> None:
    """A way into the app has one revoker, and a name that can be used."""
    scim = build().scim
    for name in ("", "Api Keys", "ä", "x" * 65, 5):
        with pytest.raises(ConfigurationError, match="cannot be the name"):
            scim.revoker(name)(lambda *_: 0)
        with pytest.raises(ConfigurationError, match="cannot be the name"):
            scim.ways_in("fine", name)


def test_it_costs_nothing_but_at_an_end(keys: Keys, acme: ScimClient) -> None:
    """Only a change that ends access asks for more statements."""
    id = acme.create("ann")["id"]

    def count(*operations: Any) -> int:
        with keys.host.statements() as seen:
            acme.patch(f"/Users/{id}", *operations)
        ours = ("scim_own_access", "scim_own_revocation")
        return sum(any(name in statement for name in ours) for statement in seen)

    assert count({"op": "replace", "path": "title", "value": "Dr"}) == 0
    assert count(ACTIVE) == 0
    assert count(INACTIVE) > 0
    assert count(ACTIVE) == 1


def test_tables_outlive_the_connection(keys: Keys, acme: ScimClient) -> None:
    """That somebody's access has ended is known after the connection is gone."""
    id = acme.create("ann")["id"]
    acme.patch(f"/Users/{id}", INACTIVE)
    with keys.host.app.app_context():
        keys.host.scim.connections.remove("acme")
        table = keys.host.db.metadata.tables["scim_own_access"]
        epochs = keys.db.scalars(sa.select(table.c.epoch).where(table.c.row_id == int(id))).all()
    assert epochs == [1]
