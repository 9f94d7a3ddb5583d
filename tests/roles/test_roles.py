"""Groups that stand for roles: who gains one, who loses one, and who keeps what they had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import ConfigurationError
from flask_scim.protocol.errors import Forbidden, InvalidValue
from flask_scim.roles.grants import Origin
from tests.client import GROUP, ScimClient
from tests.roles.staff import (
    Grade,
    Staff,
    enter,
    leave,
    map_role,
    unmap_role,
)

Make = Callable[..., Staff]


def test_who_is_in_has_the_role(staff: Staff, acme: ScimClient) -> None:
    """Who is in as it is mapped, and who comes later, has the role until they go."""
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    group = acme.create_group("Support", ann)["id"]
    with staff.told() as told:
        preview = map_role(staff, "agent", group)
    assert (preview.gained, preview.lost) == (1, 0)
    assert [(each.user_id, each.name, each.role) for each in preview.gains] == [
        (ann, "ann", "agent")
    ]
    assert told == [("role_granted", "ann", ["agent"])]
    assert (staff.held(ann), staff.held(bob)) == (["agent"], [])
    with staff.told() as told:
        enter(acme, group, bob)
        enter(acme, group, bob)
    assert told == [("role_granted", "bob", ["agent"])]
    assert staff.held(bob) == ["agent"]
    with staff.told() as told:
        assert leave(acme, group, ann).status_code == 200
    assert told == [("role_revoked", "ann", ["agent"])]
    assert (staff.held(ann), staff.held(bob)) == ([], ["agent"])
    with staff.told() as told:
        preview = unmap_role(staff, "agent", group)
    assert (preview.gained, preview.lost) == (0, 1)
    assert told == [("role_revoked", "bob", ["agent"])]
    assert (staff.held(bob), staff.notes()) == ([], [])


def test_what_the_app_has_given_stays(staff: Staff, acme: ScimClient) -> None:
    """A role that somebody had before stays when the group goes, and others stay untouched."""
    ann = acme.create("ann")["id"]
    staff.change(
        ann, lambda person: person.roles.extend([staff.role("agent"), staff.role("owner")])
    )
    group = acme.create_group("Support", ann)["id"]
    with staff.told() as told:
        map_role(staff, "agent", group)
    assert told == []
    assert staff.notes() == [(int(ann), "agent", "manual"), (int(ann), "agent", "scim")]
    assert acme.delete(f"/Groups/{group}").status_code == 204
    assert (staff.held(ann), staff.notes()) == (["agent", "owner"], [])


def test_what_the_app_has_taken_back_is_not_kept(staff: Staff, acme: ScimClient) -> None:
    """A role of the app's own that it takes back goes with the group, as nobody gives it then."""
    ann = acme.create("ann")["id"]
    staff.change(ann, lambda person: person.roles.append(staff.role("agent")))
    group, other = (acme.create_group(name, ann)["id"] for name in ("Support", "Night"))
    map_role(staff, "agent", group)
    staff.change(ann, lambda person: person.roles.clear())
    map_role(staff, "agent", other)
    assert staff.held(ann) == ["agent"]
    assert staff.notes() == [(int(ann), "agent", "scim")] * 2
    assert acme.delete(f"/Groups/{group}").status_code == 204
    assert staff.held(ann) == ["agent"]
    assert acme.delete(f"/Groups/{other}").status_code == 204
    assert (staff.held(ann), staff.notes()) == ([], [])


def test_two_groups_and_two_roles(staff: Staff, acme: ScimClient) -> None:
    """Several groups stand for a role, and a group for several; the last one counts."""
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    first, second = (acme.create_group(name, ann, bob)["id"] for name in ("a", "b"))
    for group, role in ((first, "agent"), (first, "lead"), (second, "agent")):
        map_role(staff, role, group)
    assert staff.held(ann) == ["agent", "lead"]
    with staff.told() as told:
        body = {"schemas": [GROUP], "displayName": "a", "members": [{"value": bob}]}
        assert acme.put(f"/Groups/{first}", body).status_code == 200
    assert told == [("role_revoked", "ann", ["lead"])]
    assert (staff.held(ann), staff.held(bob)) == (["agent"], ["agent", "lead"])
    leave(acme, second, ann, bob)
    assert (staff.held(ann), staff.held(bob)) == ([], ["agent", "lead"])


