"""Groups over HTTP: made, read, found, changed and deleted, with their members or without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client import GROUP, USER, ScimClient
from tests.groups.people import fill, ids_in, join, members_of, pairs_of, values, version_of
from tests.host import Host
from tests.web.answers import refusal

PAIRS = "host_team_member"


def body(name: str, **attributes: Any) -> dict[str, Any]:
    """A group as a client sends it."""
    return {"schemas": [GROUP], "displayName": name, **attributes}


def names(scim: ScimClient, filter: str) -> list[str]:
    """The names of the groups that a filter selects."""
    response = scim.get("/Groups", filter=filter)
    assert response.status_code == 200, response.text
    return sorted(resource["displayName"] for resource in response.json["Resources"])


# Making and reading


def test_create(host: Host, scim: ScimClient, people: list[str]) -> None:
    """A group is made on the host's own tables, and the answer shows it whole."""
    response = scim.post("/Groups", body("Devs", externalId="g-1", members=values(*people[:2])))
    assert response.status_code == 201
    group = response.json
    location = f"http://localhost/scim/v2/acme/Groups/{group['id']}"
    assert response.headers["Location"] == location == group["meta"]["location"]
    assert response.headers["ETag"] == group["meta"]["version"] == 'W/"1"'
    assert group["schemas"] == [GROUP]
    assert (group["displayName"], group["externalId"]) == ("Devs", "g-1")
    assert group["meta"]["resourceType"] == "Group"
    assert group["members"] == [
        {
            "value": id,
            "$ref": f"http://localhost/scim/v2/acme/Users/{id}",
            "type": "User",
            "display": display,
        }
        for id, display in zip(people, ("ANN", "BOB"), strict=False)
    ]
    assert pairs_of(host) == {(int(group["id"]), int(id)) for id in people[:2]}
    with host.app.app_context():
        team = host.db.session.get(host.Team, int(group["id"]))
        assert (team.name, team.tenant_id) == ("Devs", 1)
        assert sorted(user.username for user in team.users) == ["ann", "bob"]


def test_get_equals_what_was_answered(scim: ScimClient, people: list[str]) -> None:
    """What POST, PUT and PATCH answer is what GET answers then."""
    group = scim.create_group("Devs", *people[:2], externalId="g-1")
    path = f"/Groups/{group['id']}"
    assert scim.get(path).json == group
    put = scim.put(path, body("Ops", members=values(people[2])))
    assert (put.status_code, put.json) == (200, scim.get(path).json)
    patched = scim.patch(path, {"op": "add", "path": "members", "value": values(people[0])})
    assert (patched.status_code, patched.json) == (200, scim.get(path).json)
    assert patched.headers["ETag"] == 'W/"3"'


@pytest.mark.parametrize("members", [{}, {"members": []}, {"members": None}])
def test_create_empty(scim: ScimClient, members: dict[str, Any]) -> None:
    """A group may be empty, and shows no members then."""
    response = scim.post("/Groups", body("Devs", **members))
    assert response.status_code == 201
    assert "members" not in response.json
    assert scim.get(f"/Groups/{response.json['id']}").json == response.json


def test_no_display_where_there_is_no_name(scim: ScimClient) -> None:
    """A member whose name is empty is shown without display."""
    id = scim.create("ann")["id"]
    (member,) = scim.create_group("Devs", id)["members"]
    assert set(member) == {"value", "$ref", "type"}


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"schemas": [GROUP]}, (400, "invalidValue")),
        ({"schemas": [GROUP], "displayName": ""}, (400, "invalidValue")),
        ({"schemas": [GROUP], "displayName": None}, (400, "invalidValue")),
        ({"schemas": [GROUP], "displayName": ["Devs"]}, (400, "invalidValue")),
        ({"schemas": [GROUP], "displayName": "x" * 101}, (400, "invalidValue")),
        ({"schemas": [USER], "displayName": "Devs"}, (400, "invalidValue")),
        ([], (400, "invalidSyntax")),
    ],
)
def test_create_what_is_no_group(
    host: Host, scim: ScimClient, sent: Any, error: tuple[int, str]
) -> None:
    """A group without a name, or of another kind, is refused, and nothing is made."""
    assert refusal(scim.post("/Groups", sent)) == error
    assert scim.get("/Groups").json["totalResults"] == 0
    with host.app.app_context():
        assert host.db.session.scalar(sa.select(sa.func.count()).select_from(host.Team)) == 0


