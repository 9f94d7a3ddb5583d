"""The attributes ``roles`` and ``entitlements``, on rows that are there and on lists of names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flask_scim import ConfigurationError, Values
from tests.client import USER, ScimClient
from tests.roles.staff import Staff, enter, map_role

Make = Callable[..., Staff]


def related(staff: Staff) -> dict[str, Any]:
    """Roles as rows of their own."""
    person, role = staff.Person, staff.Role
    return {"roles": Values(person.roles, value=role.slug, display=role.title, tenant=role.firm)}


def listed(staff: Staff) -> dict[str, Any]:
    """Roles as a list of text within JSON."""
    return {"roles": Values("profile.access.roles")}


def managed(staff: Staff) -> Any:
    """The declaration of roles that sit where the attribute sits."""
    person, role = staff.Person, staff.Role
    return staff.scim.roles(
        person.roles, key=role.slug, display=role.title, tenant=role.firm, never={"owner"}
    )


def managed_list(staff: Staff) -> Any:
    """The same for a list of text."""
    return staff.scim.roles("profile.access.roles", never={"owner"})


WAYS = {
    "related": (related, lambda s: None),
    "listed": (listed, lambda s: None),
    "related, managed": (related, managed),
    "listed, managed": (listed, managed_list),
}


@pytest.fixture(params=WAYS, scope="module")
def keeping(request: pytest.FixtureRequest, elsewhere: str) -> Iterator[Staff]:
    """An app that keeps roles in one way or another, for all tests of this module."""
    mapping, roles = WAYS[request.param]
    staff = Staff(elsewhere)
    yield staff.declare(roles, mapping(staff))
    staff.let_go()


@pytest.fixture
def kept(keeping: Staff) -> tuple[Staff, ScimClient]:
    """An app that keeps roles in one way or another, and acme."""
    keeping.furnish()
    return keeping, keeping.connect()


def names(user: dict[str, Any]) -> list[str]:
    """The roles that a user shows, by name."""
    return sorted(entry["value"] for entry in user.get("roles", []))


def values(*roles: str) -> list[dict[str, str]]:
    """Roles as a client names them."""
    return [{"value": role} for role in roles]


def test_written_and_read(kept: tuple[Staff, ScimClient]) -> None:
    """Roles are written by POST, PATCH and PUT in the ways of identity providers, and come back."""
    _, acme = kept
    made = acme.create("ann", roles=[{"value": "agent", "display": "x", "primary": "true"}])
    path = f"/Users/{made['id']}"
    assert names(made) == names(acme.get(path).json) == ["agent"]
    for operation, expected in [
        ({"op": "add", "path": "roles", "value": values("lead")}, ["agent", "lead"]),
        ({"op": "add", "path": "roles", "value": values("lead")}, ["agent", "lead"]),
        ({"op": "remove", "path": 'roles[value eq "agent"]'}, ["lead"]),
        ({"op": "replace", "path": "roles", "value": values("admin", "agent")}, ["admin", "agent"]),
        ({"op": "replace", "value": {"roles": values("lead")}}, ["lead"]),
        ({"op": "remove", "path": "roles"}, []),
    ]:
        answer = acme.patch(path, operation)
        assert answer.status_code == 200, answer.text
        assert names(answer.json) == names(acme.get(path).json) == expected
    body = {"schemas": [USER], "userName": "ann", "roles": values("agent", "lead")}
    first = acme.put(path, body)
    assert names(first.json) == ["agent", "lead"]
    again = acme.put(path, body | {"roles": values("lead", "agent")})
    assert again.json["meta"] == first.json["meta"]
    assert acme.get(path).headers["ETag"] == again.headers["ETag"]
    assert names(acme.put(path, {"schemas": [USER], "userName": "ann"}).json) == []


def test_filtered_and_sorted(kept: tuple[Staff, ScimClient]) -> None:
    """Filters and sorting see the entries."""
    _, acme = kept
    acme.create("ann", roles=values("agent", "lead"))
    acme.create("bob", roles=values("admin"))
    acme.create("cho")
    for filter, expected in [
        ('roles[value eq "agent"]', ["ann"]),
        ('roles.value eq "lead"', ["ann"]),
        ('roles eq "admin"', ["bob"]),
        ('roles.value sw "a"', ["ann", "bob"]),
        ('roles.value co "e" and roles.value eq "agent"', ["ann"]),
        ('not (roles[value eq "agent"])', ["bob", "cho"]),
        ("roles pr", ["ann", "bob"]),
        ("not (roles pr)", ["cho"]),
        ('roles[type eq "x"]', []),
        ('roles.value eq "nonsense\'"', []),
    ]:
        assert acme.find(filter) == expected, filter
    found = acme.get("/Users", sortBy="roles.value").json["Resources"]
    assert [user["userName"] for user in found] == ["bob", "ann", "cho"]


def test_a_list_costs_the_same(make_staff: Make) -> None:
    """However many users a page has, their roles take no statement more."""
    staff = make_staff(lambda s: None, related)
    acme = staff.connect()
    counts = set()
    for number in range(3):
        for each in range(2 * number + 1):
            acme.create(f"p{number}-{each}", roles=values("agent", "lead"))
        acme.get("/Users")
        with staff.statements() as statements:
            found = acme.get("/Users").json["Resources"]
        counts.add(len(statements))
        assert all(names(user) == ["agent", "lead"] for user in found)
    assert len(counts) == 1
    assert found[0]["roles"][0] == {"value": "agent", "display": "Agent"}


@pytest.mark.parametrize("mapping", [related, listed])
def test_what_is_refused(make_staff: Make, mapping: Any) -> None:
    """What cannot be a role is refused, and nothing of the request is done."""
    is_related = mapping is related
    staff = make_staff(managed if is_related else managed_list, mapping)
    with staff.app.app_context():
        staff.db.session.add(staff.Role(slug="theirs", firm="globex"))
        staff.db.session.commit()
    acme = staff.connect()
    path = f"/Users/{acme.create('ann', roles=values('agent'))['id']}"
    before = acme.get(path).json
    refused: list[tuple[Any, int, str]] = [
        (values("agent", "owner"), 403, "'owner' is not for identity providers to give"),
        ([{"display": "x"}], 400, "each entry needs a value"),
    ]
    if is_related:
        refused += [
            (values("lead", "nonsense"), 400, "This application has no role 'nonsense'."),
            (values("theirs"), 400, "This application has no role 'theirs'."),
        ]
    for wanted, status, words in refused:
        operations = [
            {"op": "replace", "path": "userName", "value": "changed"},
            {"op": "replace", "path": "roles", "value": wanted},
        ]
        for answer in (
            acme.patch(path, *operations),
            acme.put(path, {"schemas": [USER], "userName": "changed", "roles": wanted}),
            acme.post("/Users", {"schemas": [USER], "userName": "bob", "roles": wanted}),
        ):
            assert answer.status_code == status, answer.text
            assert words in answer.json["detail"]
        assert acme.get(path).json == before
    assert acme.find("userName pr") == ["ann"]


@pytest.mark.parametrize(("mapping", "roles"), [(related, managed), (listed, managed_list)])
def test_what_others_gave_stays(make_staff: Make, mapping: Any, roles: Any) -> None:
    """The attribute shows every role, and takes away only what it has given itself."""
    staff = make_staff(roles, mapping)
    acme = staff.connect()
    ann = acme.create("ann")["id"]
    path = f"/Users/{ann}"
    if mapping is related:
        staff.change(ann, lambda person: person.roles.append(staff.role("owner")))
    else:
        staff.change(ann, lambda p: setattr(p, "profile", {"access": {"roles": ["owner"]}}))
    group = acme.create_group("g", ann)["id"]
    version = acme.get(path).headers["ETag"]
    map_role(staff, "agent", group)
    assert names(acme.get(path).json) == ["agent", "owner"]
    assert acme.get(path).headers["ETag"] != version
    body = {"schemas": [USER], "userName": "ann", "roles": values("lead", "agent", "owner")}
    with staff.told() as told:
        assert names(acme.put(path, body).json) == ["agent", "lead", "owner"]
    assert told == [("role_granted", "ann", ["lead"])]
    with staff.told() as told:
        answer = acme.put(path, body | {"roles": []})
    assert told == [("role_revoked", "ann", ["lead"])]
    assert names(answer.json) == ["agent", "owner"]
    assert answer.headers["ETag"] == acme.get(path).headers["ETag"]
    same = acme.put(path, body | {"roles": []})
    assert same.headers["ETag"] == answer.headers["ETag"]
    assert acme.delete(f"/Groups/{group}").status_code == 204
    assert names(acme.get(path).json) == ["owner"]
    bob = acme.create("bob", roles=values("agent"))["id"]
    other = acme.create_group("h", bob)["id"]
    map_role(staff, "agent", other)
    acme.patch(f"/Users/{bob}", {"op": "remove", "path": "roles"})
    assert names(acme.get(f"/Users/{bob}").json) == ["agent"]
    enter(acme, other, ann)
    assert names(acme.get(path).json) == ["agent", "owner"]
    acme.delete(f"/Users/{bob}")
    assert names(acme.create("bob")) == []


def test_the_apps_own_change_moves_the_version(make_staff: Make) -> None:
    """Who has another role by the app has another version."""
    staff = make_staff(lambda s: None, related)
    acme = staff.connect()
    ann = acme.create("ann", roles=values("agent"))["id"]
    version = acme.get(f"/Users/{ann}").headers["ETag"]
    staff.change(ann, lambda person: person.roles.append(staff.role("lead")))
    assert acme.get(f"/Users/{ann}").headers["ETag"] != version


def test_entitlements_and_the_shapes_of_entra(make_staff: Make) -> None:
    """Entitlements sit as roles do; one role, or whole entries, sit in JSON as any attribute."""
    staff = make_staff(
        lambda s: None,
        lambda s: {
            "entitlements": Values(s.Person.roles, value=s.Role.slug),
            'roles[primary eq "True"].value': "profile.role",
        },
    )
    acme = staff.connect(idp="entra")
    made = acme.create("ann", entitlements=values("agent"))
    path = f"/Users/{made['id']}"
    assert made["entitlements"] == [{"value": "agent"}]
    one = {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "lead"}
    answer = acme.patch(path, one)
    assert answer.status_code == 200, answer.text
    assert answer.json["roles"] == [{"primary": True, "value": "lead"}]
    assert staff.value(made["id"], "profile") == {"role": "lead"}
    assert acme.find('roles[primary eq true and value eq "lead"]') == ["ann"]
    assert (staff.held(made["id"]), acme.find('entitlements.value eq "agent"')) == (
        ["agent"],
        ["ann"],
    )


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (lambda s: {"roles": Values(s.Person.roles)}, "say which of its columns names one"),
        (lambda s: {"roles": Values(s.Person.level)}, "holds one name"),
        (lambda s: {"roles": Values("nonsense")}, "has no column"),
        (lambda s: {"title": Values("profile.x")}, "for a whole attribute with entries"),
        (lambda s: {"roles.value": Values("profile.x")}, "for a whole attribute with entries"),
        (lambda s: {"x509Certificates": Values("profile.x")}, "no names that can be written"),
    ],
)
def test_mistakes_in_a_mapping(mapping: Any, words: str) -> None:
    """What cannot hold names is refused, and the message names the repair."""
    staff = Staff("sqlite://")
    with pytest.raises(ConfigurationError, match=words):
        staff.declare(lambda s: None, mapping(staff))
