"""What the app is told, when, and what becomes of receivers that fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, has_request_context

import flask_scim
from flask_scim import Event, user_created, user_deleted, user_updated
from tests.client import ENTERPRISE, USER, ScimClient
from tests.host import Host

Sent = list[tuple[str, dict[str, Any]]]


def names(sent: Sent) -> list[str]:
    """The names of the signals, in order."""
    return [name for name, _ in sent]


def test_created(host: Host, scim: ScimClient, sent: Sent) -> None:
    """A new user is told with the host's row, the connection and the resource."""
    created = scim.create("ann", name={"familyName": "Lee"})
    assert names(sent) == ["user_created"]
    carried = sent[0][1]
    event = carried["event"]
    assert set(carried) == {"sender", "event", "user", "connection"}
    assert carried["sender"] is host.app
    assert isinstance(carried["user"], host.User)
    assert (carried["connection"].id, carried["connection"].tenant) == ("acme", "1")
    assert isinstance(event, Event)
    assert (event.type, event.resource_type, event.id) == ("user.created", "User", created["id"])
    assert event.connection is carried["connection"]
    assert event.row is carried["user"]
    assert event.before is None
    assert event.after["userName"] == "ann"
    assert set(event.changed) == {"active", "displayName", "name", "userName"}


def test_created_inactive(scim: ScimClient, sent: Sent) -> None:
    """A user who never was active was not deactivated."""
    scim.create("ann", active=False)
    assert names(sent) == ["user_created"]


@pytest.mark.parametrize(
    ("operation", "expected", "changed"),
    [
        ({"path": "title", "value": "Prof"}, ["user_updated"], ("title",)),
        ({"path": "name.familyName", "value": "Ray"}, ["user_updated"], ("displayName", "name")),
        ({"path": f"{ENTERPRISE}:department", "value": "R&D"}, ["user_updated"],
         (f"{ENTERPRISE}:department",)),
        ({"path": "active", "value": False}, ["user_deactivated"], ("active",)),
        ({"path": "active", "value": "False"}, ["user_deactivated"], ("active",)),
        ({"path": "active", "value": True}, [], ()),
        ({"path": "title", "value": "Dr"}, [], ()),
        ({"value": {"title": "Prof", "active": False}}, ["user_updated", "user_deactivated"],
         ("active", "title")),
        ({"value": {"title": "Prof", "active": True}}, ["user_updated"], ("title",)),
    ],
)  # fmt: skip
def test_changed(
    scim: ScimClient, sent: Sent, operation: Any, expected: list[str], changed: tuple[str, ...]
) -> None:
    """A change is told as what it is, with what was before and is after, if it is one at all."""
    user = scim.create("ann", title="Dr", name={"familyName": "Lee"})
    sent.clear()
    scim.patch(f"/Users/{user['id']}", {"op": "replace", **operation})
    assert expected == names(sent)
    for _, carried in sent:
        event = carried["event"]
        assert changed == event.changed
        assert event.before["title"] == "Dr"
        assert event.before != event.after


def test_off_and_on(scim: ScimClient, sent: Sent) -> None:
    """Only a switch of ``active`` is told as one, by PATCH and by PUT."""
    user = scim.create("ann")
    path = f"/Users/{user['id']}"
    sent.clear()
    for value in (False, False, True, True):
        scim.patch(path, {"op": "replace", "path": "active", "value": value})
    for value in (False, False, True, True):
        scim.put(path, {**user, "active": value})
    assert names(sent) == ["user_deactivated", "user_reactivated"] * 2


def test_deleted(host: Host, scim: ScimClient, sent: Sent) -> None:
    """A deletion is told once, with what was there; it is no deactivation as well."""
    id = scim.create("ann")["id"]
    sent.clear()
    scim.delete(f"/Users/{id}")
    scim.delete(f"/Users/{id}")
    assert names(sent) == ["user_deleted"]
    event = sent[0][1]["event"]
    assert event.before["userName"] == "ann"
    assert event.after is None
    assert event.id == id


def test_brought_back(scim: ScimClient, sent: Sent) -> None:
    """A user who was deleted and comes back is told as created."""
    id = scim.create("ann")["id"]
    scim.delete(f"/Users/{id}")
    sent.clear()
    scim.create("ann")
    assert names(sent) == ["user_created"]


