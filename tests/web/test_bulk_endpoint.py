"""Many operations in one request, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from blinker import Signal
from flask import Flask, got_request_exception
from flask.testing import FlaskClient

import flask_scim
from tests.client import ENTERPRISE, GROUP, PATCH, USER, ScimClient
from tests.groups.people import fill, members_of, pairs_of
from tests.host import Host
from tests.marks import refused_early
from tests.web.answers import refusal, stored
from tests.web.bulks import (
    ANSWER,
    BULK,
    Operation,
    delete,
    entitle,
    group,
    id_of,
    managed,
    patch,
    problem,
    send,
    statuses,
    user,
)

BASE = "http://localhost/scim/v2/acme"
MANAGER = f"{ENTERPRISE}:manager"


def everything(host: Host) -> dict[str, list[str]]:
    """All rows of users and groups, and of their records and memberships."""
    tables = ("host_user", "scim_user", "host_team", "scim_group", "host_team_member")
    with host.app.app_context(), host.db.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(sa.select(host.db.metadata.tables[name]))))
            for name in tables
        }


@pytest.fixture
def heard() -> Iterator[list[tuple[str, str]]]:
    """The type of each event of a resource that any app tells of, and the name of the resource."""
    found: list[tuple[str, str]] = []

    def hear(sender: Flask, event: flask_scim.Event, **_: Any) -> None:
        document = event.after or event.before or {}
        found.append((event.type, document.get("userName") or document.get("displayName") or ""))

    with ExitStack() as stack:
        for signal in vars(flask_scim).values():
            if isinstance(signal, Signal) and signal is not flask_scim.connection_changed:
                stack.enter_context(signal.connected_to(hear))
        yield found


# Methods and results


def test_each_method_on_users(scim: ScimClient) -> None:
    """Each method does what it does by itself, and its result says where and which version."""
    ids = [scim.create(name)["id"] for name in ("bob", "cyd", "dee")]
    data = {"schemas": [USER], "userName": "bobby"}
    results = send(
        scim,
        user("ann"),
        {"method": "PUT", "path": f"/Users/{ids[0]}", "data": data},
        entitle(f"/Users/{ids[1]}", bulkId="mine"),
        delete(f"/Users/{ids[2]}"),
    )
    new = id_of(results[0])
    assert results == [
        {"method": "POST", "bulkId": "ann", "location": f"{BASE}/Users/{new}",
         "version": 'W/"1"', "status": "201"},
        {"method": "PUT", "location": f"{BASE}/Users/{ids[0]}", "version": 'W/"2"',
         "status": "200"},
        {"method": "PATCH", "bulkId": "mine", "location": f"{BASE}/Users/{ids[1]}",
         "version": 'W/"2"', "status": "200"},
        {"method": "DELETE", "location": f"{BASE}/Users/{ids[2]}", "status": "204"},
    ]  # fmt: skip
    assert scim.get(f"/Users/{new}").json["userName"] == "ann"
    assert scim.get(f"/Users/{ids[0]}").json["userName"] == "bobby"
    assert scim.get(f"/Users/{ids[1]}").json["title"] == "Dr"
    assert scim.get(f"/Users/{ids[2]}").status_code == 404
    assert scim.get(f"/Users/{new}").headers["ETag"] == results[0]["version"]


def test_each_method_on_groups(scim: ScimClient) -> None:
    """So it does with groups, whose members go by id too."""
    ann = scim.create("ann")["id"]
    ids = [scim.create_group(name, ann)["id"] for name in ("b", "c", "d")]
    data = {"schemas": [GROUP], "displayName": "b2", "members": []}
    results = send(
        scim,
        group("a"),
        {"method": "PUT", "path": f"/Groups/{ids[0]}", "data": data},
        patch(f"/Groups/{ids[1]}", {"op": "remove", "path": f'members[value eq "{ann}"]'}),
        delete(f"/Groups/{ids[2]}"),
    )
    assert statuses(results) == ["201", "200", "200", "204"]
    assert [result.get("version") for result in results] == ['W/"1"', 'W/"2"', 'W/"2"', None]
    assert [id_of(result) for result in results[1:]] == ids
    assert scim.get(f"/Groups/{ids[0]}").json["displayName"] == "b2"
    assert [members_of(scim, each) for each in ids[:2]] == [[], []]
    assert scim.get(f"/Groups/{ids[2]}").status_code == 404


def test_results_are_in_the_order_of_the_request(scim: ScimClient) -> None:
    """What is needed first is done first, and yet the results come as the operations did."""
    results = send(scim, group("crew", "bob", "ann"), user("ann"), delete("/Users/0"), user("bob"))
    assert [(result["method"], result["status"]) for result in results] == [
        ("POST", "201"),
        ("POST", "201"),
        ("DELETE", "404"),
        ("POST", "201"),
    ]
    assert [result.get("bulkId") for result in results] == ["crew", "ann", None, "bob"]
    assert results[2]["location"] == f"{BASE}/Users/0"
    assert members_of(scim, id_of(results[0])) == sorted(
        [id_of(results[1]), id_of(results[3])], key=int
    )


def test_a_failed_post_has_no_location(scim: ScimClient) -> None:
    """What was not made is nowhere."""
    scim.create("ann")
    (result,) = send(scim, user("ann"))
    assert set(result) == {"method", "bulkId", "status", "response"}
    assert problem(result)[:2] == (409, "uniqueness")


def test_letter_case_is_free(scim: ScimClient) -> None:
    """Keys and methods come in any letter case; the results have the standard's."""
    sent = {"METHOD": "post", "Path": "/Users", "bulkid": "ann", "DATA": user("ann")["data"]}
    response = scim.post("/Bulk", {"schemas": [BULK.upper()], "operations": [sent]})
    (result,) = response.json["Operations"]
    assert (result["method"], result["bulkId"], result["status"]) == ("POST", "ann", "201")