def test_groups_in_groups(staff: Staff, acme: ScimClient) -> None:
    """Who is in a group within the group has its roles too, as long as the way leads there."""
    ann, bob, cho = (acme.create(name)["id"] for name in ("ann", "bob", "cho"))
    inner = acme.create_group("inner", ann)["id"]
    middle = acme.create_group("middle", inner, bob)["id"]
    outer = acme.create_group("outer", middle, bob)["id"]
    map_role(staff, "agent", outer)
    assert [staff.held(id) for id in (ann, bob, cho)] == [["agent"], ["agent"], []]
    enter(acme, inner, cho)
    assert staff.held(cho) == ["agent"]
    leave(acme, inner, ann)
    assert staff.held(ann) == []
    enter(acme, inner, ann)
    leave(acme, outer, middle)
    assert [staff.held(id) for id in (ann, bob, cho)] == [[], ["agent"], []]
    enter(acme, outer, middle)
    assert [staff.held(id) for id in (ann, bob, cho)] == [["agent"]] * 3
    assert acme.delete(f"/Groups/{inner}").status_code == 204
    assert [staff.held(id) for id in (ann, bob, cho)] == [[], ["agent"], []]
    assert acme.delete(f"/Groups/{middle}").status_code == 204
    assert acme.delete(f"/Groups/{outer}").status_code == 204
    assert ([staff.held(id) for id in (ann, bob, cho)], staff.notes()) == ([[], [], []], [])


def test_a_group_that_comes_back_stands_for_nothing(staff: Staff, acme: ScimClient) -> None:
    """Deletion ends what a group stands for, whoever has its name or its row next."""
    ann = acme.create("ann")["id"]
    group = acme.create_group("Support", ann)
    map_role(staff, "agent", group["id"])
    acme.delete(f"/Groups/{group['id']}")
    again = acme.create_group("Support", ann)
    assert again["id"] == group["id"]
    assert staff.held(ann) == []
    assert staff.roles is not None
    with staff.app.app_context():
        assert staff.roles.groups("acme") == ([], [])


def test_who_is_deactivated_and_who_is_deleted(staff: Staff, acme: ScimClient) -> None:
    """Deactivation leaves roles as they are; deletion takes those that SCIM has given."""
    ann = acme.create("ann")["id"]
    staff.change(ann, lambda person: person.roles.append(staff.role("lead")))
    group = acme.create_group("Support", ann)["id"]
    map_role(staff, "agent", group)
    acme.patch(f"/Users/{ann}", {"op": "replace", "path": "active", "value": False})
    assert staff.held(ann) == ["agent", "lead"]
    with staff.told() as told:
        assert acme.delete(f"/Users/{ann}").status_code == 204
    assert told == [("role_revoked", "ann", ["agent"])]
    assert (staff.held(ann), staff.notes()) == (["lead"], [])
    again = acme.create("ann")
    assert (again["id"], staff.held(ann)) == (ann, ["lead"])


def test_a_name_gives_nothing(staff: Staff, acme: ScimClient) -> None:
    """A pushed group with the name of a privileged one of the app's is another group."""
    boss = staff.add("boss", "admin")
    with staff.app.app_context():
        team = staff.Team(firm="acme", name="Administrators")
        team.people = [staff.db.session.get(staff.Person, boss)]
        staff.db.session.add(team)
        staff.db.session.commit()
        own = team.public_id
    ann = acme.create("ann")["id"]
    pushed = acme.create_group("Others", ann)["id"]
    map_role(staff, "agent", pushed)
    body = {"schemas": [GROUP], "displayName": "Administrators", "members": [{"value": ann}]}
    name = {"op": "replace", "path": "displayName", "value": "administrators"}
    for refused in (acme.post("/Groups", body), acme.patch(f"/Groups/{pushed}", name)):
        assert (refused.status_code, refused.json["scimType"]) == (409, "uniqueness")
    for named in (own, "Administrators"):
        with pytest.raises(ValueError, match="There is no group"):
            map_role(staff, "agent", named)
    # What a group stands for is not what it is called: another that gets its name gets no more.
    acme.patch(f"/Groups/{pushed}", name | {"value": "Renamed"})
    bob = acme.create("bob")["id"]
    acme.create_group("Others", bob)
    assert [staff.held(id) for id in (ann, bob, boss)] == [["agent"], [], ["admin"]]


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("nonsense", "This application has no role 'nonsense'."),
        ("Agent", "This application has no role 'Agent'."),
        ("", "A role has 1 to 255 characters."),
        ("owner", "The role 'owner' is not for identity providers to give"),
        ("theirs", "This application has no role 'theirs'."),
    ],
)
def test_roles_that_cannot_be_mapped(staff: Staff, acme: ScimClient, role: str, words: str) -> None:
    """A role that the app does not have, or not for this customer, or not for this, is refused."""
    with staff.app.app_context():
        staff.db.session.add(staff.Role(slug="theirs", firm="globex"))
        staff.db.session.commit()
    group = acme.create_group("g", acme.create("ann")["id"])["id"]
    with pytest.raises(ValueError, match=words):
        map_role(staff, role, group)
    assert staff.notes() == []


