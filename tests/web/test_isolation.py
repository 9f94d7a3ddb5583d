"""Walls: nothing of one customer is in reach of another's token."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client import USER, ScimClient
from tests.host import Host, furnish
from tests.resources.fleet import Fleet
from tests.web.answers import refusal, stored
from tests.web.strangers import (
    BY_CURSOR,
    BY_ID,
    BY_NAME,
    KINDS,
    NOBODY,
    OF_ONE_S_OWN,
    STRANGERS,
    World,
    bulk,
    change,
    probe,
    resource,
)

ANN: dict[str, Any] = {
    "schemas": [USER],
    "userName": "ann@example.com",
    "externalId": "a-1",
    "emails": [{"type": "work", "value": "ann@example.com"}],
    "title": "Dr",
}
MASK = {"schemas": [USER], "userName": "mask@example.com"}


@pytest.fixture
def other(host: Host) -> ScimClient:
    """A client on the connection ``other`` of tenant 2."""
    return host.connect("other", tenant="2")


@pytest.fixture
def beside(host: Host) -> ScimClient:
    """A client on a second connection of tenant 1."""
    return host.connect("beside", tenant="1")


@pytest.fixture(params=["other", "beside"])
def stranger(request: pytest.FixtureRequest) -> ScimClient:
    """A client on another connection, of another tenant and of the same."""
    found: ScimClient = request.getfixturevalue(request.param)
    return found


def test_by_id(host: Host, scim: ScimClient, stranger: ScimClient) -> None:
    """A user of another connection cannot be read, changed or deleted by id."""
    id = scim.post("/Users", ANN).json["id"]
    before = stored(host)
    operation = {"op": "replace", "path": "active", "value": False}
    for response in (
        stranger.get(f"/Users/{id}"),
        stranger.put(f"/Users/{id}", MASK),
        stranger.patch(f"/Users/{id}", operation),
        stranger.patch(f"/Users/{id}", {"op": "remove", "path": "title"}),
        stranger.delete(f"/Users/{id}"),
    ):
        assert refusal(response) == (404, None)
        assert response.json == stranger.get(f"/Users/{id}").json
    assert before == stored(host)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("If-Match", 'W/"1"'),
        ("If-Match", 'W/"9"'),
        ("If-Match", "*"),
        ("If-None-Match", 'W/"1"'),
        ("If-None-Match", "*"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_by_version(
    scim: ScimClient, stranger: ScimClient, method: str, header: str, value: str
) -> None:
    """A version does not tell that there is a user: the answer is 404, not 304 or 412."""
    id = scim.post("/Users", ANN).json["id"]
    body: Any = {"PUT": MASK, "PATCH": {"Operations": [{"op": "remove", "path": "title"}]}}
    response = stranger.request(method, f"/Users/{id}", body.get(method), headers={header: value})
    assert refusal(response) == (404, None)
    assert "ETag" not in response.headers


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"filter": "userName pr"},
        {"filter": 'userName eq "ann@example.com"'},
        {"filter": 'userName ne "x"'},
        {"filter": 'not (userName eq "x")'},
        {"filter": 'userName eq "x" or userName pr'},
        {"filter": "active eq true or active eq false"},
        {"filter": 'externalId eq "a-1"'},
        {"filter": 'emails[type eq "work"].value eq "ann@example.com"'},
        {"filter": 'emails.value co "@" or title pr'},
        {"filter": 'meta.created gt "2000-01-01T00:00:00Z"'},
        {"filter": 'meta.version eq "W/\\"1\\""'},
        {"filter": 'schemas eq "urn:ietf:params:scim:schemas:core:2.0:User" or id pr'},
        {"count": "0"},
        {"startIndex": "2"},
        {"sortBy": "userName", "attributes": "userName"},
    ],
)
def test_by_search(scim: ScimClient, stranger: ScimClient, query: dict[str, str]) -> None:
    """No search finds or counts a user of another connection."""
    scim.post("/Users", ANN)
    response = stranger.get("/Users", **query)
    assert response.status_code == 200
    assert (response.json["totalResults"], response.json["Resources"]) == (0, [])


def test_by_id_in_a_filter(scim: ScimClient, stranger: ScimClient) -> None:
    """Nor does a search by id."""
    id = scim.post("/Users", ANN).json["id"]
    for filter in (f'id eq "{id}"', f'id eq "{id}" or userName pr', 'id ne "0"'):
        assert stranger.get("/Users", filter=filter).json["totalResults"] == 0


def test_same_name_in_both_tenants(scim: ScimClient, other: ScimClient) -> None:
    """A name is unique within a customer; that another one has it cannot be found out."""
    first, second = scim.post("/Users", ANN), other.post("/Users", ANN)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["id"] != second.json["id"]
    for client, own in ((scim, first.json), (other, second.json)):
        assert client.get("/Users").json["Resources"] == [own]
        path = f"/Users/{own['id']}"
        assert client.put(path, {**ANN, "userName": "ANN@example.com"}).status_code == 200
        assert client.delete(path).status_code == 204
        assert client.post("/Users", ANN).status_code == 201


def test_rename_to_a_name_of_another_tenant(scim: ScimClient, other: ScimClient) -> None:
    """A rename does not tell of another customer's names either."""
    scim.post("/Users", ANN)
    id = other.post("/Users", MASK).json["id"]
    rename = {"op": "replace", "path": "userName", "value": ANN["userName"]}
    assert other.patch(f"/Users/{id}", rename).status_code == 200


