"""Standard Webhooks: payloads that its own library verifies and that stay below its limit."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from flask_scim.delivery.payload import TooLarge
from flask_scim.delivery.webhooks import LARGEST, derive_secret, encode_standard, sign
from tests.delivery.entries import make_entry, make_members_change

SECRET = derive_secret("key", "0123", "a")


def read(body: bytes) -> dict[str, Any]:
    """What a payload says of its event."""
    payload: dict[str, Any] = json.loads(body)
    assert set(payload) == {"type", "timestamp", "data"}
    data: dict[str, Any] = payload["data"]
    return data


def test_payload() -> None:
    """A payload says what happened, to whom, what it was before, and who did it."""
    entry = make_entry("user.updated", changed=("userName",), previous={"userName": "anna"})
    message = encode_standard(entry)
    assert (message.id, message.content_type) == (entry.id, "application/json")
    assert json.loads(message.body) == {
        "type": "user.updated",
        "timestamp": "2026-11-25T13:00:00.123456Z",
        "data": {
            "connection_id": "acme",
            "tenant": "1",
            "position": 17,
            "resource_type": "User",
            "resource_id": "7",
            "object": {"id": "7", "userName": "ann", "externalId": "a-1"},
            "previous": {"userName": "anna"},
            "changed": ["userName"],
            "added": [],
            "added_count": 0,
            "removed": [],
            "removed_count": 0,
            "reason": None,
            "details": {},
            "cause": {"actor": "token:0123", "request_id": "req_1"},
        },
    }


def test_signature_is_verified_by_the_library() -> None:
    """The library takes what we sign, and nothing that was changed on the way."""
    message = encode_standard(make_entry(object={"userName": "änn \U0001f600"}))
    headers = sign(message, [SECRET], int(time.time()))
    assert Webhook(SECRET).verify(message.body, headers) == json.loads(message.body)
    for changed in (
        headers | {"webhook-id": "evt_other"},
        headers | {"webhook-timestamp": str(int(time.time()) - 1)},
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(message.body, changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(message.body + b" ", headers)


def test_two_secrets_while_rotating() -> None:
    """Who knows either secret can verify; who knows neither cannot."""
    following = derive_secret("key", "0123", "b")
    message = encode_standard(make_entry())
    headers = sign(message, [following, SECRET], int(time.time()))
    for secret in (SECRET, following):
        Webhook(secret).verify(message.body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(derive_secret("key", "0123", "c")).verify(message.body, headers)


@pytest.mark.parametrize(
    "other", [("yek", "0123", "a"), ("key", "0124", "a"), ("key", "0123", "b")]
)
def test_secrets_differ(other: tuple[str, str, str]) -> None:
    """Each app, destination and rotation has a secret of its own."""
    assert derive_secret(*other) != SECRET == derive_secret("key", "0123", "a")


def test_members_give_way_to_their_counts() -> None:
    """Of too many members, the payload has the counts, and says that it has no more."""
    ids = tuple(f"{number:036}" for number in range(1_000))
    message = encode_standard(make_members_change(*ids, removed=("x",), added_count=5_000))
    assert len(message.body) <= LARGEST
    data = read(message.body)
    assert "added" not in data
    assert (data["added_count"], data["removed_count"]) == (5_000, 1)
    assert data["trimmed"] == ["added", "removed"]
    assert data["object"] == {"id": "7", "displayName": "Crew"}


def test_an_object_too_large_is_left_out() -> None:
    """A receiver reads it anew by its id."""
    large = {"userName": "ann", "title": "x" * LARGEST}
    data = read(encode_standard(make_entry("user.updated", object=large, previous=large)).body)
    assert data["trimmed"] == ["previous", "object"]
    assert (data["resource_id"], data["changed"]) == ("7", ["externalId", "userName"])


def test_limit_in_bytes() -> None:
    """The limit counts bytes, not characters; what cannot be made to fit is refused."""
    whole = len(encode_standard(make_entry(object={"title": "ä" * 100})).body)
    assert "trimmed" not in read(
        encode_standard(make_entry(object={"title": "ä" * 100}), whole).body
    )
    less = read(encode_standard(make_entry(object={"title": "ä" * 100}), whole - 1).body)
    assert less["trimmed"] == ["object"]
    with pytest.raises(TooLarge, match="of 100 that may be sent"):
        encode_standard(make_entry(), 100)
