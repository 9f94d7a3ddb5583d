"""The roles of groups and of users over the management API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.client import ScimClient
from tests.management.admin import Admin, mount, problem
from tests.roles.staff import Staff, leave

PATH = "/connections/acme"


@pytest.fixture
def managed(make_staff: Callable[..., Staff]) -> tuple[Staff, Admin, ScimClient]:
    """An app with roles and the management API, an administrator of it, and acme."""
    staff = make_staff(
        lambda s: s.scim.roles(
            s.Person.roles, key=s.Role.slug, display=s.Role.title, never={"owner"}, admin="admin"
        )
    )
    host: Any = staff
    return staff, mount(host), staff.connect()


def test_roles_over_http(managed: tuple[Staff, Admin, ScimClient]) -> None:
    """Roles of a group are added, listed and taken away; a user shows where theirs come from."""
    staff, admin, acme = managed
    ann = acme.create("ann")["id"]
    group = acme.create_group("Support", ann, externalId="x-1")["id"]
    path = f"{PATH}/groups/{group}/roles"
    wanted = {"roles": ["agent", "lead"], "precedence": 5}
    looked = admin.ask("POST", path, wanted | {"dry_run": True})
    assert (looked["gained"], looked["lost"]) == (2, 0)
    assert looked["gains"][0] == {"user_id": ann, "name": "ann", "role": "agent"}
    assert (staff.held(ann), admin.ask("GET", path)["roles"]) == ([], [])
    assert admin.ask("POST", path, wanted) == looked
    assert staff.held(ann) == ["agent", "lead"]
    pages = admin.pages(path, "roles", 1)
    assert [[each["role"] for each in page] for page in pages] == [["agent"], ["lead"]]
    assert pages == admin.pages(f"{PATH}/roles", "roles", 1)
    (first,), _ = pages
    assert (first["group_id"], first["external_id"]) == (group, "x-1")
    assert (first["name"], first["precedence"]) == ("Support", 5)
    mine = admin.pages(f"{PATH}/users/{ann}/roles", "roles", 1)
    assert mine[0] == [
        {"role": "agent", "display": "Agent", "origins": ["scim"], "groups": [group]}
    ]
    assert len(mine) == 2
    gone = admin.ask("DELETE", path, {"roles": ["agent"]})
    assert (gone["lost"], staff.held(ann)) == (1, ["lead"])
    staff.change(ann, lambda person: person.roles.clear())
    assert admin.ask("POST", f"{PATH}/roles/sync", {"dry_run": True})["gained"] == 1
    assert (admin.ask("POST", f"{PATH}/roles/sync")["gained"], staff.held(ann)) == (1, ["lead"])


def test_what_is_refused(managed: tuple[Staff, Admin, ScimClient]) -> None:
    """All or none of what is asked for is done, and a problem says why."""
    staff, admin, acme = managed
    ann = acme.create("ann")["id"]
    group = acme.create_group("g", ann)["id"]
    foreign = staff.connect("globex", "globex").create_group("g")["id"]
    path = f"{PATH}/groups/{group}/roles"
    for method, where, body, expected in [
        ("POST", path, {"roles": ["agent", "nonsense"]}, (400, "has no role 'nonsense'")),
        ("POST", path, {"roles": ["agent", "owner"]}, (400, "not for identity providers")),
        ("POST", path, {"roles": []}, (400, "roles")),
        ("POST", path, {"roles": ["agent"], "precedence": -1}, (400, "precedence")),
        ("POST", path, {"roles": ["agent"], "dry_run": "yes"}, (400, "dry_run")),
        ("DELETE", path, {"roles": ["agent"]}, (400, "does not stand for 'agent'")),
        ("POST", f"{PATH}/groups/{foreign}/roles", {"roles": ["agent"]}, (404, "does not exist")),
        ("GET", f"{PATH}/groups/{foreign}/roles", None, (404, "does not exist")),
        ("GET", f"{PATH}/users/99/roles", None, (404, "does not exist")),
        ("GET", "/connections/none/roles", None, (404, "no connection")),
    ]:
        status, message = problem(admin.request(method, where, body))
        assert status == expected[0], (where, body, message)
        assert expected[1] in message
    assert (staff.held(ann), staff.notes()) == ([], [])
    admin.ask("POST", path, {"roles": ["admin"]})
    status, message = problem(admin.request("DELETE", path, {"roles": ["admin"]}))
    assert (status, "Give the role to somebody else first" in message) == (403, True)
    assert leave(acme, group, ann).status_code == 403


def test_an_app_without_roles(make_staff: Callable[..., Staff]) -> None:
    """Where the app declares none, there are none to manage."""
    staff = make_staff(lambda s: None)
    host: Any = staff
    admin, acme = mount(host), staff.connect()
    group = acme.create_group("g")["id"]
    for path in (f"{PATH}/roles", f"{PATH}/groups/{group}/roles"):
        assert problem(admin.request("GET", path)) == (404, "This application declares no roles.")
