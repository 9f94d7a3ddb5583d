"""What changes of members cost in SQL, however large a group is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from tests.client import GROUP, ScimClient
from tests.groups.people import fill, join, values
from tests.host import Host

#: The most statements that a change of one member may take.
MOST = 9
#: The same, where more than one thing happens, or where rows are searched first.
MORE = {"add and remove": 10, "remove by display": 10, "rename": 10, "delete a user": 16}
SIZES = (10, 10_000)

#: By name, a request about somebody who is in and somebody who is not.
WAYS: dict[str, Callable[[ScimClient, str, str, str], Any]] = {
    "add": lambda scim, path, ins, out: scim.patch(
        path, {"op": "add", "path": "members", "value": values(out)}
    ),
    "add who is in": lambda scim, path, ins, out: scim.patch(
        path, {"op": "add", "path": "members", "value": values(ins)}
    ),
    "remove by value": lambda scim, path, ins, out: scim.patch(
        path, {"op": "remove", "path": f'members[value eq "{ins}"]'}
    ),
    "remove by list": lambda scim, path, ins, out: scim.patch(
        path, {"op": "remove", "path": "members", "value": values(ins)}
    ),
    "remove by display": lambda scim, path, ins, out: scim.patch(
        path, {"op": "remove", "path": f'members[display eq "P{ins}"]'}
    ),
    "add and remove": lambda scim, path, ins, out: scim.patch(
        path,
        {"op": "add", "path": "members", "value": values(out)},
        {"op": "remove", "path": f'members[value eq "{ins}"]'},
    ),
    "rename": lambda scim, path, ins, out: scim.patch(
        path, {"op": "replace", "path": "displayName", "value": f"{path} again"}
    ),
    "put without members": lambda scim, path, ins, out: scim.put(
        f"{path}?excludedAttributes=members", {"schemas": [GROUP], "displayName": f"{path} once"}
    ),
    "delete a user": lambda scim, path, ins, out: scim.delete(f"/Users/{ins}"),
}


@pytest.fixture
def groups(host: Host, scim: ScimClient) -> dict[int, tuple[str, list[str]]]:
    """By size, a group and its members' ids; the token's use has been noted."""
    made = {}
    for size in SIZES:
        ids = fill(host, size + 20)
        group = scim.create_group(f"of {size}")["id"]
        join(host, group, ids[:size])
        made[size] = (group, ids)
    return made


def test_one_member(host: Host, scim: ScimClient, groups: dict[int, tuple[str, list[str]]]) -> None:
    """A change of one member costs the same in a small group and in a large one."""
    counts: dict[str, list[int]] = {}
    for size in SIZES:
        group, ids = groups[size]
        inside, outside = iter(ids[:size]), iter(ids[size:])
        for name, send in WAYS.items():
            ins, out = next(inside), next(outside)
            with host.statements() as statements:
                response = send(scim, f"/Groups/{group}", ins, out)
            assert response.status_code in (200, 204), (name, response.text)
            counts.setdefault(name, []).append(len(statements))
            assert max(map(len, statements)) < 4_000, name
    uneven = {name: both for name, both in counts.items() if both[0] != both[1]}
    assert uneven == {}
    dear = {name: both for name, both in counts.items() if max(both) > MORE.get(name, MOST)}
    assert dear == {}


def test_members_are_not_read(
    host: Host, scim: ScimClient, groups: dict[int, tuple[str, list[str]]]
) -> None:
    """Without members asked for, the association table is not touched at all."""
    for size in SIZES:
        group, _ = groups[size]
        for send in (
            lambda group=group: scim.get(f"/Groups/{group}", excludedAttributes="members"),
            lambda group=group: scim.get(f"/Groups/{group}", attributes="displayName"),
            lambda size=size: scim.get(
                "/Groups", filter=f'displayName eq "of {size}"', excludedAttributes="members"
            ),
            lambda: scim.get("/Groups", excludedAttributes="members"),
            lambda: scim.get("/Groups", count="0"),
            lambda size=size: scim.get("/Groups", filter='externalId eq "x"'),
        ):
            with host.statements() as statements:
                assert send().status_code == 200
            assert not any("host_team_member" in statement for statement in statements)
            assert len(statements) <= 3


def test_put_reads_members_once(host: Host, scim: ScimClient) -> None:
    """The answer to a PUT shows who is in now, and only those are read for it who have come."""
    ids = fill(host, 30)
    group = scim.create_group("Devs")["id"]
    join(host, group, ids[5:20])
    body = {"schemas": [GROUP], "displayName": "Devs", "members": values(*ids[:3], *ids[8:25])}
    read: list[Any] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT") and "host_team_member" in statement:
            read.append(statement)

    with host.app.app_context():
        event.listen(host.db.engine, "before_cursor_execute", note)
        answered = scim.put(f"/Groups/{group}", body).json
        once = len(read)
        again = scim.put(f"/Groups/{group}", body).json
        event.remove(host.db.engine, "before_cursor_execute", note)
    assert [each["value"] for each in answered["members"]] == [*ids[:3], *ids[8:25]]
    assert answered["members"] == again["members"] == scim.get(f"/Groups/{group}").json["members"]
    assert (once, len(read)) == (2, 3)


@pytest.mark.parametrize("size", [1_000])
def test_put_writes_the_difference(host: Host, scim: ScimClient, size: int) -> None:
    """PUT of many members onto a group that has nearly all of them writes the few."""
    ids = fill(host, size + 10)
    group = scim.create_group("Devs")["id"]
    join(host, group, ids[: size - 10])
    wanted = ids[20:size]
    body = {"schemas": [GROUP], "displayName": "Devs", "members": values(*wanted)}
    written: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "host_team_member" in statement and not statement.startswith("SELECT"):
            written.append((statement, parameters))

    with host.app.app_context():
        engine = host.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        with host.statements() as statements:
            response = scim.put(f"/Groups/{group}", body)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert response.status_code == 200
    assert [member["value"] for member in response.json["members"]] == wanted
    assert len(statements) <= 13, statements
    kinds = sorted(statement.split()[0] for statement, _ in written)
    assert kinds == ["DELETE", "INSERT"]
    # Ten come and twenty go: no parameter names anybody else.
    assert sum(len(list(parameters)) for _, parameters in written) <= 2 * 10 + 20 + 5
    with host.statements() as statements:
        assert scim.put(f"/Groups/{group}", body).json == response.json
    written = [each for each in statements if each.startswith(("INSERT", "DELETE"))]
    assert [each for each in written if "scim_own_request" not in each] == []


@pytest.mark.parametrize("way", ["POST", "PUT", "PATCH"])
def test_many_members_cost_few_statements(host: Host, scim: ScimClient, way: str) -> None:
    """Statements are not counted by members: two hundred cost what two thousand do."""
    ids = fill(host, 2_000)
    counts = []
    for size in (200, 2_000):
        group = scim.create_group(f"of {size}")["id"]
        body = {"schemas": [GROUP], "displayName": f"{way} {size}", "members": values(*ids[:size])}
        with host.statements() as statements:
            if way == "POST":
                response = scim.post("/Groups", body)
            elif way == "PUT":
                response = scim.put(f"/Groups/{group}", body)
            else:
                added = {"op": "add", "path": "members", "value": body["members"]}
                response = scim.patch(f"/Groups/{group}", added)
        assert response.status_code in (200, 201, 204)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 13


def test_ten_thousand_members_in_one_request(host: Host, scim: ScimClient) -> None:
    """The most that a request may name is taken in a time that a client waits for."""
    ids = fill(host, 10_000)
    body = {"schemas": [GROUP], "displayName": "All", "members": values(*ids)}
    with host.statements() as statements:
        response = scim.post("/Groups?excludedAttributes=members", body)
    assert response.status_code == 201, response.text
    assert len(statements) <= 20
    path = f"/Groups/{response.json['id']}"
    assert len(scim.get(path).json["members"]) == 10_000
    added = {"op": "add", "path": "members", "value": values(*ids)}
    assert scim.patch(path, added).status_code == 204
    assert scim.get(path).json["meta"]["version"] == 'W/"1"'


def test_large_group_is_put_back(host: Host, scim: ScimClient) -> None:
    """What GET shows of as many members as a request may name, PUT takes."""
    group = scim.create_group("All")["id"]
    join(host, group, fill(host, 10_000))
    path = f"/Groups/{group}"
    shown = scim.get(path).json
    response = scim.put(path, shown)
    assert response.status_code == 200, response.text
    assert response.json == shown
