"""CloudEvents 1.0 in the shape of Auth0's event streams, read by the library of CloudEvents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from flask_scim.delivery.cloudevents import MOST_MEMBERS, encode_cloudevents
from flask_scim.delivery.payload import Message
from flask_scim.provisioning.journal import Entry
from tests.delivery.entries import MOMENT, make_entry, make_members_change


def read(message: Message) -> Any:
    """A message as the library reads it, which refuses what is no CloudEvent."""
    return from_http_event(HTTPMessage({"content-type": message.content_type}, message.body))


def encode(entry: Entry) -> list[Message]:
    """Encode an event for a destination ``0123``."""
    return encode_cloudevents(entry, "0123", 20_000)


def test_envelope() -> None:
    """All attributes of the envelope, Auth0's two among them, and those that keep the order."""
    (message,) = encode(make_entry())
    assert message.content_type == "application/cloudevents+json"
    body = json.loads(message.body)
    data = body.pop("data")
    assert body == {
        "specversion": "1.0",
        "type": "user.created",
        "source": "urn:scim:acme",
        "id": "evt_0123456789abcdefghijkl",
        "time": "2026-11-25T13:00:00.123456Z",
        "subject": "User/7",
        "datacontenttype": "application/json",
        "partitionkey": "acme/User/7",
        "sequence": "0000000000000000017",
        "a0tenant": "1",
        "a0stream": "0123",
    }
    assert data == {
        "object": {"id": "7", "userName": "ann", "externalId": "a-1"},
        "changed": ["externalId", "userName"],
        "added": [],
        "added_count": 0,
        "removed": [],
        "removed_count": 0,
        "reason": None,
        "details": {},
        "context": {
            "connection": {"id": "acme"},
            "tenant": {"id": "1"},
            "cause": {"actor": "token:0123", "request_id": "req_1"},
        },
    }
    event = read(message)
    assert (event.get_id(), event.get_type(), event.get_source()) == (
        "evt_0123456789abcdefghijkl", "user.created", "urn:scim:acme"
    )  # fmt: skip
    assert event.get_time() == MOMENT
    assert event.get_data() == data


def test_previous_object() -> None:
    """An update shows what was, of a user without a tenant too."""
    entry = make_entry("user.updated", previous={"userName": "anna"}, tenant=None)
    (message,) = encode(entry)
    data = read(message).get_data()
    assert data["previous_object"] == {"id": "7", "userName": "anna"}
    assert "tenant" not in data["context"]


def test_an_event_for_each_member() -> None:
    """Each member who came or went is told of as Auth0 tells of it, under an id that stays."""
    entry = make_members_change("1", "2", removed=("3",))
    messages = encode(entry)
    told = []
    for message in messages:
        event = read(message)
        data = event.get_data()
        assert data["object"]["group"] == {"id": "7", "displayName": "Crew"}
        assert not {"added", "removed", "added_count", "removed_count"} & set(data)
        told.append((event.get_type(), data["object"]["member"]))
    assert told == [
        ("group.member.added", {"member_type": "user", "id": "1"}),
        ("group.member.added", {"member_type": "user", "id": "2"}),
        ("group.member.deleted", {"member_type": "user", "id": "3"}),
    ]
    ids = [message.id for message in messages]
    assert len({*ids, entry.id}) == 4
    assert all(len(id) == 26 and id.startswith("evt_") and id[4:].isalnum() for id in ids)
    assert [message.id for message in encode(entry)] == ids


@pytest.mark.parametrize("count", [MOST_MEMBERS, MOST_MEMBERS + 1])
def test_very_many_members_are_one_event(count: int) -> None:
    """Above a hundred, one event tells how many came, for the receiver to read the group anew."""
    messages = encode(make_members_change(*map(str, range(count))))
    if count == MOST_MEMBERS:
        assert len(messages) == count
        return
    (message,) = messages
    event = read(message)
    assert event.get_type() == "group.members_changed"
    assert event.get_data()["added_count"] == count


def test_a_group_whose_member_was_deleted() -> None:
    """Of a group that the event does not show, there is its id."""
    (message,) = encode(make_members_change(removed=("3",), object=None))
    assert read(message).get_data()["object"]["group"] == {"id": "7"}


def test_what_is_no_user_and_no_group() -> None:
    """What happens to connections has an envelope too."""
    entry = make_entry(
        "connection.paused", resource_type="Connection", resource_id="acme", object=None
    )
    event = read(encode(entry)[0])
    assert event.get_subject() == "Connection/acme"
    assert event.get_data()["object"] == {"id": "acme"}


def test_limit() -> None:
    """What is too large gives way, and the envelope stays whole."""
    (message,) = encode(make_entry(object={"title": "x" * 20_000}))
    assert len(message.body) <= 20_000
    data = read(message).get_data()
    assert data["trimmed"] == ["object"]