@pytest.mark.parametrize("id", ["999999", "0", "-1", "x", "1e3", "%00", "9" * 40, "é"])
def test_no_such_group(scim: ScimClient, id: str) -> None:
    """A group that does not exist is not found in any way."""
    change = {"op": "replace", "path": "displayName", "value": "x"}
    for response in (
        scim.get(f"/Groups/{id}"),
        scim.put(f"/Groups/{id}", body("x")),
        scim.patch(f"/Groups/{id}", change),
        scim.delete(f"/Groups/{id}"),
    ):
        assert refusal(response) == (404, None)


def test_user_is_no_group(scim: ScimClient, people: list[str]) -> None:
    """The id of a user leads to no group, unless a group has the same."""
    assert scim.get(f"/Groups/{people[4]}").status_code == 404


# Names are unique


@pytest.mark.parametrize("name", ["Devs", "DEVS", "devs", "dEvS"])
def test_name_is_taken_in_any_case(scim: ScimClient, name: str) -> None:
    """A second group of the same name is refused, however it is written."""
    first = scim.create_group("Devs")
    assert refusal(scim.post("/Groups", body(name))) == (409, "uniqueness")
    other = scim.create_group("Ops")
    rename = {"op": "replace", "path": "displayName", "value": name}
    assert refusal(scim.patch(f"/Groups/{other['id']}", rename)) == (409, "uniqueness")
    assert refusal(scim.put(f"/Groups/{other['id']}", body(name))) == (409, "uniqueness")
    assert scim.get(f"/Groups/{first['id']}").json == first
    assert scim.get(f"/Groups/{other['id']}").json == other


@pytest.mark.parametrize("name", ["ÄRZTE", "ärzte", "Ärzte"])
def test_name_beyond_ascii_is_taken_in_any_case(scim: ScimClient, name: str) -> None:
    """Letter case does not count beyond ASCII either."""
    scim.create_group("Ärzte")
    assert refusal(scim.post("/Groups", body(name))) == (409, "uniqueness")
    assert names(scim, f'displayName eq "{name}"') == ["Ärzte"]


@pytest.mark.parametrize("name", ["Devs ", "Dev", "Dévs", "D_vs", "Devs2"])
def test_similar_names_are_others(scim: ScimClient, name: str) -> None:
    """Accents, blanks and placeholders tell names apart."""
    scim.create_group("Devs")
    scim.create_group(name)
    assert names(scim, 'displayName eq "devs"') == ["Devs"]


def test_own_name_in_another_case(scim: ScimClient, people: list[str]) -> None:
    """A group may change the case of its own name."""
    group = scim.create_group("devs", people[0])
    path = f"/Groups/{group['id']}"
    response = scim.patch(path, {"op": "replace", "path": "displayName", "value": "Devs"})
    assert (response.status_code, response.json["displayName"]) == (200, "Devs")
    assert scim.put(path, body("DEVS")).json["displayName"] == "DEVS"
    assert members_of(scim, group["id"]) == [people[0]]


def test_name_is_free_after_deletion(scim: ScimClient, people: list[str]) -> None:
    """The name of a deleted group can be taken again, and nobody is a member then."""
    group = scim.create_group("Devs", *people)
    assert scim.delete(f"/Groups/{group['id']}").status_code == 204
    again = scim.create_group("devs", people[4])
    assert ids_in(again) == [people[4]]
    assert members_of(scim, again["id"]) == [people[4]]


def test_name_is_free_in_another_tenant(host: Host, scim: ScimClient) -> None:
    """Customers do not take each other's names."""
    other = host.connect("other", tenant="2")
    scim.create_group("Devs")
    other.create_group("Devs")
    assert names(scim, 'displayName eq "devs"') == names(other, 'displayName eq "devs"') == ["Devs"]


