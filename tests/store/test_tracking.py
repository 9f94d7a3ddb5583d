"""Versions tell of every change to what SCIM shows, whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import read_only
from tests.client import ENTERPRISE, ScimClient
from tests.host import Host, Plan

ANN: dict[str, Any] = {
    "name": {"familyName": "Lee"},
    "emails": [{"type": "work", "primary": True, "value": "ann@x.org"}],
    "locale": "fr",
    "nickName": "Annie",
    "title": "Dr",
}


@pytest.fixture
def ann(scim: ScimClient) -> str:
    """The path of a user."""
    return f"/Users/{scim.create('ann', **ANN)['id']}"


def change(host: Host, path: str, make: Callable[[Any], Any]) -> None:
    """Change the host's row through the ORM, as the app does."""
    with host.app.app_context():
        make(row(host, path))
        host.db.session.commit()


def row(host: Host, path: str) -> Any:
    """The host's row, in the current app context."""
    return host.db.session.get(host.User, int(path.rpartition("/")[2]))


def records(host: Host) -> list[Any]:
    """Our records."""
    with host.app.app_context():
        return list(host.db.session.execute(sa.select(host.scim._wiring.declared["User"].record)))


def version(scim: ScimClient, path: str) -> int:
    """The version that the ETag, ``meta`` and a list agree on."""
    response = scim.get(path)
    assert response.status_code == 200
    (listed,) = scim.get("/Users").json["Resources"]
    assert response.headers["ETag"] == response.json["meta"]["version"]
    assert response.json["meta"] == listed["meta"]
    return int(response.headers["ETag"].strip('W/"'))


MAPPED: dict[str, Callable[[Host, Any], Any]] = {
    "column": lambda host, user: setattr(user, "first_name", "Ann"),
    "unique": lambda host, user: setattr(user, "username", "anna"),
    "inverted": lambda host, user: setattr(user, "blocked", True),
    "enum": lambda host, user: setattr(user, "plan", Plan.FULL),
    "number": lambda host, user: setattr(user, "number", 5),
    "empty": lambda host, user: setattr(user, "email", None),
    "json": lambda host, user: setattr(user, "profile", {"title": "Prof"}),
    "several": lambda host, user: [setattr(user, n, "x") for n in ("first_name", "last_name")],
    "another related row": lambda host, user: setattr(user, "office", host.Office(locale="de")),
    "no related row": lambda host, user: setattr(user, "office", None),
    "no related row, by key": lambda host, user: setattr(user, "office_id", None),
    "the related row itself": lambda host, user: setattr(user.office, "locale", "de"),
}


@pytest.mark.parametrize("make", MAPPED.values(), ids=list(MAPPED))
def test_the_apps_own_change(
    host: Host, scim: ScimClient, ann: str, make: Callable[[Host, Any], Any]
) -> None:
    """A change of the app's own to what is mapped moves the version, and the moment of change."""
    before = scim.get(ann).json
    change(host, ann, lambda user: make(host, user))
    after = scim.get(ann).json
    assert version(scim, ann) == 2
    assert after["meta"]["lastModified"] > before["meta"]["lastModified"]
    assert after["meta"]["created"] == before["meta"]["created"]
    assert {k: v for k, v in before.items() if k != "meta"} != {
        k: v for k, v in after.items() if k != "meta"
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda user: setattr(user, "seen", sa.func.now()),
        lambda user: setattr(user, "first_name", user.first_name),
        lambda user: setattr(user, "last_name", "Lee"),
        lambda user: user.office,
        lambda user: None,
    ],
    ids=["unmapped", "the same", "the same text", "read", "nothing"],
)
def test_a_change_that_scim_does_not_show(
    host: Host, scim: ScimClient, ann: str, make: Callable[[Any], Any]
) -> None:
    """A change to what is not mapped, or to nothing at all, moves no version."""
    before = scim.get(ann).json
    change(host, ann, make)
    assert scim.get(ann).json == before
    assert version(scim, ann) == 1


def test_every_flush_with_a_change_counts(host: Host, scim: ScimClient, ann: str) -> None:
    """A version never stands for two states, also when one transaction flushes twice."""
    with host.app.app_context():
        for name in ("Ann", "Anna"):
            row(host, ann).first_name = name
            host.db.session.flush()
        host.db.session.commit()
    assert version(scim, ann) > 1
    assert scim.get(ann).json["name"]["givenName"] == "Anna"


def test_a_change_that_is_rolled_back(host: Host, scim: ScimClient, ann: str) -> None:
    """A change that did not happen moved nothing."""
    with host.app.app_context():
        row(host, ann).first_name = "Ann"
        host.db.session.flush()
        host.db.session.rollback()
    assert version(scim, ann) == 1


def test_only_the_changed_row(host: Host, scim: ScimClient, ann: str) -> None:
    """A change moves the version of its own row, in every connection that has it."""
    bob = f"/Users/{scim.create('bob')['id']}"
    change(host, ann, lambda user: setattr(user, "first_name", "Ann"))
    assert scim.get(ann).headers["ETag"] == 'W/"2"'
    assert scim.get(bob).headers["ETag"] == 'W/"1"'


def test_rows_without_record(host: Host, scim: ScimClient) -> None:
    """The app's own users can come, change and go as ever."""
    with host.app.app_context():
        user = host.User(username="own", last_name="Own", tenant_id=1)
        host.db.session.add(user)
        host.db.session.commit()
        user.first_name = "Own"
        host.db.session.commit()
        host.db.session.delete(user)
        host.db.session.commit()
    assert records(host) == []
    assert scim.get("/Users").json["totalResults"] == 0


