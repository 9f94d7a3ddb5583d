"""Requests that only read take no transaction where that costs two ways to the database."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from flask_scim.web.current import this_request
from flask_scim.web.reads import begin_reading, end_reading
from tests.client import ScimClient
from tests.host import Host


@contextmanager
def levels(host: Host) -> Iterator[list[tuple[str, bool]]]:
    """What runs inside on users, and whether it runs without a transaction."""
    seen: list[tuple[str, bool]] = []

    def note(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "host_user" in statement:
            options = connection.get_execution_options()
            is_apart = options.get("isolation_level") == "AUTOCOMMIT"
            raw = connection.connection.driver_connection
            assert is_apart == (getattr(raw, "autocommit", False) is True)
            seen.append((statement.split(maxsplit=1)[0], is_apart))

    with host.app.app_context():
        engine = host.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def before(host: Host, hook: Any) -> Iterator[None]:
    """Let the host do something before each request."""
    hooks = host.app.before_request_funcs.setdefault(None, [])
    hooks.append(hook)
    try:
        yield
    finally:
        hooks.remove(hook)


@pytest.fixture
def id(scim: ScimClient) -> str:
    """A user; the token has been used this minute."""
    created: str = scim.create("ann")["id"]
    scim.get(f"/Users/{created}")
    return created


def is_postgresql(host: Host) -> bool:
    """Whether it is PostgreSQL that the app runs on."""
    with host.app.app_context():
        return bool(host.db.engine.dialect.name == "postgresql")


def test_reads(host: Host, scim: ScimClient, id: str) -> None:
    """Reads and searches run without a transaction on PostgreSQL, and changes in one everywhere."""
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}
    for send in (
        lambda: scim.get(f"/Users/{id}"),
        lambda: scim.get("/Users", filter='userName eq "ann"'),
        lambda: scim.post("/Users/.search", search),
    ):
        with levels(host) as seen:
            assert send().status_code == 200
        assert {apart for _, apart in seen} == {is_postgresql(host)}
    with levels(host) as seen:
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "title", "value": "Dr"})
    assert not any(apart for _, apart in seen)


@pytest.mark.parametrize(
    ("method", "path", "reads"),
    [
        ("GET", "/Users/1", True),
        ("HEAD", "/Users/1", True),
        ("POST", "/Users/.search", True),
        ("POST", "/Users", False),
        ("PATCH", "/Users/.search", False),
        ("DELETE", "/Users/.search", False),
    ],
)
def test_what_only_reads(host: Host, method: str, path: str, reads: bool) -> None:
    """A change of what has the id ``.search`` is a change: its reading ends before it writes."""
    ended: list[bool] = []
    with host.app.test_request_context(path, method=method):
        begin_reading(this_request(), lambda: lambda: ended.append(True))()
        assert ended == ([] if reads else [True])
        end_reading(this_request())
        assert ended == [True]


def test_the_last_use_is_noted(host: Host, scim: ScimClient, id: str) -> None:
    """A read that notes the last use of the token keeps that note, and answers all the same."""
    tokens = host.db.metadata.tables["scim_token"]
    with host.app.app_context():
        host.db.session.execute(tokens.update().values(last_used=None))
        host.db.session.commit()
    assert scim.get(f"/Users/{id}").status_code == 200
    with host.app.app_context():
        assert host.db.session.scalar(sa.select(tokens.c.last_used)) is not None


def test_nothing_is_left_to_the_collector(host: Host, scim: ScimClient, id: str) -> None:
    """A session is gone with its request, whether or not the collector of garbage comes by."""
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(each, Session) for each in gc.get_objects())
        assert scim.get(f"/Users/{id}").status_code == 200
        assert sum(isinstance(each, Session) for each in gc.get_objects()) == before
    finally:
        gc.enable()


def test_session_that_has_begun(host: Host, scim: ScimClient, id: str) -> None:
    """A transaction that the host has begun before goes on, with what it has not committed."""

    def rename() -> None:
        host.db.session.execute(sa.update(host.User).values(first_name="Unsaved"))

    with before(host, rename), levels(host) as seen:
        assert scim.get(f"/Users/{id}").json["name"]["givenName"] == "Unsaved"
    assert not any(apart for _, apart in seen)
    assert "name" not in scim.get(f"/Users/{id}").json


def test_hosts_that_listen(host: Host, scim: ScimClient, id: str) -> None:
    """Where the host says something at the beginning of transactions, there is one to say it in."""
    seen_by_host = []

    def narrow(_session: Any, _transaction: Any, connection: sa.Connection) -> None:
        seen_by_host.append(connection.in_transaction())

    event.listen(Session, "after_begin", narrow)
    try:
        with levels(host) as seen:
            assert scim.get(f"/Users/{id}").status_code == 200
    finally:
        event.remove(Session, "after_begin", narrow)
    assert not any(apart for _, apart in seen)
    assert seen_by_host
    assert all(seen_by_host)


def test_host_writes_behind_a_read(host: Host, scim: ScimClient, id: str) -> None:
    """What the host writes after the answer is made can be undone: it is in a transaction."""

    def rename(response: Any) -> Any:
        host.db.session.execute(sa.update(host.User).values(first_name="Undone"))
        host.db.session.rollback()
        return response

    hooks = host.app.after_request_funcs.setdefault(None, [])
    hooks.append(rename)
    try:
        assert scim.get(f"/Users/{id}").status_code == 200
    finally:
        hooks.remove(rename)
    assert "name" not in scim.get(f"/Users/{id}").json
