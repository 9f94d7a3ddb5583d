"""Statements that read resources are built once, and run with other values each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from flask_scim.store.sql.statements import Shapes
from tests.client import ScimClient
from tests.host import Host


@contextmanager
def built() -> Iterator[list[str]]:
    """The statements that select something and are built inside, which is what costs."""
    seen: list[str] = []
    select = sa.Select.select_from

    def note(self: Any, *clauses: Any) -> Any:
        seen.append(str(clauses))
        return select(self, *clauses)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sa.Select, "select_from", note)
        yield seen


def person(name: str) -> dict[str, Any]:
    """The rest of somebody of whom each part says the name."""
    emails = [
        {"type": "work", "value": f"{name}@x.org", "primary": True},
        {"type": "other", "value": f"{name}@home.org"},
    ]
    return {"externalId": f"x-{name}", "emails": emails, "nickName": f"{name}y"}


ALIKE: dict[str, Callable[[str], str]] = {
    "userName": lambda name: f'userName eq "{name}"',
    "externalId": lambda name: f'externalId eq "x-{name}"',
    "value path": lambda name: f'emails[type eq "work"].value eq "{name}@x.org"',
    "any e-mail": lambda name: f'emails.value eq "{name}@home.org"',
    "kept": lambda name: f'nickName eq "{name}y"',
    "and": lambda name: f'userName eq "{name}" and externalId eq "x-{name}"',
    "or": lambda name: f'externalId eq "none" or emails.value eq "{name}@x.org"',
    "not": lambda name: f'userName eq "{name}" and not (externalId eq "none")',
}


@pytest.mark.parametrize("way", ALIKE)
def test_look_ups_share_a_statement(scim: ScimClient, way: str) -> None:
    """Who looks for one person after the other runs the same statement with other values."""
    for name in ("ann", "bob", "cleo"):
        scim.create(name, **person(name))
    assert scim.find(ALIKE[way]("ann")) == ["ann"]
    with built() as statements:
        assert scim.find(ALIKE[way]("bob")) == ["bob"]
        assert scim.find(ALIKE[way]("cleo")) == ["cleo"]
        assert scim.find(ALIKE[way]("nobody")) == []
    assert statements == []


def test_what_the_mapping_says_is_no_value(scim: ScimClient) -> None:
    """A type of e-mail decides which column is read, so it is part of the statement."""
    scim.create("ann", **person("ann"))
    for kind, domain in (("work", "x.org"), ("other", "home.org"), ("work", "x.org")):
        other = "home.org" if domain == "x.org" else "x.org"
        assert scim.find(f'emails[type eq "{kind}" and value eq "ann@{domain}"]') == ["ann"]
        assert scim.find(f'emails[type eq "{kind}" and value eq "ann@{other}"]') == []


def test_letters_beyond_ascii(scim: ScimClient) -> None:
    """Text that databases fold in another way has a statement of its own."""
    for name in ("ann", "Änn"):
        scim.create(name)
    for _ in range(2):
        assert scim.find('userName eq "ANN"') == ["ann"]
        assert scim.find('userName eq "änn"') == ["Änn"]


def test_ids_share_a_statement(scim: ScimClient) -> None:
    """Whoever is read by id, the statement is the same, and the page of a list likewise."""
    ids = [scim.create(name)["id"] for name in ("ann", "bob", "cleo")]
    assert scim.get(f"/Users/{ids[0]}").json["userName"] == "ann"
    scim.get("/Users", startIndex=2, count=1)
    with built() as statements:
        assert scim.get(f"/Users/{ids[1]}").json["userName"] == "bob"
        assert scim.get("/Users/99999999").status_code == 404
        page = scim.get("/Users", startIndex=3, count=2).json
    assert [user["userName"] for user in page["Resources"]] == ["cleo"]
    assert statements == []


def test_connections_share_a_statement(host: Host, scim: ScimClient) -> None:
    """The same statement shows each connection its own resources, and nobody else's."""
    other = host.connect("other", tenant="2")
    mine, theirs = scim.create("ann", externalId="x"), other.create("ann", externalId="x")
    group, crew = scim.create_group("Crew", mine["id"]), other.create_group("Crew", theirs["id"])
    for filter in ('userName eq "ann"', 'externalId eq "x"', f'groups.value eq "{group["id"]}"'):
        found = scim.get("/Users", filter=filter).json["Resources"]
        assert [user["id"] for user in found] == [mine["id"]]
        found = other.get("/Users", filter=filter).json["Resources"]
        assert [user["id"] for user in found] == ([] if "groups" in filter else [theirs["id"]])
    assert other.get(f"/Users/{mine['id']}").status_code == 404
    assert other.get(f"/Users/{theirs['id']}").json["groups"][0]["value"] == crew["id"]
    members = other.get(f"/Groups/{crew['id']}").json["members"]
    assert [member["value"] for member in members] == [theirs["id"]]
    assert other.get(f"/Groups/{group['id']}").status_code == 404


