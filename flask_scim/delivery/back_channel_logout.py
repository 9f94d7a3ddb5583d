"""OpenID Connect Back-Channel Logout 1.0: tells other apps that somebody is signed out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ..config import ConfigurationError
from .addresses import RefusedAddress
from .sender import Caution, Sender

try:
    from .tokens import TokenSigner
except ImportError:
    _INSTALLED = False
else:
    _INSTALLED = True

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_TYPE = "logout+jwt"
#: For how many seconds a logout token is good, as section 4 of the specification wants it.
_LIFE = 120
#: The longest that the specification lets be a client id or a subject.
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class LogoutClient:
    """An app that somebody has signed in to by way of this one.

    :param client_id: what this app calls it.
    :param uri: its ``backchannel_logout_uri``.
    :param sub: what it knows the person as; ``None`` where ``sid`` alone says who it is.
    :param sid: the session that is to end there; ``None`` for all of the person's.
    :raises ValueError: if it cannot be used.
    """

    client_id: str
    uri: str
    sub: str | None = None
    sid: str | None = None

    def __post_init__(self) -> None:
        if self.sub is None and self.sid is None:
            raise ValueError(f"Client {self.client_id!r} needs a sub, a sid, or both.")
        for name in ("client_id", "sub", "sid"):
            value = getattr(self, name)
            if value is None and name != "client_id":
                continue
            if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
                raise ValueError(f"{name} must be a text of 1 to {_LONGEST} characters.")


@dataclass(frozen=True, slots=True)
class BackChannelLogout:
    """Tells clients that somebody is signed out.

    :param issuer: what this app calls itself as an OpenID provider.
    :param signer: signs logout tokens.
    :param caution: what clients may be, and how long they may take.
    """

    issuer: str
    signer: TokenSigner
    caution: Caution

    @classmethod
    def read(cls, config: Mapping[str, Any], patience: float) -> BackChannelLogout:
        """Read the settings of an app.

        :param config: the app's ``config``.
        :param patience: for how many seconds a client may take at the most.
        :return: what tells its clients.
        :raises ConfigurationError: if something is missing, or cannot be used.
        """
        issuer = config.get("SCIM_LOGOUT_ISSUER")
        if not isinstance(issuer, str) or not issuer:
            raise ConfigurationError(
                "Set SCIM_LOGOUT_ISSUER to what your application calls itself in ID tokens, such "
                "as 'https://your.app'."
            )
        caution = Caution(
            http=bool(config.get("SCIM_DELIVERY_HTTP", False)),
            private=bool(config.get("SCIM_DELIVERY_PRIVATE", False)),
            connect=patience,
            total=patience,
        )
        return cls(issuer, read_signer(config), caution)

    def tell(self, client: LogoutClient) -> str | None:
        """Tell a client that somebody is signed out.

        :param client: the client.
        :return: why it does not take it; ``None`` if it does.
        """
        body = urlencode({"logout_token": self.sign(client)}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"}
        try:
            sender = Sender(client.uri, self.caution)
        except RefusedAddress as error:
            return str(error)
        try:
            reply = sender.send(body, headers)
        finally:
            sender.close()
        if 200 <= reply.status < 300:
            return None
        return f"{reply.status} {reply.reason}" if reply.status else reply.reason

    def sign(self, client: LogoutClient) -> str:
        """Make a logout token, another one each time: a client may refuse one that it knows."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": client.client_id,
            "iat": now,
            "exp": now + _LIFE,
            "jti": secrets.token_urlsafe(16),
            "events": {_EVENT: {}},
        }
        named = {"sub": client.sub, "sid": client.sid}
        claims |= {name: value for name, value in named.items() if value is not None}
        return self.signer.sign(claims, _TYPE)


def read_signer(config: Mapping[str, Any]) -> TokenSigner:
    """Read the keys that sign logout tokens.

    :param config: the app's ``config``.
    :return: what signs with them.
    :raises ConfigurationError: if they are missing, or cannot be used, or the extra is.
    """
    if not _INSTALLED:
        raise ConfigurationError(
            "Back-channel logout needs joserfc; install the extra: Flask-SCIM[events]."
        )
    keys = config.get("SCIM_LOGOUT_KEYS")
    if keys is None:
        raise ConfigurationError(
            "Set SCIM_LOGOUT_KEYS to the private JSON Web Keys with which your application signs "
            "ID tokens."
        )
    return TokenSigner(keys, "SCIM_LOGOUT_KEYS")
