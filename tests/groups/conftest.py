"""Users to be members, apps with other settings, and receivers of the signals of groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

import flask_scim
from flask_scim import Event
from tests.client import ScimClient
from tests.host import Host, make_host

SIGNALS = ("group_created", "group_updated", "group_deleted", "group_members_changed")


@pytest.fixture
def build(host: Host, database: str) -> Iterator[Callable[..., Host]]:
    """Makes more apps on the same tables; what they leave is deleted as that of ``host`` is."""
    built: list[Host] = []

    def make(mapping: dict[str, Any] | None = None, **options: Any) -> Host:
        built.append(make_host(database, mapping, **options))
        return built[-1]

    yield make
    for other in built:
        with other.app.app_context():
            other.db.engine.dispose()


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