def test_a_deleted_row_takes_its_record_along(host: Host, scim: ScimClient, ann: str) -> None:
    """A user whose row the app deletes is gone from SCIM, and its name is free."""
    change(host, ann, host.db.session.delete)
    assert scim.get(ann).status_code == 404
    assert scim.get("/Users").json["totalResults"] == 0
    assert records(host) == []
    scim.create("ann")


def test_a_deletion_that_is_rolled_back(host: Host, scim: ScimClient, ann: str) -> None:
    """A deletion that did not happen leaves the record where it was."""
    with host.app.app_context():
        host.db.session.delete(row(host, ann))
        host.db.session.flush()
        host.db.session.rollback()
    assert version(scim, ann) == 1


def test_a_retired_row_can_be_deleted(host: Host, scim: ScimClient, ann: str) -> None:
    """The record of a deleted resource goes with the row as well."""
    scim.delete(ann)
    change(host, ann, host.db.session.delete)
    assert records(host) == []


def test_touch(host: Host, scim: ScimClient, ann: str) -> None:
    """After a change past the ORM the app says so, and the version moves by one."""
    with host.app.app_context():
        statement = sa.update(host.User).values(first_name="Ann")
        host.db.session.execute(statement, execution_options={"synchronize_session": False})
        host.db.session.commit()
    assert version(scim, ann) == 1
    with host.app.app_context():
        host.scim.touch(row(host, ann))
        host.db.session.commit()
    assert version(scim, ann) == 2
    assert scim.get(ann).json["name"]["givenName"] == "Ann"


def test_touch_takes_part_in_the_transaction(host: Host, scim: ScimClient, ann: str) -> None:
    """What is touched and rolled back was not touched."""
    with host.app.app_context():
        host.scim.touch(row(host, ann))
        host.db.session.rollback()
    assert version(scim, ann) == 1


def test_touch_of_something_else(host: Host, scim: ScimClient, ann: str) -> None:
    """Touching what is not mapped does nothing."""
    with host.app.app_context():
        host.scim.touch(row(host, ann).office)
        host.db.session.commit()
    assert version(scim, ann) == 1


WRITES: dict[str, dict[str, Any]] = {
    "column": {"op": "replace", "path": "name.givenName", "value": "Ann"},
    "several": {"op": "add", "value": {"active": False, "title": "Prof", "userName": "anna"}},
    "json": {"op": "replace", "path": "title", "value": "Prof"},
    "related": {"op": "replace", "path": "locale", "value": "de"},
    "record": {"op": "replace", "path": "nickName", "value": "Nan"},
    "external id": {"op": "add", "path": "externalId", "value": "1"},
    "both": {"op": "add", "value": {"nickName": "Nan", "title": "Prof"}},
    "extension": {"op": "add", "path": f"{ENTERPRISE}:employeeNumber", "value": "5"},
}


@pytest.mark.parametrize("operation", WRITES.values(), ids=list(WRITES))
def test_scims_own_change_counts_once(
    scim: ScimClient, ann: str, operation: dict[str, Any]
) -> None:
    """A change by SCIM moves the version by one, wherever it is stored."""
    assert scim.patch(ann, operation).headers["ETag"] == 'W/"2"'
    assert version(scim, ann) == 2


def test_no_change_after_the_apps_own(host: Host, scim: ScimClient, ann: str) -> None:
    """After a change of the app's own a request that changes nothing still changes nothing."""
    change(host, ann, lambda user: setattr(user, "first_name", "Ann"))
    setting = {"op": "replace", "path": "name.givenName", "value": "Ann"}
    assert scim.patch(ann, setting).headers["ETag"] == 'W/"2"'
    assert scim.put(ann, scim.get(ann).json).headers["ETag"] == 'W/"2"'
    assert version(scim, ann) == 2


def test_a_version_that_the_app_moved_is_no_longer_good(
    host: Host, scim: ScimClient, ann: str
) -> None:
    """A client that saw the state before the app's change is told so."""
    change(host, ann, lambda user: setattr(user, "first_name", "Ann"))
    headers = {"If-Match": 'W/"1"'}
    body = {"Operations": [{"op": "remove", "path": "title"}]}
    body["schemas"] = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
    assert scim.request("PATCH", ann, body, headers=headers).status_code == 412


def test_names_after_the_apps_own_rename(host: Host, scim: ScimClient, ann: str) -> None:
    """A name that the app gave away is free, and the one that it gave is taken."""
    change(host, ann, lambda user: setattr(user, "username", "anna"))
    assert scim.post("/Users", {"userName": "ANNA"}).status_code == 409
    scim.create("ann")
    assert sorted(scim.find("userName pr")) == ["ann", "anna"]


def test_without_an_app_context(host: Host, scim: ScimClient, ann: str) -> None:
    """A session that is used past the extension, as in a script, works as it would without it."""
    with host.app.app_context():
        engine = host.db.engine
    with sa.orm.Session(engine) as session:
        user = session.get(host.User, int(ann.rpartition("/")[2]))
        user.first_name = "Ann"
        session.commit()
    assert scim.get(ann).json["name"]["givenName"] == "Ann"


def test_hooks_change_rows_as_part_of_the_change(build: Callable[..., Host]) -> None:
    """What a hook writes belongs to SCIM's own change, which counts once."""
    emails = [{"type": "work", "value": read_only("email")}]
    host = build({"userName": "username", "name.familyName": "last_name", "emails": emails})

    @host.scim._wiring.declared["User"].creator
    def create(document: dict[str, Any], connection: Any) -> Any:
        made = host.User(email="made@x.org")
        host.db.session.add(made)
        return made

    scim = host.connect("acme", tenant="1")
    path = f"/Users/{scim.create('ann')['id']}"
    assert scim.get(path).headers["ETag"] == 'W/"1"'
    assert scim.get(path).json["emails"] == [{"type": "work", "value": "made@x.org"}]