# Finding


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ('displayName eq "devs"', ["Devs"]),
        ('displayName eq "DEVS"', ["Devs"]),
        ('displayName ne "Devs"', ["Nobody", "Ops"]),
        ('displayName sw "d"', ["Devs"]),
        ('displayName co "O"', ["Nobody", "Ops"]),
        ('displayName ew "s"', ["Devs", "Ops"]),
        ('displayName gt "Devs"', ["Nobody", "Ops"]),
        ("displayName pr", ["Devs", "Nobody", "Ops"]),
        ('externalId eq "G-1"', ["Devs"]),
        ('externalId eq "g-1"', []),
        ("externalId pr", ["Devs", "Ops"]),
        ("not (externalId pr)", ["Nobody"]),
        ("externalId eq null", ["Nobody"]),
        ('id eq "{devs}"', ["Devs"]),
        ('id eq "x"', []),
        ('id eq "{devs}" or id eq "{ops}"', ["Devs", "Ops"]),
        ('id eq "{devs}" and members eq "{ann}"', ["Devs"]),
        ('id eq "{devs}" and members eq "{cho}"', []),
        ('members eq "{bob}"', ["Devs", "Ops"]),
        ('members.value eq "{bob}"', ["Devs", "Ops"]),
        ('members[value eq "{bob}"]', ["Devs", "Ops"]),
        ('members[value eq "{bob}"] and members[value eq "{ann}"]', ["Devs"]),
        ('members[value eq "{bob}" and display eq "ANN"]', []),
        ('members.display eq "cho"', ["Ops"]),
        ('members[type eq "User"]', ["Devs", "Ops"]),
        ('members[type eq "Group"]', []),
        ("members pr", ["Devs", "Ops"]),
        ("not (members pr)", ["Nobody"]),
        ('not (members.value eq "{ann}")', ["Nobody", "Ops"]),
        ('members[not (value eq "{ann}")]', ["Devs", "Ops"]),
        ('members.value eq "no-id"', []),
        ('members.value eq "999999"', []),
        ('meta.resourceType eq "Group"', ["Devs", "Nobody", "Ops"]),
        ('schemas eq "urn:ietf:params:scim:schemas:core:2.0:Group"', ["Devs", "Nobody", "Ops"]),
    ],
)
def test_find(scim: ScimClient, people: list[str], filter: str, expected: list[str]) -> None:
    """Filters select groups by what they are and by who is in them."""
    ann, bob, cho, *_ = people
    devs = scim.create_group("Devs", ann, bob, externalId="G-1")["id"]
    ops = scim.create_group("Ops", bob, cho, externalId="G-2")["id"]
    scim.create_group("Nobody")
    written = filter.format(ann=ann, bob=bob, cho=cho, devs=devs, ops=ops)
    assert names(scim, written) == expected
    response = scim.get("/Groups", filter=written, excludedAttributes="members")
    assert response.json["totalResults"] == len(expected)
    assert all("members" not in resource for resource in response.json["Resources"])


@pytest.mark.parametrize(
    "filter",
    [
        'members.$ref eq "x"',
        "members.value eq 5",
        "members.nothing pr",
        "members[",
        'groups eq "1"',
    ],
)
def test_filter_that_cannot_be(scim: ScimClient, people: list[str], filter: str) -> None:
    """What cannot be decided is refused."""
    scim.create_group("Devs", *people)
    assert refusal(scim.get("/Groups", filter=filter)) == (400, "invalidFilter")


@pytest.mark.parametrize(
    "query", [{"sortBy": "displayName"}, {"sortBy": "members.value"}, {"sortBy": "members"}]
)
def test_sort(scim: ScimClient, people: list[str], query: dict[str, str]) -> None:
    """A list may be sorted by what has one value, and what has many breaks nothing."""
    for name in ("c", "A", "b"):
        scim.create_group(name, people[0])
    response = scim.get("/Groups", **query)
    assert response.status_code in (200, 400)
    if query["sortBy"] == "displayName":
        found = [resource["displayName"] for resource in response.json["Resources"]]
        assert found == ["A", "b", "c"]


