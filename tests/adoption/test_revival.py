"""People who come back, and names that they have left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import Intent
from flask_scim.protocol.errors import Forbidden
from tests.adoption.conftest import Firm, person
from tests.host import Host


def gone(firm: Firm, name: str = "ann", **attributes: Any) -> str:
    """Somebody who has been deleted, by id."""
    id: str = firm.acme.create(name, **attributes)["id"]
    assert firm.acme.delete(f"/Users/{id}").status_code == 204
    firm.events.clear()
    return id


def test_a_person_with_another_name(firm: Firm) -> None:
    """Who comes back with the same ``externalId`` is the same, whatever their name is now."""
    id = gone(firm, "ann.lee", externalId="1", title="Dr")
    answer = firm.acme.post("/Users", person("ann.ray", externalId="1"))
    assert (answer.status_code, answer.json["id"]) == (201, id)
    assert (answer.json["userName"], answer.json["active"]) == ("ann.ray", True)
    assert answer.json["meta"]["version"] == 'W/"3"'
    assert (firm.count(), firm.told) == (1, ["user.created revival"])
    assert firm.acme.find('userName eq "ann.lee"') == []


def test_a_name_that_somebody_has_meanwhile(firm: Firm) -> None:
    """Who comes back cannot have the name of somebody else, and nothing is done."""
    id = gone(firm, externalId="1")
    firm.acme.create("bob")
    assert firm.acme.post("/Users", person("bob", externalId="1")).status_code == 409
    assert firm.acme.get(f"/Users/{id}").status_code == 404


@pytest.mark.parametrize("name", ["ann", "Anna"])
def test_a_person_who_was_deactivated(firm: Firm, name: str) -> None:
    """Okta assigns somebody again by a POST, although the account is there, deactivated."""
    user = firm.acme.create("ann", externalId="00u1", active=False)
    firm.events.clear()
    answer = firm.acme.post("/Users", person(name, externalId="00u1", title="Dr"))
    assert (answer.status_code, answer.json["id"]) == (201, user["id"])
    assert (answer.json["active"], answer.json["title"]) == (True, "Dr")
    assert firm.told == ["user.updated revival", "user.reactivated revival"]
    assert firm.acme.get(f"/Users/{user['id']}").json == answer.json
    assert firm.acme.post("/Users", person(name, externalId="00u1")).status_code == 409


@pytest.mark.parametrize("sent", [{"externalId": "2"}, {}])
def test_somebody_else_with_the_name_of_one_who_was_deactivated(
    firm: Firm, sent: dict[str, str]
) -> None:
    """Without the same key it is not known to be the same person, and the name is taken."""
    firm.acme.create("ann", externalId="1", active=False)
    assert firm.acme.post("/Users", person("ann", **sent)).status_code == 409


@pytest.mark.parametrize(
    ("choice", "stored", "sent", "is_same"),
    [
        ("userName", "1", "2", True),
        ("userName", None, "2", True),
        ("externalId", "1", "2", False),
        ("externalId", None, "2", True),
        ("auto", "1", "2", False),
    ],
)
def test_the_key_of_a_person(
    firm: Firm, choice: str, stored: str | None, sent: str, is_same: bool
) -> None:
    """Which attribute is the key says who the same name belongs to."""
    firm.choose(person_key=choice)
    id = gone(firm, **({"externalId": stored} if stored else {}))
    assert (firm.acme.create("ANN", externalId=sent)["id"] == id) is is_same


def test_the_user_name_as_key_finds_nobody_by_external_id(firm: Firm) -> None:
    """Where the name is the key, the same ``externalId`` means nothing."""
    firm.choose(person_key="userName")
    id = gone(firm, externalId="1")
    assert firm.acme.create("bob", externalId="1")["id"] != id


def test_two_with_one_external_id(firm: Firm) -> None:
    """Where an ``externalId`` is that of two, it says nothing: the name has to."""
    first, second = gone(firm, "ann", externalId="1"), firm.acme.create("bob", externalId="1")
    assert firm.acme.create("eve", externalId="1")["id"] not in (first, second["id"])


@pytest.mark.parametrize("active", [None, False])
def test_refuse(firm: Firm, active: bool | None) -> None:
    """Who has left does not come back where the app does not want it."""
    firm.choose(revival="refuse")
    if active is None:
        gone(firm, externalId="1")
    else:
        firm.acme.create("ann", externalId="1", active=False)
    answer = firm.acme.post("/Users", person("Ann", externalId="1"))
    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")
    assert "has been removed before" in answer.json["detail"]
    assert firm.acme.create("new", externalId="2")


def test_new(firm: Firm) -> None:
    """Where the app wants it, who comes back begins anew."""
    firm.choose(revival="new")
    id = gone(firm, externalId="1", title="Dr")
    created = firm.acme.create("ann", externalId="1")
    assert created["id"] != id
    assert "title" not in created
    assert firm.told == ["user.created"]


def test_seats(firm: Firm) -> None:
    """A guard is asked of everybody who would take a seat again."""
    deleted = gone(firm, externalId="1")
    inactive = firm.acme.create("bob", externalId="2", active=False)["id"]
    asked: list[str] = []

    @firm.host.scim.guard
    def guard(intent: Intent) -> None:
        asked.append(intent.kind)
        if intent.kind in ("created", "reactivated"):
            raise Forbidden("There are no seats left.")

    for sent in (person("ann", externalId="1"), person("bob", externalId="2")):
        answer = firm.acme.post("/Users", sent)
        assert (answer.status_code, answer.json["detail"]) == (403, "There are no seats left.")
    assert asked == ["created", "reactivated"]
    assert firm.row(deleted).blocked is True
    assert firm.row(inactive).blocked is True


# Names that are needed again.


@pytest.fixture
def index(firm: Firm) -> Any:
    """A unique index on user name and e-mail within a tenant, as a host may have."""
    table = firm.host.User.__table__
    indexes = [
        sa.Index(f"uq_{name}", table.c.tenant_id, table.c[name], unique=True)
        for name in ("username", "email")
    ]
    with firm.host.app.app_context():
        for each in indexes:
            each.create(firm.host.db.engine)
    yield
    with firm.host.app.app_context():
        for each in indexes:
            each.drop(firm.host.db.engine)
    table.indexes -= set(indexes)


WORK = [{"type": "work", "value": "ann@acme.example"}]


@pytest.mark.usefixtures("index")
def test_a_name_that_the_table_allows_once(firm: Firm) -> None:
    """Who has left gives up name and address for somebody else, and comes back with others."""
    id = gone(firm, externalId="1", emails=WORK)
    second = firm.acme.create("ANN", externalId="2", emails=WORK)
    assert second["id"] != id
    assert (firm.row(id).username, firm.row(id).email) == (f"ann~{id}", f"ann@acme.example~{id}")
    back = firm.acme.create("ann2", externalId="1", emails=[{"type": "work", "value": "a2@x.y"}])
    assert (back["id"], firm.row(id).email) == (id, "a2@x.y")


@pytest.mark.usefixtures("index")
def test_a_name_that_is_taken_by_a_change(firm: Firm) -> None:
    """The name of one who has left is free for a change of name, too."""
    id = gone(firm, "n" * 100)
    other = firm.acme.create("bob")["id"]
    rename = {"op": "replace", "path": "userName", "value": "n" * 100}
    assert firm.acme.patch(f"/Users/{other}", rename).status_code == 200
    mark = f"~{id}"
    assert firm.row(id).username == "n" * (100 - len(mark)) + mark


def test_a_name_that_the_table_allows_twice(firm: Firm) -> None:
    """Where nothing stands in the way, the row of who has left stays as it is."""
    id = gone(firm, externalId="1")
    firm.acme.create("ann", externalId="2")
    assert firm.row(id).username == "ann"


def test_a_renamer(build: Callable[..., Host]) -> None:
    """The app may free names in its own way."""
    host = build()

    @host.scim._wiring.declared["User"].renamer
    def rename(user: Any, connection: Any) -> None:
        user.username = f"{user.username} (left {connection.id})"

    firm = Firm(host, host.connect("acme", tenant="1"))
    id = gone(firm, externalId="1")
    firm.acme.create("ann", externalId="2")
    assert firm.row(id).username == "ann (left acme)"