def test_hosts_own_rows_of_another_tenant(host: Host, scim: ScimClient) -> None:
    """A row of another customer that SCIM never saw does not take a name here."""
    with host.app.app_context():
        host.db.session.add(host.User(username="ann@example.com", last_name="", tenant_id=2))
        host.db.session.add(host.User(username="ann@example.com", last_name="", tenant_id=None))
        host.db.session.commit()
    assert scim.post("/Users", ANN).status_code == 201


def test_row_that_moves_to_another_tenant(host: Host, scim: ScimClient, other: ScimClient) -> None:
    """A row that the app hands to another customer is out of reach from then on."""
    id = scim.post("/Users", ANN).json["id"]
    with host.app.app_context():
        host.db.session.get(host.User, int(id)).tenant_id = 2
        host.db.session.commit()
    for client in (scim, other):
        assert client.get(f"/Users/{id}").status_code == 404
        assert client.delete(f"/Users/{id}").status_code == 404
        assert client.get("/Users").json["totalResults"] == 0


def test_same_name_on_a_second_connection(host: Host, scim: ScimClient, beside: ScimClient) -> None:
    """Two identity providers of one customer cannot both have a name, and see only their own."""
    scim.post("/Users", ANN)
    before = stored(host)
    for name in ("ann@example.com", "ANN@EXAMPLE.COM"):
        response = beside.post("/Users", {**ANN, "userName": name})
        assert refusal(response) == (409, "uniqueness")
    assert before == stored(host)
    id = beside.post("/Users", MASK).json["id"]
    rename = {"op": "replace", "path": "userName", "value": "Ann@example.com"}
    assert refusal(beside.patch(f"/Users/{id}", rename)) == (409, "uniqueness")
    assert beside.find("userName pr") == ["mask@example.com"]
    assert scim.find("userName pr") == ["ann@example.com"]


def test_refused_name_tells_nothing_of_its_owner(scim: ScimClient, beside: ScimClient) -> None:
    """A name that is taken is all that the answer tells."""
    id = scim.post("/Users", {**ANN, "userName": "secretive"}).json["id"]
    response = beside.post("/Users", {**ANN, "userName": "secretive"})
    assert f"/{id}" not in response.text
    assert "acme" not in response.text
    assert "a-1" not in response.text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_token_at_another_connections_path(
    host: Host, scim: ScimClient, stranger: ScimClient, method: str
) -> None:
    """A token does not open the path of another connection, though both are good."""
    id = scim.post("/Users", ANN).json["id"]
    stranger.base = scim.base
    before = stored(host)
    path = "/Users" if method == "POST" else f"/Users/{id}"
    response = stranger.request(method, path, None if method in ("GET", "DELETE") else MASK)
    assert refusal(response) == (401, None)
    assert before == stored(host)


def test_body_cannot_choose_the_tenant(host: Host, scim: ScimClient) -> None:
    """Whatever a body says, the row belongs to the connection's tenant."""
    body = {**ANN, "tenant_id": 2, "tenant": "2", "meta": {"tenant": "2"}}
    id = scim.post("/Users", body).json["id"]
    scim.patch(f"/Users/{id}", {"op": "add", "value": {"tenant_id": 2, "tenant": 2}})
    with host.app.app_context():
        assert host.db.session.get(host.User, int(id)).tenant_id == 1


def test_deleted_user_of_another_connection(scim: ScimClient, other: ScimClient) -> None:
    """A deleted user is not brought back by another customer's identity provider."""
    id = scim.post("/Users", ANN).json["id"]
    scim.delete(f"/Users/{id}")
    assert other.post("/Users", ANN).json["id"] != id
    assert scim.get("/Users").json["totalResults"] == 0


@pytest.mark.parametrize("tenant", [None, "", "one", "1.0", " 1"])
def test_connection_without_tenant(host: Host, tenant: str | None) -> None:
    """Where users belong to tenants, a connection of none, or of no possible one, is not made."""
    with pytest.raises(ValueError, match="tenant"):
        host.connect("nobody", tenant=tenant)
    with host.app.app_context():
        assert host.scim.connections.list() == []


