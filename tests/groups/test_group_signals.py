"""What the app is told of groups and of those who came and went."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_scim import Event, group_deleted, group_members_changed, user_deleted
from tests.client import GROUP, ScimClient
from tests.groups.people import members_of, values, version_of
from tests.host import Host

Told = list[tuple[Event, str]]


def summary(told: Told) -> list[tuple[str, str, str]]:
    """Each event by its type, and the ids that came and went; what was told is forgotten."""
    found = [
        (event.type, *(" ".join(sorted(ids, key=int)) for ids in (event.added, event.removed)))
        for event, _ in told
    ]
    told.clear()
    return found


@pytest.fixture
def devs(scim: ScimClient, people: list[str], told: Told) -> str:
    """A group of ann and bob, of whose making nothing is told any more."""
    id: str = scim.create_group("Devs", *people[:2], externalId="g-1")["id"]
    told.clear()
    return id


def test_created(host: Host, scim: ScimClient, people: list[str], told: Told) -> None:
    """A new group is told of, and its first members after it."""
    group = scim.create_group("Devs", *people[:2])
    (created, name), (changed, same_name) = told
    assert (created.type, changed.type) == ("group.created", "group.members_changed")
    assert created.id == changed.id == group["id"]
    assert created.resource_type == "Group"
    assert created.connection.id == "acme"
    assert created.before is None
    assert created.after == {"displayName": "Devs"}
    assert (created.added, created.removed) == (frozenset(), frozenset())
    assert changed.added == frozenset(people[:2])
    assert changed.removed == frozenset()
    assert isinstance(changed.added, frozenset)
    assert isinstance(changed.removed, frozenset)
    assert name == same_name == "Devs"


def test_created_empty(scim: ScimClient, told: Told) -> None:
    """Of a group without members nobody came."""
    scim.create_group("Devs")
    assert summary(told) == [("group.created", "", "")]


@pytest.mark.parametrize(
    ("operations", "added", "removed"),
    [
        ([("add", "c")], "c", ""),
        ([("add", "abcd")], "cd", ""),
        ([("add", "a")], None, None),
        ([("remove", "a")], "", "a"),
        ([("remove", "acd")], "", "a"),
        ([("remove", "c")], None, None),
        ([("replace", "bc")], "c", "a"),
        ([("replace", "ab")], None, None),
        ([("replace", "")], "", "ab"),
        ([("add", "c"), ("remove", "a"), ("add", "d")], "cd", "a"),
        ([("add", "c"), ("remove", "c")], None, None),
        ([("remove", "a"), ("add", "a")], None, None),
        ([("replace", "cd"), ("add", "a"), ("remove", "c")], "d", "b"),
    ],
)
def test_members_changed(
    scim: ScimClient,
    people: list[str],
    told: Told,
    devs: str,
    operations: list[tuple[str, str]],
    added: str | None,
    removed: str | None,
) -> None:
    """A request tells once who really came and who really went, and of nobody else."""

    def ids(letters: str | None) -> list[str]:
        return [people["abcde".index(letter)] for letter in letters or ""]

    sent = [{"op": op, "path": "members", "value": values(*ids(w))} for op, w in operations]
    assert scim.patch(f"/Groups/{devs}", *sent).status_code == 200
    if added is None:
        assert told == []
        return
    ((event, _),) = told
    assert event.type == "group.members_changed"
    assert event.added == frozenset(ids(added))
    assert event.removed == frozenset(ids(removed))
    assert event.id == devs


def test_put(scim: ScimClient, people: list[str], told: Told, devs: str) -> None:
    """PUT tells of the difference."""
    body = {"schemas": [GROUP], "displayName": "Devs", "externalId": "g-1"}
    scim.put(f"/Groups/{devs}", {**body, "members": values(*people[1:4])})
    assert summary(told) == [("group.members_changed", " ".join(people[2:4]), people[0])]
    scim.put(f"/Groups/{devs}", body)
    assert summary(told) == []
    scim.put(f"/Groups/{devs}", {**body, "members": []})
    assert summary(told) == [("group.members_changed", "", " ".join(people[1:4]))]
    scim.put(f"/Groups/{devs}", {**body, "members": []})
    assert summary(told) == []


def test_updated(scim: ScimClient, people: list[str], told: Told, devs: str) -> None:
    """A change of attributes is told by itself, and tells what changed."""
    path = f"/Groups/{devs}"
    scim.patch(path, {"op": "replace", "path": "displayName", "value": "Ops"})
    ((event, name),) = told
    assert (event.type, event.changed) == ("group.updated", ("displayName",))
    assert (event.before["displayName"], event.after["displayName"]) == ("Devs", "Ops")
    assert name == "Ops"
    assert (event.added, event.removed) == (frozenset(), frozenset())
    told.clear()
    scim.patch(
        path,
        {"op": "replace", "value": {"displayName": "Ops2", "externalId": "g-2"}},
        {"op": "add", "path": "members", "value": values(people[2])},
    )
    assert told[0][0].changed == ("displayName", "externalId")
    assert summary(told) == [("group.updated", "", ""), ("group.members_changed", people[2], "")]
    scim.patch(path, {"op": "replace", "path": "displayName", "value": "Ops2"})
    assert told == []


def test_what_fails_is_not_told(scim: ScimClient, people: list[str], told: Told, devs: str) -> None:
    """Nothing is told of what was undone."""
    rename = {"op": "replace", "path": "displayName", "value": "Ops"}
    added = {"op": "add", "path": "members", "value": values(people[2], "999999")}
    assert scim.patch(f"/Groups/{devs}", rename, added).status_code == 400
    scim.post("/Groups", {"schemas": [GROUP], "displayName": "devs", "members": values(*people)})
    assert scim.delete("/Groups/999999").status_code == 404
    assert told == []


def test_group_deleted(host: Host, scim: ScimClient, people: list[str], told: Told) -> None:
    """A deleted group tells whom it had, and not that everyone left."""
    devs = scim.create_group("Devs", *people[:3])["id"]
    empty = scim.create_group("Empty")["id"]
    told.clear()
    scim.delete(f"/Groups/{devs}")
    ((event, name),) = told
    assert event.type == "group.deleted"
    assert event.removed == frozenset(people[:3])
    assert (event.added, event.after) == (frozenset(), None)
    assert event.before == {"displayName": "Devs"}
    assert name == "Devs"
    told.clear()
    scim.delete(f"/Groups/{empty}")
    assert summary(told) == [("group.deleted", "", "")]


def test_everyone_left_is_another_thing(
    scim: ScimClient, people: list[str], told: Told, devs: str
) -> None:
    """A reader tells a group that was emptied from one that was deleted."""
    scim.patch(f"/Groups/{devs}", {"op": "remove", "path": "members"})
    scim.delete(f"/Groups/{devs}")
    assert summary(told) == [
        ("group.members_changed", "", " ".join(people[:2])),
        ("group.deleted", "", ""),
    ]


def test_user_deleted(host: Host, scim: ScimClient, people: list[str], told: Told) -> None:
    """A deleted user is told of, and each of its groups tells that it left."""
    groups = [scim.create_group(f"g{index}", *people[:2])["id"] for index in range(3)]
    other = scim.create_group("Other", people[1])["id"]
    told.clear()
    users: list[Event] = []

    def hear(sender: Flask, event: Event, **_: Any) -> None:
        users.append(event)

    with user_deleted.connected_to(hear, sender=host.app):
        assert scim.delete(f"/Users/{people[0]}").status_code == 204
    assert [(event.type, event.id) for event in users] == [("user.deleted", people[0])]
    assert sorted(event.id for event, _ in told) == sorted(groups)
    for event, name in told:
        assert event.type == "group.members_changed"
        assert event.removed == frozenset({people[0]})
        assert event.added == frozenset()
        assert event.connection.id == "acme"
        assert name.startswith("g")
        assert version_of(scim, f"/Groups/{event.id}") == 2
    assert version_of(scim, f"/Groups/{other}") == 1


def test_user_of_no_group_deleted(
    scim: ScimClient, people: list[str], told: Told, devs: str
) -> None:
    """A deleted user who was in no group leaves none."""
    scim.delete(f"/Users/{people[4]}")
    assert told == []


def test_user_deactivated(scim: ScimClient, people: list[str], told: Told, devs: str) -> None:
    """A deactivated user leaves no group."""
    scim.patch(f"/Users/{people[0]}", {"op": "replace", "path": "active", "value": False})
    assert told == []
    assert members_of(scim, devs) == people[:2]


def test_receiver_sees_the_change(host: Host, scim: ScimClient, people: list[str]) -> None:
    """The row that comes with the event shows the members as they are now."""
    seen: list[tuple[str, list[str]]] = []

    def look(sender: Flask, event: Event, group: Any, **_: Any) -> None:
        seen.append((event.type, sorted(user.username for user in group.users)))

    with (
        group_members_changed.connected_to(look, sender=host.app),
        group_deleted.connected_to(look, sender=host.app),
    ):
        path = f"/Groups/{scim.create_group('Devs', *people[:2])['id']}"
        scim.patch(path, {"op": "add", "path": "members", "value": values(people[2])})
        scim.patch(path, {"op": "remove", "path": f'members[value eq "{people[0]}"]'})
        scim.delete(f"/Users/{people[1]}")
        scim.delete(path)
    assert seen == [
        ("group.members_changed", ["ann", "bob"]),
        ("group.members_changed", ["ann", "bob", "cho"]),
        ("group.members_changed", ["bob", "cho"]),
        ("group.members_changed", ["cho"]),
        ("group.deleted", []),
    ]


def test_revived_group_is_told_as_created(
    scim: ScimClient, people: list[str], told: Told, devs: str
) -> None:
    """A group that comes back after its deletion is a new one to the app."""
    scim.delete(f"/Groups/{devs}")
    told.clear()
    group = scim.create_group("Devs", people[3], externalId="g-1")
    assert summary(told) == [("group.created", "", ""), ("group.members_changed", people[3], "")]
    assert members_of(scim, group["id"]) == [people[3]]