def test_groups_that_cannot_be_mapped(staff: Staff, acme: ScimClient) -> None:
    """A group of another connection, or a deleted one, is refused as one that does not exist."""
    own = acme.create_group("g", externalId="g-1")["id"]
    acme.delete(f"/Groups/{acme.create_group('gone')['id']}")
    foreign = staff.connect("globex", "globex").create_group("g", externalId="g-2")["id"]
    sibling = staff.connect("second", "acme").create_group("h", externalId="g-3")["id"]
    said = set()
    for named in (foreign, sibling, "team-0", "g"):
        with pytest.raises(ValueError, match="There is no group") as refused:
            map_role(staff, "agent", named)
        said.add(str(refused.value).replace(repr(named), "…"))
    for external in ("g-2", "G-1", "g-9"):
        with pytest.raises(ValueError, match="There is no group") as refused:
            map_role(staff, "agent", None, external_id=external)
        said.add(str(refused.value).replace(repr(external), "…"))
    assert said == {"There is no group … in 'acme'."}
    for both in ({}, {"group": own, "external_id": "g-1"}):
        with pytest.raises(ValueError, match="one of the two"):
            map_role(staff, "agent", both.get("group"), external_id=both.get("external_id"))
    with pytest.raises(ValueError, match="There is no connection 'none'"):
        map_role(staff, "agent", own, "none")
    with pytest.raises(ValueError, match="The group does not stand for 'agent'"):
        unmap_role(staff, "agent", own)
    acme.create_group("twin", externalId="g-1")
    with pytest.raises(ValueError, match="There are 2 groups with the externalId 'g-1'"):
        map_role(staff, "agent", None, external_id="g-1")


def test_mapped_twice(staff: Staff, acme: ScimClient) -> None:
    """The same again changes nothing, but for another precedence."""
    ann = acme.create("ann")["id"]
    group = acme.create_group("g", ann, externalId="g-1")["id"]
    map_role(staff, "agent", group)
    notes = staff.notes()
    with staff.told() as told:
        again = map_role(staff, "agent", None, external_id="g-1", precedence=5)
    assert ((again.gained, again.lost), told, staff.notes()) == ((0, 0), [], notes)
    assert staff.roles is not None
    with staff.app.app_context():
        (only,), _ = staff.roles.groups("acme", group)
    assert (only.group_id, only.external_id, only.name) == (group, "g-1", "g")
    assert (only.role, only.precedence) == ("agent", 5)
    for wrong in (-1, 10_001, True):
        with pytest.raises(ValueError, match="precedence must be"):
            map_role(staff, "agent", group, precedence=wrong)


def test_limits(make_staff: Make) -> None:
    """A group stands for so many roles, and those of a connection together for so many."""
    staff = make_staff(
        lambda s: s.scim.roles(s.Person.roles, key=s.Role.slug),
        SCIM_MAX_ROLES_PER_GROUP=2,
        SCIM_MAX_MAPPED_ROLES=3,
    )
    acme = staff.connect()
    first, second = (acme.create_group(name)["id"] for name in ("a", "b"))
    map_role(staff, "agent", first)
    map_role(staff, "lead", first)
    with pytest.raises(ValueError, match="A group may stand for 2 roles at the most"):
        map_role(staff, "admin", first)
    map_role(staff, "lead", first, precedence=1)
    map_role(staff, "admin", second)
    with pytest.raises(ValueError, match="may stand for 3 roles at the most"):
        map_role(staff, "owner", second)
    map_role(staff, "agent", second)


