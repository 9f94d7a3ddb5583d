"""Which models groups can sit on: association objects, tables of Flask-SCIM's own, shared rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy

from flask_scim import SCIM, ConfigurationError, Refs
from tests.client import GROUP, ScimClient
from tests.groups.crews import Declare, Models, served
from tests.groups.people import ids_in, members_of, pairs_of, values
from tests.host import Host
from tests.web.answers import refusal

refused_at_start_up = pytest.mark.one_database("refused at start-up, before any SQL")

# An association object


def test_association_object(declared: Callable[[Declare], Models]) -> None:
    """New pairs get what a hook and the defaults say; those who are in keep what they have."""
    calls = []

    def fill() -> dict[str, Any]:
        calls.append(1)
        return {"role": f"member {len(calls)}"}

    models = declared(
        lambda m: m.scim.groups(
            m.Crew,
            {"displayName": m.Crew.name, "members": Refs("memberships.person", "User", fill=fill)},
        )
    )
    scim = models.connect()
    ids = [scim.create(f"u{index}")["id"] for index in range(4)]
    group = scim.create_group("Crew", ids[0])
    path = f"/Groups/{group['id']}"
    table = models.Membership.__table__
    columns = sa.select(table.c.person_id, table.c.role, table.c.level).order_by(table.c.person_id)
    assert models.rows(columns) == [(int(ids[0]), "member 1", 7)]
    assert all(since for (since,) in models.rows(sa.select(table.c.since)))
    scim.patch(path, {"op": "add", "path": "members", "value": values(*ids[:3])})
    assert models.rows(columns) == [
        (int(ids[0]), "member 1", 7),
        (int(ids[1]), "member 2", 7),
        (int(ids[2]), "member 2", 7),
    ]
    scim.patch(path, {"op": "remove", "path": f'members[value eq "{ids[1]}"]'})
    put = {"schemas": [GROUP], "displayName": "Crew", "members": values(ids[0], ids[3])}
    assert ids_in(scim.put(path, put).json) == [ids[0], ids[3]]
    assert models.rows(columns) == [(int(ids[0]), "member 1", 7), (int(ids[3]), "member 3", 7)]
    # Where nobody comes the hook is not asked.
    scim.put(path, put)
    scim.patch(path, {"op": "remove", "path": f'members[value eq "{ids[3]}"]'})
    assert len(calls) == 3
    assert [entry["value"] for entry in scim.get(f"/Users/{ids[0]}").json["groups"]] == [
        group["id"]
    ]
    assert scim.find(f'groups.value eq "{group["id"]}"') == ["u0"]
    assert scim.delete(path).status_code == 204
    assert models.rows(columns) == []


# Tables of Flask-SCIM's own


@pytest.fixture(scope="module")
def _own(elsewhere: str) -> Iterator[Models]:
    with served(elsewhere, lambda m: m.scim.groups()) as models:
        yield models


@pytest.fixture
def own(_own: Models) -> Models:
    """An app that has no model of groups."""
    _own.furnish()
    return _own


def test_own_tables(own: Models) -> None:
    """A host without groups gets the same groups on tables that Flask-SCIM brings."""
    scim = own.connect()
    ids = [scim.create(f"u{index}")["id"] for index in range(4)]
    group = scim.create_group("Devs", *ids[:2], externalId="g-1")
    path = f"/Groups/{group['id']}"
    assert ids_in(group) == ids[:2]
    assert [member["display"] for member in group["members"]] == ["u0", "u1"]
    assert scim.get(path).json == group
    changed = scim.patch(
        path,
        {"op": "replace", "path": "displayName", "value": "Ops"},
        {"op": "add", "path": "members", "value": values(ids[2])},
        {"op": "remove", "path": 'members[display eq "U0"]'},
    )
    assert (changed.json["displayName"], ids_in(changed.json)) == ("Ops", ids[1:3])
    for filter in ('displayName eq "OPS"', 'externalId eq "g-1"', f'members eq "{ids[2]}"'):
        assert scim.get("/Groups", filter=filter).json["totalResults"] == 1
    put = {"schemas": [GROUP], "displayName": "Ops"}
    assert ids_in(scim.put(path, put).json) == ids[1:3]
    assert refusal(scim.post("/Groups", {**put, "displayName": "ops"})) == (409, "uniqueness")
    assert scim.delete(f"/Users/{ids[1]}").status_code == 204
    assert members_of(scim, group["id"]) == [ids[2]]
    assert scim.get(f"/Users/{ids[2]}").json["groups"][0]["display"] == "Ops"
    assert scim.delete(path).status_code == 204
    assert "groups" not in scim.get(f"/Users/{ids[2]}").json
    assert own.rows(sa.select(own.db.metadata.tables["scim_own_group_member"])) == []
    again = scim.create_group("Ops", ids[3])
    assert members_of(scim, again["id"]) == [ids[3]]


def test_own_tables_keep_connections_apart(own: Models) -> None:
    """Two connections have groups of the same name, each with its own members."""
    first, second = own.connect("first"), own.connect("second")
    made = []
    for number, scim in enumerate((first, second)):
        id = scim.create(f"u{number}")["id"]
        made.append((scim.create_group("Devs", id)["id"], id))
    assert made[0][0] != made[1][0]
    for (group, id), scim, other in zip(made, (first, second), (second, first), strict=True):
        assert members_of(scim, group) == [id]
        assert other.get(f"/Groups/{group}").status_code == 404
        assert scim.get("/Groups", filter='displayName eq "devs"').json["totalResults"] == 1
        stranger = {
            "op": "add",
            "path": "members",
            "value": values(made[1 - made.index((group, id))][1]),
        }
        assert refusal(scim.patch(f"/Groups/{group}", stranger)) == (400, "invalidValue")
    first.delete(f"/Groups/{made[0][0]}")
    assert members_of(second, made[1][0]) == [made[1][1]]


def test_own_tables_leave_nothing_behind(own: Models) -> None:
    """Groups that come and go do not pile up."""
    scim = own.connect()
    for _ in range(3):
        scim.delete(f"/Groups/{scim.create_group('Devs')['id']}")
    groups = own.db.metadata.tables["scim_own_group"]
    assert len(own.rows(sa.select(groups))) <= 1


# Groups in groups


@pytest.fixture
def tree(nested: Models) -> tuple[ScimClient, dict[str, str]]:
    """Groups top, middle, low, side, each in the one before but side, and dee and eve in low."""
    scim = nested.connect()
    ids = {name: scim.create(name)["id"] for name in ("dee", "eve")}
    ids |= {name: scim.create_group(name)["id"] for name in ("top", "middle", "low", "side")}
    assert len(set(ids.values())) == 6
    for whole, *parts in (("top", "middle"), ("middle", "low", "dee"), ("low", "dee", "eve")):
        added = {"op": "add", "path": "members", "value": values(*(ids[part] for part in parts))}
        assert scim.patch(f"/Groups/{ids[whole]}", added).status_code == 200
    return scim, ids


def test_nested_members(tree: tuple[ScimClient, dict[str, str]]) -> None:
    """Members may be users and groups, and say what they are."""
    scim, ids = tree
    members = {m["value"]: m for m in scim.get(f"/Groups/{ids['middle']}").json["members"]}
    base = "http://localhost/scim/v2/acme"
    assert members == {
        ids["low"]: {
            "value": ids["low"],
            "$ref": f"{base}/Groups/{ids['low']}",
            "type": "Group",
            "display": "low",
        },
        ids["dee"]: {
            "value": ids["dee"],
            "$ref": f"{base}/Users/{ids['dee']}",
            "type": "User",
            "display": "dee",
        },
    }


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ('members[type eq "Group"]', {"dee"}),
        ('members[type eq "User"]', {"low"}),
        ('members[value eq "{low}"]', {"dee"}),
        ('members[value eq "{low}" and type eq "User"]', {"dee", "low"}),
        ('members[display eq "LOW" or display eq "DEE"]', set()),
        ('members[display co "e"]', {"low"}),
        ("members", set()),
    ],
)
def test_nested_removal(tree: tuple[ScimClient, dict[str, str]], path: str, left: set[str]) -> None:
    """Filters select among users and groups alike."""
    scim, ids = tree
    response = scim.patch(f"/Groups/{ids['middle']}", {"op": "remove", "path": path.format(**ids)})
    assert set(ids_in(response.json)) == {ids[name] for name in left}
    assert set(members_of(scim, ids["low"])) == {ids["dee"], ids["eve"]}


@pytest.mark.parametrize(
    ("whole", "part"),
    [("low", "low"), ("low", "middle"), ("low", "top"), ("middle", "top"), ("top", "top")],
)
@pytest.mark.parametrize("way", ["add", "replace", "PUT"])
def test_no_circles(
    tree: tuple[ScimClient, dict[str, str]], whole: str, part: str, way: str
) -> None:
    """A group cannot be in itself, however far away."""
    scim, ids = tree
    path = f"/Groups/{ids[whole]}"
    before = scim.get(path).json
    if way == "PUT":
        body = {"schemas": [GROUP], "displayName": whole, "members": values(ids[part])}
        response = scim.put(path, body)
    else:
        response = scim.patch(path, {"op": way, "path": "members", "value": values(ids[part])})
    assert refusal(response) == (400, "invalidValue")
    assert ids[part] in response.json["detail"]
    assert scim.get(path).json == before
    diamond = {"op": "add", "path": "members", "value": values(ids["low"])}
    assert scim.patch(f"/Groups/{ids['top']}", diamond).status_code == 200


def test_indirect_groups_of_a_user(tree: tuple[ScimClient, dict[str, str]]) -> None:
    """A user shows the groups that it is in, and those above them, each once."""
    scim, ids = tree
    shown = {
        name: {g["display"]: g["type"] for g in scim.get(f"/Users/{ids[name]}").json["groups"]}
        for name in ("dee", "eve")
    }
    assert shown == {
        "dee": {"low": "direct", "middle": "direct", "top": "indirect"},
        "eve": {"low": "direct", "middle": "indirect", "top": "indirect"},
    }
    listed = scim.get("/Users").json["Resources"]
    assert {u["userName"]: {g["display"]: g["type"] for g in u["groups"]} for u in listed} == shown


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ('groups.value eq "{top}"', ["dee", "eve"]),
        ('groups[value eq "{top}" and type eq "direct"]', []),
        ('groups[value eq "{middle}" and type eq "direct"]', ["dee"]),
        ('groups[value eq "{middle}" and type eq "indirect"]', ["eve"]),
        ('groups.type eq "indirect"', ["dee", "eve"]),
        ('groups.display eq "side"', []),
        ('not (groups[display eq "middle" and type eq "direct"])', ["eve"]),
    ],
)
def test_users_by_indirect_groups(
    tree: tuple[ScimClient, dict[str, str]], filter: str, expected: list[str]
) -> None:
    """Users are found by the groups that they are in by way of others."""
    scim, ids = tree
    assert scim.find(filter.format(**ids)) == expected


def test_groups_by_nested_members(tree: tuple[ScimClient, dict[str, str]]) -> None:
    """Groups are found by the groups that are in them."""
    scim, ids = tree

    def names(filter: str) -> list[str]:
        found = scim.get("/Groups", filter=filter)
        assert found.status_code == 200, found.text
        return sorted(resource["displayName"] for resource in found.json["Resources"])

    assert names(f'members eq "{ids["low"]}"') == ["middle"]
    assert names('members.type eq "Group"') == ["middle", "top"]
    assert names('members[display eq "Low" and type eq "Group"]') == ["middle"]
    assert names("not (members pr)") == ["side"]


def test_nested_group_deleted(tree: tuple[ScimClient, dict[str, str]]) -> None:
    """A deleted group leaves the groups that it was in, whose versions move."""
    scim, ids = tree
    above = scim.get(f"/Groups/{ids['middle']}").json
    assert scim.delete(f"/Groups/{ids['low']}").status_code == 204
    left = scim.get(f"/Groups/{ids['middle']}").json
    assert ids_in(left) == [ids["dee"]]
    assert left["meta"]["version"] != above["meta"]["version"]
    assert "groups" not in scim.get(f"/Users/{ids['eve']}").json


def test_group_where_none_can_be(host: Host, scim: ScimClient, people: list[str]) -> None:
    """Where the host declares users alone, a group is nobody."""
    other = scim.create_group("Other")["id"]
    group = scim.create_group("Devs")["id"]
    sent = [{"value": other, "type": "Group"}]
    added = {"op": "add", "path": "members", "value": sent}
    assert refusal(scim.patch(f"/Groups/{group}", added)) == (400, "invalidValue")


# Rows that SCIM does not manage


def test_members_by_hand_stay(host: Host, scim: ScimClient, people: list[str]) -> None:
    """Those whom the app added itself, and SCIM does not know, are neither shown nor removed."""
    group = scim.create_group("Devs", *people[:2])["id"]
    with host.app.app_context():
        guest = host.User(username="guest", last_name="Guest", tenant_id=1)
        team = host.db.session.get(host.Team, int(group))
        team.users.append(guest)
        host.db.session.commit()
        hidden = (int(group), guest.id)
    path = f"/Groups/{group}"
    assert members_of(scim, group) == people[:2]
    added = {"op": "add", "path": "members", "value": values(str(hidden[1]))}
    assert refusal(scim.patch(path, added)) == (400, "invalidValue")
    by_hand = [
        lambda: scim.patch(path, {"op": "remove", "path": f'members[value eq "{hidden[1]}"]'}),
        lambda: scim.patch(path, {"op": "remove", "path": 'members[type eq "User"]'}),
        lambda: scim.patch(path, {"op": "remove", "path": 'members[display eq "Guest"]'}),
        lambda: scim.patch(path, {"op": "replace", "path": "members", "value": values(people[2])}),
        lambda: scim.patch(path, {"op": "remove", "path": "members"}),
        lambda: scim.put(path, {"schemas": [GROUP], "displayName": "Devs", "members": []}),
    ]
    for send in by_hand:
        assert send().status_code == 200
        assert hidden in pairs_of(host)
    assert members_of(scim, group) == []
    assert scim.get("/Groups", filter="members pr").json["totalResults"] == 0


def test_members_of_another_connection_stay(
    host: Host, scim: ScimClient, people: list[str]
) -> None:
    """What the app made of users of two connections, each connection sees for itself."""
    second = host.connect("second", tenant="1")
    other = second.create("zoe")["id"]
    group = scim.create_group("Devs", *people[:2])["id"]
    with host.app.app_context():
        team = host.db.session.get(host.Team, int(group))
        team.users.append(host.db.session.get(host.User, int(other)))
        host.db.session.commit()
    scim.patch(f"/Groups/{group}", {"op": "replace", "path": "members", "value": []})
    assert pairs_of(host) == {(int(group), int(other))}
    assert "groups" not in second.get(f"/Users/{other}").json
    assert second.get(f"/Groups/{group}").status_code == 404


@pytest.mark.parametrize("name", ["Admins", "ADMINS"])
def test_hand_made_group_of_the_same_name(
    host: Host, scim: ScimClient, people: list[str], name: str
) -> None:
    """A group that the app made is never bound to by its name, seen or changed."""
    with host.app.app_context():
        host.db.session.add(host.Team(name="Admins", tenant_id=1))
        host.db.session.commit()
    assert scim.get("/Groups").json["totalResults"] == 0
    assert scim.get("/Groups", filter='displayName eq "admins"').json["totalResults"] == 0
    body = {"schemas": [GROUP], "displayName": name, "members": values(*people)}
    assert refusal(scim.post("/Groups", body)) == (409, "uniqueness")
    mine = scim.create_group("Mine")["id"]
    rename = {"op": "replace", "path": "displayName", "value": name}
    assert refusal(scim.patch(f"/Groups/{mine}", rename)) == (409, "uniqueness")
    assert pairs_of(host) == set()
    # Another customer is free to have the name.
    assert host.connect("other", tenant="2").create_group(name)["displayName"] == name


def test_group_that_the_app_deletes(host: Host, scim: ScimClient, people: list[str]) -> None:
    """A group whose row the app deletes is gone from SCIM."""
    group = scim.create_group("Devs", *people)["id"]
    with host.app.app_context():
        host.db.session.delete(host.db.session.get(host.Team, int(group)))
        host.db.session.commit()
    assert scim.get(f"/Groups/{group}").status_code == 404
    assert scim.create_group("Devs", people[0])["displayName"] == "Devs"
    assert len(scim.get(f"/Users/{people[0]}").json["groups"]) == 1


def test_deleted_group_whose_row_the_app_keeps(
    host: Host, scim: ScimClient, people: list[str]
) -> None:
    """Without a hook the row of a deleted group stays, without the members that SCIM gave it."""
    group = scim.create_group("Devs", *people)["id"]
    scim.delete(f"/Groups/{group}")
    with host.app.app_context():
        assert host.db.session.get(host.Team, int(group)).users == []


@pytest.mark.parametrize("external_ids", [(None, None), ("g-1", "g-1"), ("g-1", None)])
def test_name_comes_back_on_a_unique_column(
    declared: Callable[[Declare], Models], external_ids: tuple[str | None, str | None]
) -> None:
    """A group of the name of a deleted one can be made where the host's column is unique."""

    def declare(models: Models) -> None:
        table = models.db.metadata.tables["crew"]
        table.append_constraint(sa.UniqueConstraint("name"))
        refs = Refs(models.Crew.people, "User")
        models.scim.groups(models.Crew, {"displayName": models.Crew.name, "members": refs})

    scim = declared(declare).connect()
    ids = [scim.create(f"u{index}")["id"] for index in range(2)]
    for id, external_id in zip(ids, external_ids, strict=True):
        more = {} if external_id is None else {"externalId": external_id}
        group = scim.create_group("Devs", id, **more)
        assert ids_in(group) == [id]
        assert group.get("externalId") == external_id
        assert scim.delete(f"/Groups/{group['id']}").status_code == 204


