"""Events for whoever asks: pages, a stream that resumes, and security event tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from flask_scim.delivery.tokens import make_key
from tests.client import ScimClient
from tests.delivery.outgoing import SETTINGS
from tests.host import Host
from tests.marks import refused_early

EVENTS: dict[str, Any] = {
    "SCIM_EVENTS_KEYS": make_key(),
    "SCIM_EVENTS_ISSUER": "https://app.example",
    "SCIM_EVENTS_STREAM": 1,
}


@pytest.fixture
def app(share: Callable[..., Host]) -> Host:
    """An app that can sign security event tokens."""
    return share(**SETTINGS, **EVENTS)


@pytest.fixture
def acme(app: Host) -> ScimClient:
    """A client of the identity provider's."""
    return app.connect("acme", tenant="1")


@pytest.fixture
def reader(app: Host, acme: ScimClient) -> ScimClient:
    """A client of ``acme`` that may read events, and nothing else."""
    with app.app.app_context():
        token, _ = app.scim.tokens.issue("acme", ["get:events"])
    return ScimClient(app.app.test_client(), acme.base, token)


def stream(client: ScimClient, query: str = "", **headers: str) -> list[dict[str, str]]:
    """Read a stream to its end."""
    accepted = {"Accept": "text/event-stream", **headers}
    response = client.request("GET", f"/events{query}", headers=accepted)
    assert response.status_code == 200, response.text
    assert response.mimetype == "text/event-stream"
    blocks = [block for block in response.text.split("\n\n") if block]
    assert blocks[0] == "retry: 1000\n: connected"
    told = [block for block in blocks[1:] if not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in told]


def test_pages(acme: ScimClient, reader: ScimClient) -> None:
    """Pages follow each other in order, and say where the next one begins."""
    for number in range(5):
        acme.create(f"user{number}")
    found, start, more = [], 0, True
    while more:
        page = reader.get("/events", take=2, **{"from": start}).json
        found += page["events"]
        start, more = page["next"], page["more"]
    positions = [event["data"]["position"] for event in found]
    assert positions == [*range(1, len(positions) + 1)]
    created = [event for event in found if event["type"] == "user.created"]
    assert [event["data"]["object"]["userName"] for event in created] == [
        f"user{number}" for number in range(5)
    ]
    one = reader.get("/events", event_type="user.created,user.deleted").json
    assert [event["id"] for event in one["events"]] == [event["id"] for event in created]
    assert one["next"] == start


def test_scope(app: Host, acme: ScimClient, reader: ScimClient) -> None:
    """What has happened needs a scope that nobody has who did not ask for it."""
    assert acme.get("/events").status_code == 403
    assert reader.get("/Users").status_code == 403
    assert app.app.test_client().get("/scim/v2/acme/events").status_code == 401
    # It takes no place among the two tokens of the identity provider, which still rotate.
    with app.app.app_context():
        app.scim.tokens.rotate("acme")
        with pytest.raises(ValueError, match="2 tokens"):
            app.scim.tokens.issue("acme")


def test_isolation(app: Host, acme: ScimClient, reader: ScimClient) -> None:
    """Nobody reads the events of another connection."""
    other = app.connect("hooli", tenant="2")
    other.create("gavin")
    assert "gavin" not in reader.get("/events").text
    elsewhere = ScimClient(reader.http, "/scim/v2/hooli", reader.token)
    assert elsewhere.get("/events").status_code == 401
    assert elsewhere.request("POST", "/events/poll/0123", {}).status_code == 401


@refused_early
@pytest.mark.parametrize(
    "query", ["from=-1", "from=x", "take=0", "take=1001", "take=x", "sort=1", "from=1&from=2"]
)
def test_bad_queries(reader: ScimClient, query: str) -> None:
    """A query that cannot be used is refused."""
    response = reader.request("GET", f"/events?{query}")
    assert response.status_code == 400
    assert response.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_a_stream_that_resumes(acme: ScimClient, reader: ScimClient) -> None:
    """A stream goes on where the last one has ended, and says where it is."""
    acme.create("ann")
    first = stream(reader)
    assert [each["event"] for each in first][-1] == "user.created"
    assert json.loads(first[-1]["data"])["data"]["object"]["userName"] == "ann"
    acme.create("bob")
    acme.create_group("Crew")
    second = stream(reader, **{"Last-Event-ID": first[-1]["id"]})
    assert [each["event"] for each in second] == ["user.created", "group.created"]
    of_users = stream(reader, f"?from={first[-1]['id']}&event_type=user.created")
    assert [each["event"] for each in of_users] == ["user.created", "offset-only"]
    assert of_users[-1]["id"] == second[-1]["id"]
    bad = reader.request(
        "GET", "/events", headers={"Accept": "text/event-stream", "Last-Event-ID": "x"}
    )
    assert bad.status_code == 400


