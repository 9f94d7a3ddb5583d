"""Standard Webhooks: the payload, its secrets and its signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from ..provisioning.journal import Entry
from .payload import Message, describe_event, fit, write_json, write_time

#: Lets scanners for leaked secrets recognise one.
_PREFIX = "whsec_"
#: What the specification wants a payload to stay below, in bytes.
LARGEST = 20_000


def encode_standard(entry: Entry, limit: int = LARGEST) -> Message:
    """Encode an event as a payload of Standard Webhooks.

    :param entry: the event.
    :param limit: the most bytes.
    :return: the message.
    :raises TooLarge: if it does not fit.
    """

    def write(data: dict[str, Any]) -> bytes:
        return write_json({"type": entry.type, "timestamp": write_time(entry), "data": data})

    body = fit(describe_event(entry), limit, write)
    return Message(entry.id, entry.type, "application/json", body)


def derive_secret(key: str, destination_id: str, nonce: str) -> str:
    """Derive the secret of a destination, so that it is kept nowhere.

    :param key: a secret key of the app.
    :param destination_id: the destination.
    :param nonce: what makes it another one when it is rotated.
    :return: the secret, ``whsec_`` and 32 bytes in Base64.
    """
    context = f"flask-scim.webhook.{destination_id}.{nonce}"
    derived = hmac.digest(key.encode("utf-8", "surrogatepass"), context.encode(), hashlib.sha256)
    return _PREFIX + base64.b64encode(derived).decode()


def sign(message: Message, secrets: Iterable[str], timestamp: int) -> dict[str, str]:
    """Sign a message with each of the secrets that its receiver may know.

    :param message: the message.
    :param secrets: the secrets, as :func:`derive_secret` writes them.
    :param timestamp: the time of this attempt, in seconds since 1970.
    :return: the headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``.
    """
    signed = b".".join([message.id.encode(), str(timestamp).encode(), message.body])
    signatures = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix(_PREFIX))
        digest = hmac.digest(key, signed, hashlib.sha256)
        signatures.append(f"v1,{base64.b64encode(digest).decode()}")
    return {
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
