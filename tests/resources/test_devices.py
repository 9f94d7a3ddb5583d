"""Resources of a type that the app defines itself, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client import GROUP, USER, ScimClient
from tests.resources.fleet import DEVICE, Fleet, create, find

FULL: dict[str, Any] = {
    "displayName": "Scanner",
    "externalId": "x-1",
    "active": True,
    "managed": False,
    "ports": 4,
    "weight": 1.5,
    "bought": "2026-01-31T09:30:00.000000Z",
    "manual": "https://example.com/Manual",
    "certificate": "AAECAw==",
    "model": "S1",
    "location": {"site": "Berlin", "room": "7"},
    "interfaces": [
        {"value": "00:1b", "type": "wired", "speed": 1000},
        {"value": "00:1c", "type": "wireless"},
    ],
    "tags": ["red", "heavy"],
}


def test_create_and_read(acme: ScimClient) -> None:
    """A value of every type comes back as it was sent, beside what the server adds."""
    created = create(acme, "A1", **FULL, firmware="99")
    wanted = {**FULL, "serialNumber": "A1", "firmware": "1.0", "schemas": [DEVICE]}
    shown = acme.get(f"/Devices/{created['id']}")
    assert shown.json == created
    assert {name: created[name] for name in wanted} == wanted
    assert created.keys() - wanted.keys() == {"id", "meta"}
    assert created["meta"]["resourceType"] == "Device"
    assert created["meta"]["location"].endswith(f"/scim/v2/acme/Devices/{created['id']}")
    assert shown.headers["ETag"] == created["meta"]["version"]


def test_replace(acme: ScimClient) -> None:
    """A PUT takes away what it leaves out, but for what is immutable or the server's."""
    path = f"/Devices/{create(acme, 'A1', **FULL)['id']}"
    body = {"schemas": [DEVICE], "serialNumber": "A1", "firmware": "2", "tags": ["blue"]}
    replaced = acme.put(path, body).json
    assert replaced.items() >= {"firmware": "1.0", "tags": ["blue"], "model": "S1"}.items()
    assert replaced["active"] is True
    assert not replaced.keys() & {"ports", "weight", "location", "interfaces", "displayName"}
    again = acme.put(path, body)
    assert again.json["meta"]["version"] == replaced["meta"]["version"]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "replace", "path": "ports", "value": 5}, {"ports": 5}),
        ({"op": "replace", "value": {"weight": 2.25, "managed": True}}, {"weight": 2.25}),
        ({"op": "replace", "path": "location.room", "value": "8"}, {"location": {"room": "8"}}),
        ({"op": "add", "path": f"{DEVICE}:tags", "value": ["big"]}, {"tags": ["heavy", "big"]}),
        ({"op": "remove", "path": "bought"}, {"bought": None}),
        ({"op": "remove", "path": "tags"}, {"tags": None}),
        (
            {"op": "replace", "path": 'interfaces[type eq "wired"].speed', "value": 10},
            {"interfaces": [{"value": "00:1b", "type": "wired", "speed": 10}]},
        ),
        (
            {"op": "remove", "path": "interfaces[speed gt 100]"},
            {"interfaces": [{"value": "00:1c", "type": "wireless"}]},
        ),
    ],
)
def test_patch(acme: ScimClient, operation: dict[str, Any], expected: dict[str, Any]) -> None:
    """A PATCH reaches every kind of attribute."""
    path = f"/Devices/{create(acme, 'A1', **FULL)['id']}"
    patched = acme.patch(path, operation)
    assert patched.status_code == 200, patched.text
    for name, value in expected.items():
        shown = patched.json.get(name)
        if isinstance(value, dict):
            assert shown.items() >= value.items()
        elif isinstance(value, list):
            assert [entry for entry in value if entry not in shown] == []
        else:
            assert shown == value
    assert acme.get(path).json == patched.json


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "replace", "path": "model", "value": "S2"}, "mutability"),
        ({"op": "replace", "path": "firmware", "value": "2"}, "mutability"),
        ({"op": "remove", "path": "serialNumber"}, "mutability"),
        ({"op": "remove", "path": "location.site"}, "mutability"),
        ({"op": "replace", "path": "ports", "value": "many"}, "invalidValue"),
        ({"op": "replace", "path": "ports", "value": 1.5}, "invalidValue"),
        ({"op": "replace", "path": "ports", "value": 2**40}, "invalidValue"),
        ({"op": "replace", "path": "weight", "value": 10**400}, "invalidValue"),
        ({"op": "replace", "path": "certificate", "value": "!"}, "invalidValue"),
        ({"op": "replace", "path": "bought", "value": "soon"}, "invalidValue"),
        ({"op": "replace", "path": "tags", "value": [{"a": 1}]}, "invalidValue"),
        ({"op": "replace", "path": "serialNumber", "value": "x" * 101}, "invalidValue"),
        ({"op": "add", "path": "users", "value": [{"value": "77"}]}, "invalidValue"),
        ({"op": "add", "path": "groups", "value": [{"value": "77"}]}, "mutability"),
        ({"op": "replace", "path": "wheels", "value": 4}, "invalidPath"),
    ],
)
def test_refused(acme: ScimClient, operation: dict[str, Any], scim_type: str) -> None:
    """What the schema or the model does not allow is refused, and nothing is changed."""
    created = create(acme, "A1", **FULL)
    path = f"/Devices/{created['id']}"
    refused = acme.patch(path, operation)
    assert (refused.status_code, refused.json.get("scimType")) == (400, scim_type), refused.text
    assert acme.get(path).json == created


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "serialNumber"),
        ({"serialNumber": ""}, "serialNumber"),
        ({"serialNumber": "A1", "location": {"room": "7"}}, "location.site"),
        ({"serialNumber": "A1", "schemas": [USER]}, DEVICE),
    ],
)
def test_incomplete(acme: ScimClient, body: dict[str, Any], word: str) -> None:
    """What is required must be there, its schema too."""
    refused = acme.post("/Devices", {"schemas": [DEVICE], **body})
    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
    assert word in refused.json["detail"]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ('serialNumber eq "a1"', ["A1"]),
        (f'{DEVICE}:serialNumber eq "A2"', ["A2"]),
        ('serialNumber sw "A" and ports gt 4', ["A2"]),
        ("weight le 1.5", ["A1"]),
        ('bought lt "2026-06-01T00:00:00Z"', ["A1"]),
        ('manual eq "https://example.com/manual"', []),
        ('manual ew "Manual"', ["A1"]),
        ('certificate eq "AAECAw=="', ["A1"]),
        ("managed eq true", ["A2"]),
        ("not (managed pr)", ["B1"]),
        ('location.site eq "berlin"', ["A1"]),
        ('location.room eq "7"', ["A1"]),
        ('interfaces[type eq "wired" and speed ge 1000]', ["A1"]),
        ('interfaces.value eq "00:1c"', ["A1"]),
        ('tags eq "red"', ["A1", "A2"]),
        ('firmware eq "1.0"', ["A1", "A2", "B1"]),
        ('meta.resourceType eq "Device"', ["A1", "A2", "B1"]),
        ('externalId eq "x-1"', ["A1"]),
        ("active eq false", ["B1"]),
        (f'schemas eq "{DEVICE}"', ["A1", "A2", "B1"]),
    ],
)
def test_filter(acme: ScimClient, filter: str, expected: list[str]) -> None:
    """Every kind of attribute can be filtered."""
    create(acme, "A1", **FULL)
    create(acme, "A2", ports=8, managed=True, tags=["red"], weight=9.75)
    create(acme, "B1", active=False)
    assert sorted(find(acme, filter)) == expected


