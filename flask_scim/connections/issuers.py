"""Identity providers that sign what they send, as the app knows them from its sign-in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

#: The scope of who may end what somebody has begun.
REVOCATIONS = "post:revocations"
#: Where that is asked for, below the base URI of a connection.
REVOCATION_PATH = "/global-token-revocation"


@dataclass(frozen=True, slots=True)
class Issuer:
    """An identity provider, and the public keys that it signs with.

    :param url: what it calls itself: the ``iss`` of its tokens, exactly.
    :param keys: a JSON Web Key Set (:rfc:`7517#section-5`), or a function that finds it.
    :param subject: what it calls this app, the ``sub`` of its requests, such as the client id that
        the app has there; ``None`` for whatever it says.
    """

    url: str
    keys: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = field(repr=False)
    subject: str | None = None


class Signed(NamedTuple):
    """A request whose signature is good.

    :param id: its own id, by which it is known again.
    :param ends: when it is no good any more anyway.
    """

    id: str
    ends: datetime
