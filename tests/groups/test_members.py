"""Members as sets: every way to add and remove them, and every bad one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flask_scim.protocol.definitions import GROUP_TYPE
from flask_scim.protocol.matcher import matches_entry
from flask_scim.protocol.parser import parse_path
from flask_scim.protocol.resolver import resolve_path
from tests.client import GROUP, ScimClient
from tests.groups.people import fill, ids_in, join, members_of, pairs_of, values, version_of
from tests.host import Host
from tests.marks import refused_early
from tests.web.answers import refusal

Operations = list[dict[str, Any]]
NAMES = ("ann", "bob", "cho", "dee", "eve")


def named(text: Any, people: list[str]) -> Any:
    """Put the ids of the five in the place of ``{ann}`` to ``{eve}``."""
    written = json.dumps(text)
    for name, id in zip(NAMES, people, strict=True):
        written = written.replace(f"{{{name}}}", id)
    return json.loads(written)


def who(ids: list[str], people: list[str]) -> str:
    """The first letters of some of the five."""
    return "".join(sorted(NAMES[people.index(id)][0] for id in ids))


def add(*names: str, **parts: Any) -> dict[str, Any]:
    """An operation that adds members by name."""
    return {
        "op": "add",
        "path": "members",
        "value": [{"value": f"{{{n}}}", **parts} for n in names],
    }


def drop(name: str) -> dict[str, Any]:
    """An operation that removes a member by a value filter."""
    return {"op": "remove", "path": f'members[value eq "{{{name}}}"]'}


def drop_listed(*names: str, **parts: Any) -> dict[str, Any]:
    """An operation that removes members by a list."""
    value = [{"value": f"{{{n}}}", **parts} for n in names]
    return {"op": "remove", "path": "members", "value": value}


def change(op: str, path: str, value: Any = None) -> dict[str, Any]:
    """An operation of any kind."""
    return {"op": op, "path": path} | ({} if value is None else {"value": value})


def put_in(*names: str) -> dict[str, Any]:
    """An operation that leaves these members and no others."""
    return {"op": "replace", "path": "members", "value": [{"value": f"{{{n}}}"} for n in names]}


def select(filter: str) -> dict[str, Any]:
    """An operation that removes members by any filter."""
    return {"op": "remove", "path": f"members[{filter}]"}


CLEAR = {"op": "remove", "path": "members"}

#: Operations on a group of ann and bob, and who is in it then.
CHANGES: list[tuple[str, Operations, str]] = [
    ("add one", [add("cho")], "abc"),
    ("add several", [add("cho", "dee", "eve")], "abcde"),
    ("add one who is in", [add("ann")], "ab"),
    ("add some of whom are in", [add("ann", "cho")], "abc"),
    ("add one twice", [add("cho", "cho")], "abc"),
    ("add one in two operations", [add("cho"), add("cho")], "abc"),
    ("add nobody", [{"op": "add", "path": "members", "value": []}], "ab"),
    ("add null", [{"op": "add", "path": "members", "value": None}], "ab"),
    ("add one object", [{"op": "add", "path": "members", "value": {"value": "{cho}"}}], "abc"),
    ("add without path", [{"op": "add", "value": {"members": [{"value": "{cho}"}]}}], "abc"),
    ("add with URN", [{**add("cho"), "path": f"{GROUP}:members"}], "abc"),
    ("add in capitals", [{**add("cho"), "op": "Add", "path": "Members"}], "abc"),
    ("add with type", [add("cho", type="User")], "abc"),
    ("add with type in lower case", [add("cho", type="user")], "abc"),
    ("add as Entra does", [add("cho", **{"$ref": None})], "abc"),
    ("add with all parts", [add("cho", **{"$ref": "../Users/1", "display": "x"})], "abc"),
    ("add with unknown parts", [add("cho", nonsense={"a": 1}, primary=False)], "abc"),
    ("add with null display", [add("cho", display=None)], "abc"),
    ("remove by filter", [drop("ann")], "b"),
    ("remove two by filters", [drop("ann"), drop("bob")], ""),
    ("remove one who is not in", [drop("cho")], "ab"),
    ("remove by list", [drop_listed("ann")], "b"),
    ("remove as Entra does", [{**drop_listed("ann", **{"$ref": None}), "op": "Remove"}], "b"),
    ("remove by list some who are not in", [drop_listed("cho", "ann", "dee")], "b"),
    ("remove by object", [{"op": "remove", "path": "members", "value": {"value": "{bob}"}}], "a"),
    ("remove by list with type", [drop_listed("ann", type="User")], "b"),
    ("remove by empty list", [{"op": "remove", "path": "members", "value": []}], "ab"),
    ("remove without path", [{"op": "remove", "value": {"members": [{"value": "{ann}"}]}}], "b"),
    ("remove without path, empty", [{"op": "remove", "value": {"members": []}}], "ab"),
    ("remove by filter and value", [{**drop("ann"), "value": [{"value": "{ann}"}]}], "b"),
    ("remove all", [CLEAR], ""),
    ("remove all with null", [{**CLEAR, "value": None}], ""),
    ("remove by display", [select('display eq "ann"')], "b"),
    ("remove by type", [select('type eq "User"')], ""),
    ("remove by type of nobody", [select('type eq "Group"')], "ab"),
    ("remove by or", [select('value eq "{ann}" or value eq "{bob}"')], ""),
    ("remove by and", [select('value eq "{ann}" and type eq "User"')], "b"),
    ("remove by and that fails", [select('value eq "{ann}" and type eq "Group"')], "ab"),
    ("remove all others", [select('not (value eq "{ann}")')], "a"),
    ("remove by ne", [select('value ne "{ann}"')], "a"),
    ("remove by presence", [select("value pr")], ""),
    ("remove by filter of nobody", [select('value eq "nobody"')], "ab"),
    ("remove by id of nobody", [drop_listed()], "ab"),
    ("replace", [put_in("bob", "cho")], "bc"),
    ("replace with the same", [put_in("bob", "ann")], "ab"),
    ("replace with nobody", [{"op": "replace", "path": "members", "value": []}], ""),
    ("replace without path", [{"op": "replace", "value": {"members": [{"value": "{eve}"}]}}], "e"),
    ("replace without path, empty", [{"op": "replace", "value": {"members": []}}], ""),
    ("replace twice", [put_in("cho"), put_in("dee")], "d"),
    ("replace, add, remove", [put_in("cho", "dee"), add("eve"), drop("cho")], "de"),
    ("add, then remove", [add("cho"), drop("cho")], "ab"),
    ("add, then remove by list", [add("cho"), drop_listed("cho")], "ab"),
    ("add, then remove by list with type", [add("cho"), drop_listed("cho", type="User")], "ab"),
    ("add with type, then remove", [add("cho", type="User"), drop("cho")], "ab"),
    ("remove, then add", [drop("ann"), add("ann")], "ab"),
    ("remove with type, then add", [drop_listed("ann", type="User"), add("ann")], "ab"),
    ("remove, then add with type", [drop("ann"), add("ann", type="user")], "ab"),
    ("remove all, then add", [CLEAR, add("ann", "cho")], "ac"),
    ("add, then remove all", [add("cho"), CLEAR], ""),
    ("remove all, add, remove by filter", [
        CLEAR, add("ann", "cho"), select('display eq "ANN"')], "c"),
    ("add, then remove by display", [
        add("cho"), select('display eq "CHO"')], "ab"),
    ("add with type, then remove by display", [
        add("cho", type="User"), select('display eq "CHO"')], "ab"),
    ("add, then remove by type", [
        add("cho"), select('type eq "User"')], ""),
    ("remove by display, then add", [
        select('display eq "ANN"'), add("ann")], "ab"),
    ("remove, then remove by display", [
        drop("ann"), select('display sw "a"')], "b"),
    ("remove all, then remove by filter", [
        CLEAR, select('display sw "a"'), add("dee")], "d"),
    ("add twice, once with type", [add("cho"), add("cho", type="User"), drop("cho")], "ab"),
    ("swap", [drop("ann"), add("cho"), drop("cho"), add("ann"), drop("bob")], "a"),
    ("with a rename", [{"op": "replace", "value": {"displayName": "Ops"}}, add("cho")], "abc"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operations", "expected"),
    [(operations, expected) for _, operations, expected in CHANGES],
    ids=[name for name, _, _ in CHANGES],
)
def test_change(scim: ScimClient, people: list[str], operations: Operations, expected: str) -> None:
    """Operations are carried out in order; who stays where he is moves no version."""
    group = scim.create_group("Devs", *people[:2])
    other = scim.create_group("Other", *people)
    path = f"/Groups/{group['id']}"
    response = scim.patch(path, *named(operations, people))
    assert response.status_code == 200, response.text
    assert who(ids_in(response.json), people) == expected
    assert scim.get(path).json == response.json
    changed = expected != "ab" or response.json["displayName"] != "Devs"
    assert response.json["meta"]["version"] == f'W/"{2 if changed else 1}"'
    assert changed or response.json == group
    assert members_of(scim, other["id"]) == people


@pytest.mark.parametrize("idp", ["entra", "okta", "jumpcloud"])
def test_change_as_providers_send_it(host: Host, idp: str) -> None:
    """Whichever provider sends them, operations have the same effect."""
    scim = host.connect("provider", tenant="1", idp=idp)
    people = [scim.create(name, name={"familyName": name.upper()})["id"] for name in NAMES]
    wrong = []
    for number, (name, operations, expected) in enumerate(CHANGES):
        if "displayName" in str(operations):
            continue
        path = f"/Groups/{scim.create_group(f'g{number}', *people[:2])['id']}"
        response = scim.patch(path, *named(operations, people))
        found = who(ids_in(response.json), people)
        again = who(ids_in(scim.patch(path, *named(operations[-1:], people)).json), people)
        # The last operation has had its effect; the selection by ne is of what is left.
        if (response.status_code, found, again) != (200, expected, expected):
            wrong.append((name, response.status_code, found, again))
    assert wrong == []


@pytest.mark.parametrize(
    "members",
    [
        "{ann}",
        5,
        True,
        [[]],
        ["{ann}"],
        [5],
        [None, "x"],
        [{}],
        [{"value": None}],
        [{"value": ""}],
        [{"value": None, "$ref": None}],
        [{"value": "{cho}"}, {"value": ""}],
        [{"value": "{cho}"}, {}],
        [None],
        [{"display": "ANN"}],
        [{"type": "User"}],
        [{"$ref": "https://example.com/Users/1"}],
        [{"nonsense": "x"}],
        [{"value": 5}],
        [{"value": ["{cho}"]}],
        [{"value": {"value": "{cho}"}}],
        [{"value": "{cho}", "type": 5}],
        [{"value": "{cho}", "type": "Group"}],
        [{"value": "{cho}", "type": "Device"}],
        [{"value": "999999999"}],
        [{"value": "no-id"}],
        [{"value": " {cho}"}],
        [{"value": "0{cho}"}],
        [{"value": "9999999999999999999999999"}],
        [{"value": "x" * 5000}],
        [{"value": "\u0000"}],
        [{"value": "{cho}"}, {"value": "999999999"}],
    ],
)
def test_bad_members(host: Host, scim: ScimClient, people: list[str], members: Any) -> None:
    """Members that are none are refused, and the group stays as it was."""
    group = scim.create_group("Devs", *people[:2])
    before = pairs_of(host)
    path = f"/Groups/{group['id']}"
    sent = named(members, people)
    body = {"schemas": [GROUP], "displayName": "Ops", "members": sent}
    for way, send in {
        "add": lambda: scim.patch(path, {"op": "add", "path": "members", "value": sent}),
        "replace": lambda: scim.patch(path, {"op": "replace", "path": "members", "value": sent}),
        "add without path": lambda: scim.patch(path, {"op": "add", "value": {"members": sent}}),
        "PUT": lambda: scim.put(path, body),
        "POST": lambda: scim.post("/Groups", body),
    }.items():
        response = send()
        assert (way, response.status_code) == (way, 400), response.text
        assert refusal(response) == (400, "invalidValue")
        assert scim.get(path).json == group
        assert scim.get("/Groups").json["totalResults"] == 1
        assert pairs_of(host) == before


@pytest.mark.parametrize("op", ["add", "replace"])
def test_unknown_members_are_named(scim: ScimClient, people: list[str], op: str) -> None:
    """The answer names the members who do not exist, and some of them where there are many."""
    path = f"/Groups/{scim.create_group('Devs')['id']}"
    few = values(people[0], "999999", "no-id")
    response = scim.patch(path, {"op": op, "path": "members", "value": few})
    assert refusal(response) == (400, "invalidValue")
    assert "999999" in response.json["detail"]
    assert "no-id" in response.json["detail"]
    assert repr(people[0]) not in response.json["detail"]
    many = values(*(f"unknown-{index}" for index in range(500)))
    response = scim.patch(path, {"op": op, "path": "members", "value": many})
    assert refusal(response) == (400, "invalidValue")
    assert "unknown-" in response.json["detail"]


@pytest.mark.parametrize("operation", [drop("nobody"), drop_listed("nobody")])
@pytest.mark.parametrize("id", ["999999999", "no-id", "", "9" * 30])
def test_removal_of_who_does_not_exist(
    scim: ScimClient, people: list[str], operation: dict[str, Any], id: str
) -> None:
    """To remove who does not exist changes nothing."""
    group = scim.create_group("Devs", *people[:2])
    sent = json.loads(json.dumps(operation).replace("{nobody}", id))
    response = scim.patch(f"/Groups/{group['id']}", sent)
    if response.status_code == 400:
        assert id == ""
        assert refusal(response)[1] in ("invalidValue", "invalidFilter", "invalidPath")
    else:
        assert response.status_code == 200
    assert scim.get(f"/Groups/{group['id']}").json == group


@refused_early
@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (change("replace", 'members[display co "A"].value', "{cho}"), "mutability"),
        (change("replace", 'members[value eq "{ann}"].value', "{cho}"), "mutability"),
        (change("replace", "members.value", "{cho}"), "mutability"),
        (change("add", "members.value", "{cho}"), "mutability"),
        (change("remove", "members.value"), "mutability"),
        (change("remove", 'members[value eq "{ann}"].value'), "mutability"),
        (change("remove", 'members[value eq "{ann}"].display'), "mutability"),
        (change("replace", 'members[value eq "{ann}"].display', "x"), "mutability"),
        (change("replace", 'members[value eq "{ann}"]', {"value": "{cho}"}), "invalidPath"),
        (change("add", 'members[value eq "{cho}"]', {"value": "{cho}"}), "invalidPath"),
        (change("remove", "members[nonsense eq 1]"), "invalidFilter"),
        (change("remove", 'members[$ref eq "x"]'), "invalidFilter"),
        (change("remove", "members[value eq 1]"), "invalidFilter"),
        (change("remove", "members[]"), "invalidFilter"),
        (change("remove", 'members[value eq "{ann}"'), "invalidPath"),
        (change("remove", "members.nonsense"), "invalidPath"),
        (change("remove", "members", "{ann}"), "invalidValue"),
        (change("remove", "members", ["{ann}"]), "invalidValue"),
        (change("remove", "members", [{"display": "ANN"}]), "invalidValue"),
        (change("remove", "members", [{"value": "{ann}"}, {"display": "B"}]), "invalidValue"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "add", "path": "members"}, "invalidValue"),
        ({"op": "replace", "path": "members"}, "invalidValue"),
        (change("move", "members", []), "invalidSyntax"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("idp", ["generic", "entra"])
def test_bad_operations(
    host: Host,
    idp: str,
    operation: dict[str, Any],
    error: str,
) -> None:
    """An operation that cannot be read undoes the whole request."""
    asking = host.connect("second", tenant="2", idp=idp)
    ids = [asking.create(name, name={"familyName": name.upper()})["id"] for name in NAMES]
    group = asking.create_group("Devs", *ids[:2])
    path = f"/Groups/{group['id']}"
    for operations in ([operation], [add("dee"), operation], [operation, CLEAR]):
        assert refusal(asking.patch(path, *named(operations, ids))) == (400, error)
        assert asking.get(path).json == group


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (add("cho"), "abc"),
        (drop("ann"), "b"),
        (CLEAR, ""),
        (put_in("cho"), "c"),
        (drop_listed("ann"), None),
        ({"op": "remove", "path": "members", "value": []}, None),
        ({"op": "add", "value": {"members": [{"value": "{cho}"}]}}, None),
        ({"op": "add", "path": "members", "value": {"value": "{cho}"}}, None),
        ({**add("cho"), "op": "Add"}, None),
    ],
)
def test_strict_connection(host: Host, operation: dict[str, Any], expected: str | None) -> None:
    """Where only the standard is accepted, the rest is refused, and nobody leaves by it."""
    scim = host.connect("strict", tenant="1", strict=True)
    people = [scim.create(name)["id"] for name in NAMES]
    group = scim.create_group("Devs", *people[:2])
    response = scim.patch(f"/Groups/{group['id']}", named(operation, people))
    if expected is None:
        assert refusal(response)[0] == 400
        assert scim.get(f"/Groups/{group['id']}").json == group
    else:
        assert who(ids_in(response.json), people) == expected


def test_foreign_members(host: Host, scim: ScimClient, people: list[str]) -> None:
    """A user of another customer, or of another connection, is nobody here."""
    group = scim.create_group("Devs", people[0])
    path = f"/Groups/{group['id']}"
    for name, tenant in (("second", "1"), ("foreign", "2")):
        stranger = host.connect(name, tenant=tenant).create(f"stranger-{name}")["id"]
        for response in (
            scim.patch(path, {"op": "add", "path": "members", "value": values(stranger)}),
            scim.patch(path, {"op": "replace", "path": "members", "value": values(stranger)}),
            scim.put(
                path,
                {"schemas": [GROUP], "displayName": "Devs", "members": values(stranger)},
            ),
            scim.post(
                "/Groups",
                {"schemas": [GROUP], "displayName": "Ops", "members": values(stranger)},
            ),
        ):
            assert refusal(response) == (400, "invalidValue")
            assert stranger in response.json["detail"]
        done = scim.patch(path, {"op": "remove", "path": "members", "value": values(stranger)})
        assert (done.status_code, done.json) == (200, group)
    assert scim.get(path).json == group


def test_deleted_user_is_no_member(scim: ScimClient, people: list[str]) -> None:
    """A user who has been deleted cannot be added."""
    path = f"/Groups/{scim.create_group('Devs')['id']}"
    scim.delete(f"/Users/{people[0]}")
    response = scim.patch(path, {"op": "add", "path": "members", "value": values(people[0])})
    assert refusal(response) == (400, "invalidValue")


def test_inactive_user_is_a_member(scim: ScimClient, people: list[str]) -> None:
    """A user who is not active can be added and shown."""
    group = scim.create_group("Devs")["id"]
    scim.patch(f"/Users/{people[0]}", {"op": "replace", "path": "active", "value": False})
    added = {"op": "add", "path": "members", "value": values(people[0])}
    assert ids_in(scim.patch(f"/Groups/{group}", added).json) == [people[0]]


@pytest.mark.parametrize("unknown", ["999999999", "no-id", "9" * 30])
def test_unknown_members_ignored(
    build: Callable[..., Host], scim: ScimClient, people: list[str], unknown: str
) -> None:
    """Where the host says so, members who do not exist are passed over, and the others come."""
    other = build(SCIM_UNKNOWN_MEMBERS="ignore")
    lenient = ScimClient(other.app.test_client(), scim.base, scim.token)
    group = lenient.create_group("Devs", people[0], unknown)
    path = f"/Groups/{group['id']}"
    assert ids_in(group) == [people[0]]
    added = {"op": "add", "path": "members", "value": values(unknown, people[1])}
    assert ids_in(lenient.patch(path, added).json) == people[:2]
    only = lenient.patch(path, {"op": "add", "path": "members", "value": values(unknown)})
    assert only.json["meta"]["version"] == 'W/"2"'
    put = {"schemas": [GROUP], "displayName": "Devs", "members": values(unknown, people[2])}
    assert ids_in(lenient.put(path, put).json) == [people[2]]
    # What is no member at all is still refused.
    nameless = lenient.patch(path, {"op": "add", "path": "members", "value": [{"type": "User"}]})
    assert refusal(nameless) == (400, "invalidValue")


# Many at once, and limits


def test_a_thousand_operations(host: Host, scim: ScimClient) -> None:
    """A thousand operations in one request are carried out in order."""
    ids = fill(host, 500)
    group = scim.create_group("Devs")["id"]
    operations: Operations = []
    for id in ids:
        operations.append({"op": "add", "path": "members", "value": values(id)})
        if int(id) % 2:
            operations.append({"op": "remove", "path": f'members[value eq "{id}"]'})
    operations += [{"op": "add", "path": "members", "value": values(ids[0])}] * (
        1000 - len(operations)
    )
    with host.statements() as statements:
        response = scim.patch(f"/Groups/{group}", *operations)
    assert response.status_code == 204
    expected = {id for id in ids if not int(id) % 2} | {ids[0]}
    assert members_of(scim, group) == sorted(expected)
    assert len(statements) <= 12, statements


def test_a_thousand_filters(host: Host, scim: ScimClient) -> None:
    """Filters that are not a mere id are carried out in order too."""
    ids = fill(host, 60)
    group = scim.create_group("Devs", *ids)["id"]
    operations = [{"op": "remove", "path": f'members[display eq "P{id}"]'} for id in ids[:50]]
    response = scim.patch(f"/Groups/{group}", *operations)
    assert ids_in(response.json) == ids[50:]


@pytest.mark.parametrize(
    ("setting", "operations"),
    [
        ("SCIM_MAX_PATCH_OPERATIONS", [add("cho"), add("dee"), add("eve"), drop("ann")]),
        ("SCIM_MAX_PATCH_MEMBERS", [add("bob", "cho", "dee", "eve")]),
        ("SCIM_MAX_PATCH_MEMBERS", [add("cho", "dee"), add("eve"), drop_listed("ann")]),
        ("SCIM_MAX_PATCH_MEMBERS", [put_in("ann", "cho", "dee", "eve")]),
        ("SCIM_MAX_PATCH_MEMBERS", [drop_listed("ann", "bob", "cho", "dee")]),
        ("SCIM_MAX_PATCH_MEMBERS", [
            {"op": "add", "value": {"members": [{"value": "{cho}"}] * 4, "displayName": "x"}}]),
        ("SCIM_MAX_MEMBERS", "PUT"),
        ("SCIM_MAX_MEMBERS", "POST"),
    ],
)  # fmt: skip
def test_limits(
    build: Callable[..., Host],
    scim: ScimClient,
    people: list[str],
    setting: str,
    operations: Any,
) -> None:
    """Above a limit nothing changes; at the limit all is well."""
    group = scim.create_group("Devs", *people[:2])
    path = f"/Groups/{group['id']}"
    for limit in (3, 4):
        other = build(**{setting: limit})
        client = ScimClient(other.app.test_client(), scim.base, scim.token)
        body = {"schemas": [GROUP], "displayName": "Ops", "members": values(*people[1:])}
        if operations == "PUT":
            response = client.put(path, body)
        elif operations == "POST":
            response = client.post("/Groups", body)
        else:
            response = client.patch(path, *named(operations, people))
        if limit == 4:
            assert response.status_code in (200, 201), response.text
            return
        status, scim_type = refusal(response)
        assert (status, scim_type) in ((400, "tooMany"), (413, None), (413, "tooMany"))
        assert "3" in response.json["detail"]
        assert scim.get(path).json == group
        assert scim.get("/Groups").json["totalResults"] == 1


def test_default_limits(host: Host, scim: ScimClient, people: list[str]) -> None:
    """A thousand operations and ten thousand members are the most by default."""
    path = f"/Groups/{scim.create_group('Devs')['id']}"
    one = {"op": "add", "path": "members", "value": values(people[0])}
    assert refusal(scim.patch(path, *[one] * 1001)) == (400, "tooMany")
    assert scim.patch(path, *[one] * 1000).status_code == 200
    some = {"op": "add", "path": "members", "value": values(people[0]) * 10_001}
    assert refusal(scim.patch(path, some)) == (400, "tooMany")
    put = {"schemas": [GROUP], "displayName": "Devs", "members": values(people[1]) * 10_001}
    assert refusal(scim.put(path, put)) == (400, "tooMany")
    assert ids_in(scim.put(path, {**put, "members": values(people[1]) * 10_000}).json) == [
        people[1]
    ]


def test_repeated_members(host: Host, scim: ScimClient, people: list[str]) -> None:
    """A member who is named several times is a member once."""
    twice = [people[0], people[1], people[0]]
    group = scim.create_group("Devs", *twice)
    assert ids_in(group) == people[:2]
    path = f"/Groups/{group['id']}"
    put = {"schemas": [GROUP], "displayName": "Devs"}
    members = [*values(*twice), {"value": people[1], "type": "User"}]
    again = scim.put(path, {**put, "members": members})
    assert again.json == group
    assert len(pairs_of(host)) == 2


def test_nobody_is_invented_or_lost(host: Host, scim: ScimClient, people: list[str]) -> None:
    """Changes of one group leave all others alone, whatever they do."""
    groups = [scim.create_group(f"g{index}", *people)["id"] for index in range(3)]
    first = f"/Groups/{groups[0]}"
    for operation in (drop("ann"), drop_listed("bob"), put_in("ann"), add("bob"), CLEAR):
        scim.patch(first, *named([operation], people))
        assert members_of(scim, groups[1]) == members_of(scim, groups[2]) == people
    scim.put(first, {"schemas": [GROUP], "displayName": "g0", "members": []})
    scim.delete(first)
    assert pairs_of(host) == {(int(group), int(id)) for group in groups[1:] for id in people}
    assert [version_of(scim, f"/Groups/{group}") for group in groups[1:]] == [1, 1]


# Filters on members: in SQL as in documents

PLAIN = ("ann", "Bo_b", "bo%b", "ÄNNE", "änne", "o'n", "zoë", "Ann ")
WORDS = ("ann", "ANN", "b", "_", "%", "änne", "ÄNNE", "'", "ë", " ", "", "zoë", "Ann ")
TEXT_OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
FILTERS = [
    *(f"display {op} {json.dumps(word)}" for op in TEXT_OPERATORS for word in WORDS),
    *(f'value {op} "{{{index}}}"' for op in TEXT_OPERATORS for index in (0, 3)),
    *(f'value {op} "{word}"' for op in TEXT_OPERATORS for word in ("1", "x", "9", "")),
    *(f'type {op} "{word}"' for op in TEXT_OPERATORS for word in ("User", "user", "Group", "s")),
    "value pr",
    "display pr",
    "type pr",
    "$ref pr",
    "display eq null",
    "display ne null",
    "type eq null",
    'value eq "{0}" or display eq "zoë"',
    'not (display co "n")',
    'not (display eq "" or value eq "{1}")',
    'type eq "User" and not (display pr)',
    'display co "n" and (value eq "{0}" or value eq "{4}")',
    'value eq "{0}" and value eq "{1}"',
]


@pytest.fixture
def crowd(scim: ScimClient) -> list[str]:
    """The ids of users with names of every kind, the last one without."""
    given = [*PLAIN, None]
    return [
        scim.create(f"u{index}", name={"familyName": name} if name else {})["id"]
        for index, name in enumerate(given)
    ]


def test_filters_select_what_the_matcher_says(scim: ScimClient, crowd: list[str]) -> None:
    """A filter on members selects the same in a list, in a removal and in a document."""
    group = scim.create_group("All", *crowd)
    path = f"/Groups/{group['id']}"
    alone = {id: scim.create_group(f"with {id}", id)["id"] for id in crowd}
    entries = {entry["value"]: entry for entry in group["members"]}
    wrong = []
    for template in FILTERS:
        text = template
        for index, id in enumerate(crowd):
            text = text.replace(f"{{{index}}}", id)
        condition = resolve_path(parse_path(f"members[{text}]"), GROUP_TYPE).condition
        assert condition is not None
        expected = {id for id, entry in entries.items() if matches_entry(condition, entry)}
        listed = scim.get("/Groups", filter=f'members[{text}] and not (displayName eq "All")')
        found: Any = listed.text
        if listed.status_code == 200:
            groups = {resource["id"] for resource in listed.json["Resources"]}
            found = {id for id, own in alone.items() if own in groups}
        removal = scim.patch(path, {"op": "remove", "path": f"members[{text}]"})
        left: Any = removal.text
        if removal.status_code == 200:
            left = set(crowd) - set(ids_in(removal.json))
        if not expected == found == left:
            wrong.append((text, sorted(expected), found, left))
        scim.patch(path, {"op": "add", "path": "members", "value": values(*crowd)})
    assert wrong == []


def test_removal_by_filter_of_a_large_group(host: Host, scim: ScimClient) -> None:
    """A filter that selects few of many removes those, and one that selects all removes all."""
    ids = fill(host, 6_000)
    group = scim.create_group("Devs")["id"]
    join(host, group, ids)
    path = f"/Groups/{group}"
    with host.statements() as statements:
        removal = {"op": "remove", "path": f'members[display eq "P{ids[17]}"]'}
        assert scim.patch(path, removal).status_code == 204
    assert len(statements) <= 12
    assert len(pairs_of(host)) == 5_999
    everybody = scim.patch(path, {"op": "remove", "path": 'members[type eq "User"]'})
    assert everybody.status_code == 200
    assert "members" not in everybody.json
    assert pairs_of(host) == set()