def test_sort_and_page(acme: ScimClient) -> None:
    """Lists are sorted and cut into pages; what has no value comes last."""
    for serial, ports in (("a", 3), ("b", None), ("c", 1), ("d", 2)):
        create(acme, serial, ports=ports)
    answer = acme.get("/Devices", sortBy="ports", startIndex=2, count=2).json
    assert [each["serialNumber"] for each in answer["Resources"]] == ["d", "a"]
    assert (answer["totalResults"], answer["itemsPerPage"]) == (4, 2)
    names = acme.get("/Devices", sortBy="serialNumber", sortOrder="descending", attributes="ports")
    assert [each.get("ports") for each in names.json["Resources"]] == [2, 1, None, 3]


def test_versions(acme: ScimClient) -> None:
    """Entity tags keep two clients apart."""
    created = create(acme, "A1")
    path, tag = f"/Devices/{created['id']}", created["meta"]["version"]
    assert acme.request("GET", path, headers={"If-None-Match": tag}).status_code == 304
    acme.patch(path, {"op": "add", "path": "ports", "value": 1})
    late = acme.request("DELETE", path, headers={"If-Match": tag})
    assert late.status_code == 412


def test_unique(acme: ScimClient) -> None:
    """Two devices of one tenant cannot have one serial number, in whatever letter case."""
    create(acme, "A1")
    other = create(acme, "A2")
    taken = acme.post("/Devices", {"schemas": [DEVICE], "serialNumber": "a1"})
    moved = acme.patch(
        f"/Devices/{other['id']}", {"op": "replace", "path": "serialNumber", "value": "A1"}
    )
    for refused in (taken, moved):
        assert (refused.status_code, refused.json["scimType"]) == (409, "uniqueness")
        assert "Device" in refused.json["detail"]