@pytest.mark.parametrize(
    "refused",
    [
        lambda scim, id: scim.post("/Users", {"schemas": [USER], "userName": "ann"}),
        lambda scim, id: scim.post("/Users", {"schemas": [USER]}),
        lambda scim, id: scim.patch(f"/Users/{id}", {"op": "replace", "path": "x", "value": 1}),
        lambda scim, id: scim.patch(
            f"/Users/{id}",
            {"op": "replace", "path": "active", "value": False},
            {"op": "remove", "path": "userName"},
        ),
        lambda scim, id: scim.put(f"/Users/{id}", {"schemas": [USER], "userName": "bob"}),
        lambda scim, id: scim.delete("/Users/0"),
        lambda scim, id: scim.request("DELETE", f"/Users/{id}", headers={"If-Match": '"9"'}),
        lambda scim, id: scim.request("DELETE", f"/Users/{id}", headers={"Authorization": "x"}),
    ],
)
def test_refused(scim: ScimClient, sent: Sent, refused: Callable[[ScimClient, str], Any]) -> None:
    """What is refused has not happened, and is not told."""
    id = scim.create("ann")["id"]
    scim.create("bob")
    sent.clear()
    assert refused(scim, id).status_code >= 400
    assert sent == []


def test_failed(host: Host, scim: ScimClient, sent: Sent) -> None:
    """What is undone since the host's own hook failed is not told."""
    declared = next(iter(host.scim._wiring.declared.values()))
    id = scim.create("ann")["id"]
    sent.clear()

    def fail(row: Any, connection: Any) -> None:
        raise RuntimeError

    declared.deleter(fail)
    try:
        assert scim.delete(f"/Users/{id}").status_code == 500
    finally:
        declared.hooks.deleter = None
    assert sent == []
    assert scim.get(f"/Users/{id}").status_code == 200


@contextmanager
def connected(host: Host, *receivers: Callable[..., None]) -> Iterator[None]:
    """Connect receivers to every signal, in this order."""
    with ExitStack() as stack:
        for name in ("created", "updated", "deactivated", "reactivated", "deleted"):
            signal = getattr(flask_scim, f"user_{name}")
            for receiver in receivers:
                stack.enter_context(signal.connected_to(receiver, sender=host.app))
        yield


def test_sent_after_commit(host: Host, scim: ScimClient, database: str) -> None:
    """When a receiver is called, anybody can read the change, over any connection."""
    engine = sa.create_engine(database)
    users, records = (host.db.metadata.tables[name] for name in ("host_user", "scim_user"))
    seen: list[tuple[str, Any]] = []

    def read(sender: Flask, event: Event, **_: Any) -> None:
        statement = sa.select(users.c.username, users.c.blocked, records.c.deleted.is_(None))
        with engine.connect() as connection:
            row = connection.execute(
                statement.join(records, records.c.row_id == users.c.id).where(
                    users.c.id == int(event.id)
                )
            ).one()
        seen.append((event.type, (row[0], bool(row[1]), bool(row[2]))))

    with connected(host, read):
        id = scim.create("ann")["id"]
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "userName", "value": "ann2"})
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": False})
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": True})
        scim.delete(f"/Users/{id}")
    engine.dispose()
    assert seen == [
        ("user.created", ("ann", False, True)),
        ("user.updated", ("ann2", False, True)),
        ("user.deactivated", ("ann2", True, True)),
        ("user.reactivated", ("ann2", False, True)),
        ("user.deleted", ("ann2", True, False)),
    ]


def test_receiver_uses_the_apps_session(host: Host, scim: ScimClient) -> None:
    """A receiver may read and change the row and commit, within the request."""

    def greet(sender: Flask, user: Any, **_: Any) -> None:
        assert has_request_context()
        user.first_name = f"Dear {user.username}"
        host.db.session.add(host.Office(locale="en"))
        host.db.session.commit()

    with user_created.connected_to(greet, sender=host.app):
        created = scim.create("ann")
    assert scim.get(f"/Users/{created['id']}").json["name"] == {"givenName": "Dear ann"}
    with host.app.app_context():
        assert host.db.session.scalar(sa.select(sa.func.count()).select_from(host.Office)) == 1


def break_session(host: Host) -> None:
    """Leave the session in a transaction that has failed."""
    host.db.session.execute(sa.text("SELECT nonsense FROM nowhere"))


