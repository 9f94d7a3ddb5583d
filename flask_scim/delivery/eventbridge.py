"""Event buses of AWS EventBridge; they stand on boto3 (extra ``eventbridge``)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..provisioning.journal import Entry
from .cloudevents import encode_cloudevents
from .destinations import Destination
from .outcomes import DONE, Attempt, Outcome, judge
from .payload import Message, TooLarge
from .sender import Reply
from .webhooks import encode_standard

#: What one entry may have, in bytes, with its source, type and time.
LARGEST = 256 * 1024 - 1_024
_SOURCE = "flask-scim"
_ARN = re.compile(r"arn:[a-z-]+:events:([a-z0-9-]+):\d+:event-bus/.+", re.ASCII)
_BUSY = ("ThrottlingException", "InternalException", "InternalFailure", "ServiceUnavailable")


class BusCarrier:
    """Puts events on an event bus.

    :param destination: the bus, by its name or ARN; credentials, and the region of a mere name,
        come from where boto3 finds them.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        found = _ARN.fullmatch(destination.target)
        self._client = _client(found[1] if found else None)

    def tell(self, entry: Entry) -> Attempt:
        """Put an event on the bus, in one entry or several."""
        try:
            messages = self._encode(entry)
        except TooLarge as error:
            return Attempt(Outcome.IMPOSSIBLE, Reply(413, str(error)))
        attempt = DONE
        for message in messages:
            attempt = self._put(entry, message)
            if attempt.outcome is not Outcome.DELIVERED:
                break
        return attempt

    def close(self) -> None:
        """Do nothing: the client is shared."""

    def _encode(self, entry: Entry) -> list[Message]:
        if self._destination.encoding == "standard":
            return [encode_standard(entry, LARGEST)]
        return encode_cloudevents(entry, self._destination.id, LARGEST)

    def _put(self, entry: Entry, message: Message) -> Attempt:
        try:
            answered = self._client.put_events(
                Entries=[
                    {
                        "Source": _SOURCE,
                        "DetailType": message.type,
                        "Detail": message.body.decode(),
                        "EventBusName": self._destination.target,
                        "Time": entry.time,
                        "Resources": [],
                    }
                ]
            )
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return judge(Reply(_away(error.response["Error"]["Code"], status), str(error)))
        except BotoCoreError as error:
            return judge(Reply(0, str(error)))
        if answered["FailedEntryCount"]:
            (failed,) = answered["Entries"]
            reason = f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}"
            return judge(Reply(_away(failed.get("ErrorCode"), 400), reason))
        return DONE


def _away(code: str | None, status: int) -> int:
    """The status that says best what is the matter."""
    return 503 if code in _BUSY else status


@cache
def _client(region: str | None) -> Any:
    """The client of a region, which all threads may use."""
    config = Config(
        connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 1}, tcp_keepalive=True
    )
    return boto3.client("events", region_name=region, config=config)