# Declarations that cannot be


@refused_at_start_up
@pytest.mark.parametrize(
    ("refs", "words"),
    [
        (lambda m: Refs("nothing", "User"), ["members", "nothing", "many-to-many"]),
        (lambda m: Refs("name", "User"), ["members", "name", "many-to-many"]),
        (lambda m: Refs(m.Crew.memberships, "User"), ["members", "memberships", "Person"]),
        (lambda m: Refs("memberships.crew_id", "User"), ["members", "memberships.crew_id"]),
        (lambda m: Refs("memberships.person.id", "User"), ["members", "memberships.person.id"]),
        (lambda m: Refs("memberships.nothing", "User"), ["members", "memberships.nothing"]),
        (lambda m: Refs(m.Crew.people, "Person"), ["members", "'Person'", "Group, User"]),
        (lambda m: Refs(m.Crew.people, "user"), ["members", "'user'", "Group, User"]),
        (lambda m: Refs(m.Crew.parts, "User"), ["members", "parts", "Person"]),
        (lambda m: Refs(m.Crew.people, "Group"), ["members", "people", "Crew"]),
        (lambda m: m.Crew.people, ["members"]),
        (lambda m: "people", ["members"]),
    ],
)
def test_wrong_references(
    declared: Callable[[Declare], Models],
    refs: Callable[[Models], Any],
    words: list[str],
) -> None:
    """A declaration that cannot be is refused at start-up, with its repair."""
    with pytest.raises(ConfigurationError) as error:
        declared(lambda m: m.scim.groups(m.Crew, {"displayName": m.Crew.name, "members": refs(m)}))
    for word in words:
        assert word in str(error.value)


