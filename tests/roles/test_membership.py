"""What an app asks of the groups and roles of a user: one statement each, a page at a time."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim.roles.grants import Origin
from tests.client import ScimClient
from tests.roles.staff import Staff, map_role


@pytest.fixture
def ann(acme: ScimClient) -> str:
    """The id of somebody in three groups, in one of them by way of another."""
    id: str = acme.create("ann")["id"]
    inner = acme.create_group("Inner", id, externalId="x-inner")["id"]
    acme.create_group("Outer", inner, externalId="x-outer")
    acme.create_group("Plain", id)
    acme.create_group("Empty", externalId="x-empty")
    return id


def ask(staff: Staff, name: str, id: str, *words: str, **options: Any) -> Any:
    """Ask about a person, and see to it that it takes one statement."""
    with staff.app.app_context():
        person = staff.db.session.get(staff.Person, int(id))
        with staff.statements() as statements:
            found = getattr(staff.scim, name)(person, *words, **options)
        assert len(statements) == 1
        return found


def test_groups_of_a_user(staff: Staff, acme: ScimClient, ann: str) -> None:
    """Direct ones and indirect ones, each once, and no others; in pages."""
    found = ask(staff, "groups_of", ann)
    assert [(each.name, each.external_id, each.is_direct) for each in found] == [
        ("Inner", "x-inner", True),
        ("Outer", "x-outer", False),
        ("Plain", None, True),
    ]
    assert {each.connection_id for each in found} == {"acme"}
    assert [acme.get(f"/Groups/{each.id}").json["displayName"] for each in found] == [
        each.name for each in found
    ]
    paged, after = [], None
    while page := ask(staff, "groups_of", ann, take=1, after=after):
        paged += page
        after = page[-1].id
    assert paged == found
    assert ask(staff, "groups_of", ann, after="team-0") == []
    acme.create_group("Later", ann)
    acme.delete(f"/Groups/{found[0].id}")
    assert [each.name for each in ask(staff, "groups_of", ann)] == ["Plain", "Later"]


def test_which_groups_a_user_is_in(staff: Staff, ann: str) -> None:
    """Groups are named by id, by external id or by name, in the case rules of each."""
    inner, outer, plain = ask(staff, "groups_of", ann)
    for named, expected in [
        ((inner.id,), [inner]),
        (("x-outer", "plain"), [outer, plain]),
        (("X-outer", "Empty", "nonsense", ""), []),
        ((), []),
    ]:
        assert ask(staff, "has_group", ann, *named) == expected
    for by, word in (("id", inner.id), ("external_id", "x-inner"), ("name", "Inner")):
        assert ask(staff, "has_group", ann, word, by=by) == [inner]
        for other in {"id", "external_id", "name"} - {by}:
            assert ask(staff, "has_group", ann, word, by=other) == []


def test_groups_of_others_are_out_of_reach(staff: Staff, acme: ScimClient, ann: str) -> None:
    """Neither another customer's group nor the app's own counts, even if the pair is there."""
    globex = staff.connect("globex", "globex")
    foreign = globex.create_group("Foreign", externalId="x-foreign")["id"]
    with staff.app.app_context():
        own = staff.Team(firm="acme", name="By hand")
        theirs = staff.db.session.query(staff.Team).filter_by(public_id=foreign).one()
        for team in (own, theirs):
            staff.db.session.add(team)
            team.people.append(staff.db.session.get(staff.Person, int(ann)))
        staff.db.session.commit()
    assert [each.name for each in ask(staff, "groups_of", ann)] == ["Inner", "Outer", "Plain"]
    assert ask(staff, "has_group", ann, foreign, "Foreign", "x-foreign", "By hand") == []
    nobody = staff.add("nobody")
    assert ask(staff, "groups_of", str(nobody)) == []
    acme.delete(f"/Users/{ann}")
    assert ask(staff, "groups_of", ann) == []


def test_roles_of_a_user(staff: Staff, acme: ScimClient, ann: str) -> None:
    """Each role with who gave it and by which groups; in pages."""
    inner, outer, _ = ask(staff, "groups_of", ann)
    staff.change(ann, lambda person: person.roles.extend([staff.role("lead"), staff.role("owner")]))
    for group, role in ((inner, "agent"), (outer, "agent"), (inner, "lead")):
        map_role(staff, role, group.id)
    found = ask(staff, "roles_of", ann)
    assert [(each.role, each.display, each.origins, each.groups) for each in found] == [
        ("agent", "Agent", {Origin.SCIM}, {inner.id, outer.id}),
        ("lead", "Lead", {Origin.SCIM, Origin.MANUAL}, {inner.id}),
        ("owner", "Owner", {Origin.MANUAL}, set()),
    ]
    assert [each.connections for each in found] == [{"acme"}, {"acme"}, set()]
    assert ask(staff, "roles_of", ann, take=1) == found[:1]
    assert ask(staff, "roles_of", ann, take=1, after="agent") == found[1:2]
    assert ask(staff, "roles_of", ann, after="owner") == []
