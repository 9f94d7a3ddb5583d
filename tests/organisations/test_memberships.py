"""People who belong to several organisations: SCIM acts on the membership, not on the person."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim import ConfigurationError, Connection
from flask_scim.mapping.sources import Source, read_source
from flask_scim.protocol.errors import Forbidden
from flask_scim.store.people.persons import read_persons
from tests.client import USER
from tests.organisations.memberships import Office


def find_by_verified_domain(office: Office) -> None:
    """Let the app find people whose address is in a domain that the connection has verified."""

    @office.users.finder
    def find(document: dict[str, Any], connection: Connection) -> Any:
        _, _, domain = document["userName"].rpartition("@")
        if domain not in connection.domains:
            return None
        people = office.db.select(office.Person).filter_by(email=document["userName"])
        return office.db.session.scalar(people)


def test_somebody_new(office: Office) -> None:
    """A person whom nobody knows is made with the membership."""
    acme = office.connect("acme", "acme")
    created = acme.create("ann@a.com", name={"givenName": "Ann"}, title="Dr")
    assert created["name"] == {"givenName": "Ann"}
    assert office.people() == {"ann@a.com": "Ann"}
    assert office.memberships() == {("ann@a.com", "acme", "member", True)}
    assert acme.find('userName eq "ANN@a.com" and name.givenName eq "Ann"') == ["ann@a.com"]


def test_nobody_is_taken_for_another(office: Office) -> None:
    """Without a finder no person is found by an address: where it is unique, that is a 409."""
    office.connect("acme", "acme").create("ann@a.com", name={"givenName": "Ann"})
    beta = office.connect("beta", "beta", domains=["a.com"])
    answer = beta.post("/Users", {"schemas": [USER], "userName": "ann@a.com"})
    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")
    assert office.memberships() == {("ann@a.com", "acme", "member", True)}
    assert beta.get("/Users").json["totalResults"] == 0


def test_a_person_who_is_found(office: Office) -> None:
    """Whoever the app finds gets another membership, and stays who they are."""
    find_by_verified_domain(office)
    acme = office.connect("acme", "acme", domains=["a.com"])
    beta = office.connect("beta", "beta", domains=["a.com"])
    acme.create("ann@a.com", name={"givenName": "Ann"}, title="Dr")
    created = beta.create("ann@a.com", name={"givenName": "Hijacked"}, title="Prof")
    # What is answered is what is stored.
    assert (created["name"], created["title"]) == ({"givenName": "Ann"}, "Prof")
    assert office.people() == {"ann@a.com": "Ann"}
    assert office.memberships() == {
        ("ann@a.com", "acme", "member", True),
        ("ann@a.com", "beta", "member", True),
    }
    (hers,) = acme.get("/Users").json["Resources"]
    assert hers["title"] == "Dr"
    assert hers["id"] != created["id"]


def test_what_is_shared_stays(office: Office) -> None:
    """What several organisations share is none's to change; what is one's own is."""
    find_by_verified_domain(office)
    acme = office.connect("acme", "acme", domains=["a.com"])
    beta = office.connect("beta", "beta", domains=["a.com"])
    first = acme.create("ann@a.com", name={"givenName": "Ann"})["id"]
    renamed = {"op": "replace", "value": {"userName": "anna@a.com", "title": "X"}}
    assert acme.patch(f"/Users/{first}", renamed).json["userName"] == "anna@a.com"
    second = beta.create("anna@a.com")["id"]
    for client, id in ((acme, first), (beta, second)):
        before = client.get(f"/Users/{id}").json
        operation = {"op": "replace", "path": "name.givenName", "value": "Eve"}
        answer = client.patch(f"/Users/{id}", operation)
        assert (answer.status_code, answer.json) == (200, before)
        replaced = {**before, "userName": "eve@a.com", "title": "Y"}
        answer = client.put(f"/Users/{id}", replaced)
        assert (answer.json["userName"], answer.json["title"]) == ("anna@a.com", "Y")
    assert office.people() == {"anna@a.com": "Ann"}
    # The name is the person's own still, so that it is found by it.
    assert beta.find('userName eq "anna@a.com"') == ["anna@a.com"]


def test_deactivation_and_deletion(office: Office) -> None:
    """They touch the membership; elsewhere the person is as before, and comes back the same."""
    find_by_verified_domain(office)
    acme = office.connect("acme", "acme", domains=["a.com"])
    beta = office.connect("beta", "beta", domains=["a.com"])
    acme.create("ann@a.com", name={"givenName": "Ann"})
    id = beta.create("ann@a.com")["id"]
    beta.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": False})
    assert office.memberships() == {
        ("ann@a.com", "acme", "member", True),
        ("ann@a.com", "beta", "member", False),
    }
    assert beta.delete(f"/Users/{id}").status_code == 204
    assert beta.get(f"/Users/{id}").status_code == 404
    again = beta.create("ann@a.com", name={"givenName": "Eve"})
    assert (again["id"], again["active"]) == (id, True)
    assert office.people() == {"ann@a.com": "Ann"}


def test_a_deleter_of_memberships(office: Office) -> None:
    """Where the membership is deleted, the person stays, and is the other organisation's alone."""
    find_by_verified_domain(office)

    @office.users.deleter
    def end(membership: Any, connection: Connection) -> None:
        office.db.session.delete(membership)

    acme = office.connect("acme", "acme", domains=["a.com"])
    beta = office.connect("beta", "beta", domains=["a.com"])
    first = acme.create("ann@a.com", name={"givenName": "Ann"})["id"]
    acme.delete(f"/Users/{acme.create('bob@a.com')['id']}")
    beta.delete(f"/Users/{beta.create('ann@a.com')['id']}")
    assert office.memberships() == {("ann@a.com", "acme", "member", True)}
    assert set(office.people()) == {"ann@a.com", "bob@a.com"}
    operation = {"op": "replace", "path": "name.givenName", "value": "Anna"}
    assert acme.patch(f"/Users/{first}", operation).status_code == 200
    assert office.people()["ann@a.com"] == "Anna"


def test_a_member_already(office: Office) -> None:
    """Nobody becomes a member twice, whatever name the finder found them by."""
    acme = office.connect("acme", "acme")
    acme.create("ann@a.com")

    @office.users.finder
    def find(document: dict[str, Any], connection: Connection) -> Any:
        return office.db.session.scalar(office.db.select(office.Person))

    answer = acme.post("/Users", {"schemas": [USER], "userName": "other@a.com"})
    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")
    assert len(office.memberships()) == 1


def test_a_finder_refuses(office: Office) -> None:
    """A finder may refuse in words that the identity provider's admin reads."""

    @office.users.finder
    def find(document: dict[str, Any], connection: Connection) -> Any:
        raise Forbidden("Ask Ann to accept the invitation first.")

    answer = office.connect("acme", "acme").post(
        "/Users", {"schemas": [USER], "userName": "ann@a.com"}
    )
    assert (answer.status_code, answer.json["detail"]) == (
        403, "Ask Ann to accept the invitation first.",
    )  # fmt: skip
    assert office.people() == {}


@pytest.mark.parametrize("name", ["title", "person.email", "nobody"])
def test_not_a_person(office: Office, name: str) -> None:
    """What leads to nobody is refused where it is declared."""
    source = read_source(name)
    assert isinstance(source, Source)
    with pytest.raises(ConfigurationError, match=f"person={name}: it must be a relationship"):
        read_persons(source, office.Membership)
