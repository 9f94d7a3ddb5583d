"""What the app is told of resources of its own types."""

from __future__ import annotations

from typing import Any

from flask_scim import Event
from tests.client import GROUP, ScimClient
from tests.resources.fleet import Fleet, create

Told = list[tuple[str, Event, Any]]


def test_life(fleet: Fleet, acme: ScimClient, told: Told) -> None:
    """Each change is told by the signal of its kind, with the row."""
    path = f"/Devices/{create(acme, 'A1')['id']}"
    for name, value in (("ports", 2), ("active", False), ("active", True), ("active", True)):
        acme.patch(path, {"op": "replace", "path": name, "value": value})
    acme.delete(path)
    assert [(name, event.type, event.changed) for name, event, _ in told[1:-1]] == [
        ("resource_updated", "device.updated", ("ports",)),
        ("resource_deactivated", "device.deactivated", ("active",)),
        ("resource_reactivated", "device.reactivated", ("active",)),
    ]
    assert [told[index][0] for index in (0, -1)] == ["resource_created", "resource_deleted"]
    for _, event, row in told:
        assert isinstance(row, fleet.Device)
        assert event.resource_type == "Device"


def test_references(acme: ScimClient, told: Told) -> None:
    """Users of a device that come and go are told of, with the attribute."""
    ann, bob = (acme.create(name)["id"] for name in ("ann", "bob"))
    path = f"/Devices/{create(acme, 'A1', users=[{'value': ann}])['id']}"
    acme.patch(
        path,
        {"op": "replace", "path": "users", "value": [{"value": bob}]},
        {"op": "replace", "path": "ports", "value": 1},
    )
    acme.delete(path)
    devices = [(name, event) for name, event, _ in told if event.resource_type == "Device"]
    assert [(name, event.changed, event.added, event.removed) for name, event in devices[1:4]] == [
        ("resource_members_changed", ("users",), {ann}, set()),
        ("resource_updated", ("ports",), set(), set()),
        ("resource_members_changed", ("users",), {bob}, {ann}),
    ]
    name, event = devices[4]
    assert (name, event.added, event.removed) == ("resource_deleted", set(), {bob})


def test_the_end_of_another(fleet: Fleet, acme: ScimClient, told: Told) -> None:
    """What referred to something deleted is told with its own type, attribute and row."""
    ann = acme.create("ann")["id"]
    device = create(acme, "A1", users=[{"value": ann}])["id"]
    members = [{"value": ann, "type": "User"}, {"value": device, "type": "Device"}]
    body = {"schemas": [GROUP], "displayName": "Desk", "members": members}
    group = acme.post("/Groups", body).json["id"]
    told.clear()
    acme.delete(f"/Users/{ann}")
    acme.delete(f"/Devices/{device}")
    assert [
        (name, event.type, event.id, event.changed, set(event.removed))
        for name, event, _ in told
        if event.kind != "deleted"
    ] == [
        ("resource_members_changed", "device.members_changed", device, ("users",), {ann}),
        ("group_members_changed", "group.members_changed", group, ("members",), {ann}),
        ("group_members_changed", "group.members_changed", group, ("members",), {device}),
    ]
    assert [name for name, *_ in told if name.endswith("deleted")] == [
        "user_deleted",
        "resource_deleted",
    ]
    rows = {name: row for name, _, row in told}
    assert isinstance(rows["resource_members_changed"], fleet.Device)
    assert isinstance(rows["group_members_changed"], fleet.Team)
