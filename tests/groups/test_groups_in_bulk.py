"""Groups that one Bulk request puts into each other."""

from __future__ import annotations

from itertools import pairwise

import pytest
import sqlalchemy as sa

from tests.groups.crews import Models
from tests.web.bulks import Operation, group, id_of, problem, send, statuses, user


def crew(name: str, *parts: str, people: tuple[str, ...] = ()) -> Operation:
    """Create a group of groups and users that the same request makes."""
    operation = group(name)
    operation["data"]["members"] = [
        *({"type": "Group", "value": f"bulkId:{part}"} for part in parts),
        *({"type": "User", "value": f"bulkId:{person}"} for person in people),
    ]
    return operation


@pytest.mark.parametrize(
    "circle",
    [
        [crew("a", "a")],
        [crew("a", "b"), crew("b", "a")],
        [crew("a", "b", people=("ann",)), crew("b", "c"), crew("c", "a")],
    ],
    ids=["itself", "two", "three"],
)
def test_groups_in_a_circle(nested: Models, circle: list[Operation]) -> None:
    """Groups cannot be in each other: none of them is made, and everything else is."""
    scim = nested.connect()
    results = send(scim, user("ann"), *circle, crew("z", people=("ann",)))
    assert statuses(results) == ["201", *["409"] * len(circle), "201"]
    assert any("in it already" in problem(result)[2] for result in results[1:-1])
    assert all("location" not in result for result in results[1:-1])
    groups = scim.get("/Groups").json["Resources"]
    assert [each["displayName"] for each in groups] == ["z"]
    tables = nested.db.metadata.tables
    assert nested.rows(sa.select(tables["crew_part"])) == []
    assert len(nested.rows(sa.select(tables["crew_person"]))) == 1


def test_a_circle_may_be_sent_again_without_it(nested: Models) -> None:
    """What was taken back can be made by the next request."""
    scim = nested.connect()
    assert statuses(send(scim, crew("a", "b"), crew("b", "a"))) == ["409", "409"]
    results = send(scim, crew("a", "b"), crew("b"))
    assert statuses(results) == ["201", "201"]
    members = scim.get(f"/Groups/{id_of(results[0])}").json["members"]
    assert [each["value"] for each in members] == [id_of(results[1])]


def test_groups_in_groups(nested: Models) -> None:
    """A tree of groups is made from its leaves."""
    scim = nested.connect()
    results = send(
        scim, crew("top", "left", people=("ann",)), crew("left", "low"), crew("low"), user("ann")
    )
    assert statuses(results) == ["201"] * 4
    top = scim.get(f"/Groups/{id_of(results[0])}").json
    assert {(each["value"], each["type"]) for each in top["members"]} == {
        (id_of(results[1]), "Group"),
        (id_of(results[3]), "User"),
    }


def test_chain_of_groups(nested: Models) -> None:
    """Two hundred groups in one another, the outermost first."""
    scim = nested.connect()
    names = [f"g{index}" for index in range(200)]
    results = send(scim, *(crew(name, inner) for name, inner in pairwise(names)), crew(names[-1]))
    assert set(statuses(results)) == {"201"}
    assert len(nested.rows(sa.select(nested.db.metadata.tables["crew_part"]))) == 199
