"""Destinations: what can be one, their secrets, and what of a secret is kept."""

from __future__ import annotations

import time
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook, WebhookVerificationError

from flask_scim import ConfigurationError
from flask_scim.delivery.sender import Caution
from flask_scim.delivery.settings import DeliverySettings
from tests.delivery.outgoing import Outgoing
from tests.delivery.receivers import answer, receiving
from tests.host import Host

HOOK = "https://hooks.example.com/scim"


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("http://hooks.example.com/", {}, "https://"),
        ("https://127.0.0.1/", {}, "public internet"),
        ("https://[::ffff:10.0.0.1]/", {}, "public internet"),
        (HOOK, {"kind": "pigeon"}, "no kind"),
        (HOOK, {"encoding": "xml"}, "no encoding of webhook"),
        (HOOK, {"types": ["everything"]}, "no type of events"),
        (HOOK, {"types": [f"kind{number}.created" for number in range(101)]}, "at most 100"),
        (HOOK, {"connection_id": "nobody"}, "no connection"),
        (HOOK, {"audience": "x"}, "Only security event tokens"),
        (HOOK, {"kind": "set-push"}, "SCIM_EVENTS_KEYS"),
        ("index", {"kind": "callable"}, "no destination 'index'"),
        ("", {"kind": "eventbridge"}, "at most 2000"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_destination(
    local: Host, target: str, options: dict[str, Any], message: str
) -> None:
    """What cannot be told is refused with the reason, and leaves nothing behind."""
    chosen = {"kind": "webhook"} | options
    # As it is where nobody is developing.
    object.__setattr__(local.app.extensions["scim"].delivery.settings, "caution", Caution())
    with local.app.app_context():
        with pytest.raises(ValueError, match=message):
            local.scim.destinations.add(target, **chosen)
        assert local.scim.destinations.list() == []


def test_no_secret_is_kept(host: Host) -> None:
    """Neither the secret nor anything that it could be found from without SECRET_KEY is a row."""
    with host.app.app_context():
        secret, added = host.scim.destinations.add(HOOK)
        assert secret is not None
        table = host.db.metadata.tables["scim_own_destination"]
        row = host.db.session.execute(sa.select(table)).mappings().one()
        assert not [value for value in row.values() if secret[6:] in str(value)]
        assert secret not in repr(added)
        host.app.config["SECRET_KEY"] = "another"
        try:
            assert host.scim.destinations.secrets_of(added) != [secret]
            host.app.config["SECRET_KEY_FALLBACKS"] = ["secret"]
            assert secret in host.scim.destinations.secrets_of(added)
        finally:
            host.app.config["SECRET_KEY"] = "secret"
            host.app.config["SECRET_KEY_FALLBACKS"] = None


def test_rotation(outgoing: Outgoing) -> None:
    """For a while, messages are signed with the old secret too, and then no more."""
    with receiving(answer(200)) as receiver, outgoing.host.app.app_context():
        destinations = outgoing.host.scim.destinations
        old, added = destinations.add(receiver.url)
        new, _ = destinations.rotate(added.id)
        assert old is not None
        assert old != new
        outgoing.scim.create("ann")
        outgoing.deliver()
        destinations.rotate(added.id, overlap=0)
        latest, _ = destinations.rotate(added.id, overlap=0)
        outgoing.scim.create("bob")
        outgoing.deliver()
    first, second = receiver.received
    for secret in (old, new):
        Webhook(secret).verify(first.body, first.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(second.body, second.headers)
    Webhook(latest).verify(second.body, second.headers)


def test_a_function_of_the_app(outgoing: Outgoing) -> None:
    """A function is called with each event in the app's context, and again where it raises."""
    called: list[str] = []
    host = outgoing.host

    @host.scim.destination("search index")
    def index(event: Any) -> None:
        assert host.db.session.get(host.User, int(event.resource_id)) is not None
        called.append(event.type)
        if len(called) == 1:
            raise RuntimeError("busy")

    assert outgoing.deliver() == 0  # from now on
    outgoing.scim.create("ann")
    assert outgoing.deliver() == 0
    outgoing.pass_by(minutes=1)
    assert outgoing.deliver() == 1
    assert called == ["user.created", "user.created"]
    with host.app.app_context():
        (destination,) = host.scim.destinations.list()
    assert (destination.kind, destination.target) == ("callable", "search index")
    assert destination.last_error == "0 RuntimeError: busy"


def test_a_test_event(outgoing: Outgoing) -> None:
    """A test event goes out at once, even to what is disabled, and moves nothing."""
    with receiving(answer(403, b"who are you")) as receiver, outgoing.host.app.app_context():
        id = outgoing.add(receiver)
        outgoing.host.scim.destinations.disable(id)
        attempt = outgoing.desk.test(outgoing.get(id))
    assert (attempt.outcome, attempt.reply.reason) == ("refused", "Forbidden who are you")
    assert b'"type":"destination.test"' in receiver.received[0].body
    assert outgoing.get(id).failures == 0


def test_headers_of_the_settings(outgoing: Outgoing) -> None:
    """A receiver can have headers that are in no table; the signature stays what it is."""
    began = int(time.time())
    with receiving(answer(200)) as receiver:
        id = outgoing.add(receiver)
        given = {"Authorization": "Bearer x", "webhook-id": "mine"}
        object.__setattr__(outgoing.desk.settings, "headers", {id: given})
        outgoing.scim.create("ann")
        assert outgoing.deliver() == 1
    headers = receiver.received[0].headers
    assert headers["authorization"] == "Bearer x"
    assert headers["webhook-id"].startswith("evt_")
    assert began <= int(headers["webhook-timestamp"]) <= time.time()


@pytest.mark.parametrize(
    "config",
    [
        {"SCIM_DELIVERY_RETRIES": "5"},
        {"SCIM_DELIVERY_RETRIES": [-1]},
        {"SCIM_DELIVERY_TIMEOUT": 0},
        {"SCIM_DELIVERY_FAILURES": True},
        {"SCIM_DELIVERY_HEADERS": {"id": {"X": "a\nb"}}},
        {"SCIM_DELIVERY_HEADERS": ["x"]},
        {"SCIM_EVENTS_ISSUER": 7},
        {"SCIM_EVENTS_STREAM": -1},
        {"SCIM_EVENTS_DAYS": -1},
        {"SCIM_EVENTS_DAYS": "90"},
    ],
)
def test_settings_that_cannot_be_used(config: dict[str, Any]) -> None:
    """Each is refused, and named."""
    (name,) = config
    with pytest.raises(ConfigurationError, match=name):
        DeliverySettings.read(config)
