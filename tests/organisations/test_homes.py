"""People who become members of their organisation, in its table beside their own column."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import ConfigurationError, Connection
from flask_scim.store.people.homes import read_home
from tests.host import Host
from tests.organisations.homes import House, make_house


def test_members(house: House) -> None:
    """Whoever is created becomes a member of the tenant's organisation, and of no other."""
    acme, beta = house.connect("acme", "a"), house.connect("beta", "b")
    acme.create("ann")
    beta.create("bob")
    assert house.members() == {("ann", "a", "full"), ("bob", "b", "full")}


def test_deactivated_members_stay(house: House) -> None:
    """Who is deactivated is a member still; who is deleted is none, until they come back."""
    acme = house.connect("acme", "a")
    id = acme.create("ann")["id"]
    acme.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": False})
    assert house.members() == {("ann", "a", "full")}
    acme.delete(f"/Users/{id}")
    assert house.members() == set()
    assert acme.create("ann")["id"] == id
    assert house.members() == {("ann", "a", "full")}


def test_a_deleted_row(house: House) -> None:
    """A deleter may delete the row: it is no member any more by then."""

    @house.users.deleter
    def delete(user: Any, connection: Connection) -> None:
        house.db.session.delete(user)

    acme = house.connect("acme", "a")
    assert acme.delete(f"/Users/{acme.create('ann')['id']}").status_code == 204
    assert house.members() == set()


def test_by_a_plain_table(house: House, elsewhere: str) -> None:
    """Without an association object, the table itself is named."""
    plain = make_house(elsewhere, by_object=False)
    plain.connect("acme", "a").create("ann")
    assert plain.members() == {("ann", "a", "free")}
    with plain.app.app_context():
        plain.db.engine.dispose()


def test_who_is_a_member_already(house: House) -> None:
    """A creator that has made a member is heeded."""
    acme = house.connect("acme", "a")

    @house.users.creator
    def create(document: dict[str, Any], connection: Connection) -> Any:
        user = house.User(username=document["userName"], organisation_slug="a")
        house.db.session.add(user)
        house.db.session.flush()
        tables = house.db.metadata.tables
        organisation = house.db.session.scalar(sa.select(tables["home_organisation"].c.id))
        pair = {"organisation_id": organisation, "user_id": user.id, "plan": "mine"}
        house.db.session.execute(tables["home_member"].insert(), [pair])
        return user

    acme.create("ann")
    assert house.members() == {("ann", "a", "mine")}


def test_what_cannot_be_used(host: Host) -> None:
    """What is no such relationship is refused where it is declared, with the repair."""
    for members, tenant, message in (
        ("users", None, "name the relationship as an attribute of its model"),
        (host.Team.name, None, "Team.name is no many-to-many relationship to User"),
        (host.User.office, None, "User.office is no many-to-many relationship to User"),
        (host.Team.users, None, "Team.users needs tenant="),
    ):
        with pytest.raises(ConfigurationError, match=message):
            read_home(members, host.User, tenant)