def test_delete_and_revive(fleet: Fleet, acme: ScimClient) -> None:
    """A deleted device is gone, its row out of use; it comes back on the same row."""
    created = create(acme, "A1")
    path = f"/Devices/{created['id']}"
    assert acme.delete(path).status_code == 204
    assert acme.get(path).status_code == 404
    assert fleet.rows(sa.select(fleet.Device.serial, fleet.Device.in_use)) == [("A1", False)]
    revived = create(acme, "A1", ports=2)
    assert (revived["id"], revived["active"]) == (created["id"], True)


def test_hooks(fleet: Fleet, acme: ScimClient) -> None:
    """The creator makes the row, and the deleter decides what becomes of it."""

    def make(document: Any, connection: Any) -> Any:
        return fleet.Device(firmware=f"{connection.id} {document['serialNumber']}")

    def delete(row: Any, connection: Any) -> None:
        fleet.db.session.delete(row)

    hooks = fleet.devices.hooks
    try:
        fleet.devices.creator(make)
        fleet.devices.deleter(delete)
        created = create(acme, "A1")
        assert created["firmware"] == "acme A1"
        assert acme.delete(f"/Devices/{created['id']}").status_code == 204
        assert fleet.rows(sa.select(fleet.Device.id)) == []
    finally:
        hooks.creator = hooks.deleter = None


def test_changes_of_the_app(fleet: Fleet, acme: ScimClient) -> None:
    """What the app changes itself moves the version."""
    created = create(acme, "A1")
    with fleet.app.app_context():
        fleet.db.session.get(fleet.Device, int(created["id"])).ports = 9
        fleet.db.session.commit()
    shown = acme.get(f"/Devices/{created['id']}").json
    assert shown["ports"] == 9
    assert shown["meta"]["version"] != created["meta"]["version"]


# References


def test_references_from_a_device(acme: ScimClient) -> None:
    """The users of a device are a set, with the parts that the schema has and no others."""
    ann, bob = (acme.create(name)["id"] for name in ("ann", "bob"))
    created = create(acme, "A1", users=[{"value": ann}])
    (entry,) = created["users"]
    assert entry == {
        "value": ann,
        "$ref": f"http://localhost/scim/v2/acme/Users/{ann}",
        "display": "ann",
    }
    path = f"/Devices/{created['id']}"
    answer = acme.patch(
        path,
        {"op": "add", "path": "users", "value": [{"value": bob}]},
        {"op": "remove", "path": f'users[value eq "{ann}"]'},
    )
    assert [each["value"] for each in answer.json["users"]] == [bob]
    assert find(acme, f'users.value eq "{bob}"') == ["A1"]
    assert find(acme, f'users[value eq "{ann}"]') == []
    silent = acme.put(path, {"schemas": [DEVICE], "serialNumber": "A1"}).json
    assert [each["value"] for each in silent["users"]] == [bob]
    emptied = acme.put(path, {"schemas": [DEVICE], "serialNumber": "A1", "users": []}).json
    assert "users" not in emptied