@refused_at_start_up
def test_name_must_be_mapped(declared: Callable[[Declare], Models]) -> None:
    """A group has a name."""
    with pytest.raises(ConfigurationError, match="displayName"):
        declared(lambda m: m.scim.groups(m.Crew, {"members": Refs(m.Crew.people, "User")}))


@refused_at_start_up
def test_no_mapping(declared: Callable[[Declare], Models]) -> None:
    """A model without a mapping is refused, naming the setting."""
    with pytest.raises(ConfigurationError, match="SCIM_GROUP_MAPPING"):
        declared(lambda m: m.scim.groups(m.Crew))


def test_users_come_first() -> None:
    """Groups on tables of Flask-SCIM's own need the users."""
    with pytest.raises(ConfigurationError, match=r"scim\.users"):
        SCIM(SQLAlchemy()).groups()


def test_groups_without_members(declared: Callable[[Declare], Models]) -> None:
    """A host may leave the members out; what is said of them is passed over."""
    models = declared(lambda m: m.scim.groups(m.Crew, {"displayName": m.Crew.name}))
    scim = models.connect()
    id = scim.create("ann")["id"]
    group = scim.create_group("Devs", id)
    assert "members" not in group
    added = {"op": "add", "path": "members", "value": values(id)}
    response = scim.patch(f"/Groups/{group['id']}", added)
    assert response.status_code in (200, 400)
    assert "groups" not in scim.get(f"/Users/{id}").json
    assert scim.get("/Groups", filter="members pr").status_code in (200, 400)


def test_own_groups_go_with_their_connection(own: Models) -> None:
    """Tables of ours keep nothing of a connection that is removed, and all of the others."""
    clients = [own.connect(name) for name in ("acme", "other")]
    for client in clients:
        client.create_group("Ops", client.create(f"ann of {client.base}")["id"])
    with own.app.app_context():
        own.scim.connections.remove("acme")
    tables = own.db.metadata.tables
    for name in ("scim_own_group", "scim_own_group_member", "scim_group"):
        assert len(own.rows(sa.select(tables[name]))) == 1, name
    assert len(own.rows(sa.select(own.Person))) == 2
    assert clients[1].get("/Groups").json["Resources"][0]["members"]
