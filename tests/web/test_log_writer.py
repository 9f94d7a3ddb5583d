"""What writes the log: no request waits for it or fails by it, and nothing is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column

from flask_scim import SCIM
from flask_scim.web import gathering
from flask_scim.web.gathering import BATCH, PAUSES, Gatherer
from tests.client import USER, ScimClient
from tests.host import SETTINGS, Host
from tests.waiting import PATIENCE

BODY = {"schemas": [USER], "userName": "ann@example.com"}
#: So long nothing is written by itself.
LONG = 60


@pytest.fixture
def gathering_host(build: Callable[..., Host]) -> Iterator[Host]:
    """An app that gathers for longer than a test takes."""
    host = build(SCIM_LOG_DELAY=LONG)
    yield host
    flush(host)


@pytest.fixture
def acme(gathering_host: Host) -> ScimClient:
    """A client on the connection ``gathered``."""
    # A name of its own: of one that other tests use, a minute's strangers may be counted already.
    return gathering_host.connect("gathered", tenant="1")


def ask(client: ScimClient, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Send a request and take the whole answer: what comes after it has been done as well."""
    return client.request(method, path, body, buffered=True, **options)


def flush(host: Host) -> bool:
    """Let an app write what it has gathered."""
    with host.app.app_context():
        return host.scim.flush_log()


def logged(host: Host, connection_id: str = "gathered") -> list[tuple[str, int]]:
    """The method and status of each request in the log, the oldest first."""
    with host.app.app_context():
        found = host.scim._wiring.requests.read(connection_id, most=1_000)[::-1]
        assert len({each.request_id for each in found}) == len(found)
        return [(each.method, each.status) for each in found]


@contextmanager
def writing(host: Host, act: Callable[[], None]) -> Iterator[None]:
    """Do something just before rows of the log are written."""

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO scim_own_request"):
            act()

    with host.app.app_context():
        engine = host.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_written_together(gathering_host: Host, acme: ScimClient) -> None:
    """Reads and refusals are written in one transaction, and stand in the log where they came."""
    host, stranger = gathering_host, ScimClient(acme.http, acme.base, "nonsense")
    with host.statements() as statements:
        ask(acme, "GET", "/Users")
        assert not [each for each in statements if "scim_own_request" in each]
        ask(acme, "POST", "/Users", BODY)
        ask(acme, "POST", "/Users", BODY)
        ask(stranger, "GET", "/Users")
        ask(ScimClient(acme.http, "/scim/v2/nowhere", "nonsense"), "GET", "/Users")
        # A change is in the log as soon as it is in the database.
        assert logged(host) == [("POST", 201)]
        before = len(statements)
        assert flush(host)
        assert len(statements) - before == 2
        assert flush(host)
        assert len(statements) - before == 2
    assert logged(host) == [("GET", 200), ("POST", 201), ("POST", 409), ("GET", 401)]
    with host.app.app_context():
        assert host.db.session.scalar(sa.select(sa.func.count()).select_from(table(host))) == 4


def table(host: Host) -> sa.Table:
    """The table of the log."""
    return host.scim._wiring.tables.requests


def test_by_itself(build: Callable[..., Host]) -> None:
    """What has come is written a moment later, and then the thread that did it ends."""
    host = build(SCIM_LOG_DELAY=1)
    client = host.connect("gathered", tenant="1")
    threads: list[Thread] = []
    for _ in range(2):
        written = Flag()
        with writing(host, written.set):
            ask(client, "GET", "/Users")
            thread = gatherer(host)._thread
            assert thread is not None
            assert written.wait(PATIENCE)
        thread.join(PATIENCE)
        threads.append(thread)
    assert [each.is_alive() for each in threads] == [False, False]
    assert gatherer(host)._thread is None
    assert logged(host) == [("GET", 200)] * 2


def gatherer(host: Host) -> Gatherer[Any]:
    """What gathers the requests of an app."""
    found = host.app.extensions["scim"].gateway.log.writer._gatherer
    assert found is not None
    return found


def test_many(gathering_host: Host, acme: ScimClient) -> None:
    """So many rows as are written at once do not wait any longer."""
    written = Flag()
    with writing(gathering_host, written.set):
        for _ in range(BATCH):
            assert not written.is_set()
            ask(acme, "GET", "/Users", query_string={"count": 0})
        assert written.wait(PATIENCE)
    assert flush(gathering_host)
    assert logged(gathering_host) == [("GET", 200)] * BATCH


def test_many_at_once(gathering_host: Host, acme: ScimClient) -> None:
    """However many threads ask and write at once, each request is in the log, once."""
    start = Flag()

    def read() -> None:
        start.wait()
        client = ScimClient(gathering_host.app.test_client(), acme.base, acme.token)
        for _ in range(15):
            ask(client, "GET", "/Users", query_string={"count": 0})
            flush(gathering_host)

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    start.set()
    for thread in threads:
        thread.join()
    assert flush(gathering_host)
    assert logged(gathering_host) == [("GET", 200)] * 60


