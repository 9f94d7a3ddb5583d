"""What a deletion does to the host's row: it never fails because of other rows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tests.adoption.conftest import Firm
from tests.host import Host

DELETING = {"deletion": "delete"}


@pytest.fixture
def strict(build: Callable[..., Host]) -> Firm:
    """An app whose database keeps foreign keys, SQLite too, and a connection that deletes."""
    host = build()

    def keep(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA foreign_keys = ON")

    with host.app.app_context():
        host.db.engine.dispose()
        if host.db.engine.dialect.name == "sqlite":
            event.listen(host.db.engine, "connect", keep)
    return Firm(host, host.connect("acme", tenant="1", policy=DELETING))


def test_delete(strict: Firm) -> None:
    """The row is deleted, and our record of it; the person begins anew."""
    id = strict.acme.create("ann", externalId="1")["id"]
    group = strict.acme.create_group("A", id)
    assert strict.acme.delete(f"/Users/{id}").status_code == 204
    assert strict.row(id) is None
    assert "members" not in strict.acme.get(f"/Groups/{group['id']}").json
    assert strict.acme.get(f"/Users/{id}").status_code == 404
    strict.acme.create("ann", externalId="1")
    assert strict.count() == 1


def test_a_row_that_others_need(strict: Firm, caplog: pytest.LogCaptureFixture) -> None:
    """Where a foreign key forbids it, the row is retired, and that is told and logged."""
    id = strict.acme.create("ann", externalId="1")["id"]
    with strict.host.app.app_context():
        user = strict.host.db.session.get(strict.host.User, int(id))
        strict.host.db.session.add(strict.host.Team(tenant_id=1, name="By hand", users=[user]))
        strict.host.db.session.commit()
    with caplog.at_level(logging.WARNING, "flask_scim.store"):
        assert strict.acme.delete(f"/Users/{id}").status_code == 204
    assert f"User {id} cannot be deleted and is retired" in caplog.text
    assert strict.row(id).blocked is True
    assert strict.acme.get(f"/Users/{id}").status_code == 404
    assert strict.acme.create("ann", externalId="1")["id"] == id


def test_the_event_tells_why(strict: Firm) -> None:
    """The reason is in the event."""
    told: list[tuple[str, str | None]] = []
    strict.host.scim._wiring._publish = lambda events: told.extend(  # type: ignore[method-assign]
        (each.type, each.reason) for each in events
    )
    first, second = strict.acme.create("ann")["id"], strict.acme.create("bob")["id"]
    with strict.host.app.app_context():
        user = strict.host.db.session.get(strict.host.User, int(first))
        strict.host.db.session.add(strict.host.Team(tenant_id=1, name="By hand", users=[user]))
        strict.host.db.session.commit()
    told.clear()
    strict.acme.delete(f"/Users/{first}")
    strict.acme.delete(f"/Users/{second}")
    assert told == [("user.deleted", "in_use"), ("user.deleted", None)]


@pytest.mark.parametrize("deferred", [None, "DEFERRED"])
def test_rows_that_the_orm_would_have_to_break(strict: Firm, deferred: str | None) -> None:
    """What SQLAlchemy refuses itself, or the database at the commit alone, is no failure either."""
    db, user_model = strict.host.db, strict.host.User

    class Badge(db.Model):  # type: ignore[name-defined,misc]
        """Something that is a person's, by its very key."""

        __tablename__ = "host_badge"
        user_id: Mapped[int] = mapped_column(
            sa.ForeignKey(
                user_model.id,
                deferrable=deferred is not None or None,
                initially=deferred,
            ),
            primary_key=True,
        )
        user: Mapped[Any] = relationship(user_model, backref="badges" if not deferred else None)

    with strict.host.app.app_context():
        if deferred and db.engine.dialect.name != "postgresql":
            pytest.skip("only PostgreSQL can check deferred constraints early")
        Badge.__table__.create(db.engine)
    try:
        id = strict.acme.create("ann")["id"]
        with strict.host.app.app_context():
            db.session.add(Badge(user_id=int(id)))
            db.session.commit()
        assert strict.acme.delete(f"/Users/{id}").status_code == 204
        assert strict.row(id).blocked is True
        assert strict.acme.get(f"/Users/{id}").status_code == 404
    finally:
        with strict.host.app.app_context():
            db.session.remove()
            Badge.__table__.drop(db.engine)
            db.metadata.remove(Badge.__table__)


