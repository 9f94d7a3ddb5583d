"""The app's own changes to what an identity provider keeps: taken back, kept or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm.attributes import flag_modified

from flask_scim import LocalEdit, user_updated
from tests.client import ScimClient
from tests.host import Host

ANN: dict[str, Any] = {
    "name": {"givenName": "Ann", "familyName": "Lee"},
    "emails": [{"type": "work", "primary": True, "value": "ann@x.org"}],
    "title": "Dr",
    "locale": "fr",
}


@pytest.fixture
def strict(host: Host, scim: ScimClient) -> ScimClient:
    """The connection ``acme``, which refuses local edits."""
    with host.app.app_context():
        host.scim.connections.edit("acme", policy={"local_edits": "refuse"})
    return scim


@pytest.fixture
def ann(strict: ScimClient) -> int:
    """The key of a user whom ``acme`` keeps."""
    return int(strict.create("ann", **ANN)["id"])


def change(host: Host, key: int, make: Callable[[Any], Any]) -> Any:
    """Change the host's row as the app does, and return it."""
    row = host.db.session.get(host.User, key)
    make(row)
    host.db.session.commit()
    return row


def set_theme_in_place(user: Any) -> None:
    user.profile["theme"] = "dark"
    flag_modified(user, "profile")


def set_title_in_place(user: Any) -> None:
    user.profile["title"] = "Prof"
    flag_modified(user, "profile")