def test_as_many_streams_as_there_are_threads_for(reader: ScimClient) -> None:
    """One more is asked to come back, until another one has ended."""
    accepted = {"Accept": "text/event-stream"}
    opened = [reader.request("GET", "/events", headers=accepted) for _ in range(4)]
    fifth = reader.request("GET", "/events", headers=accepted)
    assert fifth.status_code == 503
    assert int(fifth.headers["Retry-After"]) > 0
    for response in opened:
        response.close()
    again = reader.request("GET", "/events", headers=accepted)
    assert again.status_code == 200
    again.close()


def poll(client: ScimClient, id: str, **body: Any) -> Any:
    """Ask for tokens."""
    response = client.request("POST", f"/events/poll/{id}", body)
    assert response.status_code == 200, response.text
    return response.json


def test_poll(app: Host, acme: ScimClient, reader: ScimClient) -> None:
    """Tokens are handed out until they are acknowledged or refused, in any order."""
    with app.app.app_context():
        _, destination = app.scim.destinations.add(
            "the security team", "set-poll", connection_id="acme", audience="https://hear.example"
        )
    ids = [acme.create(f"user{number}")["id"] for number in range(4)]
    first = poll(reader, destination.id, maxEvents=3)
    assert (len(first["sets"]), first["moreAvailable"]) == (3, True)
    keys = KeySet.import_key_set(reader.get("/events/jwks.json").json)
    subjects = []
    for jti, token in first["sets"].items():
        read = jwt.decode(token, keys, algorithms=["ES256"])
        assert read.header["typ"] == "secevent+jwt"
        assert (read.claims["jti"], read.claims["aud"]) == (jti, "https://hear.example")
        assert read.claims["iss"] == "https://app.example"
        subjects.append(read.claims["sub_id"]["uri"])
    assert subjects == [f"/Users/{id}" for id in ids[:3]]
    assert poll(reader, destination.id)["sets"].keys() >= first["sets"].keys()
    one, two, three = first["sets"]
    # The second is acknowledged before the first.
    rest = poll(reader, destination.id, ack=[two, "evt_nobody.0123", ""])
    assert list(rest["sets"])[:2] == [one, three]
    error = {three: {"err": "invalid_key", "description": "Which key?"}}
    last = poll(reader, destination.id, ack=[one], setErrs=error)
    assert len(last["sets"]) == 1
    assert poll(reader, destination.id, ack=list(last["sets"]), maxEvents=0)["sets"] == {}
    assert poll(reader, destination.id) == {"sets": {}, "moreAvailable": False}
    with app.app.app_context():
        (refused,) = app.app.extensions["scim"].delivery.backlog().list(destination.id)
        assert (refused.state, refused.error) == ("dead", "invalid_key: Which key?")


@refused_early
@pytest.mark.parametrize(
    "body",
    [[], {"maxEvents": -1}, {"maxEvents": True}, {"ack": "x"}, {"ack": [1]}, {"setErrs": []},
     {"setErrs": {"a": "b"}}, {"ack": ["x"] * 1_001}],
)  # fmt: skip
def test_bad_polls(app: Host, reader: ScimClient, body: Any) -> None:
    """A body that cannot be used is refused."""
    with app.app.app_context():
        _, destination = app.scim.destinations.add("x", "set-poll", connection_id="acme")
    response = reader.request("POST", f"/events/poll/{destination.id}", body)
    assert response.status_code == 400


def test_polls_of_others(app: Host, acme: ScimClient, reader: ScimClient) -> None:
    """Whoever polls does so for a destination of its own connection, while that is enabled."""
    app.connect("hooli", tenant="2")
    with app.app.app_context():
        destinations = app.scim.destinations
        _, other = destinations.add("x", "set-poll", connection_id="hooli")
        _, own = destinations.add("x", "set-poll", connection_id="acme")
        destinations.disable(own.id)
        _, webhook = destinations.add("http://127.0.0.1:9/", connection_id="acme")
    for id, status in ((other.id, 404), (webhook.id, 404), ("x" * 99, 404), (own.id, 403)):
        assert reader.request("POST", f"/events/poll/{id}", {}).status_code == status


def test_discovery(acme: ScimClient) -> None:
    """Where there are tokens, the configuration says what they tell of."""
    shown = acme.get("/ServiceProviderConfig").json["securityEvents"]
    assert shown["asyncRequest"] == "none"
    assert "urn:ietf:params:scim:event:prov:create:notice" in shown["eventUris"]


def test_without_keys(scim: ScimClient) -> None:
    """Where there are none, there are no keys, no tokens and nothing said of them."""
    assert "securityEvents" not in scim.get("/ServiceProviderConfig").json
    assert scim.get("/events/jwks.json").status_code == 404
