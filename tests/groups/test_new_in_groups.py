"""People who are in a group as soon as they are there: the app or its database has seen to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from flask_scim import Refs
from tests.groups.crews import Declare, Models

_PAIR = "INSERT INTO crew_person (crew_id, person_id) VALUES ({crew}, NEW.id)"
_TRIGGERS = {
    "sqlite": f"CREATE TRIGGER enrol AFTER INSERT ON person BEGIN {_PAIR}; END",
    "mysql": f"CREATE TRIGGER enrol AFTER INSERT ON person FOR EACH ROW {_PAIR}",
    "postgresql": "CREATE TRIGGER enrol AFTER INSERT ON person FOR EACH ROW"
    " EXECUTE FUNCTION enrol()",
}
_FUNCTION = (
    f"CREATE FUNCTION enrol() RETURNS trigger AS 'BEGIN {_PAIR}; RETURN NEW; END' LANGUAGE plpgsql"
)


@pytest.fixture
def nested(declared: Callable[[Declare], Models]) -> Models:
    """An app whose groups may be in groups, and that no other test has."""

    def declare(models: Models) -> None:
        members = [Refs(models.Crew.people, "User"), Refs(models.Crew.parts, "Group")]
        models.scim.groups(models.Crew, {"displayName": models.Crew.name, "members": members})

    return declared(declare)


@contextmanager
def by_creator(models: Models, crew: int) -> Iterator[None]:
    """Let the hook that makes a person put them into a crew."""

    def create(_document: Any, _connection: Any) -> Any:
        person = models.Person()
        team = models.db.session.get(models.Crew, crew)
        team.people.append(person)
        return person

    models.scim._wiring.declared["User"].hooks.creator = create
    yield


@contextmanager
def by_listener(models: Models, crew: int) -> Iterator[None]:
    """Let a listener put everybody into a crew whose row is inserted."""
    pairs = models.db.metadata.tables["crew_person"]

    @event.listens_for(models.Person, "after_insert")
    def enrol(_mapper: Any, connection: sa.Connection, person: Any) -> None:
        connection.execute(pairs.insert(), {"crew_id": crew, "person_id": person.id})

    yield


@contextmanager
def by_trigger(models: Models, crew: int) -> Iterator[None]:
    """Let the database do so, whose tables outlive the test."""
    with models.app.app_context():
        engine = models.db.engine
    kind = "mysql" if engine.dialect.name == "mariadb" else engine.dialect.name
    is_apart = kind == "postgresql"
    with engine.begin() as connection:
        if is_apart:
            connection.exec_driver_sql(_FUNCTION.format(crew=crew))
        connection.exec_driver_sql(_TRIGGERS[kind].format(crew=crew))
    try:
        yield
    finally:
        with engine.begin() as connection:
            ended = "FUNCTION enrol CASCADE" if is_apart else "TRIGGER enrol"
            connection.exec_driver_sql(f"DROP {ended}")


@pytest.mark.parametrize("enrol", [by_creator, by_listener, by_trigger])
def test_is_shown(
    nested: Models, enrol: Callable[[Models, int], AbstractContextManager[None]]
) -> None:
    """The answer to a POST shows the groups that a new user is in, also by way of others."""
    scim = nested.connect()
    part = scim.create_group("part")["id"]
    scim.create_group("whole", part)
    with enrol(nested, int(part)):
        created = scim.create("ann")
    shown = [(each["display"], each["type"]) for each in created["groups"]]
    assert shown == [("part", "direct"), ("whole", "indirect")]
    assert scim.get(f"/Users/{created['id']}").json == created


def test_is_in_none(nested: Models) -> None:
    """A new user who is in no group is shown without any, whoever else is in one."""
    scim = nested.connect()
    scim.create_group("part", scim.create("ann")["id"])
    created = scim.create("bob")
    assert "groups" not in created
    assert scim.get(f"/Users/{created['id']}").json == created
