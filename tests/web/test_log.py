"""The log: what each request asked for and what came of it, without failing or slowing any."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim.provisioning.log import Logged, Search
from tests.client import USER, ScimClient
from tests.host import Host

#: The path of a user, and a body of one.
BODY = {"schemas": [USER], "userName": "ann@example.com"}


@pytest.fixture
def acme(host: Host) -> ScimClient:
    """A client on the connection ``watched`` whose answers are read to their end."""
    # A name of its own: of one that other tests use, a minute's strangers may be counted already.
    return host.connect("watched", tenant="1", idp="entra")


def ask(client: ScimClient, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Send a request and take the whole answer: what comes after it has been done as well."""
    return client.request(method, path, body, buffered=True, **options)


def logged(host: Host, connection_id: str = "watched", **search: Any) -> list[Logged]:
    """What the log holds of a connection, the oldest first."""
    with host.app.app_context():
        return host.scim._wiring.requests.read(connection_id, Search(**search))[::-1]


def test_a_change(host: Host, acme: ScimClient) -> None:
    """A change is logged with who made it, to what, what changed and how long it took."""
    before = datetime.now(UTC)
    headers = {"User-Agent": "Entra/1", "X-Request-Id": "trace-1"}
    created = ask(acme, "POST", "/Users", {**BODY, "title": "Dr"}, headers=headers)
    assert created.headers["X-Request-Id"] == "trace-1"
    (found,) = logged(host)
    with host.app.app_context():
        (token,) = host.scim.tokens.list("watched")
    assert (found.method, found.path, found.status) == ("POST", "/Users", 201)
    assert (found.request_id, found.idp) == ("trace-1", "entra")
    assert found.actor == f"token:{token.id}"
    assert (found.resource_type, found.resource_id) == ("User", created.json["id"])
    assert found.changed == ("active", "title", "userName")
    assert found.values == {}
    assert before <= found.time <= datetime.now(UTC)
    assert 0 <= found.duration < 60_000
    assert found.user_agent == "Entra/1"


def test_user_agent(host: Host, acme: ScimClient) -> None:
    """What the client calls itself is cut, and steers no terminal."""
    ask(acme, "GET", "/Users", headers={"User-Agent": "\x1b[31m" + "x" * 1_000})
    (found,) = logged(host)
    assert found.user_agent == "?[31m" + "x" * 250


def test_reads(host: Host, acme: ScimClient) -> None:
    """A read is logged with the shape of its filter, and not with what it compares with."""
    ask(acme, "GET", "/Users", query_string={"filter": 'userName eq "ann@example.com"'})
    ask(acme, "GET", "/Users", query_string={"filter": 'emails[type eq "work"].value eq "a@b.c"'})
    ask(acme, "GET", "/Users/17")
    ask(acme, "GET", "/Schemas")
    ask(acme, "POST", "/.search", {"schemas": [], "filter": "title pr and not (active eq true)"})
    found = logged(host)
    assert [(each.method, each.path, each.filter, each.status) for each in found] == [
        ("GET", "/Users", "userName eq ?", 200),
        ("GET", "/Users", "emails[type eq ? and value eq ?]", 200),
        ("GET", "/Users/{id}", None, 404),
        ("GET", "/Schemas", None, 200),
        ("POST", "/.search", "title pr and not (active eq ?)", 200),
    ]
    assert found[2].resource_id == "17"


def test_reads_that_are_left_out(host: Host) -> None:
    """A connection may have no successful reads in its log; what is refused is."""
    client = host.connect("watched", tenant="1", policy={"log_reads": "refused"})
    ask(client, "GET", "/Users")
    ask(client, "GET", "/Users/17")
    assert [each.status for each in logged(host)] == [404]


@pytest.mark.parametrize(
    ("kept", "detail"),
    [("names", "userName '…' is taken by another User."),
     ("impersonal", "userName '…' is taken by another User."),
     ("all", "userName 'ann@example.com' is taken by another User.")],
)  # fmt: skip
def test_refusals(host: Host, kept: str, detail: str) -> None:
    """A refusal is logged with its message, without values unless these may be kept."""
    client = host.connect("watched", tenant="1", policy={"log_values": kept})
    ask(client, "POST", "/Users", BODY)
    ask(client, "POST", "/Users", BODY)
    found = logged(host)[1]
    assert (found.status, found.scim_type, found.detail) == (409, "uniqueness", detail)