def test_references_to_a_device(acme: ScimClient) -> None:
    """A device can be a member of a group beside users, and shows the group."""
    ann, device = acme.create("ann")["id"], create(acme, "A1", displayName="Scanner")["id"]
    members = [{"value": ann, "type": "User"}, {"value": device, "type": "Device"}]
    body = {"schemas": [GROUP], "displayName": "Desk", "members": members}
    group = acme.post("/Groups", body).json
    shown = {entry["type"]: entry for entry in group["members"]}
    assert shown["User"]["value"] == ann
    assert shown["Device"]["display"] == "Scanner"
    assert shown["Device"]["$ref"].endswith(f"/Devices/{device}")
    (entry,) = acme.get(f"/Devices/{device}").json["groups"]
    assert (entry["value"], entry["display"]) == (group["id"], "Desk")
    assert find(acme, f'groups.value eq "{group["id"]}"') == ["A1"]
    found = acme.get("/Groups", filter=f'members[type eq "Device" and value eq "{device}"]').json
    assert found["totalResults"] == 1


def test_deletion_ends_references(fleet: Fleet, acme: ScimClient) -> None:
    """Whatever is deleted is in no other resource any more, and their versions tell so."""
    ann = acme.create("ann")["id"]
    device = create(acme, "A1", users=[{"value": ann}])
    members = [{"value": device["id"], "type": "Device"}]
    group = acme.post(
        "/Groups", {"schemas": [GROUP], "displayName": "Desk", "members": members}
    ).json
    acme.delete(f"/Users/{ann}")
    left = acme.get(f"/Devices/{device['id']}").json
    assert "users" not in left
    assert left["meta"]["version"] != device["meta"]["version"]
    acme.delete(f"/Devices/{device['id']}")
    emptied = acme.get(f"/Groups/{group['id']}").json
    assert "members" not in emptied
    assert emptied["meta"]["version"] != group["meta"]["version"]
    for name in ("fleet_device_fleet_user", "fleet_team_fleet_device"):
        assert fleet.rows(sa.select(fleet.db.metadata.tables[name])) == []


def test_large_answers(fleet: Fleet, acme: ScimClient) -> None:
    """A PATCH of a device with very many users answers without showing it."""
    ids = [acme.create(f"u{number}")["id"] for number in range(4)]
    path = f"/Devices/{create(acme, 'A1', users=[{'value': id} for id in ids[:2]])['id']}"
    small = Fleet(fleet.app.config["SQLALCHEMY_DATABASE_URI"], SCIM_PATCH_MEMBERS_LIMIT=3)
    client = replace(acme, http=small.app.test_client())
    added = ({"op": "add", "path": "users", "value": [{"value": id}]} for id in ids[2:])
    assert [client.patch(path, add).status_code for add in added] == [200, 204]
    with small.app.app_context():
        small.db.engine.dispose()


# Who may see what


def test_isolation(fleet: Fleet, acme: ScimClient) -> None:
    """Another connection sees nothing of a device, be it of the same tenant or another."""
    mine, ann = create(acme, "A1")["id"], acme.create("ann")["id"]
    for name, tenant in (("sister", "1"), ("other", "2")):
        other = fleet.connect(name, tenant=tenant)
        own = create(other, f"{name} 1")
        nothing = create(other, f"{name} 2")["id"]
        other.delete(f"/Devices/{nothing}")
        for method in ("GET", "DELETE"):
            stranger, missing = (other.request(method, f"/Devices/{id}") for id in (mine, nothing))
            assert stranger.status_code == missing.status_code == 404
            assert stranger.text.replace(mine, nothing) == missing.text
        assert find(other, 'serialNumber sw "A"') == []
        refused = other.patch(
            f"/Devices/{own['id']}", {"op": "add", "path": "users", "value": [{"value": ann}]}
        )
        assert refused.status_code == 400
        member = {"value": mine, "type": "Device"}
        group = other.post(
            "/Groups", {"schemas": [GROUP], "displayName": name, "members": [member]}
        )
        assert group.status_code == 400
    assert create(fleet.connect("third", tenant="3"), "A1")["serialNumber"] == "A1"