def test_pages(scim: ScimClient, people: list[str]) -> None:
    """Pages show every group once, with its own members."""
    made = [scim.create_group(f"g{index}", people[index % 5])["id"] for index in range(12)]
    seen: list[tuple[str, list[str]]] = []
    for start in (1, 6, 11):
        page = scim.get("/Groups", startIndex=start, count=5).json
        assert page["totalResults"] == 12
        seen += [(resource["id"], ids_in(resource)) for resource in page["Resources"]]
    assert seen == [(id, [people[index % 5]]) for index, id in enumerate(made)]


def test_list_costs_no_query_per_group(host: Host, scim: ScimClient, people: list[str]) -> None:
    """The members of a whole page are read at once."""
    counts = []
    for number in (2, 20):
        for index in range(number):
            scim.create_group(f"{number}-{index}", *people)
        with host.statements() as statements:
            page = scim.get("/Groups").json
        assert all(ids_in(resource) == people for resource in page["Resources"])
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 4


# Replacing


def test_put(scim: ScimClient, people: list[str]) -> None:
    """PUT replaces name, externalId and members."""
    group = scim.create_group("Devs", *people[:3], externalId="g-1")
    response = scim.put(
        f"/Groups/{group['id']}", body("Ops", members=values(*people[2:4]), externalId="g-2")
    )
    assert response.status_code == 200
    assert (response.json["displayName"], response.json["externalId"]) == ("Ops", "g-2")
    assert ids_in(response.json) == people[2:4]
    assert response.json["meta"]["version"] == 'W/"2"'
    left = scim.put(f"/Groups/{group['id']}", body("Ops", members=values(*people[2:4])))
    assert "externalId" not in left.json


@pytest.mark.parametrize(
    ("sent", "stays"),
    [({}, True), ({"members": None}, True), ({"Members": None}, True), ({"members": []}, False)],
)
def test_put_without_members(
    scim: ScimClient, people: list[str], sent: dict[str, Any], stays: bool
) -> None:
    """Members stay where nothing is said of them; an empty list takes them away."""
    group = scim.create_group("Devs", *people)
    response = scim.put(f"/Groups/{group['id']}", body("Ops", **sent))
    assert response.status_code == 200
    assert ids_in(response.json) == (people if stays else [])
    assert members_of(scim, group["id"]) == (people if stays else [])


def test_put_what_was_read(scim: ScimClient, people: list[str]) -> None:
    """Putting back what was read changes nothing, not even the version."""
    group = scim.create_group("Devs", *people, externalId="g-1")
    response = scim.put(f"/Groups/{group['id']}", group)
    assert (response.status_code, response.json) == (200, group)


def test_put_with_old_meta(scim: ScimClient, people: list[str]) -> None:
    """The meta in a body is no precondition."""
    group = scim.create_group("Devs", *people[:2])
    path = f"/Groups/{group['id']}"
    scim.patch(path, {"op": "remove", "path": "members"})
    response = scim.put(path, group)
    assert (response.status_code, ids_in(response.json)) == (200, people[:2])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_versions(scim: ScimClient, people: list[str], method: str) -> None:
    """If-Match is a precondition, and a change of members is a change of the version."""
    group = scim.create_group("Devs", *people[:2])
    path = f"/Groups/{group['id']}"
    scim.patch(path, {"op": "add", "path": "members", "value": values(people[2])})
    sent = {
        "PUT": body("Ops", members=[]),
        "PATCH": {"Operations": [{"op": "remove", "path": "members"}]},
        "DELETE": None,
    }[method]
    refused = scim.request(method, path, sent, headers={"If-Match": 'W/"1"'})
    assert refusal(refused) == (412, None)
    assert members_of(scim, group["id"]) == people[:3]
    done = scim.request(method, path, sent, headers={"If-Match": 'W/"2"'})
    assert done.status_code in (200, 204)


def test_not_modified(scim: ScimClient, people: list[str]) -> None:
    """A client that has a group already gets it again once its members have changed."""
    group = scim.create_group("Devs", *people[:2])
    path = f"/Groups/{group['id']}"
    known = {"headers": {"If-None-Match": group["meta"]["version"]}}
    assert scim.request("GET", path, **known).status_code == 304
    known = {"headers": {"If-None-Match": group["meta"]["version"]}}
    scim.patch(path, {"op": "remove", "path": f'members[value eq "{people[0]}"]'})
    assert ids_in(scim.request("GET", path, **known).json) == [people[1]]