def test_a_preview_changes_nothing(staff: Staff, acme: ScimClient) -> None:
    """With dry_run, what would happen is told, and nothing does."""
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    group = acme.create_group("g", ann, bob)["id"]
    with staff.told() as told:
        preview = map_role(staff, "agent", group, dry_run=True)
    assert (preview.gained, preview.lost, told) == (2, 0, [])
    assert [each.name for each in preview.gains] == ["ann", "bob"]
    assert (staff.held(ann), staff.notes()) == ([], [])
    map_role(staff, "agent", group)
    preview = unmap_role(staff, "agent", group, dry_run=True)
    assert [each.name for each in preview.losses] == ["ann", "bob"]
    assert (staff.held(ann), len(staff.notes())) == (["agent"], 2)


def test_sync_puts_right(staff: Staff, acme: ScimClient) -> None:
    """What the app has changed past SCIM is put right, and shown beforehand."""
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    group = acme.create_group("g", ann)["id"]
    map_role(staff, "agent", group)
    staff.change(ann, lambda person: person.roles.clear())
    with staff.app.app_context():
        team = staff.db.session.query(staff.Team).filter_by(public_id=group).one()
        team.people.append(staff.db.session.get(staff.Person, int(bob)))
        staff.db.session.commit()
    assert (staff.held(ann), staff.held(bob)) == ([], [])
    assert staff.roles is not None
    for dry_run in (True, False, False):
        with staff.app.app_context():
            preview = staff.roles.sync("acme", dry_run=dry_run)
        if dry_run:
            assert [each.name for each in preview.gains] == ["ann", "bob"]
            assert staff.held(ann) == []
    assert (preview.gained, preview.lost) == (0, 0)
    assert (staff.held(ann), staff.held(bob)) == (["agent"], ["agent"])
    with staff.app.app_context():
        staff.db.session.execute(staff.in_team.delete())
        staff.db.session.commit()
        preview = staff.roles.sync("acme")
    assert (preview.gained, preview.lost) == (0, 2)
    assert (staff.held(ann), staff.notes()) == ([], [])


def test_the_end_of_a_connection_takes_no_roles(staff: Staff, acme: ScimClient) -> None:
    """Who has a role keeps it, and it is the app's from then on."""
    ann = acme.create("ann")["id"]
    map_role(staff, "agent", acme.create_group("g", ann)["id"])
    with staff.app.app_context():
        staff.scim.connections.remove("acme")
    assert (staff.held(ann), staff.notes()) == (["agent"], [])


# Administrators


def test_the_last_administrator_stays(staff: Staff, acme: ScimClient) -> None:
    """What would leave a customer without an administrator is refused, and nothing is done."""
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    group = acme.create_group("Admins", ann, bob)["id"]
    staff.add("theirs", "admin", firm="globex")
    staff.add("asleep", "admin", is_active=False)
    map_role(staff, "admin", group)
    assert leave(acme, group, bob).status_code == 200
    before, notes = acme.get(f"/Groups/{group}").json, staff.notes()
    empty = {"schemas": [GROUP], "displayName": "Renamed", "members": []}
    for refused in (
        leave(acme, group, ann),
        acme.put(f"/Groups/{group}", empty),
        acme.delete(f"/Groups/{group}"),
    ):
        assert refused.status_code == 403
        assert refused.json["detail"] == (
            "This would leave the customer without anybody active with the role 'admin'. "
            "Give the role to somebody else first."
        )
    out = {"op": "replace", "path": "active", "value": False}
    for refused in (acme.patch(f"/Users/{ann}", out), acme.delete(f"/Users/{ann}")):
        assert refused.status_code == 403
        assert "is the last administrator" in refused.json["detail"]
    for dry_run in (True, False):
        with pytest.raises(Forbidden, match="without anybody active"):
            unmap_role(staff, "admin", group, dry_run=dry_run)
    assert acme.get(f"/Groups/{group}").json == before
    assert (staff.held(ann), staff.notes()) == (["admin"], notes)
    other = acme.create_group("More admins", bob)["id"]
    map_role(staff, "admin", other)
    assert leave(acme, group, ann).status_code == 200
    assert (staff.held(ann), staff.held(bob)) == ([], ["admin"])


def test_who_is_the_last_administrator(staff: Staff, acme: ScimClient) -> None:
    """The app, and what ends access, can ask beforehand."""
    ann, boss = acme.create("ann")["id"], staff.add("boss", "admin")
    assert staff.roles is not None
    with staff.app.app_context():
        connection = staff.scim.connections.get("acme")
        people = [staff.db.session.get(staff.Person, int(id)) for id in (ann, boss)]
        assert [staff.roles.is_last_admin(each, connection) for each in people] == [False, True]
        people[0].roles.append(staff.role("admin"))
        staff.db.session.commit()
        assert [staff.roles.is_last_admin(each, connection) for each in people] == [False, False]
        for each in people:
            each.is_active = False
        with pytest.raises(Forbidden):
            staff.roles.check_admins(connection)