# Every request there is, with the ids, names and cursors of somebody else.


@pytest.fixture(scope="module")
def fleet(elsewhere: str) -> Iterator[Fleet]:
    """An app with users, groups and devices whose ids are all of one length."""
    fleet = Fleet(elsewhere)
    ids = count(7_000_001)
    for declared in (fleet.users, fleet.groups, fleet.devices):
        model: Any = declared.model
        declared.creator(lambda document, connection, model=model: model(id=next(ids)))
    with fleet.app.app_context():
        furnish(fleet.db)
    yield fleet
    with fleet.app.app_context():
        fleet.db.session.remove()
        fleet.db.engine.dispose()


_numbers = count(1)


@pytest.fixture
def fresh(fleet: Fleet) -> World:
    """A world in which only our own connection has resources yet."""
    world = World(fleet, next(_numbers))
    for who in ("mine", *STRANGERS):
        world.connect(who)
    world.furnish("mine")
    return world


@pytest.fixture(scope="module")
def world(fleet: Fleet) -> World:
    """A world that no test changes: it would fail if it did."""
    world = World(fleet, next(_numbers))
    for who in ("mine", *STRANGERS):
        world.connect(who)
        world.furnish(who)
    return world


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BY_ID)
def test_ids_of_others(world: World, name: str, kind: str, stranger: str) -> None:
    """Somebody else's id is answered as one that does not exist, at the same cost."""
    before = world.rows()
    theirs = world.ask(BY_ID[name], kind, world.made[stranger][kind]["id"])
    nobodys = world.ask(BY_ID[name], kind, NOBODY)
    assert theirs == nobodys
    assert world.rows() == before


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BY_NAME)
def test_names_of_others(world: World, name: str, kind: str, stranger: str) -> None:
    """Somebody else's name or externalId is answered as one that nobody has, at the same cost."""
    before = world.rows()
    for what in (kind, "ex"):
        taken = world.name(stranger, what)
        free = taken[:-1] + "x"
        assert world.ask(BY_NAME[name], kind, taken) == world.ask(BY_NAME[name], kind, free)
    assert world.rows() == before


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BY_CURSOR)
def test_cursors_of_others(world: World, name: str, kind: str, stranger: str) -> None:
    """Somebody else's cursor is answered as noise is, at the same cost."""
    client, path = world.clients[stranger], "/" if "root" in name else f"/{kind}"
    assert client.post(f"/{kind}", resource(kind, f"{name} {kind}")).status_code == 201
    cursor = client.get(path, cursor="", count=1).json["nextCursor"]
    assert client.get(path, cursor=cursor).status_code == 200
    before = world.rows()
    theirs = world.ask(BY_CURSOR[name], kind, cursor)
    assert theirs[0] == 400
    for noise in (cursor[::-1], "noise"):
        assert world.ask(BY_CURSOR[name], kind, noise) == theirs
    assert world.rows() == before


@pytest.mark.parametrize("kind", KINDS)
def test_own_reads_before_and_after(fresh: World, kind: str) -> None:
    """What others have makes no difference to what one finds, and to what it costs."""

    def read() -> list[Any]:
        found = [fresh.ask(each, kind, NOBODY) for each in OF_ONE_S_OWN]
        page, total = (fresh.mine.get(f"/{kind}", cursor="", count=n).json for n in (1, 0))
        return [*found, total["totalResults"], page.get("totalResults"), "nextCursor" in page]

    before = read()
    for stranger in STRANGERS:
        fresh.furnish(stranger)
    assert read() == before


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_another_tenant_are_free(fresh: World, kind: str) -> None:
    """Whether another customer has a name or not, it can be taken in every way, at one cost."""
    fresh.furnish("other")
    name, path = KINDS[kind][0], f"/{kind}/{fresh.made['mine'][kind]['id']}"
    theirs = [*map(json.dumps, fresh.clients["other"].get(f"/{kind}").json["Resources"])]
    costs = []
    for wanted, external in (
        (fresh.name("other", kind), fresh.name("other", "ex")),
        (fresh.name("nobdy", kind), fresh.name("nobdy", "ex")),
    ):
        with fresh.fleet.statements() as statements:
            made = fresh.mine.post(f"/{kind}", resource(kind, wanted, externalId=external))
            assert made.status_code == 201, made.text
            assert fresh.mine.delete(f"/{kind}/{made.json['id']}").status_code == 204
            rename = change("replace", name, wanted.upper())
            assert fresh.mine.request("PATCH", path, rename).status_code == 200
            body = resource(kind, wanted, externalId=external)
            assert fresh.mine.put(path, body).status_code == 200
            _, _, sent, _ = bulk("PUT", path, resource(kind, wanted + "2"))
            assert fresh.mine.post("/Bulk", sent).json["Operations"][0]["status"] == "200"
        costs.append(len(statements))
    assert costs[0] == costs[1]
    found = fresh.clients["other"].get(f"/{kind}").json["Resources"]
    assert [*map(json.dumps, found)] == theirs


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stranger", STRANGERS)
def test_me_as_somebody_else(world: World, stranger: str, kind: str, method: str) -> None:
    """If the app takes whoever asks for somebody of another connection, that is nobody."""
    before = world.rows()
    fleet = world.fleet
    model: Any = {"Users": fleet.User, "Groups": fleet.Team, "Devices": fleet.Device}[kind]
    body = {"PUT": resource(kind, "x"), "PATCH": change("add", "displayName", "x")}.get(method)
    theirs = world.made[stranger][kind]["id"]
    try:
        fleet.scim.me(lambda connection: model(id=int(theirs)))
        answered = world.ask(probe(method, "/Me", body), kind, theirs)
        fleet.scim.me(lambda connection: model(id=int(NOBODY)))
        assert answered == world.ask(probe(method, "/Me", body), kind, NOBODY)
    finally:
        fleet.scim._wiring.me = None
    assert answered[0] == 404
    assert world.rows() == before