REFUSED: dict[str, tuple[Callable[[Any], Any], tuple[str, ...], tuple[str, ...]]] = {
    "column": (lambda user: setattr(user, "first_name", "A"), ("name.givenName",), ("first_name",)),
    "inverted": (lambda user: setattr(user, "blocked", True), ("active",), ("blocked",)),
    "slot": (
        lambda user: setattr(user, "email", None),
        ('emails[type eq "work"].value',),
        ("email",),
    ),
    "json": (lambda user: setattr(user, "profile", {"title": "X"}), ("title",), ("profile.title",)),
    "json in place": (set_title_in_place, ("title",), ("profile.title",)),
    "behind": (lambda user: setattr(user.office, "locale", "de"), ("locale",), ("office.locale",)),
    "another behind": (lambda user: setattr(user, "office", None), ("locale",), ("office.locale",)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(host: Host, strict: ScimClient, ann: int, name: str) -> None:
    """What SCIM keeps cannot be changed, and nothing is; the error names it for a form."""
    make, attributes, fields = REFUSED[name]
    before = strict.get(f"/Users/{ann}").json
    with host.app.app_context():
        with pytest.raises(LocalEdit) as caught:
            change(host, ann, make)
        host.db.session.rollback()
    assert caught.value.connection_id == "acme"
    assert (caught.value.attributes, caught.value.fields) == (attributes, fields)
    assert "provisioned by an identity provider (connection acme)" in str(caught.value)
    assert strict.get(f"/Users/{ann}").json == before


LET_THROUGH: dict[str, Callable[[Any], Any]] = {
    "unmapped": lambda user: setattr(user, "tenant_id", user.tenant_id),
    "the same": lambda user: setattr(user, "first_name", "Ann"),
    "beside in json": lambda user: setattr(user, "profile", {**user.profile, "theme": "dark"}),
    "beside in json, in place": set_theme_in_place,
}


@pytest.mark.parametrize("name", LET_THROUGH)
def test_let_through(host: Host, ann: int, name: str) -> None:
    """What SCIM does not keep is the app's, also beside it in one column."""
    with host.app.app_context():
        row = change(host, ann, LET_THROUGH[name])
        if "json" in name:
            assert row.profile == {"title": "Dr", "theme": "dark"}


def test_the_same_value_after_a_commit(host: Host, ann: int) -> None:
    """A form that saves what it has shown changes nothing, read again or not."""
    with host.app.app_context():
        row = change(host, ann, lambda user: None)
        row.first_name = "Ann"
        host.db.session.commit()
        row.first_name = "Anna"
        with pytest.raises(LocalEdit):
            host.db.session.commit()


def test_deletion(host: Host, strict: ScimClient, ann: int) -> None:
    """A row that SCIM keeps cannot be deleted; one that it has deleted can."""
    with host.app.app_context():
        host.db.session.delete(host.db.session.get(host.User, ann))
        with pytest.raises(LocalEdit, match="change it there") as caught:
            host.db.session.commit()
        assert caught.value.attributes == ()
        host.db.session.rollback()
    strict.delete(f"/Users/{ann}")
    with host.app.app_context():
        host.db.session.delete(host.db.session.get(host.User, ann))
        host.db.session.commit()
        assert host.db.session.get(host.User, ann) is None


def test_scims_own_changes(host: Host, strict: ScimClient, ann: int) -> None:
    """SCIM writes as ever, and so do hooks in its transaction."""
    user = f"/Users/{ann}"
    assert strict.patch(user, {"op": "replace", "path": "title", "value": "X"}).status_code == 200
    assert strict.delete(user).status_code == 204


def test_receivers_are_the_app(host: Host, strict: ScimClient, ann: int) -> None:
    """A receiver of a signal changes what it may change as the app does, and no more."""
    raised: list[Exception] = []

    def receive(_: Any, user: Any, **__: Any) -> None:
        user.first_name = "Changed"
        try:
            host.db.session.commit()
        except LocalEdit as error:
            raised.append(error)

    with user_updated.connected_to(receive):
        strict.patch(f"/Users/{ann}", {"op": "replace", "path": "title", "value": "X"})
    assert len(raised) == 1


def test_overriding(host: Host, strict: ScimClient, ann: int) -> None:
    """The app's own administrators can change everything, and versions tell of it."""
    path = f"/Users/{ann}"
    version = strict.get(path).json["meta"]["version"]
    with host.app.app_context():
        row = host.db.session.get(host.User, ann)
        with host.scim.overriding():
            row.first_name = "Anna"
        host.db.session.commit()
        row.first_name = "Annie"
        with pytest.raises(LocalEdit):
            host.db.session.commit()
    after = strict.get(path).json
    assert after["name"]["givenName"] == "Anna"
    assert after["meta"]["version"] != version


def test_bulk_updates_are_not_seen(host: Host, ann: int) -> None:
    """A statement past the ORM's objects is not seen, as the documentation says."""
    with host.app.app_context():
        host.db.session.execute(update(host.User).values(first_name="A"))
        host.db.session.commit()
        assert host.db.session.get(host.User, ann).first_name == "A"


def test_others(host: Host, strict: ScimClient, ann: int) -> None:
    """Whoever another connection keeps, or nobody does, can be changed."""
    bob = int(host.connect("beside", tenant="1").create("bob", **ANN)["id"])
    with host.app.app_context():
        change(host, bob, lambda user: setattr(user, "first_name", "B"))
        cid = host.User(username="cid", last_name="?", tenant_id=1)
        host.db.session.add(cid)
        host.db.session.commit()
        change(host, cid.id, lambda user: setattr(user, "first_name", "C"))
        host.scim.closing.close("acme", "release")
        change(host, ann, lambda user: setattr(user, "first_name", "A"))


def test_setting(build: Callable[..., Host]) -> None:
    """The app can refuse for all of its connections, of which one allows."""
    host = build(SCIM_LOCAL_EDITS="refuse")
    keys = []
    for name, policy in (("acme", {}), ("free", {"local_edits": "overwrite"})):
        client = host.connect(name, tenant="1", policy=policy)
        keys.append(int(client.create(f"ann of {name}", **ANN)["id"]))
    with host.app.app_context():
        with pytest.raises(LocalEdit):
            change(host, keys[0], lambda user: setattr(user, "first_name", "A"))
        host.db.session.rollback()
        change(host, keys[1], lambda user: setattr(user, "first_name", "A"))


def test_costs(host: Host, strict: ScimClient, ann: int) -> None:
    """A flush costs one look where mapped attributes change, and none where they do not."""
    names = [int(strict.create(f"u{number}", **ANN)["id"]) for number in range(5)]
    with host.app.app_context():
        plain = host.User(username="cid", last_name="?", tenant_id=1)
        host.db.session.add(plain)
        host.db.session.commit()
        session, rows = host.db.session, [host.db.session.get(host.User, key) for key in names]

        def flush() -> list[str]:
            with host.statements() as statements:
                session.flush()
            return [each.split()[0] for each in statements]

        session.refresh(plain)
        for row in (plain, *rows):
            row.seen = datetime(2026, 1, 1)
        assert flush() == ["UPDATE"]
        plain.first_name = "C"
        assert flush() == ["SELECT", "UPDATE"]
        for row in rows:
            row.first_name = "A"
        with host.statements() as statements, pytest.raises(LocalEdit):
            session.flush()
        assert len(statements) == 1


# What is kept until another value is sent


@pytest.fixture
def kept(host: Host, scim: ScimClient) -> ScimClient:
    """The connection ``acme``, which keeps local edits until another value is sent."""
    with host.app.app_context():
        host.scim.connections.edit("acme", policy={"local_edits": "keep"})
    return scim


def rename(host: Host, id: str, name: str) -> None:
    """Give a user another first name, as the app does."""
    with host.app.app_context():
        change(host, int(id), lambda user: setattr(user, "first_name", name))


def given(body: dict[str, Any], name: str) -> dict[str, Any]:
    """A body with another given name."""
    return {**body, "name": {**body["name"], "givenName": name}}


@pytest.mark.parametrize("method", ["put", "patch"])
def test_kept(host: Host, kept: ScimClient, method: str) -> None:
    """An edit stands while the same is sent as before, and falls with another value."""
    body = kept.create("ann", **ANN)
    path = f"/Users/{body['id']}"

    def send(name: str) -> str:
        if method == "put":
            answer = kept.put(path, given(body, name))
        else:
            operation = {"op": "replace", "path": "name.givenName", "value": name}
            answer = kept.patch(path, operation)
        assert answer.status_code == 200
        shown: str = answer.json["name"]["givenName"]
        return shown

    rename(host, body["id"], "Annie")
    version = kept.get(path).json["meta"]["version"]
    assert send("Ann") == "Annie"
    assert kept.get(path).json["meta"]["version"] == version
    assert send("Anna") == "Anna"
    rename(host, body["id"], "Annie")
    # What is there by chance has been sent all the same: to go back from it is a change.
    assert send("Annie") == "Annie"
    assert send("Anna") == "Anna"


def test_what_is_not_sent_says_nothing(host: Host, kept: ScimClient) -> None:
    """A change of something else neither overwrites an edit nor takes it for sent."""
    body = kept.create("ann", **ANN)
    path = f"/Users/{body['id']}"
    rename(host, body["id"], "Annie")
    kept.patch(path, {"op": "replace", "path": "title", "value": "Prof"})
    kept.patch(path, {"op": "replace", "path": "name.familyName", "value": "L"})
    kept.patch(path, {"op": "replace", "path": "name.givenName", "value": "Ann"})
    shown = kept.get(path).json
    assert shown["name"] == {"givenName": "Annie", "familyName": "L"}
    assert shown["title"] == "Prof"


def test_nobody_gets_back_in(host: Host, kept: ScimClient) -> None:
    """A deactivation always holds; that somebody is let in does not undo what the app has done."""
    body = kept.create("ann", **ANN)
    path, off = f"/Users/{body['id']}", {"op": "replace", "path": "active", "value": False}
    on = {**off, "value": True}
    with host.app.app_context():
        change(host, int(body["id"]), lambda user: setattr(user, "blocked", True))
    assert kept.patch(path, on).json["active"] is False
    kept.patch(path, off)
    with host.app.app_context():
        change(host, int(body["id"]), lambda user: setattr(user, "blocked", False))
    assert kept.patch(path, off).json["active"] is False


def test_nothing_is_written_down_otherwise(host: Host, scim: ScimClient) -> None:
    """Only where the choice asks for it is there a note of what was sent."""
    scim.create("ann", **ANN)
    record = host.scim._wiring.declared["User"].record
    with host.app.app_context():
        assert host.db.session.scalars(record.select().with_only_columns(record.c.sent)).all() == [
            None
        ]