# Renaming


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "displayName", "value": "Ops"},
        {"op": "add", "path": "displayName", "value": "Ops"},
        {"op": "replace", "value": {"displayName": "Ops"}},
        {"op": "replace", "value": {"id": "{id}", "displayName": "Ops"}},
        {"op": "replace", "path": f"{GROUP}:displayName", "value": "Ops"},
        {"op": "Replace", "path": "DISPLAYNAME", "value": "Ops"},
    ],
)
def test_rename_keeps_members(
    scim: ScimClient, people: list[str], operation: dict[str, Any]
) -> None:
    """A group that gets another name keeps its members."""
    group = scim.create_group("Devs", *people)
    response = scim.patch(f"/Groups/{group['id']}", operation)
    assert response.status_code == 200, response.text
    assert response.json["displayName"] == "Ops"
    assert ids_in(response.json) == people
    assert response.json["id"] == group["id"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "displayName"},
        {"op": "replace", "path": "displayName", "value": ""},
        {"op": "replace", "value": {"displayName": None}},
    ],
)
def test_name_cannot_be_taken_away(
    scim: ScimClient, people: list[str], operation: dict[str, Any]
) -> None:
    """A group has a name."""
    group = scim.create_group("Devs", *people)
    assert refusal(scim.patch(f"/Groups/{group['id']}", operation))[0] == 400
    assert scim.get(f"/Groups/{group['id']}").json == group


def test_external_id(scim: ScimClient, people: list[str]) -> None:
    """The externalId comes, changes and goes by PATCH."""
    group = scim.create_group("Devs", people[0])
    path = f"/Groups/{group['id']}"
    scim.patch(path, {"op": "add", "path": "externalId", "value": "g-1"})
    assert names(scim, 'externalId eq "g-1"') == ["Devs"]
    scim.patch(path, {"op": "replace", "value": {"externalId": "g-2"}})
    assert names(scim, 'externalId eq "g-1"') == []
    assert scim.get(path).json["externalId"] == "g-2"
    assert "externalId" not in scim.patch(path, {"op": "remove", "path": "externalId"}).json
    assert members_of(scim, group["id"]) == [people[0]]


def test_delete(host: Host, scim: ScimClient, people: list[str]) -> None:
    """A deleted group is gone, and so are its memberships; its members stay."""
    group = scim.create_group("Devs", *people)
    kept = scim.create_group("Ops", *people)
    path = f"/Groups/{group['id']}"
    assert scim.delete(path).status_code == 204
    assert scim.delete(path).status_code == 404
    assert scim.get(path).status_code == 404
    assert scim.get("/Groups").json["totalResults"] == 1
    assert pairs_of(host) == {(int(kept["id"]), int(id)) for id in people}
    assert scim.get("/Users").json["totalResults"] == 5
    assert [entry["value"] for entry in scim.get(f"/Users/{people[0]}").json["groups"]] == [
        kept["id"]
    ]


# What is asked for, and what is not loaded


