"""What happens to connections, tokens and clients is told by events, without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from flask_scim import Event, connection_changed, token_expiring
from flask_scim.provisioning.journal import make_entry
from tests.client import ScimClient
from tests.host import Host


@pytest.fixture
def heard(host: Host) -> Iterator[list[Event]]:
    """The events of ``connection_changed``, in an app context."""
    found: list[Event] = []

    def hear(sender: Flask, event: Event, connection: Any) -> None:
        assert connection is event.connection
        found.append(event)

    with connection_changed.connected_to(hear, sender=host.app), host.app.app_context():
        yield found


def test_connections(host: Host, heard: list[Event]) -> None:
    """Each change of a connection is told, with what it was; what changes nothing is not."""
    connections = host.scim.connections
    before = connections.add("acme", tenant="1")
    connections.edit("acme", idp="entra", domains=["acme.example"])
    connections.edit("acme", idp="entra")
    connections.pause("acme")
    connections.pause("acme")
    connections.disable("acme")
    connections.resume("acme")
    connections.remove("acme")
    assert [(event.type, event.id) for event in heard] == [
        ("connection.created", "acme"),
        ("connection.updated", "acme"),
        ("connection.paused", "acme"),
        ("connection.disabled", "acme"),
        ("connection.resumed", "acme"),
        ("connection.removed", "acme"),
    ]
    assert heard[1].changed == ("domains", "idp")
    assert heard[1].previous == {"domains": [], "idp": "generic"}
    assert heard[2].previous == {"state": "active"}
    assert {event.cause.actor for event in heard if event.cause} == {"host"}
    kept = host.scim.outbox.read(before)
    assert kept == [make_entry(event) for event in heard]
    assert kept[-1].object is not None
    assert kept[-1].object["domains"] == ["acme.example"]


def test_credentials(host: Host, heard: list[Event]) -> None:
    """Tokens and clients that come and go are told, and none of their secrets is kept."""
    acme = host.scim.connections.add("acme", tenant="1")
    first, token = host.scim.tokens.issue("acme", ["get:users"])
    second, newer = host.scim.tokens.rotate("acme")
    host.scim.tokens.revoke(token.id)
    host.scim.tokens.revoke(token.id)
    third, client = host.scim.clients.add("acme")
    host.scim.clients.revoke(client.id)
    assert [(event.type, event.id) for event in heard[1:]] == [
        ("token.issued", token.id),
        ("token.rotated", newer.id),
        ("token.revoked", token.id),
        ("client.added", client.id),
        ("client.revoked", client.id),
    ]
    assert heard[1].after is not None
    assert heard[1].after["scopes"] == ["get:users"]
    assert (heard[3].changed, heard[3].previous) == (("revoked",), {"revoked": None})
    assert host.scim.outbox.read(acme) == [make_entry(event) for event in heard]
    rows = str(host.db.session.execute(sa.select(host.scim._wiring.tables.events)).all())
    for text in (first, second, third):
        assert text is not None
        assert text not in rows
        assert text.split(".")[-1] not in rows


def test_expiry(host: Host, scim: ScimClient) -> None:
    """That a token ends soon is brought about by the clock, whoever looks at it."""
    heard: list[Event] = []

    def hear(sender: Flask, event: Event, **_: Any) -> None:
        heard.append(event)

    with host.app.app_context():
        table = host.db.metadata.tables["scim_token"]
        soon = datetime.now(UTC) + timedelta(days=6)
        host.db.session.execute(table.update().values(expires=soon))
        host.db.session.commit()
    with token_expiring.connected_to(hear, sender=host.app):
        scim.get("/Users")
        scim.get("/Users")
    (event,) = heard
    assert (event.type, event.details, event.cause) == (
        "token.expiring",
        {"days": 7},
        event.cause,
    )
    assert event.cause is not None
    assert event.cause.actor == "clock"
    with host.app.app_context():
        assert host.scim.outbox.read(event.connection)[-1] == make_entry(event)


def test_commands(host: Host) -> None:
    """What a command does is told with the words of the command."""
    runner = host.app.test_cli_runner()
    runner.invoke(args=["scim", "connections", "add", "acme", "--tenant", "1"])
    with host.app.app_context():
        acme = host.scim.connections.get("acme")
        assert acme is not None
        (entry,) = host.scim.outbox.read(acme)
    assert entry.cause.actor.startswith("command:")
    assert entry.cause.actor.endswith("scim connections add")
