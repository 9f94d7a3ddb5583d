"""Users to be members, apps with other settings, and receivers of the signals of groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

import flask_scim
from flask_scim import Event, Refs
from tests.client import ScimClient
from tests.groups.crews import Declare, Models
from tests.host import Host

SIGNALS = ("group_created", "group_updated", "group_deleted", "group_members_changed")


@pytest.fixture
def people(scim: ScimClient) -> list[str]:
    """The ids of ann, bob, cho, dee and eve, whose family names are theirs in capitals."""
    names = ("ann", "bob", "cho", "dee", "eve")
    return [scim.create(name, name={"familyName": name.upper()})["id"] for name in names]


@pytest.fixture
def told(host: Host) -> Iterator[list[tuple[Event, str]]]:
    """The events of groups that were told of, each with the name on the row that came with it."""
    found: list[tuple[Event, str]] = []

    def hear(sender: Flask, event: Event, group: Any, **_: Any) -> None:
        assert isinstance(group, host.Team)
        assert str(group.id) == event.id
        found.append((event, group.name))

    with ExitStack() as stack:
        for name in SIGNALS:
            signal = getattr(flask_scim, name)
            stack.enter_context(signal.connected_to(hear, sender=host.app))
        yield found


@pytest.fixture
def declared(elsewhere: str) -> Iterator[Callable[[Declare], Models]]:
    """Makes the app with a declaration, and takes its tables away in the end."""
    models = Models(elsewhere)

    def make(declare: Declare) -> Models:
        models.scim.users(models.Person, {"userName": models.Person.username})
        declare(models)
        models.db.init_app(models.app)
        models.scim.init_app(models.app)
        with models.app.app_context():
            models.db.create_all()
        return models

    yield make
    if "scim" in models.app.extensions:
        with models.app.app_context():
            models.db.session.remove()
            models.db.drop_all()
            models.db.engine.dispose()


@pytest.fixture
def nested(declared: Callable[[Declare], Models]) -> Models:
    """An app whose groups may be in groups."""
    return declared(
        lambda m: m.scim.groups(
            m.Crew,
            {
                "displayName": m.Crew.name,
                "members": [Refs(m.Crew.people, "User"), Refs(m.Crew.parts, "Group")],
            },
        )
    )