@pytest.mark.parametrize(
    ("query", "shown", "reads_pairs"),
    [
        ({}, {"displayName", "members"}, True),
        ({"excludedAttributes": "members"}, {"displayName"}, False),
        ({"excludedAttributes": "MEMBERS,displayName"}, set(), False),
        ({"attributes": "displayName"}, {"displayName"}, False),
        ({"attributes": "members"}, {"members"}, True),
        ({"attributes": "members.value"}, {"members"}, True),
        ({"attributes": "members.display,displayName"}, {"displayName", "members"}, True),
        ({"attributes": f"{GROUP}:members"}, {"members"}, True),
        ({"excludedAttributes": "members.display"}, {"displayName", "members"}, True),
        ({"attributes": "id"}, set(), False),
    ],
)
def test_projection(
    host: Host,
    scim: ScimClient,
    people: list[str],
    query: dict[str, str],
    shown: set[str],
    reads_pairs: bool,
) -> None:
    """Every answer shows what is asked for, and what is not is not read."""
    path = f"/Groups/{scim.create_group('Devs', *people)['id']}"
    always = {"schemas", "id", "meta"} if "attributes" not in query else {"schemas", "id"}
    text = "?" + "&".join(f"{name}={value}" for name, value in query.items())
    change = {"op": "replace", "path": "displayName", "value": "Ops"}
    for send in (
        lambda: scim.get(path, **query),
        lambda: scim.get("/Groups", **query),
        lambda: scim.get("/Groups", filter='displayName eq "devs"', **query),
        lambda: scim.request("PUT", path + text, body("Devs")),
        lambda: scim.request("PATCH", path + text, {"Operations": [change]}),
        lambda: scim.request("POST", f"/Groups{text}", body("More")),
    ):
        with host.statements() as statements:
            response = send()
        assert response.status_code in (200, 201), response.text
        (resource,) = response.json.get("Resources", [response.json])
        expected = shown if resource.get("displayName") != "More" else shown - {"members"}
        if response.status_code == 201:
            expected = shown - {"members"}
        assert set(resource) - {"meta"} == (always | expected) - {"meta"}
        assert any(PAIRS in statement for statement in statements) == reads_pairs
        if "members" in resource and query.get("attributes") == "members.value":
            assert all(set(member) == {"value"} for member in resource["members"])
        if "members" in resource and query.get("excludedAttributes") == "members.display":
            assert all("display" not in member for member in resource["members"])


@pytest.mark.parametrize("limit", [1, 3])
def test_patch_shows_as_many_members_as_the_limit(
    build: Callable[..., Host], scim: ScimClient, people: list[str], limit: int
) -> None:
    """PATCH answers with the group up to the limit of members, and with nothing above it."""
    other = build(SCIM_PATCH_MEMBERS_LIMIT=limit)
    small = ScimClient(other.app.test_client(), scim.base, scim.token)
    path = f"/Groups/{scim.create_group('Devs')['id']}"
    for index, id in enumerate(people, 1):
        response = small.patch(path, {"op": "add", "path": "members", "value": values(id)})
        if index <= limit:
            assert response.status_code == 200
            assert ids_in(response.json) == people[:index]
        else:
            assert (response.status_code, response.data) == (204, b"")
            # Nothing stands in the way of an answer that shows no members.
            for query in ("excludedAttributes=members", "attributes=displayName"):
                shown = small.request(
                    "PATCH",
                    f"{path}?{query}",
                    {
                        "Operations": [
                            {"op": "replace", "path": "displayName", "value": f"Devs{index}"}
                        ]
                    },
                )
                assert shown.status_code == 200
                assert shown.json["displayName"] == f"Devs{index}"
                assert "members" not in shown.json
    # PUT and GET show all.
    assert ids_in(small.put(path, body("Devs")).json) == people
    assert members_of(small, path.rpartition("/")[2]) == people


def test_patch_shows_a_hundred_members(host: Host, scim: ScimClient) -> None:
    """By default a hundred members are shown, and not one more."""
    ids = fill(host, 101)
    group = scim.create_group("Devs")["id"]
    join(host, group, ids[:99])
    response = scim.patch(
        f"/Groups/{group}", {"op": "add", "path": "members", "value": values(ids[99])}
    )
    assert (response.status_code, len(response.json["members"])) == (200, 100)
    response = scim.patch(
        f"/Groups/{group}", {"op": "add", "path": "members", "value": values(ids[100])}
    )
    assert response.status_code == 204
    assert len(members_of(scim, group)) == 101


# The groups of a user