def test_host_narrows_what_its_session_reads(host: Host, scim: ScimClient) -> None:
    """What a host adds to all that its session executes holds of our statements too."""
    ids = {name: scim.create(name)["id"] for name in ("ann", "bob")}
    scim.get(f"/Users/{ids['bob']}")

    def hide(state: ORMExecuteState) -> None:
        hidden = with_loader_criteria(host.User, lambda user: user.username != "bob")
        state.statement = state.statement.options(hidden)

    event.listen(Session, "do_orm_execute", hide)
    try:
        assert scim.get(f"/Users/{ids['ann']}").status_code == 200
        assert scim.get(f"/Users/{ids['bob']}").status_code == 404
        assert scim.find('userName eq "bob"') == []
    finally:
        event.remove(Session, "do_orm_execute", hide)
    assert scim.get(f"/Users/{ids['bob']}").status_code == 200


def test_reads_see_what_the_host_has_not_flushed(host: Host, scim: ScimClient) -> None:
    """What a hook of the host has changed before a read is part of it, as ever."""
    id = scim.create("ann")["id"]

    def rename() -> None:
        host.db.session.get(host.User, int(id)).username = "renamed"

    host.app.before_request_funcs.setdefault(None, []).append(rename)
    try:
        assert scim.get(f"/Users/{id}").json["userName"] == "renamed"
    finally:
        host.app.before_request_funcs[None].remove(rename)
    assert scim.get(f"/Users/{id}").json["userName"] == "ann"


def test_shapes_are_bounded() -> None:
    """Whoever asks in ever other ways does not fill the memory."""
    shapes = Shapes(most=3)
    for number in range(10):
        assert shapes.get(number, lambda number=number: number + 1) == number + 1  # type: ignore[misc]
        assert len(shapes) <= 3
    assert shapes.get(9, lambda: 0) == 10


def test_long_filters_are_not_kept(host: Host, scim: ScimClient) -> None:
    """A filter of very many comparisons is built when it is asked, and takes no room after."""
    scim.create("ann")
    scim.find('userName eq "ann"')
    many = " or ".join(f'userName eq "{name}"' for name in ["ann", *range(20)])
    with host.app.app_context():
        layouts = host.app.extensions["scim"].layouts
        (binding,) = (each for kind, each in layouts.own.bindings.items() if kind.name == "User")
        before = len(binding.statements)
        assert scim.find(many) == ["ann"]
        assert len(binding.statements) == before


def test_addresses_that_are_kept(host: Host, scim: ScimClient) -> None:
    """An e-mail address is found in its column and among those that the record keeps."""
    home = {"type": "home", "value": "ann@kept.org"}
    loud = {"type": "WORK", "value": "bob@x.org"}
    ann = scim.create("ann", emails=[{"type": "work", "value": "ann@x.org"}, home])
    scim.create("bob", emails=[loud])
    theirs = host.connect("other", tenant="2")
    theirs.create("ann", emails=[home])
    for filter, found in {
        'emails.value eq "ANN@x.org"': ["ann"],
        'emails.value eq "ann@kept.org"': ["ann"],
        'emails[type eq "home" and value eq "ann@kept.org"]': ["ann"],
        'emails[type eq "work" and value eq "ann@kept.org"]': [],
        'emails[type eq "Work" and value eq "bob@x.org"]': ["bob"],
        'emails[type eq "home" and value eq "bob@x.org"]': [],
        'not (emails.value eq "ann@kept.org")': ["bob"],
        'emails.value eq "bob@x.org" or emails.value eq "ann@kept.org"': ["ann", "bob"],
    }.items():
        assert sorted(scim.find(filter)) == found, filter
    scim.put(f"/Users/{ann['id']}", {**ann, "emails": [{"type": "work", "value": "ann@x.org"}]})
    assert scim.find('emails.value eq "ann@kept.org"') == []


def test_changes_share_their_statements(scim: ScimClient) -> None:
    """Who changes one person after the other, or one member, runs the same statements."""
    ids = [scim.create(name, **person(name))["id"] for name in ("ann", "bob", "cleo")]
    group = f"/Groups/{scim.create_group('Devs')['id']}"

    def change(id: str, name: str) -> None:
        scim.create(f"new {name}", **person(f"new{name}"))
        scim.put(f"/Users/{id}", {"userName": f"{name}2", **person(name)})
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "title", "value": name})
        scim.patch(group, {"op": "add", "path": "members", "value": [{"value": id}]})
        scim.patch(group, {"op": "remove", "path": f'members[value eq "{id}"]'})
        scim.delete(f"/Users/{id}")

    change(ids[0], "ann")
    with built() as statements:
        change(ids[1], "bob")
        change(ids[2], "cleo")
    assert statements == []
