"""Changes to the roles of one person at the same moment: none is lost, and none is left over."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.client import ScimClient
from tests.roles.staff import Staff, enter, leave, map_role


def at_once(*changes: Callable[[], Any]) -> list[Any]:
    """Make changes at the same moment, each in a thread of its own."""
    barrier = Barrier(len(changes))

    def run(change: Callable[[], Any]) -> Any:
        barrier.wait()
        return change()

    with ThreadPoolExecutor(len(changes)) as pool:
        return list(pool.map(run, changes))


def twin(staff: Staff, client: ScimClient) -> ScimClient:
    """The same client, for another thread."""
    return ScimClient(staff.app.test_client(), client.base, client.token)


@pytest.mark.parametrize("nested", [False, True])
def test_two_groups_that_give_the_same(make_staff: Callable[..., Staff], nested: bool) -> None:
    """Whoever leaves both at once loses the role, and whoever changes groups keeps it."""
    staff = make_staff(lambda s: s.scim.roles(s.Person.roles, key=s.Role.slug), nested=nested)
    acme = staff.connect()
    other = twin(staff, acme)
    ann = acme.create("ann")["id"]
    first, second = (acme.create_group(name)["id"] for name in ("a", "b"))
    for group in (first, second):
        map_role(staff, "agent", group)
    for _ in range(4):
        enter(acme, first, ann)
        enter(acme, second, ann)
        answers = at_once(lambda: leave(acme, first, ann), lambda: leave(other, second, ann))
        assert [answer.status_code for answer in answers] == [200, 200]
        assert (staff.held(ann), staff.notes()) == ([], [])
        enter(acme, first, ann)
        at_once(lambda: leave(acme, first, ann), lambda: enter(other, second, ann))
        assert staff.held(ann) == ["agent"]
        leave(acme, second, ann)


def test_the_last_two_administrators(staff: Staff, acme: ScimClient) -> None:
    """Of two requests that take away the last two at once, one is refused."""
    other = twin(staff, acme)
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    first, second = acme.create_group("a", ann)["id"], acme.create_group("b", bob)["id"]
    for group in (first, second):
        map_role(staff, "admin", group)
    for _ in range(4):
        answers = at_once(lambda: leave(acme, first, ann), lambda: leave(other, second, bob))
        assert sorted(answer.status_code for answer in answers) == [200, 403]
        assert sorted([staff.held(ann), staff.held(bob)]) == [[], ["admin"]]
        enter(acme, first, ann)
        enter(acme, second, bob)


def test_a_map_and_a_member(staff: Staff, acme: ScimClient) -> None:
    """Whoever comes in while the group is mapped has the role, in a group within it too."""
    people = [acme.create(f"p{number}")["id"] for number in range(4)]
    inner = acme.create_group("inner")["id"]
    outer = acme.create_group("outer", inner)["id"]
    for role, group, one, two in (
        ("agent", outer, people[0], people[1]),
        ("lead", inner, people[2], people[3]),
    ):
        other = twin(staff, acme)
        at_once(
            lambda role=role, group=group: map_role(staff, role, group),
            lambda one=one: enter(acme, inner, one),
            lambda other=other, two=two: enter(other, inner, two),
        )
    assert [staff.held(id) for id in people] == [["agent", "lead"]] * 4