def test_groups_of_a_user(scim: ScimClient, people: list[str]) -> None:
    """A user shows the groups that it is in, and nobody else's."""
    groups = [scim.create_group(name, *people[:2])["id"] for name in ("Devs", "Ops")]
    assert scim.get(f"/Users/{people[0]}").json["groups"] == [
        {
            "value": id,
            "$ref": f"http://localhost/scim/v2/acme/Groups/{id}",
            "type": "direct",
            "display": name,
        }
        for id, name in zip(groups, ("Devs", "Ops"), strict=True)
    ]
    assert "groups" not in scim.get(f"/Users/{people[2]}").json
    assert "groups" not in scim.get(f"/Users/{people[0]}", excludedAttributes="groups").json
    listed = scim.get("/Users").json["Resources"]
    assert [len(user.get("groups", [])) for user in listed] == [2, 2, 0, 0, 0]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ('groups eq "{devs}"', ["ann", "bob"]),
        ('groups.value eq "{devs}"', ["ann", "bob"]),
        ('groups[value eq "{devs}"]', ["ann", "bob"]),
        ('groups[value eq "{devs}" and display eq "ops"]', []),
        ('groups.display eq "DEVS"', ["ann", "bob"]),
        ('groups.display co "s"', ["ann", "bob", "cho"]),
        ('groups.type eq "direct"', ["ann", "bob", "cho"]),
        ('groups.type eq "indirect"', []),
        ("groups pr", ["ann", "bob", "cho"]),
        ("not (groups pr)", ["dee", "eve"]),
        ("groups eq null", ["dee", "eve"]),
        ('not (groups.value eq "{devs}")', ["cho", "dee", "eve"]),
        ('groups.value eq "{devs}" and groups.value eq "{ops}"', ["bob"]),
        ('userName eq "bob" and groups.value eq "{ops}"', ["bob"]),
    ],
)
def test_find_users_by_groups(
    scim: ScimClient, people: list[str], filter: str, expected: list[str]
) -> None:
    """Users are found by the groups that they are in."""
    devs = scim.create_group("Devs", *people[:2])["id"]
    ops = scim.create_group("Ops", *people[1:3])["id"]
    gone = scim.create_group("Gone", *people)["id"]
    scim.delete(f"/Groups/{gone}")
    assert scim.find(filter.format(devs=devs, ops=ops)) == expected


@pytest.mark.parametrize("groups", [[], None, [{"value": "{ops}"}], "nonsense"])
def test_put_of_a_user_never_writes_groups(
    scim: ScimClient, people: list[str], groups: Any
) -> None:
    """What a user's PUT and path-less PATCH say of groups is passed over."""
    devs = scim.create_group("Devs", *people[:2])["id"]
    ops = scim.create_group("Ops")["id"]
    if isinstance(groups, list):
        groups = [{"value": ops} for _ in groups]
    path = f"/Users/{people[0]}"
    put = scim.put(path, {"schemas": [USER], "userName": "ann", "groups": groups})
    assert put.status_code == 200
    assert [entry["value"] for entry in put.json["groups"]] == [devs]
    patched = scim.patch(path, {"op": "replace", "value": {"groups": groups, "title": "Dr"}})
    assert patched.status_code == 200
    assert patched.json["title"] == "Dr"
    assert [entry["value"] for entry in patched.json["groups"]] == [devs]
    assert members_of(scim, devs) == people[:2]
    assert members_of(scim, ops) == []
    made = scim.post("/Users", {"schemas": [USER], "userName": "fay", "groups": groups})
    assert (made.status_code, "groups" in made.json) == (201, False)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "groups"},
        {"op": "replace", "path": "groups", "value": []},
        {"op": "add", "path": "groups", "value": [{"value": "1"}]},
        {"op": "remove", "path": 'groups[display eq "Devs"]'},
        {"op": "replace", "path": "groups.display", "value": "x"},
    ],
)
def test_groups_of_a_user_are_read_only(
    scim: ScimClient, people: list[str], operation: dict[str, Any]
) -> None:
    """A PATCH that names the groups of a user is refused."""
    devs = scim.create_group("Devs", *people[:2])["id"]
    change = {"op": "replace", "path": "title", "value": "Dr"}
    assert refusal(scim.patch(f"/Users/{people[0]}", change, operation)) == (400, "mutability")
    assert members_of(scim, devs) == people[:2]
    assert "title" not in scim.get(f"/Users/{people[0]}").json


def test_users_cost_no_query_each(host: Host, scim: ScimClient, people: list[str]) -> None:
    """The groups of a whole page of users are read at once, and only if they are asked for."""
    for index in range(5):
        scim.create_group(f"g{index}", *people)
    counts = []
    for number in (5, 60):
        if number > 5:
            join(host, scim.create_group("Many")["id"], fill(host, number))
        with host.statements() as statements:
            page = scim.get("/Users").json
        assert all("groups" in user for user in page["Resources"])
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 4
    for query in ({"excludedAttributes": "groups"}, {"attributes": "userName"}):
        with host.statements() as statements:
            assert scim.get("/Users", **query).status_code == 200
            assert scim.get(f"/Users/{people[0]}", **query).status_code == 200
        assert not any(PAIRS in statement for statement in statements)