def test_a_deleter_that_cannot(strict: Firm) -> None:
    """A hook that runs into a foreign key retires the row too, and one that works is obeyed."""
    session = strict.host.db.session

    @strict.host.scim._wiring.declared["User"].deleter
    def delete(user: Any, _connection: Any) -> None:
        user.username = f"deleted {user.username}"
        session.flush()
        if user.username != "deleted keep":
            session.delete(user)

    ids = {name: strict.acme.create(name)["id"] for name in ("ann", "bob", "keep")}
    with strict.host.app.app_context():
        user = session.get(strict.host.User, int(ids["ann"]))
        session.add(strict.host.Team(tenant_id=1, name="By hand", users=[user]))
        session.commit()
    for id in ids.values():
        assert strict.acme.delete(f"/Users/{id}").status_code == 204
    assert (strict.row(ids["ann"]).username, strict.row(ids["ann"]).blocked) == ("ann", True)
    assert strict.row(ids["bob"]) is None
    assert strict.row(ids["keep"]).username == "deleted keep"


# Groups that were made by hand.


def add_team(firm: Firm, name: str, tenant: int = 1) -> int:
    """Make a team as the app does, with a member."""
    with firm.host.app.app_context():
        user = firm.host.User(tenant_id=tenant, username="root", last_name="Own")
        team = firm.host.Team(tenant_id=tenant, name=name, users=[user])
        firm.host.db.session.add(team)
        firm.host.db.session.commit()
        id: int = team.id
        return id


def members(firm: Firm, id: int) -> list[str]:
    """Who is in a team."""
    with firm.host.app.app_context():
        return [user.username for user in firm.host.db.session.get(firm.host.Team, id).users]


@pytest.mark.parametrize("name", ["Admins", "ADMINS"])
def test_the_name_of_a_privileged_group(firm: Firm, name: str) -> None:
    """A pushed group never becomes one that was made by hand, nor goes by its name."""
    admins = add_team(firm, "Admins")
    user = firm.acme.create("ann")["id"]
    answer = firm.acme.post("/Groups", {"displayName": name, "members": [{"value": user}]})
    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")
    assert "is not handed over" in answer.json["detail"]
    group = firm.acme.create_group("Other", user)
    rename = {"op": "replace", "path": "displayName", "value": name}
    assert firm.acme.patch(f"/Groups/{group['id']}", rename).status_code == 409
    assert members(firm, admins) == ["root"]
    assert firm.acme.get("/Groups", filter=f'displayName eq "{name}"').json["totalResults"] == 0


def test_kept_apart(firm: Firm) -> None:
    """Where the app wants it, a group of its own is made beside the other."""
    admins = add_team(firm, "Admins")
    firm.choose(group_names="apart")
    user = firm.acme.create("ann")["id"]
    group = firm.acme.create_group("Admins", user)
    assert group["id"] != str(admins)
    assert members(firm, admins) == ["root"]
    assert members(firm, int(group["id"])) == ["ann"]


def test_names_that_are_free(firm: Firm) -> None:
    """The name of a group of another tenant is not in the way, nor that of one that has gone."""
    add_team(firm, "Admins", tenant=2)
    first = firm.acme.create_group("Admins", externalId="1")
    assert firm.acme.post("/Groups", {"displayName": "admins"}).status_code == 409
    firm.acme.delete(f"/Groups/{first['id']}")
    assert firm.acme.create_group("Admins", externalId="2")["id"] != first["id"]