@pytest.mark.parametrize("breaks", [False, True])
def test_receiver_that_raises(
    host: Host, scim: ScimClient, caplog: pytest.LogCaptureFixture, breaks: bool
) -> None:
    """What a receiver raises is logged; the change stands, and the other receivers hear of it."""
    heard: list[str] = []

    def fail(sender: Flask, user: Any, **_: Any) -> None:
        user.last_name = "half a change"
        if breaks:
            break_session(host)
        raise RuntimeError("a receiver's own words")

    def hear(sender: Flask, user: Any, event: Event, **_: Any) -> None:
        host.db.session.execute(sa.text("SELECT 1"))
        heard.append(f"{event.type} {user.username} {user.last_name}")

    def fail_too(sender: Flask, **carried: Any) -> None:
        fail(sender, **carried)

    with connected(host, fail, hear, fail_too), caplog.at_level(logging.ERROR):
        created = scim.post("/Users", {"schemas": [USER], "userName": "ann"})
        path = f"/Users/{created.json['id']}"
        patched = scim.patch(path, {"op": "add", "path": "title", "value": "Dr"})
        deactivated = scim.put(path, {**patched.json, "active": False, "title": "Prof"})
        deleted = scim.delete(path)
    assert [response.status_code for response in (created, patched, deactivated, deleted)] == [
        201,
        200,
        200,
        204,
    ]
    assert heard == [
        "user.created ann ",
        "user.updated ann ",
        "user.updated ann ",
        "user.deactivated ann ",
        "user.deleted ann ",
    ]
    logged = [record for record in caplog.records if record.name == "flask_scim.signals"]
    assert len(logged) == 10
    assert all(record.exc_info for record in logged)
    assert "user.created" in logged[0].getMessage()
    assert "half a change" not in scim.get("/Users").text


def test_receiver_that_hides_a_broken_session(host: Host, scim: ScimClient) -> None:
    """A receiver that swallows what broke the session does not break it for the next ones."""
    heard: list[str] = []

    def make_swallow() -> Callable[..., None]:
        def swallow(sender: Flask, **_: Any) -> None:
            with suppress(sa.exc.SQLAlchemyError):
                break_session(host)

        return swallow

    def make_hear() -> Callable[..., None]:
        def hear(sender: Flask, user: Any, **_: Any) -> None:
            host.db.session.execute(sa.text("SELECT 1"))
            heard.append(user.username)

        return hear

    # In which order receivers are called is not known: some of these come after a broken session.
    receivers = [make() for _ in range(5) for make in (make_swallow, make_hear)]
    with connected(host, *receivers):
        assert scim.create("ann")["userName"] == "ann"
    assert heard == ["ann"] * 5


def test_receivers_of_one_signal_only(host: Host, scim: ScimClient) -> None:
    """A receiver hears the signal that it asked for."""
    heard: list[str] = []

    def hear(sender: Flask, event: Event, **_: Any) -> None:
        heard.append(event.type)

    with user_updated.connected_to(hear, sender=host.app):
        id = scim.create("ann")["id"]
        scim.patch(f"/Users/{id}", {"op": "add", "path": "title", "value": "Dr"})
        scim.delete(f"/Users/{id}")
    assert heard == ["user.updated"]


def test_other_apps_hear_nothing(build: Callable[..., Host], scim: ScimClient, sent: Sent) -> None:
    """A receiver that asked for one app does not hear of another."""
    other = build().connect("other", tenant="1")
    other.create("ann")
    assert sent == []


def test_row_that_the_host_deletes(host: Host, scim: ScimClient) -> None:
    """Where the host deletes its row, receivers still get what it was."""
    declared = next(iter(host.scim._wiring.declared.values()))
    heard: list[str] = []

    def drop(row: Any, connection: Any) -> None:
        host.db.session.delete(row)

    def hear(sender: Flask, user: Any, event: Event, **_: Any) -> None:
        heard.append(f"{user.username} {event.before['userName']}")

    declared.deleter(drop)
    try:
        with user_deleted.connected_to(hear, sender=host.app):
            id = scim.create("ann")["id"]
            assert scim.delete(f"/Users/{id}").status_code == 204
    finally:
        declared.hooks.deleter = None
    assert heard == ["ann ann"]
    with host.app.app_context():
        assert host.db.session.get(host.User, int(id)) is None
    assert scim.create("ann")["userName"] == "ann"