# References


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("idp", ["generic", "entra", "okta"])
@pytest.mark.parametrize("strict", [False, True])
def test_references_in_resources(host: Host, backward: bool, idp: str, strict: bool) -> None:
    """Members and managers may be made before or after what refers to them."""
    scim = host.connect("acme", tenant="1", idp=idp, strict=strict)
    operations = [user("ann"), managed("bob", "ann"), group("crew", "ann", "bob")]
    results = send(scim, *(reversed(operations) if backward else operations))
    assert statuses(results) == ["201"] * 3
    made = {result["bulkId"]: id_of(result) for result in results}
    assert members_of(scim, made["crew"]) == sorted([made["ann"], made["bob"]], key=int)
    if not strict:
        bob = scim.get(f"/Users/{made['bob']}").json
        assert bob[ENTERPRISE]["manager"]["value"] == made["ann"]


def test_references_in_patches(scim: ScimClient) -> None:
    """A PATCH may refer in its values, in the filter of a path, and before the POST."""
    crew = scim.create_group("crew", scim.create("eve")["id"])["id"]
    eve = members_of(scim, crew)
    results = send(
        scim,
        patch(
            f"/Groups/{crew}",
            {"op": "add", "path": "members", "value": [{"value": "bulkId:bob"}]},
            {"op": "add", "value": {"members": [{"value": "bulkId:ann"}]}},
        ),
        user("ann"),
        patch(f"/Groups/{crew}", {"op": "remove", "path": 'members[value eq "bulkId:ann"]'}),
        user("bob"),
        patch(f"/Users/{eve[0]}", {"op": "add", "path": MANAGER, "value": {"value": "bulkId:bob"}}),
    )
    assert statuses(results) == ["200", "201", "200", "201", "200"]
    bob = id_of(results[3])
    assert members_of(scim, crew) == sorted([*eve, bob], key=int)
    assert scim.get(f"/Users/{eve[0]}").json[ENTERPRISE]["manager"]["value"] == bob


@pytest.mark.parametrize("bulk_id", ["ann", "a b/c?d&é", "bulkId:x", "1", 'a"b\\'])
@pytest.mark.parametrize("literally", [False, True])
def test_references_in_paths(scim: ScimClient, bulk_id: str, literally: bool) -> None:
    """An operation may go to what the same request makes, whatever the name of it."""
    escaped = json.dumps(bulk_id)[1:-1]
    if literally and not {"?", "%"} & set(bulk_id):
        path = f"/Users/bulkId:{bulk_id}"
    else:
        path = f"/Users/bulkId%3A{''.join(f'%{byte:02x}' for byte in bulk_id.encode())}"
    results = send(
        scim,
        entitle(path, "Prof"),
        group("crew", bulk_id),
        {**user("ann"), "bulkId": bulk_id},
        patch("/Groups/bulkId:crew",
              {"op": "remove", "path": f'members[value eq "bulkId:{escaped}"]'}),
        {"method": "PUT", "path": path, "data": user("anna")["data"]},
        user("bob"),
        delete("/Users/bulkId:bob"),
    )  # fmt: skip
    assert statuses(results) == ["200", "201", "201", "200", "200", "201", "204"]
    ann = id_of(results[2])
    assert id_of(results[0]) == id_of(results[4]) == ann
    assert scim.get(f"/Users/{ann}").json["userName"] == "anna"
    assert members_of(scim, id_of(results[1])) == []
    assert id_of(results[6]) == id_of(results[5])
    assert scim.get(f"/Users/{id_of(results[5])}").status_code == 404


def test_reference_at_the_endpoint_of_another_type(build: Callable[..., Host]) -> None:
    """Users and groups may have the same ids: a bulkId does not lead from one to the other."""
    host = build()
    scim = host.connect("acme", tenant="1")
    crew = scim.create_group("crew")["id"]
    users = next(iter(host.scim._wiring.declared.values()))
    users.creator(lambda document, connection: host.User(id=int(crew), last_name=""))
    results = send(scim, user("ann"), delete("/Groups/bulkId:ann"), delete("/Users/bulkId:ann"))
    assert id_of(results[0]) == crew
    assert problem(results[1])[:2] == (400, "invalidPath")
    assert results[2]["status"] == "204"
    assert scim.get(f"/Groups/{crew}").status_code == 200


@pytest.mark.parametrize("idp", ["generic", "entra"])
def test_users_who_manage_each_other(host: Host, heard: list[tuple[str, str]], idp: str) -> None:
    """A circle of managers is closed once both exist; the versions are those after that."""
    scim = host.connect("acme", tenant="1", idp=idp)
    ann, bob = send(scim, managed("ann", "bob"), managed("bob", "ann"))
    assert statuses([ann, bob]) == ["201", "201"]
    for one, other in ((ann, bob), (bob, ann)):
        body = scim.get(f"/Users/{id_of(one)}").json
        assert body[ENTERPRISE]["manager"]["value"] == id_of(other)
        assert body["meta"]["version"] == one["version"]
    assert sorted(heard) == [
        ("user.created", "ann"),
        ("user.created", "bob"),
        *[
            ("user.updated", result["bulkId"])
            for result in (ann, bob)
            if result["version"] != 'W/"1"'
        ],
    ]