def test_changes_of_a_user_do_not_touch_memberships(
    host: Host, scim: ScimClient, people: list[str]
) -> None:
    """A user who is renamed or deactivated stays in its groups."""
    devs = scim.create_group("Devs", *people[:2])["id"]
    path = f"/Users/{people[0]}"
    scim.patch(path, {"op": "replace", "path": "active", "value": False})
    scim.patch(path, {"op": "replace", "path": "name.familyName", "value": "Other"})
    assert members_of(scim, devs) == people[:2]
    assert scim.get(f"/Groups/{devs}").json["members"][0]["display"] == "Other"
    assert [entry["value"] for entry in scim.get(path).json["groups"]] == [devs]


def test_deleted_user_leaves_its_groups(host: Host, scim: ScimClient, people: list[str]) -> None:
    """A deleted user is in no group any more, and comes back in none."""
    groups = [scim.create_group(name, *people[:2])["id"] for name in ("Devs", "Ops")]
    untouched = scim.create_group("Others", people[3])["id"]
    assert scim.delete(f"/Users/{people[0]}").status_code == 204
    for group in groups:
        assert members_of(scim, group) == [people[1]]
        assert version_of(scim, f"/Groups/{group}") == 2
    assert version_of(scim, f"/Groups/{untouched}") == 1
    assert pairs_of(host) == {(int(group), int(people[1])) for group in groups} | {
        (int(untouched), int(people[3]))
    }
    again = scim.create("ann")
    assert "groups" not in again
    assert members_of(scim, groups[0]) == [people[1]]


def test_other_tenants_see_nothing(host: Host, scim: ScimClient, people: list[str]) -> None:
    """A group is out of reach for another tenant."""
    other = host.connect("other", tenant="2")
    group = scim.create_group("Devs", *people)
    path = f"/Groups/{group['id']}"
    change = {"op": "remove", "path": "members"}
    for response in (
        other.get(path),
        other.put(path, body("x", members=[])),
        other.patch(path, change),
        other.delete(path),
    ):
        assert refusal(response) == (404, None)
    assert other.get("/Groups").json["totalResults"] == 0
    assert other.get("/Groups", filter=f'members eq "{people[0]}"').json["totalResults"] == 0
    assert scim.get(path).json == group


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (("get:groups",), {"GET"}),
        (("patch:groups",), {"PATCH"}),
        (("get:users", "put:users", "patch:users", "delete:users"), set()),
    ],
)
def test_scopes(
    host: Host, scim: ScimClient, people: list[str], scopes: tuple[str, ...], allowed: set[str]
) -> None:
    """Groups have scopes of their own."""
    group = scim.create_group("Devs", *people)
    with host.app.app_context():
        token, _ = host.scim.tokens.issue("acme", scopes)
    narrow = ScimClient(scim.http, scim.base, token)
    path = f"/Groups/{group['id']}"
    sent: dict[str, Any] = {
        "GET": None,
        "PUT": body("Devs", members=[]),
        "PATCH": {"Operations": [{"op": "replace", "path": "displayName", "value": "Devs"}]},
        "DELETE": None,
    }
    for method, request in sent.items():
        response = narrow.request(method, path, request)
        assert (response.status_code != 403) == (method in allowed), method
    assert scim.get(path).json == group


def test_discovery(scim: ScimClient) -> None:
    """Discovery tells of groups as they are served."""
    types = {each["id"]: each for each in scim.get("/ResourceTypes").json["Resources"]}
    assert types["Group"]["endpoint"] == "/Groups"
    schema = scim.get(f"/Schemas/{GROUP}").json
    attributes = {each["name"]: each for each in schema["attributes"]}
    assert attributes["displayName"]["required"] is True
    assert attributes["displayName"]["uniqueness"] == "server"
    assert attributes["members"]["multiValued"] is True
    user = scim.get(f"/Schemas/{USER}").json
    groups = next(each for each in user["attributes"] if each["name"] == "groups")
    assert groups["mutability"] == "readOnly"