@pytest.mark.parametrize(
    ("kept", "title", "name"),
    [("names", None, None),
     ("impersonal", ["Dr", "Prof"], [{"familyName": "text of 3"}, {"familyName": "text of 5"}]),
     ("all", ["Dr", "Prof"], [{"familyName": "Lee"}, {"familyName": "Parks"}])],
)  # fmt: skip
def test_values(host: Host, kept: str, title: Any, name: Any) -> None:
    """Values are kept as far as the connection chooses, and a password never."""
    client = host.connect("watched", tenant="1", policy={"log_values": kept})
    user = {**BODY, "title": "Dr", "name": {"familyName": "Lee"}, "password": "correct horse"}
    id = ask(client, "POST", "/Users", user).json["id"]
    value = {"title": "Prof", "name.familyName": "Parks"}
    operations = [{"op": "replace", "path": path, "value": new} for path, new in value.items()]
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
    assert ask(client, "PATCH", f"/Users/{id}", body).status_code == 200
    found = logged(host)[1]
    assert (found.path, found.resource_id) == ("/Users/{id}", id)
    assert found.values.get("title") == title
    assert found.values.get("name") == name
    table = host.scim._wiring.tables.requests
    with host.app.app_context():
        assert "horse" not in str(host.db.session.execute(sa.select(table)).all())


def test_quirks(host: Host, acme: ScimClient) -> None:
    """What the dialect has put right can be seen."""
    id = ask(acme, "POST", "/Users", {"userName": "ann"}).json["id"]
    operation = {"op": "Replace", "path": "active", "value": "False"}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    ask(acme, "PATCH", f"/Users/{id}", body)
    assert [each.quirks for each in logged(host)] == [
        ("missing-schemas",),
        ("capitalised-op", "text-boolean"),
    ]


def test_members(host: Host, acme: ScimClient) -> None:
    """A change of members is logged with who came and went; too large an answer with 204."""
    ann = ask(acme, "POST", "/Users", BODY).json["id"]
    group = acme.create_group("Devs")["id"]
    acme.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": ann}]})
    found = logged(host)[-1]
    assert (found.resource_type, found.resource_id) == ("Group", group)
    assert (found.added, found.added_count, found.removed_count) == ((ann,), 1, 0)


def test_an_answer_without_a_body(build: Callable[..., Host], host: Host) -> None:
    """What is too large to show is logged as 204 at once, and needs no second look."""
    small = build(SCIM_PATCH_MEMBERS_LIMIT=1)
    client = small.connect("watched", tenant="1")
    ids = [client.create(name)["id"] for name in ("ann", "bob")]
    group = client.create_group("Devs")["id"]
    added = [{"value": id} for id in ids]
    operation = {"op": "add", "path": "members", "value": added}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    with small.statements() as statements:
        assert ask(client, "PATCH", f"/Groups/{group}", body).status_code == 204
    assert logged(small)[-1].status == 204
    assert [each for each in statements if each.startswith("UPDATE scim_own_request")] == []


def test_bulk(host: Host, acme: ScimClient) -> None:
    """A Bulk request is one row, with how many operations came to what."""
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": id, "data": {**BODY, "userName": name}}
        for id, name in (("1", "ann"), ("2", "bob"), ("3", "ann"))
    ]
    ask(acme, "POST", "/Bulk", {"schemas": [], "Operations": operations})
    (found,) = logged(host)
    assert (found.path, found.status) == ("/Bulk", 200)
    assert found.outcomes == {"201": 2, "409": 1}


def test_tokens_that_are_refused(host: Host, acme: ScimClient) -> None:
    """A token that was good is logged where it belongs, one that nobody knows where it was sent."""
    beside = host.connect("beside", tenant="2")
    with host.app.app_context():
        (token,) = host.scim.tokens.list("watched")
    assert ask(ScimClient(acme.http, beside.base, acme.token), "GET", "/Users").status_code == 401
    assert ask(ScimClient(acme.http, acme.base, "nonsense"), "GET", "/Users").status_code == 401
    with host.app.app_context():
        host.scim.connections.pause("watched")
    assert ask(acme, "GET", "/Users").status_code == 503
    with host.app.app_context():
        host.scim.tokens.revoke(token.id)
    assert ask(acme, "GET", "/Users").status_code == 401
    ask(ScimClient(acme.http, "/scim/v2/nowhere", acme.token), "GET", "/Users")
    ask(ScimClient(acme.http, "/scim/v2/nowhere", "nonsense"), "GET", "/Users")
    actor = f"token:{token.id}"
    assert [(each.status, each.actor) for each in logged(host)] == [
        (401, actor),
        (401, None),
        (503, actor),
        (401, actor),
        (401, actor),
    ]
    assert logged(host, "beside") == []
    with host.app.app_context():
        table = host.scim._wiring.tables.requests
        assert host.db.session.scalar(sa.select(sa.func.count()).select_from(table)) == 5


