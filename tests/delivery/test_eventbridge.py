"""EventBridge: events on a bus that moto plays, as a queue behind it gets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from flask_scim.delivery import eventbridge
from flask_scim.delivery.destinations import Destination, DestinationState, Kind
from flask_scim.delivery.outcomes import Outcome
from tests.delivery.entries import MOMENT, make_entry, make_members_change

REGION = "eu-central-1"


def make_destination(target: str, encoding: str = "cloudevents") -> Destination:
    """A destination that is a bus."""
    shown: dict[str, Any] = dict.fromkeys(Destination.__slots__)
    chosen = {"id": "0123", "kind": Kind.EVENTBRIDGE, "target": target, "encoding": encoding}
    return Destination(**shown | chosen | {"state": DestinationState.ACTIVE, "failures": 0})


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any]]:
    """The ARN of a bus, and what reads the events that came to it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    eventbridge._client.cache_clear()
    with mock_aws():
        events, queues = boto3.client("events"), boto3.client("sqs")
        arn = events.create_event_bus(Name="provisioning")["EventBusArn"]
        url = queues.create_queue(QueueName="heard")["QueueUrl"]
        attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        events.put_rule(
            Name="all", EventBusName="provisioning", EventPattern='{"source": ["flask-scim"]}'
        )
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule="all", EventBusName="provisioning", Targets=[target])

        def read() -> list[dict[str, Any]]:
            answered = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            return [json.loads(message["Body"]) for message in answered.get("Messages", ())]

        yield arn, read
    eventbridge._client.cache_clear()


@pytest.mark.parametrize("by_name", [False, True])
def test_events_arrive(bus: tuple[str, Any], by_name: bool) -> None:
    """An event comes to the bus as a CloudEvent, with its time and type where rules look."""
    arn, read = bus
    carrier = eventbridge.BusCarrier(make_destination("provisioning" if by_name else arn))
    assert carrier.tell(make_entry()).outcome is Outcome.DELIVERED
    (heard,) = read()
    assert (heard["source"], heard["detail-type"]) == ("flask-scim", "user.created")
    assert heard["time"] == MOMENT.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert heard["detail"]["id"] == "evt_0123456789abcdefghijkl"
    assert heard["detail"]["data"]["object"]["userName"] == "ann"


def test_members_and_form(bus: tuple[str, Any]) -> None:
    """Each member is an event; in the form of Standard Webhooks, all of them are one."""
    arn, read = bus
    entry = make_members_change("1", "2")
    assert eventbridge.BusCarrier(make_destination(arn)).tell(entry).outcome is Outcome.DELIVERED
    assert [each["detail-type"] for each in read()] == ["group.member.added"] * 2
    standard = eventbridge.BusCarrier(make_destination(arn, "standard"))
    assert standard.tell(entry).outcome is Outcome.DELIVERED
    (heard,) = read()
    assert heard["detail"]["data"]["added"] == ["1", "2"]


def test_size(bus: tuple[str, Any]) -> None:
    """What is larger than an entry may be is trimmed."""
    arn, read = bus
    entry = make_entry(object={"title": "x" * 300_000}, previous={"title": "y"})
    assert eventbridge.BusCarrier(make_destination(arn)).tell(entry).outcome is Outcome.DELIVERED
    (heard,) = read()
    assert heard["detail"]["data"]["trimmed"] == ["object"]


def test_a_bus_that_is_not_there(bus: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What AWS refuses, and what does not reach it, is no delivery."""
    arn, _ = bus
    missing = eventbridge.BusCarrier(make_destination(arn.replace("provisioning", "elsewhere")))
    attempt = missing.tell(make_entry())
    assert attempt.outcome in (Outcome.REFUSED, Outcome.UNAVAILABLE)
    assert attempt.reply.reason


def test_aws_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens, the destination is away."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTS", "http://127.0.0.1:9")
    eventbridge._client.cache_clear()
    arn = f"arn:aws:events:{REGION}:123456789012:event-bus/provisioning"
    attempt = eventbridge.BusCarrier(make_destination(arn)).tell(make_entry())
    assert attempt.outcome is Outcome.UNAVAILABLE
    eventbridge._client.cache_clear()