def test_scopes(fleet: Fleet) -> None:
    """A token has a scope for each method on devices."""
    scim = fleet.connect("acme", "get:devices", "post:devices")
    created = create(scim, "A1")
    path = f"/Devices/{created['id']}"
    assert scim.get(path).status_code == 200
    assert scim.get("/Users").status_code == 403
    for method, body in (("PUT", {}), ("PATCH", {}), ("DELETE", None)):
        refused = scim.request(method, path, body)
        assert refused.status_code == 403
        assert f"{method.lower()}:devices" in refused.json["detail"]


def test_discovery(acme: ScimClient) -> None:
    """The schema and the resource type are shown as they were declared."""
    schema = acme.get(f"/Schemas/{DEVICE}").json
    attributes = {each["name"]: each for each in schema["attributes"]}
    assert attributes["serialNumber"]["uniqueness"] == "server"
    assert attributes["model"]["mutability"] == "immutable"
    assert attributes["manual"]["referenceTypes"] == ["external"]
    assert attributes["tags"]["multiValued"] is True
    assert [sub["name"] for sub in attributes["users"]["subAttributes"]] == [
        "value",
        "$ref",
        "display",
    ]
    shown = acme.get("/ResourceTypes/Device").json
    assert (shown["endpoint"], shown["schema"]) == ("/Devices", DEVICE)
    assert shown["description"] == "The things that people work with."


def test_bulk_and_search(acme: ScimClient) -> None:
    """A bulk request creates devices and what refers to them, and a search finds them all."""
    messages = "urn:ietf:params:scim:api:messages:2.0"
    desk = {"value": "bulkId:a", "type": "Device"}
    operations = [
        {
            "method": "POST",
            "path": "/Groups",
            "bulkId": "g",
            "data": {"schemas": [GROUP], "displayName": "Desk", "members": [desk]},
        },
        {
            "method": "POST",
            "path": "/Devices",
            "bulkId": "a",
            "data": {"schemas": [DEVICE], "serialNumber": "A1"},
        },
    ]
    body = {"schemas": [f"{messages}:BulkRequest"], "Operations": operations}
    results = acme.post("/Bulk", body).json["Operations"]
    assert [each["status"] for each in results] == ["201", "201"]
    search = {"schemas": [f"{messages}:SearchRequest"], "filter": 'serialNumber eq "A1"'}
    for path in ("/.search", "/Devices/.search"):
        (found,) = acme.post(path, search).json["Resources"]
        assert [each["display"] for each in found["groups"]] == ["Desk"]


def test_openapi(fleet: Fleet) -> None:
    """The OpenAPI document has the endpoints and the resource."""
    document = fleet.app.test_client().get("/scim/v2/openapi.json").json
    paths = [path for path in document["paths"] if "/Devices" in path]
    assert len(paths) >= 2
    properties = document["components"]["schemas"]["Device"]["properties"]
    assert properties["weight"]["type"] == "number"


def test_check_command(fleet: Fleet) -> None:
    """``flask scim check`` says where the attributes of devices sit."""
    printed = fleet.app.test_cli_runner().invoke(args=["scim", "check"]).output
    assert "Device is Device, its id id" in printed
    assert "serialNumber: serial" in printed
    assert "firmware: firmware, read only" in printed


def test_costs(fleet: Fleet, acme: ScimClient) -> None:
    """What a request costs does not depend on how much there is."""
    users = [acme.create(f"u{number}")["id"] for number in range(6)]
    counts: list[list[int]] = []
    for size in (1, 5):
        device = create(acme, f"of {size}", users=[{"value": id} for id in users[:size]])["id"]
        path, counted = f"/Devices/{device}", []
        add = {"op": "add", "path": "users", "value": [{"value": users[5]}]}
        for send in (
            lambda path=path: acme.get(path),
            lambda: acme.get("/Devices", sortBy="ports"),
            lambda path=path, add=add: acme.patch(path, add),
            lambda path=path: acme.delete(path),
        ):
            with fleet.statements() as statements:
                assert send().status_code in (200, 204)
            counted.append(len(statements))
        counts.append(counted)
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 13