def test_an_app_says_itself_who_is_an_administrator(make_staff: Make) -> None:
    """A select of the app's is asked as things stand after the change."""
    staff = make_staff(lambda s: s.scim.roles(s.Person.roles, key=s.Role.slug))

    @staff.scim.admins
    def find_admins(connection: Any) -> Any:
        leads = staff.Person.roles.any(slug="lead")
        own = staff.Person.firm == connection.tenant
        return sa.select(staff.Person).where(own, leads, staff.Person.is_active)

    acme = staff.connect()
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    group = acme.create_group("Leads", ann, bob)["id"]
    map_role(staff, "lead", group)
    assert leave(acme, group, ann).status_code == 200
    assert leave(acme, group, bob).status_code == 403
    assert staff.held(bob) == ["lead"]


# Where roles sit


def listed(staff: Staff, id: str) -> Any:
    return (staff.value(id, "profile") or {}).get("access", {}).get("roles")


def test_a_list_in_json(make_staff: Make) -> None:
    """Roles are names in a list, among whatever else is kept beside it."""
    staff = make_staff(lambda s: s.scim.roles("profile.access.roles", admin="admin"))
    acme = staff.connect()
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    kept = {"shoe": 42, "access": {"since": 2020, "roles": ["lead"]}}
    staff.change(ann, lambda person: setattr(person, "profile", kept))
    group = acme.create_group("g", ann, bob)["id"]
    for role in ("agent", "lead", "admin"):
        map_role(staff, role, group)
    assert staff.value(ann, "profile") == {
        "shoe": 42,
        "access": {"since": 2020, "roles": ["lead", "agent", "admin"]},
    }
    assert sorted(listed(staff, bob)) == ["admin", "agent", "lead"]
    leave(acme, group, ann)
    assert staff.value(ann, "profile") == kept
    assert leave(acme, group, bob).status_code == 403
    assert sorted(listed(staff, bob)) == ["admin", "agent", "lead"]


def test_one_role_among_choices(make_staff: Make) -> None:
    """Where somebody has one role, the lowest precedence decides, and the earlier comes back."""
    staff = make_staff(lambda s: s.scim.roles(s.Person.grade, never={"owner"}))
    acme = staff.connect()
    ann = acme.create("ann")["id"]
    agents, leads = (acme.create_group(name, ann)["id"] for name in ("agents", "leads"))
    with staff.told() as told:
        map_role(staff, "agent", agents, precedence=20)
        map_role(staff, "lead", leads, precedence=10)
    assert told == [
        ("role_revoked", "ann", ["member"]),
        ("role_granted", "ann", ["agent"]),
        ("role_revoked", "ann", ["agent"]),
        ("role_granted", "ann", ["lead"]),
    ]
    assert staff.value(ann, "grade") is Grade.LEAD
    map_role(staff, "agent", agents, precedence=1)
    assert staff.value(ann, "grade") is Grade.AGENT
    leave(acme, agents, ann)
    assert staff.value(ann, "grade") is Grade.LEAD
    leave(acme, leads, ann)
    assert (staff.value(ann, "grade"), staff.notes()) == (Grade.MEMBER, [])
    with pytest.raises(ValueError, match="no role 'nonsense'"):
        map_role(staff, "nonsense", agents)


def test_one_role_that_the_app_changes_meanwhile(make_staff: Make) -> None:
    """The newest choice of the app is what comes back, and one above all others stays."""
    staff = make_staff(lambda s: s.scim.roles(s.Person.grade, never={"owner"}))
    acme = staff.connect()
    ann, boss = acme.create("ann")["id"], acme.create("boss")["id"]
    staff.change(boss, lambda person: setattr(person, "grade", Grade.OWNER))
    group = acme.create_group("agents", ann, boss)["id"]
    map_role(staff, "agent", group)
    assert staff.value(boss, "grade") is Grade.OWNER
    staff.change(ann, lambda person: setattr(person, "grade", Grade.LEAD))
    leave(acme, group, ann, boss)
    assert (staff.value(ann, "grade"), staff.value(boss, "grade")) == (Grade.LEAD, Grade.OWNER)
    assert staff.notes() == []