def test_user_who_manages_himself(scim: ScimClient) -> None:
    """A reference to oneself is a circle of one; the other attributes are there from the start."""
    operation = managed("ann", "ann")
    operation["data"]["title"] = "Dr"
    (result,) = send(scim, operation)
    body = scim.get(f"/Users/{id_of(result)}").json
    assert (body[ENTERPRISE]["manager"]["value"], body["title"]) == (id_of(result), "Dr")


def test_bare_manager(host: Host) -> None:
    """Entra's way to name a manager, by the bare id, works in a circle too."""
    scim = host.connect("acme", tenant="1", idp="entra")
    sent = [
        user(name, **{ENTERPRISE: {"manager": f"bulkId:{other}"}})
        for name, other in (("ann", "bob"), ("bob", "ann"))
    ]
    ann, bob = send(scim, *sent)
    body = scim.get(f"/Users/{id_of(ann)}").json
    assert body[ENTERPRISE]["manager"]["value"] == id_of(bob)


def test_circle_with_a_failure(host: Host, scim: ScimClient, heard: list[tuple[str, str]]) -> None:
    """Of a circle all or nothing is made; what is in no circle stands."""
    scim.create("bob")
    heard.clear()
    results = send(scim, managed("ann", "bob"), managed("bob", "ann"), user("cyd"))
    assert statuses(results) == ["409", "409", "201"]
    assert problem(results[1])[1] == "uniqueness"
    assert "'bob'" in problem(results[0])[2]
    assert sorted(scim.find("userName pr")) == ["bob", "cyd"]
    created = [name for kind, name in heard if kind == "user.created"]
    deleted = [name for kind, name in heard if kind == "user.deleted"]
    assert sorted(set(created) - set(deleted)) == ["cyd"]


@pytest.mark.parametrize("forward", [False, True])
def test_chain_of_managers(scim: ScimClient, forward: bool) -> None:
    """Two hundred who each refer to the next are made in one request, from either end."""
    names = [f"u{index}" for index in range(200)]
    chain = [
        user(names[0]),
        *(managed(name, by) for by, name in pairwise(names)),
    ]
    results = send(scim, *(reversed(chain) if forward else chain))
    assert set(statuses(results)) == {"201"}
    made = {result["bulkId"]: id_of(result) for result in results}
    last = scim.get(f"/Users/{made['u199']}").json
    assert last[ENTERPRISE]["manager"]["value"] == made["u198"]
    assert scim.get("/Users", count=0).json["totalResults"] == 200


@pytest.mark.parametrize(
    "operation",
    [
        managed("ann", "nobody"),
        group("crew", "nobody"),
        entitle("/Users/bulkId:nobody"),
        delete("/Users/bulkId%3Anobody"),
        patch("/Groups/1", {"op": "remove", "path": 'members[value eq "bulkId:nobody"]'}),
    ],
)
def test_undefined_bulk_id(host: Host, scim: ScimClient, operation: Operation) -> None:
    """A reference to what the request does not make fails, and says to what."""
    before = everything(host)
    (result,) = send(scim, operation)
    assert problem(result)[:2] == (400, "invalidValue")
    assert "'nobody'" in problem(result)[2]
    assert before == everything(host)


def test_bulk_id_twice(scim: ScimClient) -> None:
    """A bulkId is the first POST's; the second one is refused."""
    results = send(scim, user("ann"), {**user("bob"), "bulkId": "ann"}, group("crew", "ann"))
    assert statuses(results) == ["201", "400", "201"]
    assert problem(results[1])[1] == "invalidValue"
    assert scim.find("userName pr") == ["ann"]
    assert members_of(scim, id_of(results[2])) == [id_of(results[0])]


def test_reference_to_what_failed(scim: ScimClient) -> None:
    """What refers to a POST that failed fails as well, and so on."""
    scim.create("ann")
    results = send(
        scim,
        managed("cyd", "bob"),
        managed("bob", "ann"),
        user("ann"),
        delete("/Users/bulkId:ann"),
        user("dee"),
    )
    assert statuses(results) == ["409", "409", "409", "409", "201"]
    assert problem(results[2])[1] == "uniqueness"
    assert "'ann', whose POST failed" in problem(results[1])[2]
    assert "'bob', whose POST failed" in problem(results[0])[2]
    assert sorted(scim.find("userName pr")) == ["ann", "dee"]


# Where operations go


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/Bulk", (400, "invalidValue")),
        ("/Me", (400, "invalidValue")),
        ("/.search", (400, "invalidValue")),
        ("/Schemas", (404, None)),
        ("/ServiceProviderConfig", (404, None)),
        ("/Nonsense", (404, None)),
        ("/users", (404, None)),
        ("/", (404, None)),
        ("https://example.com/scim/v2/acme/Users", (404, None)),
        ("http://localhost/scim/v2/other/Users", (404, None)),
        ("http://localhost/scim/v2/acmeUsers", (404, None)),
        ("/../other/Users", (404, None)),
        ("/Users/17", (400, "invalidPath")),
        ("", (400, "invalidSyntax")),
        ("  ", (400, "invalidSyntax")),
        (None, (400, "invalidSyntax")),
        (["/Users"], (400, "invalidSyntax")),
        ("x" * 100_000, (404, None)),
    ],
)
def test_paths_of_a_post(
    host: Host, scim: ScimClient, path: Any, expected: tuple[int, str | None]
) -> None:
    """A POST goes to a resource type and nowhere else."""
    results = send(scim, {**user("ann"), "path": path}, user("bob"))
    assert problem(results[0])[:2] == expected
    assert "location" not in results[0]
    assert len(stored(host)["host_user"]) == 1


