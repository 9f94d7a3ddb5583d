"""How each kind of destination is told of an event."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..provisioning.journal import Entry
from .cloudevents import encode_cloudevents
from .destinations import Destination, Kind
from .outcomes import DONE, Attempt, Outcome, judge
from .payload import Message, TooLarge, write_json
from .security_events import Detail, make_claims
from .sender import Reply, Sender
from .settings import DeliverySettings
from .webhooks import LARGEST, encode_standard, sign

_SET = "application/secevent+jwt"


class Carrier(Protocol):
    """Tells one destination, for one thread."""

    def tell(self, entry: Entry) -> Attempt:
        """Tell the destination of an event.

        :param entry: the event.
        :return: what came of it.
        """
        ...

    def close(self) -> None:
        """Let go of whatever is held open."""
        ...


class Signer(Protocol):
    """Signs security event tokens."""

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign a token."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What carriers need of the app.

    :param settings: the settings of delivery.
    :param callables: the functions that the app has declared, by name.
    :param endpoints: the path of each resource type behind the base URI, by its name.
    :param signer: signs security event tokens; ``None`` where nothing can.
    :param buses: makes the carrier of an event bus; ``None`` without the extra that it needs.
    """

    settings: DeliverySettings
    callables: Mapping[str, Callable[[Entry], Any]]
    endpoints: Mapping[str, str]
    signer: Signer | None = None
    buses: Callable[[Destination], Carrier] | None = None


def make_carrier(destination: Destination, secrets: Sequence[str], means: Means) -> Carrier:
    """Make what tells a destination.

    :param destination: the destination.
    :param secrets: what to sign with.
    :param means: what is needed of the app.
    :return: the carrier.
    :raises ValueError: if the destination cannot be told by this process as it is set up.
    """
    match destination.kind:
        case Kind.WEBHOOK:
            return WebhookCarrier(destination, secrets, means.settings)
        case Kind.SET_PUSH if means.signer is not None and means.settings.issuer is not None:
            return TokenCarrier(destination, means.signer, means.settings, means.endpoints)
        case Kind.CALLABLE if destination.target in means.callables:
            return CallableCarrier(means.callables[destination.target])
        case Kind.EVENTBRIDGE if means.buses is not None:
            return means.buses(destination)
        case Kind.SET_PUSH:
            raise ValueError("There is nothing to sign with: SCIM_EVENTS_KEYS, SCIM_EVENTS_ISSUER.")
        case Kind.EVENTBRIDGE:
            raise ValueError('boto3 is missing: pip install "Flask-SCIM[eventbridge]".')
        case _:
            raise ValueError(f"The app declares no destination {destination.target!r}.")


class WebhookCarrier:
    """Tells a webhook, with signatures of Standard Webhooks whatever the form.

    :param destination: the webhook.
    :param secrets: what to sign with.
    :param settings: the settings of delivery.
    """

    def __init__(
        self, destination: Destination, secrets: Sequence[str], settings: DeliverySettings
    ) -> None:
        self._destination = destination
        self._secrets = secrets
        self._headers = settings.headers.get(destination.id, {})
        self._sender = Sender(destination.target, settings.caution)

    def tell(self, entry: Entry) -> Attempt:
        """Tell the webhook of an event, in one message or several."""
        try:
            messages = self._encode(entry)
        except TooLarge as error:
            return Attempt(Outcome.IMPOSSIBLE, Reply(413, str(error)))
        attempt = DONE
        for message in messages:
            signed = sign(message, self._secrets, int(time.time()))
            headers = {"Content-Type": message.content_type, **self._headers, **signed}
            attempt = judge(self._sender.send(message.body, headers))
            if attempt.outcome is not Outcome.DELIVERED:
                break
        return attempt

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()

    def _encode(self, entry: Entry) -> list[Message]:
        if self._destination.encoding == "cloudevents":
            return encode_cloudevents(entry, self._destination.id, LARGEST)
        return [encode_standard(entry)]


class TokenCarrier:
    """Pushes security event tokens (:rfc:`8935`).

    :param destination: the receiver.
    :param signer: signs the tokens.
    :param settings: the settings of delivery.
    :param endpoints: the path of each resource type, by its name.
    """

    def __init__(
        self,
        destination: Destination,
        signer: Signer,
        settings: DeliverySettings,
        endpoints: Mapping[str, str],
    ) -> None:
        self._destination = destination
        self._signer = signer
        self._settings = settings
        self._endpoints = endpoints
        self._sender = Sender(destination.target, settings.caution)

    def tell(self, entry: Entry) -> Attempt:
        """Push the token that tells of an event; where the standard has none, that is all."""
        token = make_token(entry, self._destination, self._signer, self._settings, self._endpoints)
        if token is None:
            return DONE
        own = self._settings.headers.get(self._destination.id, {})
        headers = {"Content-Type": _SET, "Accept": "application/json", **own}
        return judge(self._sender.send(token.encode(), headers))

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()


class CallableCarrier:
    """Calls a function of the app.

    :param function: the function.
    """

    def __init__(self, function: Callable[[Entry], Any]) -> None:
        self._function = function

    def tell(self, entry: Entry) -> Attempt:
        """Call the function; what it raises is a failure, and it is called again later."""
        try:
            self._function(entry)
        except Exception as error:  # whatever the app raises, the next event is another one
            return Attempt(Outcome.REFUSED, Reply(0, f"{type(error).__name__}: {error}"))
        return DONE

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def make_token(
    entry: Entry,
    destination: Destination,
    signer: Signer,
    settings: DeliverySettings,
    endpoints: Mapping[str, str],
) -> str | None:
    """Make the token that tells a destination of an event.

    :param entry: the event.
    :param destination: the destination.
    :param signer: signs it.
    :param settings: the settings of delivery, with the issuer.
    :param endpoints: the path of each resource type, by its name.
    :return: the token; ``None`` where the standard has no such event.
    """
    assert settings.issuer is not None
    known = {
        "issuer": settings.issuer,
        "audience": destination.audience or destination.target,
        "stream": destination.id,
    }
    detail = Detail(destination.encoding)
    claims = make_claims(entry, endpoints, detail=detail, **known)
    if claims is not None and len(write_json(claims)) > LARGEST:
        # Whoever wants the values can read the resource.
        claims = make_claims(entry, endpoints, detail=Detail.NOTICE, **known)
    return None if claims is None else signer.sign(claims)