def test_strangers_cannot_flood_the_log(build: Callable[..., Host], host: Host) -> None:
    """Of those whom nobody knows, only so many are written in a minute, for each connection."""
    counting = build()
    acme, beside = (counting.connect(name, tenant="1") for name in ("watched", "beside"))
    for _ in range(130):
        stranger = ScimClient(acme.http, acme.base, "nonsense")
        assert ask(stranger, "GET", "/Users").status_code == 401
    # At the turn of a minute they begin anew.
    with counting.app.app_context():
        found = counting.scim._wiring.requests.read("watched", most=1_000)
    assert 60 <= len(found) <= 120
    ask(ScimClient(beside.http, beside.base, "nonsense"), "GET", "/Users")
    ask(acme, "GET", "/Users")
    assert [each.status for each in logged(counting, "beside")] == [401]
    assert logged(counting)[-1].status == 200


def test_request_ids(host: Host, acme: ScimClient) -> None:
    """Every answer carries an id, which the log and the events of the request have too."""
    created = acme.post("/Users", BODY)
    id = created.headers["X-Request-Id"]
    assert re.fullmatch("req_[0-9a-f]{24}", id)
    assert [each.request_id for each in logged(host, request_id=id)] == [id]
    with host.app.app_context():
        connection = host.scim.connections.get("watched")
        assert connection is not None
        assert host.scim.outbox.read(connection)[-1].cause.request_id == id
    for response in (
        acme.delete(f"/Users/{created.json['id']}"),
        acme.get("/nowhere"),
        acme.request("PUT", "/Users", BODY),
        acme.http.get("/scim/v2/watched/Users"),
    ):
        assert response.headers["X-Request-Id"].startswith("req_")


def test_a_failure(host: Host, acme: ScimClient) -> None:
    """What fails is logged as a failure, and what it would have changed is not logged."""
    id = ask(acme, "POST", "/Users", BODY).json["id"]
    declared = host.scim._wiring.declared["User"]

    def fail(row: Any, connection: Any) -> None:
        raise RuntimeError("words of the app's own")

    declared.deleter(fail)
    try:
        assert ask(acme, "DELETE", f"/Users/{id}").status_code == 500
    finally:
        declared.hooks.deleter = None
    found = logged(host)[1:]
    assert [(each.method, each.status, each.changed) for each in found] == [("DELETE", 500, ())]
    assert "own" not in (found[0].detail or "")


def test_a_log_that_fails(
    host: Host, acme: ScimClient, caplog: pytest.LogCaptureFixture, database: str
) -> None:
    """A read whose log cannot be written is answered, and counted in the application's own log."""
    table = host.scim._wiring.tables.requests
    with host.app.app_context():
        host.db.session.commit()
        table.drop(host.db.engine)
    try:
        assert ask(acme, "GET", "/Users").status_code == 200
        assert ask(acme, "GET", "/Users/17").status_code == 404
    finally:
        with host.app.app_context():
            table.create(host.db.engine)
    dropped = [each for each in caplog.records if "Dropped from the log" in each.getMessage()]
    assert len(dropped) == 2
    assert ask(acme, "GET", "/Users").status_code == 200
    assert [each.status for each in logged(host)] == [200]


def test_python_logging(host: Host, acme: ScimClient, caplog: pytest.LogCaptureFixture) -> None:
    """Python's logging gets a record with the same parts as fields."""
    with caplog.at_level(logging.INFO, "flask_scim.requests"):
        acme.get("/Users", filter='userName eq "ann@example.com"')
    (record,) = [each for each in caplog.records if each.name == "flask_scim.requests"]
    fields = vars(record)
    assert record.getMessage().startswith("GET /Users of connection watched: 200 in ")
    assert (fields["scim_filter"], fields["scim_status"]) == ("userName eq ?", 200)
    assert "ann@example.com" not in str(fields)