@pytest.mark.parametrize(
    "path", ["/Users", "Users", "/Users/", "/Users?attributes=id", f"{BASE}/Users"]
)
def test_ways_to_name_an_endpoint(scim: ScimClient, path: str) -> None:
    """Slashes, a query and the base URI do not matter."""
    (result,) = send(scim, {**user("ann"), "path": path})
    assert result["status"] == "201"


@pytest.mark.parametrize(
    "path",
    ["/Users/{0}", "Users/{0}/", "/Users/{0}?excludedAttributes=title", f"{BASE}/Users/{{0}}",
     "/Users/{1}"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_ways_to_name_a_resource(scim: ScimClient, method: str, path: str) -> None:
    """Neither do they with a resource, whose id may be percent-encoded."""
    id = scim.create("ann")["id"]
    path = path.format(id, "".join(f"%{ord(digit):x}" for digit in id))
    operations = {
        "PUT": {"method": "PUT", "path": path, "data": user("ann", title="Dr")["data"]},
        "PATCH": entitle(path),
        "DELETE": delete(path),
    }
    (result,) = send(scim, operations[method])
    assert result["status"] in ("200", "204"), result
    assert result["location"] == f"{BASE}/Users/{id}"
    assert scim.get(f"/Users/{id}").status_code == (404 if method == "DELETE" else 200)


@pytest.mark.parametrize(
    "id", ["0", "-1", "x", "9" * 100, "%00", "%ED%A0%80", "1%2F2", "1/2", "../1", "🐛", "' OR 1=1"]
)
@pytest.mark.parametrize("plural", ["Users", "Groups"])
def test_ids_that_do_not_exist(host: Host, scim: ScimClient, plural: str, id: str) -> None:
    """An id that leads nowhere is 404, whatever it is made of."""
    scim.create("ann")
    before = everything(host)
    path = f"/{plural}/{id}"
    data = {"schemas": [USER, GROUP], "userName": "x", "displayName": "x"}
    data["schemas"] = [USER] if plural == "Users" else [GROUP]  # type: ignore[assignment]
    remove = {"op": "remove", "path": "externalId"}
    put = {"method": "PUT", "path": path, "data": data}
    results = send(scim, put, patch(path, remove), delete(path))
    assert [problem(result)[:2] for result in results] == [(404, None)] * 3
    assert before == everything(host)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_no_id(scim: ScimClient, method: str) -> None:
    """What changes a resource does not go to a resource type."""
    (result,) = send(scim, {"method": method, "path": "/Users", "data": {}})
    assert problem(result)[:2] == (400, "invalidPath")


@pytest.mark.parametrize("tenant", ["1", "2"])
def test_resources_of_another_connection(host: Host, scim: ScimClient, tenant: str) -> None:
    """What is another connection's cannot be told from what does not exist."""
    other = host.connect("other", tenant=tenant)
    theirs = other.create("theirs")["id"]
    crew = other.create_group("crew", theirs)["id"]
    mine = scim.create_group("mine")["id"]
    before = everything(host)

    def ask(user_id: str, group_id: str) -> list[dict[str, Any]]:
        return send(
            scim,
            entitle(f"/Users/{user_id}"),
            delete(f"/Users/{user_id}"),
            {"method": "PUT", "path": f"/Users/{user_id}", "data": user("x")["data"]},
            delete(f"/Users/{user_id}", version='W/"1"'),
            delete(f"/Groups/{group_id}"),
            delete(f"http://localhost/scim/v2/other/Users/{user_id}"),
            patch(f"/Groups/{mine}",
                  {"op": "add", "path": "members", "value": [{"value": user_id}]}),
        )  # fmt: skip

    found, absent = ask(theirs, crew), ask("777777777", "777777777")
    assert statuses(found) == ["404"] * 6 + ["400"]
    assert json.dumps(absent).replace("777777777", "?") == json.dumps(found).replace(
        f"Users/{theirs}", "Users/?"
    ).replace(f"Groups/{crew}", "Groups/?").replace(f"'{theirs}'", "'?'").replace(
        f"'{crew}'", "'?'"
    )
    assert before == everything(host)
    assert other.get(f"/Users/{theirs}").json["meta"]["version"] == 'W/"1"'


# Limits and nonsense


@pytest.mark.parametrize(
    ("more", "done"),
    [
        ({}, 5),
        ({"failOnErrors": None}, 5),
        ({"failOnErrors": 1}, 2),
        ({"FAILONERRORS": 2}, 4),
        ({"failOnErrors": 3}, 5),
        ({"failOnErrors": 10**30}, 5),
    ],
)
def test_fail_on_errors(scim: ScimClient, more: dict[str, Any], done: int) -> None:
    """After so many errors nothing more is done; what was done before stands."""
    scim.create("ann")
    results = send(
        scim, user("bob"), user("ann"), user("cyd"), delete("/Users/0"), user("dee"), **more
    )
    assert statuses(results) == ["201", "409", "201", "404", "201"][:done]
    created = [result["bulkId"] for result in results if result["status"] == "201"]
    assert sorted(scim.find("userName pr")) == ["ann", *created]


@refused_early
@pytest.mark.parametrize("limit", [0, -1, "x", "1", True, False, 1.5, [1], {"a": 1}])
def test_fail_on_errors_that_is_no_number(host: Host, scim: ScimClient, limit: Any) -> None:
    """A limit that cannot be one is refused before anything is done."""
    body = {"schemas": [BULK], "failOnErrors": limit, "Operations": [user("ann")]}
    response = scim.post("/Bulk", body)
    assert refusal(response) == (400, "invalidSyntax")
    assert "failOnErrors" in response.json["detail"]
    assert stored(host)["host_user"] == []


def test_too_many_operations(build: Callable[..., Host]) -> None:
    """One operation too many and none is done; the answer says how many are taken."""
    host = build(SCIM_MAX_BULK_OPERATIONS=3)
    scim = host.connect("acme", tenant="1")
    response = scim.post("/Bulk", {"schemas": [BULK], "Operations": [user(n) for n in "abcd"]})
    assert refusal(response) == (413, None)
    assert "3 operations" in response.json["detail"]
    assert stored(host)["host_user"] == []
    assert statuses(send(scim, *(user(name) for name in "abc"))) == ["201"] * 3
    told = scim.get("/ServiceProviderConfig").json["bulk"]
    assert (told["supported"], told["maxOperations"]) == (True, 3)


def test_thousand_by_default(host: Host, scim: ScimClient) -> None:
    """A thousand operations are taken unless the app says otherwise, and not ten thousand."""
    body = {"schemas": [BULK], "Operations": [user(f"u{index}") for index in range(10_000)]}
    assert refusal(scim.post("/Bulk", body)) == (413, None)
    assert stored(host)["host_user"] == []
    assert statuses(send(scim, *[delete("/Nonsense/1")] * 1_000)) == ["404"] * 1_000


def test_ten_thousand_operations(build: Callable[..., Host]) -> None:
    """Ten thousand are answered one by one where they are allowed."""
    scim = build(SCIM_MAX_BULK_OPERATIONS=10_000, SCIM_MAX_CONTENT_LENGTH=10_000_000).connect(
        "acme", tenant="1"
    )
    sent = [managed(f"u{index}", f"u{index + 1}") for index in range(9_999)]
    results = send(
        scim, *sent, {"method": "POST", "path": "/Nonsense", "bulkId": "u9999", "data": {}}
    )
    assert statuses(results) == ["409"] * 9_999 + ["404"]


def test_switched_off(build: Callable[..., Host]) -> None:
    """Without Bulk the answer says that there is none, and discovery does too."""
    host = build(SCIM_MAX_BULK_OPERATIONS=0)
    scim = host.connect("acme", tenant="1")
    response = scim.post("/Bulk", {"schemas": [BULK], "Operations": [user("ann")]})
    assert refusal(response) == (501, None)
    assert scim.get("/ServiceProviderConfig").json["bulk"]["supported"] is False
    assert stored(host)["host_user"] == []
    scim.token = "nobody's"
    assert refusal(scim.post("/Bulk", {})) == (401, None)


def test_body_too_large(build: Callable[..., Host]) -> None:
    """A body beyond the limit of all bodies is refused as a whole."""
    host = build(SCIM_MAX_CONTENT_LENGTH=1_000)
    scim = host.connect("acme", tenant="1")
    operations = [user(f"user{index}") for index in range(10)]
    response = scim.post("/Bulk", {"schemas": [BULK], "Operations": operations})
    assert refusal(response) == (413, None)
    assert "1000" in response.json["detail"]
    assert stored(host)["host_user"] == []
    assert scim.get("/ServiceProviderConfig").json["bulk"]["maxPayloadSize"] == 1_000


@refused_early
@pytest.mark.parametrize(
    "body",
    [
        [],
        "x",
        17,
        {},
        {"Operations": []},
        {"Operations": None},
        {"Operations": "x"},
        {"Operations": user("ann")},
        {"Operations": {"0": user("ann")}},
        {"Operations": [user("ann"), None]},
        {"Operations": [user("ann"), []]},
        {"Operations": [user("ann"), [user("bob")]]},
        {"schemas": [PATCH], "Operations": [user("ann")]},
        {"schemas": [ANSWER], "Operations": [user("ann")]},
        {"schemas": [USER], "Operations": [user("ann")]},
        {"schemas": BULK, "Operations": [user("ann")]},
        {"schemas": [17], "Operations": [user("ann")]},
        {"schemas": {}, "Operations": [user("ann")]},
    ],
)
def test_no_bulk_request(host: Host, scim: ScimClient, body: Any) -> None:
    """What is no such message as a whole is refused as a whole."""
    assert refusal(scim.post("/Bulk", body)) == (400, "invalidSyntax")
    assert stored(host)["host_user"] == []


def test_schemas_may_be_missing(host: Host, scim: ScimClient) -> None:
    """Only a strict connection wants the message to say what it is."""
    body = {"Operations": [user("ann")]}
    assert scim.post("/Bulk", body).status_code == 200
    strict = host.connect("strict", tenant="2", strict=True)
    assert refusal(strict.post("/Bulk", body)) == (400, "invalidSyntax")


@refused_early
@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"method": "HEAD"},
        {"method": "OPTIONS"},
        {"method": "BREW"},
        {"method": ""},
        {"method": None},
        {"method": 17},
        {"method": ["POST"]},
        {"method": "x" * 10_000},
        {"method": "POST "},
        {"bulkId": None},
        {"bulkId": ""},
        {"bulkId": 17},
        {"bulkId": {}},
        {"data": None},
        {"data": []},
        {"data": "x"},
        {"data": json.dumps({"userName": "ann"})},
        {"version": 17},
        {"version": []},
        {"method": "PUT", "path": "/Users/1", "data": None},
        {"method": "PATCH", "path": "/Users/1", "data": [{"op": "add"}]},
        {"method": "PATCH", "path": "/Users/1", "data": {}},
        {"method": "PATCH", "path": "/Users/1", "data": {"Operations": {"op": "add"}}},
        {"method": "PATCH", "path": "/Users/1", "data": {"Operations": [[[[]]]]}},
    ],
)
def test_nonsense_in_one_operation(host: Host, scim: ScimClient, change: dict[str, Any]) -> None:
    """An operation that cannot be read is an error of its own; the others are done."""
    results = send(scim, user("bob"), {**user("ann"), **change}, user("cyd"))
    assert statuses(results) == ["201", "400", "201"]
    assert problem(results[1])[1] == "invalidSyntax"
    assert len(results[1].get("method", "")) <= 100
    assert len(stored(host)["host_user"]) == 2


