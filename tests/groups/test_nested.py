"""Groups in groups, where the host declares them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column, relationship
from werkzeug.test import TestResponse

from flask_scim import SCIM, Refs, group_members_changed
from flask_scim.provisioning.changes import Event
from tests.client import ScimClient


@pytest.fixture
def nested(database: str) -> Iterator[ScimClient]:
    """A client of an app whose teams have users and other teams."""
    db = SQLAlchemy()
    scim = SCIM(db)
    team_user = sa.Table(
        "tree_team_user",
        db.metadata,
        sa.Column("team_id", sa.ForeignKey("tree_team.id"), primary_key=True),
        sa.Column("user_id", sa.ForeignKey("tree_user.id"), primary_key=True),
    )
    team_part = sa.Table(
        "tree_team_part",
        db.metadata,
        sa.Column("whole_id", sa.ForeignKey("tree_team.id"), primary_key=True),
        sa.Column("part_id", sa.ForeignKey("tree_team.id"), primary_key=True),
    )

    class User(db.Model):  # type: ignore[name-defined,misc]
        __tablename__ = "tree_user"
        id: Mapped[int] = mapped_column(primary_key=True)
        username: Mapped[str] = mapped_column(sa.String(50))

    class Team(db.Model):  # type: ignore[name-defined,misc]
        __tablename__ = "tree_team"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(sa.String(50))
        users: Mapped[list[User]] = relationship(secondary=team_user)
        parts: Mapped[list[Team]] = relationship(
            "Team",
            secondary=team_part,
            primaryjoin=lambda: Team.id == team_part.c.whole_id,
            secondaryjoin=lambda: Team.id == team_part.c.part_id,
        )

    scim.users(User, {"userName": User.username})
    members = [Refs(Team.users, "User"), Refs(Team.parts, "Group")]
    scim.groups(Team, {"displayName": Team.name, "members": members})
    app = Flask("tree")
    app.config.update(SECRET_KEY="secret", SQLALCHEMY_DATABASE_URI=database)
    db.init_app(app)
    scim.init_app(app)
    with app.app_context():
        db.create_all()
        scim.connections.add("acme")
        token, _ = scim.tokens.issue("acme")
    yield ScimClient(app.test_client(), "/scim/v2/acme", token)
    with app.app_context():
        db.drop_all()
        db.engine.dispose()


@pytest.fixture
def add(nested: ScimClient) -> Callable[[str, str, str], TestResponse]:
    """Adds a member of a type to a group."""

    def add(group: str, member: str, kind: str) -> TestResponse:
        value = [{"value": member, "type": kind}]
        return nested.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": value})

    return add


@pytest.fixture
def chain(nested: ScimClient, add: Callable[[str, str, str], TestResponse]) -> list[str]:
    """The ids of three groups, each in the one before it, and of a user in the last."""
    user = nested.create("ann")["id"]
    for _ in range(3):
        nested.create(f"other{_}")  # so that the ids of users and groups do not run together
    first, second = (nested.create_group(name)["id"] for name in ("one", "two"))
    third = nested.create_group("three", user)["id"]
    assert add(first, second, "Group").status_code == 200
    assert add(second, third, "Group").status_code == 200
    return [first, second, third, user]


def test_member(nested: ScimClient, chain: list[str]) -> None:
    """A group shows the groups in it, with their type, their name and where they are."""
    first, second, _, _ = chain
    assert nested.get(f"/Groups/{first}").json["members"] == [
        {
            "value": second,
            "$ref": f"http://localhost/scim/v2/acme/Groups/{second}",
            "type": "Group",
            "display": "two",
        }
    ]


@pytest.mark.parametrize(("group", "member"), [(2, 0), (1, 0), (0, 0)])
def test_circle(
    nested: ScimClient,
    chain: list[str],
    add: Callable[[str, str, str], TestResponse],
    group: int,
    member: int,
) -> None:
    """A group cannot be a member of itself, however far away."""
    before = nested.get("/Groups").json["Resources"]
    refused = add(chain[group], chain[member], "Group")
    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
    assert repr(chain[member]) in refused.json["detail"]
    assert nested.get("/Groups").json["Resources"] == before


def test_same_id(
    nested: ScimClient, chain: list[str], add: Callable[[str, str, str], TestResponse]
) -> None:
    """A user and a group of the same id are told apart by their type."""
    first, second, _, _ = chain
    assert nested.get(f"/Users/{second}").status_code == 200
    members = add(first, second, "User").json["members"]
    assert {("User", second), ("Group", second)} == {(m["type"], m["value"]) for m in members}


def test_groups_of_a_user(nested: ScimClient, chain: list[str]) -> None:
    """A user shows the groups that it is in, and those that it is in by way of them."""
    first, second, third, user = chain
    groups = nested.get(f"/Users/{user}").json["groups"]
    expected = [(third, "direct"), (first, "indirect"), (second, "indirect")]
    assert expected == [(group["value"], group["type"]) for group in groups]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ('groups.value eq "{0}"', ["ann"]),
        ('groups[value eq "{0}" and type eq "indirect"]', ["ann"]),
        ('groups[value eq "{0}" and type eq "direct"]', []),
        ('groups[value eq "{2}" and type eq "indirect"]', []),
        ('groups[display eq "TWO"]', ["ann"]),
        ("not (groups pr)", ["other0", "other1", "other2"]),
    ],
)
def test_filter_by_group(
    nested: ScimClient, chain: list[str], filter: str, found: list[str]
) -> None:
    """Users are found by groups that they are in, directly or not."""
    assert found == nested.find(filter.format(*chain))


def test_filter_by_member(nested: ScimClient, chain: list[str]) -> None:
    """Groups are found by groups in them."""
    found = nested.get("/Groups", filter=f'members[value eq "{chain[2]}" and type eq "Group"]')
    assert [group["displayName"] for group in found.json["Resources"]] == ["two"]


def test_delete(nested: ScimClient, chain: list[str]) -> None:
    """A deleted group leaves the groups that it was in, which tell of it."""
    told: list[Event] = []

    def note(app: Flask, event: Event, **_: object) -> None:
        told.append(event)

    first, second, third, _ = chain
    with group_members_changed.connected_to(note):
        assert nested.delete(f"/Groups/{second}").status_code == 204
    assert "members" not in nested.get(f"/Groups/{first}").json
    assert nested.get(f"/Groups/{third}").json["displayName"] == "three"
    assert [(first, frozenset({second}))] == [(event.id, event.removed) for event in told]
