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
from tests.groups.crews import Declare, Models, served
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
    """Makes the app with a declaration, and its tables."""
    with ExitStack() as stack:

        def make(declare: Declare) -> Models:
            models = stack.enter_context(served(elsewhere, declare))
            models.furnish()
            return models

        yield make


@pytest.fixture(scope="module")
def _nested(elsewhere: str) -> Iterator[Models]:
    with served(elsewhere, _declare_nested) as models:
        yield models


@pytest.fixture
def nested(_nested: Models) -> Models:
    """An app whose groups may be in groups."""
    _nested.furnish()
    return _nested


def _declare_nested(models: Models) -> None:
    crew = models.Crew
    members = [Refs(crew.people, "User"), Refs(crew.parts, "Group")]
    models.scim.groups(crew, {"displayName": crew.name, "members": members})
