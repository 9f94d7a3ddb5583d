"""The users and groups of a connection over the management API."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

import flask_scim
from flask_scim import SCIM
from tests.client import ScimClient
from tests.host import Host
from tests.management.admin import PREFIX, Admin, problem, require_admin

PATH = "/connections/acme"


def names(pages: list[list[dict[str, Any]]], attribute: str = "userName") -> list[str]:
    """What the resources of some pages are called."""
    return [each[attribute] for page in pages for each in page]


@pytest.fixture
def people(acme: ScimClient) -> list[str]:
    """The ids of five users."""
    return [acme.create(name)["id"] for name in ("ann", "bob", "cho", "dee", "eve")]


@pytest.mark.parametrize(("take", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (100, [5])])
def test_lists(
    admin: Admin, acme: ScimClient, people: list[str], take: int, sizes: list[int]
) -> None:
    """Users, groups, members and the groups of a user come in pages, each of them once."""
    groups = [acme.create_group(f"g{number}", *people) for number in range(5)]
    acme.create_group("empty")
    expected = ["ann", "bob", "cho", "dee", "eve"]
    pages = admin.pages(f"{PATH}/users", "users", take)
    assert [len(page) for page in pages] == sizes
    assert names(pages) == expected
    members = admin.pages(f"{PATH}/groups/{groups[0]['id']}/members", "members", take)
    assert members == pages
    theirs = admin.pages(f"{PATH}/users/{people[0]}/groups", "groups", take)
    assert [len(page) for page in theirs] == sizes
    assert names(theirs, "displayName") == [f"g{number}" for number in range(5)]
    everyone = names(admin.pages(f"{PATH}/groups", "groups", take), "displayName")
    assert everyone == [*names(theirs, "displayName"), "empty"]


def test_as_scim_shows_it(admin: Admin, acme: ScimClient, people: list[str]) -> None:
    """A resource is what SCIM shows, but for references, which have lists of their own."""
    group = acme.create_group("g", *people)
    shown = acme.get(f"/Users/{people[0]}").json
    shown.pop("groups")
    assert admin.ask("GET", f"{PATH}/users/{people[0]}") == shown
    assert admin.ask("GET", f"{PATH}/users?take=1")["users"] == [shown]
    shown = acme.get(f"/Groups/{group['id']}", excludedAttributes="members").json
    assert admin.ask("GET", f"{PATH}/groups/{group['id']}") == shown
    assert admin.ask("GET", f"{PATH}/groups")["groups"] == [shown]


def test_members(admin: Admin, acme: ScimClient, people: list[str]) -> None:
    """Members are those who are in the group, and groups those that the user is in."""
    first = acme.create_group("first", people[0], people[3])["id"]
    second = acme.create_group("second", people[3])["id"]
    empty = acme.create_group("empty")["id"]
    for group, expected in ((first, ["ann", "dee"]), (second, ["dee"]), (empty, [])):
        found = admin.pages(f"{PATH}/groups/{group}/members", "members", 50)
        assert names(found) == expected
    for user, expected in ((0, ["first"]), (3, ["first", "second"]), (1, [])):
        found = admin.pages(f"{PATH}/users/{people[user]}/groups", "groups", 50)
        assert names(found, "displayName") == expected


def test_delete(admin: Admin, managed: Host, acme: ScimClient, people: list[str]) -> None:
    """To delete a user or a group is what SCIM does: with its signals, and the row stays."""
    group = acme.create_group("g", *people)["id"]
    told: list[str] = []

    def hear(sender: Any, event: Any, connection: Any, **_: Any) -> None:
        told.append(f"{event.type} {event.id} {connection.id}")

    with ExitStack() as stack:
        for name in ("user_deleted", "group_deleted", "group_members_changed"):
            stack.enter_context(getattr(flask_scim, name).connected_to(hear, sender=managed.app))
        admin.ask("DELETE", f"{PATH}/users/{people[0]}", status=204)
        admin.ask("DELETE", f"{PATH}/groups/{group}", status=204)
    assert told == [
        f"user.deleted {people[0]} acme",
        f"group.members_changed {group} acme",
        f"group.deleted {group} acme",
    ]
    for path in (f"users/{people[0]}", f"groups/{group}"):
        assert problem(admin.request("GET", f"{PATH}/{path}"))[0] == 404
        assert problem(admin.request("DELETE", f"{PATH}/{path}"))[0] == 404
    assert acme.get(f"/Users/{people[0]}").status_code == 404
    with managed.app.app_context():
        assert managed.db.session.get(managed.User, int(people[0])).blocked is True


@pytest.mark.parametrize("state", ["paused", "disabled"])
def test_closed_connection(admin: Admin, acme: ScimClient, people: list[str], state: str) -> None:
    """Administrators see and delete the people of a connection that its provider cannot reach."""
    admin.ask("PATCH", PATH, {"state": state})
    assert len(admin.ask("GET", f"{PATH}/users")["users"]) == 5
    admin.ask("DELETE", f"{PATH}/users/{people[0]}", status=204)
    assert len(admin.ask("GET", f"{PATH}/users")["users"]) == 4


@pytest.mark.parametrize("stranger", [{"tenant": "2"}, {"tenant": "1"}])
def test_isolation(
    admin: Admin, managed: Host, acme: ScimClient, people: list[str], stranger: dict[str, str]
) -> None:
    """What another connection has is not there: not by id, list, member or place in a list."""
    group = acme.create_group("g", *people)["id"]
    beside = managed.connect("beside", **stranger)
    mine = beside.create("zoe")["id"]
    admin.ask("GET", "/connections/beside/users")
    for path in (
        f"users/{people[0]}",
        f"users/{people[0]}/groups",
        f"groups/{group}",
        f"groups/{group}/members",
    ):
        assert problem(admin.request("GET", f"/connections/beside/{path}"))[0] == 404
    for path in (f"users/{people[0]}", f"groups/{group}"):
        assert problem(admin.request("DELETE", f"/connections/beside/{path}"))[0] == 404
    assert names(admin.pages("/connections/beside/users", "users", 1)) == ["zoe"]
    assert admin.ask("GET", "/connections/beside/groups")["groups"] == []
    assert names(admin.pages(f"{PATH}/users", "users", 50)) == ["ann", "bob", "cho", "dee", "eve"]
    assert problem(admin.request("GET", f"{PATH}/users/{mine}"))[0] == 404
    start = admin.ask("GET", f"{PATH}/users?take=1")["next"]
    for path in ("/connections/beside/users", f"{PATH}/groups", "/connections"):
        assert problem(admin.request("GET", f"{path}?from={start}"))[0] == 400
    place = admin.ask("GET", f"{PATH}/groups/{group}/members?take=1")["next"]
    later = acme.create_group("later", *people)["id"]
    path = f"{PATH}/groups/{later}/members?from={place}"
    assert problem(admin.request("GET", path))[0] == 400


@pytest.mark.parametrize(
    "id", ["0", "99999999", "9" * 30, "x", "a%00b", "%ED%A0%80", "%F0%9F%98%80", "%22%20or%20true"]
)
@pytest.mark.parametrize("path", ["users", "groups"])
def test_no_such_resource(admin: Admin, acme: ScimClient, path: str, id: str) -> None:
    """An id that leads nowhere is refused with 404, whatever it looks like."""
    inner = "groups" if path == "users" else "members"
    for method, asked in (
        ("GET", f"{path}/{id}"),
        ("DELETE", f"{path}/{id}"),
        ("GET", f"{path}/{id}/{inner}"),
    ):
        status, message = problem(admin.request(method, f"{PATH}/{asked}"))
        assert (status, "does not exist" in message) == (404, True), (method, asked)


def test_cost(admin: Admin, managed: Host, acme: ScimClient) -> None:
    """A page costs as many statements as another, whatever it holds and wherever it begins."""
    people = [acme.create(f"u{number}")["id"] for number in range(12)]
    group = acme.create_group("g", *people)["id"]
    for number in range(11):
        acme.create_group(f"g{number}", people[0])
    for path, most in (
        ("users", 2),
        ("groups", 2),
        (f"groups/{group}/members", 3),
        (f"users/{people[0]}/groups", 3),
    ):
        start = admin.ask("GET", f"{PATH}/{path}?take=1")["next"]
        for query in ("take=1", "take=10", f"take=9&from={start}"):
            with managed.statements() as statements:
                admin.ask("GET", f"{PATH}/{path}?{query}")
            # The connection, whose list it is, and the list.
            assert len(statements) <= most, statements


def test_without_groups() -> None:
    """An app that has declared no groups has none to tell of."""
    db = SQLAlchemy()
    scim = SCIM(db)

    class User(db.Model):  # type: ignore[name-defined,misc]
        """A user."""

        id: Mapped[int] = mapped_column(primary_key=True)
        username: Mapped[str]

    scim.users(User, {"userName": User.username})
    app = Flask("app")
    app.config.update(SECRET_KEY="secret", SQLALCHEMY_DATABASE_URI="sqlite://")
    db.init_app(app)
    app.register_blueprint(scim.management(guard=require_admin), url_prefix=PREFIX)
    scim.init_app(app)
    admin = Admin(app.test_client(), {"X-Admin": "yes"})
    with app.app_context():
        db.create_all()
        admin.ask("POST", "/connections", {"id": "acme"}, 201)
        assert admin.ask("GET", f"{PATH}/users")["users"] == []
        for path in ("groups", "groups/1", "groups/1/members", "users/1/groups"):
            status, message = problem(admin.request("GET", f"{PATH}/{path}"))
            assert (status, message) == (404, "This application serves no groups.")
        db.session.remove()
        db.engine.dispose()