def test_too_many(gathering_host: Host, acme: ScimClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no more can wait, a request is written at once."""
    monkeypatch.setattr(gathering, "MOST", 2)
    for id in range(3):
        ask(acme, "GET", f"/Users/{id}")
    assert logged(gathering_host) == [("GET", 404)]
    assert flush(gathering_host)
    assert logged(gathering_host) == [("GET", 404)] * 3


def test_connections_that_go(gathering_host: Host, acme: ScimClient) -> None:
    """What was asked of a connection is not logged for another one that has its name."""
    host = gathering_host
    beside = host.connect("beside", tenant="2")
    ask(acme, "GET", "/Users")
    ask(beside, "GET", "/Users")
    with host.app.app_context():
        host.scim.connections.remove("gathered")
        host.scim.connections.add("gathered", tenant="1")
    assert flush(host)
    assert (logged(host), logged(host, "beside")) == ([], [("GET", 200)])


def test_a_connection_that_goes_just_then(gathering_host: Host, acme: ScimClient) -> None:
    """One that is removed while its rows are written takes nobody else's with it."""
    host = gathering_host
    beside = host.connect("beside", tenant="2")
    ask(acme, "GET", "/Users")
    ask(beside, "GET", "/Users")
    gone = sa.delete(host.scim._wiring.tables.connections).where(
        host.scim._wiring.tables.connections.c.id == "gathered"
    )
    tokens = host.scim._wiring.tables.tokens
    with host.app.app_context():
        engine = host.db.engine

    def remove() -> None:
        if removed:
            return
        removed.append(True)
        with engine.begin() as connection:
            connection.execute(tokens.delete().where(tokens.c.connection_id == "gathered"))
            connection.execute(gone)

    removed: list[bool] = []
    with writing(host, remove):
        assert flush(host)
    assert removed
    assert logged(host, "beside") == [("GET", 200)]


def test_a_database_that_fails(
    gathering_host: Host, acme: ScimClient, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be written is tried again; requests are answered all the while."""
    host = gathering_host
    with host.app.app_context():
        host.db.session.commit()
        table(host).drop(host.db.engine)
    try:
        for _ in range(2):
            assert ask(acme, "GET", "/Users").status_code == 200
            assert not flush(host)
    finally:
        with host.app.app_context():
            table(host).create(host.db.engine)
    assert flush(host)
    assert logged(host) == [("GET", 200)] * 2
    assert not [each for each in caplog.records if "Dropped" in each.getMessage()]


def test_a_database_that_is_away(
    gathering_host: Host, acme: ScimClient, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be written for minutes is dropped, and counted in the application's log."""
    host = gathering_host
    with host.app.app_context():
        host.db.session.commit()
        table(host).drop(host.db.engine)
    try:
        for _ in range(3):
            ask(acme, "GET", "/Users")
        for _ in PAUSES:
            assert not flush(host)
        assert not [each for each in caplog.records if "Dropped" in each.getMessage()]
        assert not flush(host)
        assert flush(host)
    finally:
        with host.app.app_context():
            table(host).create(host.db.engine)
    (dropped,) = [each for each in caplog.records if "Dropped" in each.getMessage()]
    assert dropped.exc_info is not None
    assert ask(acme, "GET", "/Users").status_code == 200
    assert flush(host)
    assert logged(host) == [("GET", 200)]


def test_an_app_that_fails_afterwards(
    gathering_host: Host, acme: ScimClient, caplog: pytest.LogCaptureFixture
) -> None:
    """What the app does at the end of a context may fail: what is written is not written again."""
    ask(acme, "GET", "/Users")

    def fail(_: BaseException | None) -> None:
        raise RuntimeError("no request")

    functions = gathering_host.app.teardown_appcontext_funcs
    functions.insert(0, fail)
    try:
        assert gatherer(gathering_host).flush()
    finally:
        functions.remove(fail)
    assert flush(gathering_host)
    assert logged(gathering_host) == [("GET", 200)]


def test_a_session_on_one_connection(gathering_host: Host, acme: ScimClient) -> None:
    """Where the session stands on one connection, a request is written at once, through that."""
    host = gathering_host
    ask(acme, "GET", "/Users")
    with host.app.app_context():
        engines = host.db.engines
        engine = engines[None]
    with engine.connect() as connection:
        engines[None] = connection  # type: ignore[assignment]  # as tests do that undo what they did
        try:
            assert ask(acme, "GET", "/Users").status_code == 200
            assert logged(host) == [("GET", 200)]
            # What came before waits until its thread can have a connection of its own again.
            assert not flush(host)
        finally:
            engines[None] = engine
    assert flush(host)
    assert logged(host) == [("GET", 200)] * 2


@pytest.mark.parametrize(
    ("url", "options"),
    [("sqlite://", {}), ("sqlite:///:memory:", {}),
     ("sqlite:///file:log?mode=memory&cache=shared&uri=true", {"poolclass": sa.QueuePool})],
)  # fmt: skip
def test_a_database_in_memory(url: str, options: dict[str, Any]) -> None:
    """No thread of ours uses a database in memory."""
    app, client = small(url, SCIM_LOG_DELAY=LONG, SQLALCHEMY_ENGINE_OPTIONS=options)
    ask(client, "GET", "/Users")
    with app.app_context():
        db = app.extensions["sqlalchemy"]
        rows = sa.text("SELECT count(*) FROM scim_own_request")
        assert db.session.scalar(rows) == 1
        db.session.remove()
        db.engine.dispose()


def small(url: str, **config: Any) -> tuple[Flask, ScimClient]:
    """An app and a client on its connection ``acme``."""
    db = SQLAlchemy()
    scim = SCIM(db)

    class User(db.Model):  # type: ignore[name-defined,misc]
        """A user."""

        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(sa.String(40))

    scim.users(User, {"userName": User.name})
    app = Flask("small")
    app.config.update(SETTINGS | {"SQLALCHEMY_DATABASE_URI": url} | config)
    db.init_app(app)
    scim.init_app(app)
    with app.app_context():
        db.create_all()
        scim.connections.add("acme")
        token, _ = scim.tokens.issue("acme")
    return app, ScimClient(app.test_client(), "/scim/v2/acme", token)


def test_a_process_for_one_request(gathering_host: Host, acme: ScimClient) -> None:
    """A process that ends with the answer, as those of CGI do, leaves nothing for later."""
    ask(acme, "GET", "/Users", environ_overrides={"wsgi.run_once": True})
    assert logged(gathering_host) == [("GET", 200)]


def test_forgetting(build: Callable[..., Host], host: Host) -> None:
    """Who is forgotten does not come back with what another process has not written yet."""
    here, there = build(SCIM_LOG_DELAY=1), build(SCIM_LOG_DELAY=1)
    client = here.connect("gathered", tenant="1")
    elsewhere = ScimClient(there.app.test_client(), client.base, client.token)
    id = client.create("ann")["id"]
    ask(client, "GET", f"/Users/{id}")
    ask(elsewhere, "GET", f"/Users/{id}")
    with here.app.app_context():
        assert here.scim.forget(id) >= 3
        found = here.scim._wiring.requests.read("gathered")
    assert [each.resource_id for each in found] == ["forgotten"] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_processes(host: Host, database: str) -> None:
    """A child that was forked writes its own requests and not its parent's, at its end at last."""
    client = host.connect("gathered", tenant="1")
    script = Path(__file__).with_name("forking.py")
    # From Python 3.12 on, it warns of a fork where there are threads: just that is tried here.
    python = (sys.executable, "-W", "ignore:This process:DeprecationWarning")
    ran = subprocess.run(
        [*python, "-m", f"tests.web.{script.stem}", database, client.base, client.token],
        cwd=script.parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert ran.stderr == ""
    with host.app.app_context():
        found = host.scim._wiring.requests.read("gathered")
    assert sorted(each.resource_id or "" for each in found) == ["child", "parent"]


# The gatherer by itself


class Written(list[str]):
    """Where rows are written to, and how many were dropped."""

    dropped = 0

    def write(self, rows: Any) -> None:
        """Write rows."""
        self.extend(rows)

    def drop(self, count: int, _error: Exception | None) -> None:
        """Count what could not be written."""
        self.dropped += count


def test_threads_that_do_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where threads do not get to run, whoever comes too late for them writes."""
    now, written = 100.0, Written()
    monkeypatch.setattr(gathering, "monotonic", lambda: now)
    monkeypatch.setattr(gathering.Thread, "start", lambda _: None)
    slow = Gatherer[str](written.write, written.drop, 5)
    for moment, expected in ((100, ""), (105, ""), (111, ""), (112, "abcd"), (113, "abcd")):
        now = moment
        assert slow.put("abcde"[(100, 105, 111, 112, 113).index(moment)])
        assert "".join(written) == expected
    slow.close()
    assert "".join(written) == "abcde"
    assert not slow.put("f")


def test_threads_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started, rows are written at once."""
    written = Written()

    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(gathering.Thread, "start", refuse)
    lone = Gatherer[str](written.write, written.drop, LONG)
    assert lone.put("a")
    assert written == ["a"]


def test_a_write_that_hangs() -> None:
    """Who comes while somebody writes does not wait; at the end, what is left is counted."""
    begun, end, written = Flag(), Flag(), Written()

    def hang(rows: Any) -> None:
        begun.set()
        end.wait(PATIENCE)
        written.write(rows)

    stuck = Gatherer[str](hang, written.drop, LONG)
    assert stuck.put("a")
    thread = Thread(target=stuck.flush)
    thread.start()
    assert begun.wait(PATIENCE)
    assert stuck.put("b")
    assert not stuck.flush(0)
    end.set()
    thread.join()
    stuck.close()
    assert (written, written.dropped) == (["a", "b"], 0)


def test_an_end_that_fails() -> None:
    """What cannot be written at the end of the process is counted as dropped."""
    written = Written()

    def fail(_: Any) -> None:
        raise RuntimeError("the database is away")

    failing = Gatherer[str](fail, written.drop, LONG)
    assert failing.put("a")
    assert failing.put("b")
    failing.close()
    assert written.dropped == 2