@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_the_app_ties_together(fresh: World, stranger: str) -> None:
    """If the app ties rows of two connections, neither shows the other's, or takes them apart."""
    fresh.furnish(stranger)
    mine = {kind: int(found["id"]) for kind, found in fresh.made["mine"].items()}
    theirs = {kind: int(found["id"]) for kind, found in fresh.made[stranger].items()}
    paths = [f"/{kind}/{id}" for kind, id in mine.items()]
    before = [fresh.mine.get(path).data for path in paths]
    fleet = fresh.fleet
    with fleet.app.app_context():
        session = fleet.db.session
        mates = fleet.db.metadata.tables["fleet_team_fleet_user"]
        hands = fleet.db.metadata.tables["fleet_device_fleet_user"]
        pairs = [
            mates.insert().values(fleet_team_id=mine["Groups"], fleet_user_id=theirs["Users"]),
            mates.insert().values(fleet_team_id=theirs["Groups"], fleet_user_id=mine["Users"]),
            hands.insert().values(fleet_device_id=mine["Devices"], fleet_user_id=theirs["Users"]),
        ]
        for pair in pairs:
            session.execute(pair)
        session.commit()
    assert [fresh.mine.get(path).data for path in paths] == before
    for filter in (f'members.value eq "{theirs["Users"]}"', 'members.display sw "users-"'):
        found = fresh.mine.get("/Groups", filter=filter).json["Resources"]
        assert str(theirs["Users"]) not in json.dumps(found)
    assert (
        fresh.mine.get("/Users", filter=f'groups.value eq "{theirs["Groups"]}"').json[
            "totalResults"
        ]
        == 0
    )
    remove = {"op": "remove", "path": "members"}
    assert fresh.mine.patch(f"/Groups/{mine['Groups']}", remove).status_code == 200
    body = resource("Groups", "x", members=[])
    assert fresh.mine.put(f"/Groups/{mine['Groups']}", body).status_code == 200
    assert (
        fresh.mine.put(f"/Devices/{mine['Devices']}", resource("Devices", "x")).status_code == 200
    )
    kept = fleet.rows(sa.select(mates.c.fleet_team_id, mates.c.fleet_user_id))
    assert (mine["Groups"], theirs["Users"]) in kept
    assert (theirs["Groups"], mine["Users"]) in kept
    assert (mine["Groups"], mine["Users"]) not in kept
    kept = fleet.rows(sa.select(hands.c.fleet_device_id, hands.c.fleet_user_id))
    assert (mine["Devices"], theirs["Users"]) in kept


@pytest.mark.parametrize("tenant", ["1", "2"])
def test_members_that_are_passed_over(build: Callable[..., Host], tenant: str) -> None:
    """Where unknown members are passed over, somebody else's are passed over likewise."""
    host = build(SCIM_UNKNOWN_MEMBERS="ignore")
    mine, stranger = host.connect("acme", tenant="1"), host.connect("other", tenant=tenant)
    ann, eve = mine.create("ann")["id"], stranger.create("eve")["id"]
    group = mine.create_group("ops", ann, eve, "999999")
    assert [member["value"] for member in group["members"]] == [ann]
    operation = {"op": "add", "path": "members", "value": [{"value": eve}]}
    patched = mine.patch(f"/Groups/{group['id']}", operation)
    assert patched.json == group
    assert "groups" not in stranger.get(f"/Users/{eve}").json