def test_one_role_as_text_or_none(make_staff: Make) -> None:
    """A column of text takes any role that is allowed, and is empty again afterwards."""
    staff = make_staff(lambda s: s.scim.roles(s.Person.level, allowed={"agent", "lead"}))
    acme = staff.connect()
    ann = acme.create("ann")["id"]
    group = acme.create_group("g", ann)["id"]
    with pytest.raises(ValueError, match="not for identity providers to give"):
        map_role(staff, "chief", group)
    map_role(staff, "agent", group)
    assert staff.value(ann, "level") == "agent"
    leave(acme, group, ann)
    assert staff.value(ann, "level") is None


# Who else gives roles


def test_a_sign_in_gives_roles(staff: Staff, acme: ScimClient) -> None:
    """What a sign-in gives and what a group gives are apart; one goes and the other stays."""
    ann = acme.create("ann")["id"]
    group = acme.create_group("g", ann)["id"]
    map_role(staff, "agent", group)
    assert staff.roles is not None

    def at_login(*roles: str) -> list[str]:
        assert staff.roles is not None
        with staff.app.app_context():
            connection = staff.scim.connections.get("acme")
            person = staff.db.session.get(staff.Person, int(ann))
            gone = staff.roles.withdraw(person, None, Origin.LOGIN, connection)
            events = staff.roles.grant(person, roles, Origin.LOGIN, connection)
            staff.db.session.commit()
            return [f"{event.kind} {event.details['roles']}" for event in (*gone, *events)]

    assert at_login("agent", "lead") == ["role_granted ['lead']"]
    leave(acme, group, ann)
    assert staff.held(ann) == ["agent", "lead"]
    assert at_login() == ["role_revoked ['agent', 'lead']"]
    assert staff.notes() == []
    with staff.app.app_context():
        connection = staff.scim.connections.get("acme")
        person = staff.db.session.get(staff.Person, int(ann))
        for role, error in (("owner", Forbidden), ("nonsense", InvalidValue)):
            with pytest.raises(error):
                staff.roles.grant(person, [role], Origin.LOGIN, connection)


def test_the_app_gives_roles(staff: Staff, acme: ScimClient) -> None:
    """By the same functions the app gives and takes what is its own."""
    ann = acme.create("ann")["id"]
    group = acme.create_group("g", ann)["id"]
    map_role(staff, "agent", group)

    def own(name: str, *roles: str) -> None:
        with staff.app.app_context():
            person = staff.db.session.get(staff.Person, int(ann))
            getattr(staff.roles, name)(person, roles)
            staff.db.session.commit()

    own("grant", "agent", "owner")
    assert staff.held(ann) == ["agent", "owner"]
    own("withdraw", "owner")
    leave(acme, group, ann)
    assert staff.held(ann) == ["agent"]
    own("withdraw", "agent")
    assert (staff.held(ann), staff.notes()) == ([], [])


# Declarations


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda s: s.scim.roles(s.Person.roles), "say which of its columns names one"),
        (lambda s: s.scim.roles(s.Person.roles, key="nonsense"), "is no column of Role"),
        (lambda s: s.scim.roles("nonsense"), "has no column and no many-to-many relationship"),
        (lambda s: s.scim.roles(s.Person.is_active), "cannot hold names"),
        (lambda s: s.scim.roles(s.Person.level, key=s.Role.slug), "is no many-to-many"),
        (lambda s: s.scim.roles(s.Role.slug), "is not an attribute of Person"),
        (lambda s: s.scim.roles(s.Person.level, never="owner"), "are sets of roles"),
    ],
)
def test_mistakes_in_a_declaration(declare: Any, words: str) -> None:
    """What cannot be used is refused where it is declared, and the message names the repair."""
    with pytest.raises(ConfigurationError, match=words):
        Staff("sqlite://").declare(declare)


def test_roles_are_declared_once_and_last() -> None:
    """Users and groups come first, and there is one place for roles."""
    staff = Staff("sqlite://")
    with pytest.raises(ConfigurationError, match="Declare the users first"):
        staff.scim.roles(staff.Person.level)
    staff.scim.users(staff.Person, {"userName": staff.Person.username})
    staff.scim.roles(staff.Person.level)
    with pytest.raises(ConfigurationError, match="declared already"):
        staff.scim.roles(staff.Person.level)
    with pytest.raises(ConfigurationError, match="Declare the groups before the roles"):
        staff.scim.groups(staff.Team, {"displayName": staff.Team.name})