def test_search_of_the_log(host: Host, acme: ScimClient) -> None:
    """The log is read by status, method, resource and time, a page at a time."""
    id = ask(acme, "POST", "/Users", BODY).json["id"]
    ask(acme, "POST", "/Users", BODY)
    ask(acme, "GET", f"/Users/{id}")
    ask(acme, "GET", "/Users/17")
    now = datetime.now(UTC)
    for search, expected in (
        ({}, [201, 409, 200, 404]),
        ({"status": 409}, [409]),
        ({"status": 4}, [409, 404]),
        ({"errors": True}, [409, 404]),
        ({"method": "GET"}, [200, 404]),
        ({"resource_id": id}, [201, 200]),
        ({"resource_id": id, "method": "GET"}, [200]),
        ({"since": now - timedelta(minutes=1)}, [201, 409, 200, 404]),
        ({"since": now + timedelta(minutes=1)}, []),
    ):
        assert [each.status for each in logged(host, **search)] == expected, search
    with host.app.app_context():
        log = host.scim._wiring.requests
        first = log.read("watched", most=3)
        assert [each.status for each in first] == [404, 200, 409]
        earlier = log.read("watched", before=(first[-1].time, first[-1].id))
        assert [each.status for each in earlier] == [201]
        assert [each.status for each in log.read("watched", after=first[-1].id)] == [404, 200]


def test_it_is_read_by_time(host: Host, acme: ScimClient) -> None:
    """What is written late stands where it came, on every page; of several at once, the last."""
    table, now = host.scim._wiring.tables.requests, datetime.now(UTC)
    same = {"connection_id": "watched", "added_count": 0, "removed_count": 0, "duration": 1}
    same |= {"method": "GET", "path": "/Users", "status": 200}
    moments = {"e": 50, "a": 10, "d": 40, "b": 10, "f": 50, "c": 10}
    rows = [
        {**same, "request_id": name, "time": now + timedelta(milliseconds=moment)}
        for name, moment in moments.items()
    ]
    with host.app.app_context():
        log = host.scim._wiring.requests
        host.db.session.execute(table.insert(), rows)
        host.db.session.commit()
        found, before = [], None
        while page := log.read("watched", before=before, most=2):
            found += [each.request_id for each in page]
            before = (page[-1].time, page[-1].id)
        assert "".join(found) == "fedcba"
        ids = {each.request_id: each.id for each in log.read("watched")}
        late = log.read("watched", after=ids["d"])
        assert [each.request_id for each in late] == ["f", "c", "b"]
        assert list(log.prune(None, 4)) == [2]
        assert [each.request_id for each in log.read("watched")] == ["f", "e", "d", "c"]


@pytest.mark.parametrize("rows", [{"watched": 1_500, "beside": 30}, {"watched": 10, "beside": 20}])
def test_prune(host: Host, acme: ScimClient, rows: dict[str, int]) -> None:
    """Old requests go, and those that are too many of each connection, in batches."""
    host.connect("beside", tenant="2")
    table, now = host.scim._wiring.tables.requests, datetime.now(UTC)
    times = now, now - timedelta(days=100)
    same = {"added_count": 0, "removed_count": 0, "duration": 1, "request_id": "r"}
    same |= {"method": "GET", "path": "/Users", "status": 200}
    with host.app.app_context():
        log, session = host.scim._wiring.requests, host.db.session
        for name, number in rows.items():
            values = [
                {**same, "connection_id": name, "time": times[index % 2]} for index in range(number)
            ]
            session.execute(table.insert(), values)
        session.commit()
        batches = list(log.prune(90, None))
        assert sum(batches) == sum(rows.values()) // 2
        assert max(batches) <= 1_000
        assert list(log.prune(90, None)) == []
        list(log.prune(None, 5))
        assert [len(log.read(name)) for name in rows] == [5, 5]
        assert min(session.scalars(sa.select(table.c.time))) == now


def test_it_goes_with_its_connection(host: Host, acme: ScimClient) -> None:
    """What is logged of a connection is deleted with it."""
    ask(acme, "GET", "/Users")
    with host.app.app_context():
        host.scim.connections.remove("watched")
        host.scim.connections.add("watched", tenant="1")
    assert logged(host) == []


def test_nobody_waits_for_it(host: Host, acme: ScimClient) -> None:
    """The answer to a read is there before its row is: only then is it written."""
    acme.get("/Users")
    with host.statements() as statements:
        response = acme.get("/Users")
        before = len(statements)
        response.close()
    assert before == len([each for each in statements if "scim_own_request" not in each])
    assert len(statements) == before + 1


def test_many_at_once(host: Host, acme: ScimClient) -> None:
    """Requests that meet are all answered, and each is in the log."""
    start, answers = Flag(), []

    def read() -> None:
        start.wait()
        client = ScimClient(host.app.test_client(), acme.base, acme.token)
        answers.append(ask(client, "GET", "/Users").status_code)

    threads = [Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    start.set()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    assert len(logged(host)) == 8