@pytest.mark.parametrize("key", ["method", "path", "bulkId", "data"])
def test_missing_keys(scim: ScimClient, key: str) -> None:
    """So is one that lacks what it needs."""
    operation = {name: value for name, value in user("ann").items() if name != key}
    (result,) = send(scim, operation)
    assert problem(result)[:2] == (400, "invalidSyntax")
    assert key in problem(result)[2]


def _nest(depth: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = "bulkId:bob"
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}])
@pytest.mark.parametrize("depth", [100, 900])
def test_deep_data(scim: ScimClient, depth: int, wrap: Callable[[Any], Any]) -> None:
    """Data nested as deep as it may be is read, and never a failure."""
    deep = _nest(depth, wrap)
    results = send(
        scim,
        user("ann", nickName=deep),
        user("bob"),
        user("cyd", emails=[deep]),
        user("dee", **{"urn:example:x": deep}),
        {"method": "POST", "path": "/Groups", "bulkId": "g",
         "data": {"schemas": [GROUP], "displayName": "g", "members": deep}},
        patch("/Users/bulkId:bob", {"op": "add", "path": "name", "value": deep}),
        patch("/Users/bulkId:bob", deep),
        {"method": "PATCH", "path": "/Users/bulkId:bob", "data": {"a": deep}},
    )  # fmt: skip
    assert {int(status) // 100 for status in statuses(results)} <= {2, 4}
    assert results[1]["status"] == "201"
    assert results[0]["status"] == "400"


def test_too_deep(host: Host, scim: ScimClient) -> None:
    """A body too deep to be read is no JSON that is taken."""
    text = json.dumps({"Operations": [user("ann", title="?")]})
    body = text.replace('"?"', "[" * 100_000 + "]" * 100_000)
    response = scim.request(
        "POST", "/Bulk", data=body, headers={"Content-Type": "application/scim+json"}
    )
    assert refusal(response) == (400, "invalidSyntax")
    assert stored(host)["host_user"] == []


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\udfffx"])
@pytest.mark.parametrize("key", ["method", "path", "bulkId", "version", "data"])
def test_text_that_cannot_be_kept(host: Host, scim: ScimClient, key: str, text: str) -> None:
    """NUL and half a surrogate pair are refused wherever they are, as in any body."""
    operation = {**user("ann"), key: {"userName": text} if key == "data" else text}
    response = scim.post("/Bulk", {"schemas": [BULK], "Operations": [user("bob"), operation]})
    assert refusal(response) == (400, "invalidValue")
    assert stored(host)["host_user"] == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_wrong_method(scim: ScimClient, method: str) -> None:
    """The endpoint takes POST alone."""
    response = scim.request(method, "/Bulk")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_wrong_content_type(host: Host, scim: ScimClient, content_type: str) -> None:
    """A body of another type is not read."""
    body = json.dumps({"schemas": [BULK], "Operations": [user("ann")]})
    response = scim.request("POST", "/Bulk", data=body, headers={"Content-Type": content_type})
    assert refusal(response) == (415, None)
    assert stored(host)["host_user"] == []


@pytest.mark.parametrize("header", [None, "Bearer x", "Basic eDp5"])
def test_no_token(host: Host, scim: ScimClient, http: FlaskClient, header: str | None) -> None:
    """Without a token nothing is done, and nothing is read."""
    headers = {} if header is None else {"Authorization": header}
    body = {"schemas": [BULK], "Operations": [user("ann")]}
    response = http.post("/scim/v2/acme/Bulk", json=body, headers=headers)
    assert refusal(response) == (401, None)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert stored(host)["host_user"] == []


def test_token_of_another_connection(host: Host, scim: ScimClient) -> None:
    """A token opens the Bulk of its own connection."""
    host.connect("other", tenant="2")
    scim.base = "/scim/v2/other"
    body = {"schemas": [BULK], "Operations": [user("ann")]}
    assert refusal(scim.post("/Bulk", body)) == (401, None)


# Each operation by itself


def test_each_operation_needs_its_scope(host: Host, scim: ScimClient) -> None:
    """A token that may only create users does that, and every other operation names its scope."""
    bob = scim.create("bob")["id"]
    crew = scim.create_group("crew", bob)["id"]
    with host.app.app_context():
        scim.token, _ = host.scim.tokens.issue("acme", ["post:users"])
    before = everything(host)
    refused = {
        "put:users": {"method": "PUT", "path": f"/Users/{bob}", "data": user("bobby")["data"]},
        "patch:users": entitle("/Users/bulkId:ann"),
        "delete:users": delete(f"/Users/{bob}"),
        "post:groups": group("g", "ann"),
        "put:groups": {"method": "PUT", "path": f"/Groups/{crew}", "data": group("g")["data"]},
        "patch:groups": patch(f"/Groups/{crew}", {"op": "remove", "path": "members"}),
        "delete:groups": delete(f"/Groups/{crew}"),
    }
    results = send(scim, *refused.values())
    # Nothing that is refused needs what is not there: the first operation lacks its POST.
    assert problem(results[1])[0] == 400
    results = send(scim, user("ann"), *refused.values())
    assert results[0]["status"] == "201"
    for scope, result in zip(refused, results[1:], strict=True):
        assert problem(result)[:2] == (403, None)
        assert scope in problem(result)[2]
    after = everything(host)
    assert {name: len(rows) for name, rows in after.items()} == {
        name: len(rows) + (name in ("host_user", "scim_user")) for name, rows in before.items()
    }
    assert all(set(rows) <= set(after[name]) for name, rows in before.items())


def test_circle_with_the_scope_to_create(host: Host) -> None:
    """To close a circle, or to take it back, is part of creating it: no other scope is needed."""
    scim = host.connect("acme", "post:users", "get:users", tenant="1")
    assert statuses(send(scim, managed("ann", "bob"), managed("bob", "ann"))) == ["201", "201"]
    assert statuses(send(scim, managed("cyd", "bob"), managed("bob", "cyd"))) == ["409", "409"]
    assert sorted(scim.find("userName pr")) == ["ann", "bob"]


def test_an_operation_that_fails_changes_nothing(host: Host, scim: ScimClient) -> None:
    """Each operation is a transaction: those around one that fails stand, and it left nothing."""
    crew = scim.create_group("crew", scim.create("eve")["id"])["id"]
    eve = members_of(scim, crew)[0]
    before = everything(host)
    change = {"op": "replace", "path": "displayName", "value": "changed"}
    results = send(
        scim,
        patch(f"/Groups/{crew}", change, {"op": "remove", "path": "members"},
              {"op": "add", "path": "members", "value": [{"value": "0"}]}),
        {"method": "POST", "path": "/Groups", "bulkId": "g",
         "data": {"schemas": [GROUP], "displayName": "g", "members": [{"value": "0"}]}},
        patch(f"/Users/{eve}", {"op": "replace", "path": "title", "value": "Dr"},
              {"op": "replace", "path": "nonsense", "value": 1},
              {"op": "remove", "path": "userName"}),
        user("cyd", name={"familyName": "x" * 10_000}, active="maybe"),
    )  # fmt: skip
    assert {status[0] for status in statuses(results)} == {"4"}
    assert before == everything(host)
    results = send(scim, user("ann"), user("eve"), user("bob"))
    assert statuses(results) == ["201", "409", "201"]
    assert sorted(scim.find("userName pr")) == ["ann", "bob", "eve"]
    assert len(stored(host)["host_user"]) == len(stored(host)["scim_user"]) == 3


def test_versions(scim: ScimClient) -> None:
    """``version`` is for an operation what If-Match is for a request."""
    ids = [scim.create(name)["id"] for name in ("ann", "bob", "cyd")]
    put = {"method": "PUT", "path": f"/Users/{ids[1]}", "data": user("bobby")["data"]}
    results = send(
        scim,
        entitle(f"/Users/{ids[0]}", "first", version='W/"1"'),
        entitle(f"/Users/{ids[0]}", "second", version='W/"1"'),
        entitle(f"/Users/{ids[0]}", "third", version='"2"'),
        {**put, "version": 'W/"7"'},
        {**put, "version": 'W/"1"'},
        delete(f"/Users/{ids[2]}", version="nonsense"),
        delete(f"/Users/{ids[2]}", version='W/"7"'),
        delete(f"/Users/{ids[2]}", version='W/"1"'),
    )
    assert statuses(results) == ["200", "412", "200", "412", "200", "412", "412", "204"]
    assert [result.get("version") for result in results[:3]] == ['W/"2"', None, 'W/"3"']
    assert scim.get(f"/Users/{ids[0]}").json["title"] == "third"
    assert scim.get(f"/Users/{ids[1]}").json["userName"] == "bobby"


def test_signals(scim: ScimClient, heard: list[tuple[str, str]]) -> None:
    """Each operation that is committed is told at once, and none that is not."""
    eve = scim.create("eve")["id"]
    heard.clear()
    send(
        scim,
        group("crew", "bob"),
        user("ann"),
        user("eve"),
        user("bob"),
        entitle(f"/Users/{eve}"),
        entitle(f"/Users/{eve}"),
        patch(f"/Users/{eve}", {"op": "replace", "path": "active", "value": False}),
        delete("/Users/0"),
        delete(f"/Users/{eve}"),
    )
    assert heard == [
        ("user.created", "bob"),
        ("group.created", "crew"),
        ("group.members_changed", "crew"),
        ("user.created", "ann"),
        ("user.updated", "eve"),
        ("user.deactivated", "eve"),
        ("user.deleted", "eve"),
    ]


def test_receiver_that_raises(
    host: Host, scim: ScimClient, heard: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    """A receiver that fails is logged; every operation stands, and the others are told."""

    def fail(sender: Flask, user: Any, **_: Any) -> None:
        user.username = "spoilt"
        host.db.session.flush()
        raise RuntimeError("no mail today")

    with flask_scim.user_created.connected_to(fail, sender=host.app):
        results = send(scim, user("ann"), user("bob"), group("crew", "ann", "bob"))
    assert statuses(results) == ["201"] * 3
    assert sorted(scim.find("userName pr")) == ["ann", "bob"]
    assert caplog.text.count("no mail today") >= 2
    assert [kind for kind, _ in heard] == [
        *["user.created"] * 2,
        "group.created",
        "group.members_changed",
    ]


def test_crash_in_one_operation(
    build: Callable[..., Host], heard: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    """A failure of the host's code is 500 in one result, and a retry finds what was done."""
    host = build()
    scim = host.connect("acme", tenant="1")
    told: list[Exception] = []
    is_broken = True

    def create(document: Any, connection: Any) -> Any:
        row = host.User(last_name="")
        if document["userName"] == "bob" and is_broken:
            host.db.session.add(host.User(username="half", last_name="", tenant_id=1))
            host.db.session.flush()
            raise RuntimeError("secret words in /srv/app.py")
        return row

    def tell(sender: Flask, exception: Exception, **_: Any) -> None:
        told.append(exception)

    next(iter(host.scim._wiring.declared.values())).creator(create)
    operations = [
        user("ann"),
        group("crew", "bob"),
        user("bob"),
        user("cyd"),
        managed("dee", "ann"),
    ]
    with got_request_exception.connected_to(tell, sender=host.app):
        results = send(scim, *operations)
    assert statuses(results) == ["201", "409", "500", "201", "201"]
    assert "secret" not in json.dumps(results)
    assert [str(error) for error in told] == ["secret words in /srv/app.py"]
    assert caplog.text.count("RuntimeError: secret words in /srv/app.py") == 1
    assert len(stored(host)["host_user"]) == len(stored(host)["scim_user"]) == 3
    assert [name for _, name in heard] == ["ann", "cyd", "dee"]
    is_broken = False
    retried = send(scim, *operations)
    assert statuses(retried) == ["409", "201", "201", "409", "409"]
    assert problem(retried[0])[1] == "uniqueness"
    assert "'ann', whose POST failed" in problem(retried[4])[2]
    assert sorted(scim.find("userName pr")) == ["ann", "bob", "cyd", "dee"]
    assert members_of(scim, id_of(retried[1])) == [id_of(retried[2])]


@pytest.mark.parametrize("setting", ["TESTING", "DEBUG", "PROPAGATE_EXCEPTIONS"])
def test_crash_in_any_mode(build: Callable[..., Host], setting: str) -> None:
    """Debugging does not turn the results into a page or an exception."""
    host = build(**{setting: True})
    scim = host.connect("acme", tenant="1")

    def create(document: Any, connection: Any) -> Any:
        raise RuntimeError

    next(iter(host.scim._wiring.declared.values())).creator(create)
    assert statuses(send(scim, user("ann"), group("crew"))) == ["500", "201"]


def test_crash_stops_a_request_that_wants_it(build: Callable[..., Host]) -> None:
    """A crash counts among the errors."""
    host = build()
    scim = host.connect("acme", tenant="1")

    def create(document: Any, connection: Any) -> Any:
        raise RuntimeError

    next(iter(host.scim._wiring.declared.values())).creator(create)
    assert statuses(send(scim, user("ann"), group("crew"), failOnErrors=1)) == ["500"]
    assert pairs_of(host) == set()


# What it costs


@pytest.mark.parametrize(
    "make",
    [
        lambda index, ids: user(f"n{index}"),
        lambda index, ids: managed(f"n{index}", f"n{index}"),
        lambda index, ids: entitle(f"/Users/{ids[index]}"),
        lambda index, ids: {
            "method": "PUT",
            "path": f"/Users/{ids[index]}",
            "data": user(f"n{index}")["data"],
        },
        lambda index, ids: delete(f"/Users/{ids[index]}"),
        lambda index, ids: group(f"g{index}"),
        lambda index, ids: {
            "method": "POST",
            "path": "/Groups",
            "bulkId": str(index),
            "data": {
                "schemas": [GROUP],
                "displayName": f"g{index}",
                "members": [{"value": id} for id in ids],
            },
        },
        lambda index, ids: delete("/Users/0"),
        lambda index, ids: {"method": "GET"},
    ],
    ids=["post", "circle", "patch", "put", "delete", "group", "members", "nobody", "nonsense"],
)
def test_statements_grow_with_operations_alone(
    host: Host, scim: ScimClient, make: Callable[[int, list[str]], Operation]
) -> None:
    """Each operation takes as many statements as the one before, however many users there are."""
    ids = fill(host, 30)
    scim.get("/Users/0")

    def count(first: int, number: int) -> int:
        with host.statements() as statements:
            results = send(scim, *(make(index, ids) for index in range(first, first + number)))
        assert len(set(statuses(results))) == 1
        return len(statements)

    one, five = count(0, 1), count(1, 5)
    fill(host, 500)
    assert count(6, 1) == one
    assert count(7, 5) == five
    each, rest = divmod(five - one, 4)
    assert rest == 0
    assert count(12, 9) == one + 8 * each


def test_no_statement_for_what_cannot_be_read(host: Host, scim: ScimClient) -> None:
    """Operations that lead nowhere ask the database nothing beyond the token."""
    scim.get("/Users/0")
    with host.statements() as statements:
        send(scim, {"method": "GET"}, delete("/Nonsense/1"), managed("ann", "nobody"))
    assert len(statements) == 1
