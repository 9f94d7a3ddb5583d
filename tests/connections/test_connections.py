"""Connections from the first to the last day, and what they leave behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim.connections.connections import Connections
from flask_scim.provisioning.ports import State
from tests.client import ScimClient
from tests.host import Host
from tests.marks import refused_early
from tests.web.answers import refusal


@pytest.fixture
def connections(host: Host) -> Iterator[Connections]:
    """The connections of an app, of which there are none yet."""
    with host.app.app_context():
        yield host.scim.connections


# Adding and reading.


@pytest.mark.parametrize("id", ["a", "acme.eu_2-x", "A" * 64, "7"])
def test_id(connections: Connections, id: str) -> None:
    """An id may have what a path segment may have."""
    added = connections.add(id, tenant="1")
    assert added.id == id
    assert connections.list() == [added]
    assert connections.get(id) == added


@refused_early
@pytest.mark.parametrize(
    "id",
    ["", "a" * 65, "a b", "a/b", ".", "-a", "..", "é", "a\n", "a?", "a%20", "\0", "\ud800", "a\0"],
)
def test_impossible_id(connections: Connections, id: str) -> None:
    """An id that could not stand in a path is refused, and no such connection is found."""
    with pytest.raises(ValueError, match="cannot be the name"):
        connections.add(id, tenant="1")
    assert connections.list() == []
    assert connections.get(id) is None
    for change in (connections.edit, connections.pause, connections.remove):
        with pytest.raises(ValueError, match="no connection"):
            change(id)


def test_taken_id(connections: Connections) -> None:
    """An id is given once, and the first connection stays as it is."""
    first = connections.add("acme", idp="okta", tenant="1")
    with pytest.raises(ValueError, match="'acme' already"):
        connections.add("acme", idp="entra", tenant="1")
    assert connections.get("acme") == first


def test_unknown_provider(connections: Connections) -> None:
    """A provider that is not known is refused with those that are."""
    with pytest.raises(ValueError, match=r"entra.*okta"):
        connections.add("acme", idp="nonsense", tenant="1")
    connections.add("acme", tenant="1")
    for idp in ("nonsense", ""):
        with pytest.raises(ValueError, match=r"entra.*okta"):
            connections.edit("acme", idp=idp)


def test_only_the_exact_id(connections: Connections) -> None:
    """A connection is found by its exact id."""
    connections.add("acme", tenant="1")
    for id in ("ACME", "acm", "", "acme "):
        assert connections.get(id) is None
        with pytest.raises(ValueError, match="no connection"):
            connections.edit(id, name="other")


def test_list(connections: Connections) -> None:
    """All connections are listed by id, with what is known of them."""
    for id in ("b", "c", "a"):
        connections.add(id, tenant="1", domains=[f"{id}.example"])
    assert [(each.id, each.domains) for each in connections.list()] == [
        (id, (f"{id}.example",)) for id in "abc"
    ]


# Names and domains.


@pytest.mark.parametrize(
    ("name", "kept"),
    [(None, None), ("", None), ("  ", None), (" Acme, Inc. ", "Acme, Inc."),
     ("Müller 株式", "Müller 株式"), ("x" * 255, "x" * 255)],
)  # fmt: skip
def test_name(connections: Connections, name: str | None, kept: str | None) -> None:
    """A name is what people call it; without one it goes by its id."""
    assert connections.add("acme", tenant="1", name=name).name == kept
    found = connections.get("acme")
    assert found is not None
    assert found.name == kept


@pytest.mark.parametrize("name", ["x" * 256, "a\nb", "\0", "a\x1b[31m", "\ud800", "a\u202eb"])
def test_impossible_name(connections: Connections, name: str) -> None:
    """A name is one line that a terminal and a page can show."""
    with pytest.raises(ValueError, match="name of a connection"):
        connections.add("acme", tenant="1", name=name)
    kept = connections.add("acme", tenant="1", name="kept")
    with pytest.raises(ValueError, match="name of a connection"):
        connections.edit("acme", name=name)
    assert connections.get("acme") == kept


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ([], ()),
        (["example.com"], ("example.com",)),
        ([" EXAMPLE.com. ", "example.com", "b.example"], ("example.com", "b.example")),
        (["Bücher.example", "xn--bcher-kva.example"], ("xn--bcher-kva.example",)),
        (["XN--BCHER-KVA.example"], ("xn--bcher-kva.example",)),
        (["a-b.c--d.example.co.uk"], ("a-b.c--d.example.co.uk",)),
        (["例え。テスト"], ("xn--r8jz45g.xn--zckzah",)),
        (["ｅｘａｍｐｌｅ．com"], ("example.com",)),
        ({"b.example": 1, "a.example": 2}.keys(), ("b.example", "a.example")),
    ],
)
def test_domains(connections: Connections, asked: Any, kept: tuple[str, ...]) -> None:
    """Domains are kept in the form in which they compare, each once, in their order."""
    assert connections.add("acme", tenant="1", domains=asked).domains == kept
    found = connections.get("acme")
    assert found is not None
    assert found.domains == kept


@refused_early
@pytest.mark.parametrize(
    "domain",
    ["", ".", "com", "example", "a..b.example", "example.com..", ".example.com", "*.example.com",
     "ann@example.com", "https://example.com", "example.com/x", "exa mple.com", "-a.example",
     "a-.example", "example.c", "127.0.0.10", "example.123", "example.-com", "a_b.example",
     "\0.com", "example.com\n.x", "a" * 64 + ".example", "a." * 130 + "example", "é" * 10_000,
     "\ud800.example", "straße.example", "xn--.", "\u200d.example"],
)  # fmt: skip
def test_impossible_domain(connections: Connections, domain: str) -> None:
    """What is no domain is refused, and so is what encodings do not agree on."""
    with pytest.raises(ValueError, match=r"is no domain; write it as in example\.com"):
        connections.add("acme", tenant="1", domains=["fine.example", domain])
    kept = connections.add("acme", tenant="1", domains=["fine.example"])
    with pytest.raises(ValueError, match="is no domain"):
        connections.edit("acme", domains=[domain])
    assert connections.get("acme") == kept


# Changing.


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"idp": "entra"}, {"idp": "entra"}),
        ({"strict": False}, {"strict": False}),
        ({"name": "Other"}, {"name": "Other"}),
        ({"name": ""}, {"name": None}),
        ({"domains": ["B.example"]}, {"domains": ("b.example",)}),
        ({"domains": []}, {"domains": ()}),
        ({"idp": "okta", "strict": False, "name": "N", "domains": []},
         {"idp": "okta", "strict": False, "name": "N", "domains": ()}),
    ],
)  # fmt: skip
def test_edit(connections: Connections, change: dict[str, Any], expected: dict[str, Any]) -> None:
    """What is named changes, and everything else stays."""
    before = connections.add("acme", tenant="1", strict=True, name="Acme", domains=["a.example"])
    beside = connections.add("beside", tenant="1", name="Acme")
    assert before.updated is None
    after = connections.edit("acme", **change)
    wanted = {name: getattr(before, name) for name in before.__slots__} | expected
    assert {name: getattr(after, name) for name in after.__slots__ if name != "updated"} == {
        name: value for name, value in wanted.items() if name != "updated"
    }
    assert after.updated is not None
    assert after.updated >= after.created
    assert connections.list() == [after, beside]


def test_edit_while_somebody_pauses(host: Host, build: Callable[..., Host]) -> None:
    """Changes of different things that meet are both kept."""
    hosts = [host, build()]
    with host.app.app_context():
        host.scim.connections.add("acme", tenant="1")
    for _ in range(5):
        start = threading.Barrier(2)

        def edit(start: threading.Barrier = start) -> None:
            with hosts[0].app.app_context():
                found = hosts[0].scim.connections
                start.wait()
                found.edit("acme", name="Acme")

        def pause(start: threading.Barrier = start) -> None:
            with hosts[1].app.app_context():
                found = hosts[1].scim.connections
                start.wait()
                found.pause("acme")

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(edit), pool.submit(pause)]:
                done.result()
        with host.app.app_context():
            connections = host.scim.connections
            found = connections.get("acme")
            assert found is not None
            assert (found.name, found.state) == ("Acme", State.PAUSED)
            connections.resume("acme")
            connections.edit("acme", name="")


def test_edit_writes_what_it_names(host: Host, connections: Connections) -> None:
    """An edit does not write what it does not change, which somebody else may have changed."""
    connections.add("acme", tenant="1")
    with host.statements() as statements:
        connections.edit("acme", name="Acme")
    update = [each for each in statements if each.startswith("UPDATE")][-1]
    assert "name" in update
    assert not any(word in update for word in ("state", "domains", "strict", "idp", "tenant"))


# Removing.


def rows(host: Host) -> dict[str, int]:
    """How many rows each table has."""
    with host.app.app_context(), host.db.engine.connect() as connection:
        return {
            name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in host.db.metadata.tables.items()
        }


def test_remove(host: Host, scim: ScimClient) -> None:
    """With a connection go its tokens and SCIM's records; the app's rows stay, and other ones."""
    beside = host.connect("beside", tenant="1")
    ann = scim.create("ann", externalId="a", nickName="kept by us")["id"]
    scim.create_group("ops", ann)
    bob = beside.create("bob")["id"]
    beside.create_group("dev", bob)
    kept = beside.get(f"/Users/{bob}").json
    before = rows(host)
    with host.app.app_context():
        host.scim.connections.remove("acme")
        assert [each.id for each in host.scim.connections.list()] == ["beside"]
        with pytest.raises(ValueError, match="no connection 'acme'"):
            host.scim.connections.remove("acme")
        user = host.db.session.get(host.User, int(ann))
        assert (user.username, user.blocked) == ("ann", False)
    gone = {"scim_connection": 1, "scim_token": 1, "scim_user": 1, "scim_group": 1}
    # Its log goes too; that it went is an event, which outlives it.
    gone |= {"scim_own_request": 2, "scim_own_event": -1}
    assert rows(host) == {name: count - gone.get(name, 0) for name, count in before.items()}
    assert beside.get(f"/Users/{bob}").json == kept
    assert refusal(scim.get("/Users")) == (401, None)
    # Whoever is not SCIM's any more is a row of the app's, whose name is taken.
    assert refusal(beside.post("/Users", {"userName": "ann"})) == (409, "uniqueness")


def test_namesake_of_a_removed_connection(host: Host, scim: ScimClient) -> None:
    """A connection that gets the id of a removed one knows neither its tokens nor its people."""
    id = scim.create("ann")["id"]
    with host.app.app_context():
        host.scim.connections.remove("acme")
    again = host.connect("acme", tenant="1")
    assert again.get("/Users").json["totalResults"] == 0
    assert refusal(again.get(f"/Users/{id}")) == (404, None)
    assert refusal(scim.get("/Users")) == (401, None)


def test_remove_one_that_was_never_used(connections: Connections) -> None:
    """A connection without tokens and resources can go too."""
    connections.add("acme", tenant="1")
    connections.remove("acme")
    assert connections.list() == []
