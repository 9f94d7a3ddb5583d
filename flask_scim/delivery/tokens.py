"""The signatures of security event tokens; it stands on joserfc (extra ``events``)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import JoseError

from ..config import ConfigurationError

_TYPE = "secevent+jwt"
#: The algorithm that goes with a kind of key.
_ALGORITHMS = {("EC", "P-256"): "ES256", ("RSA", None): "RS256"}


class TokenSigner:
    """Signs security event tokens, and says what to check the signatures with.

    :param keys: private keys of the app as ``SCIM_EVENTS_KEYS`` has them: JSON Web Keys, or a set
        of them, as objects or as JSON text. The first one signs, and all are good.
    :param setting: where they come from, in messages.
    :raises ConfigurationError: if they cannot be used.
    """

    def __init__(self, keys: Any, setting: str = "SCIM_EVENTS_KEYS") -> None:
        self._keys = [_read(each, setting) for each in _listed(keys, setting)]
        if not self._keys:
            raise ConfigurationError(f"{setting} holds no key.")

    def sign(self, claims: dict[str, Any], kind: str = _TYPE) -> str:
        """Sign a token.

        :param claims: its claims.
        :param kind: the type of the token, the ``typ`` of its header.
        :return: the token.
        """
        key, algorithm = self._keys[0]
        header = {"typ": kind, "alg": algorithm, "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=[algorithm])

    def describe(self) -> dict[str, Any]:
        """Describe the public keys, as a JSON Web Key Set (:rfc:`7517#section-5`)."""
        return {
            "keys": [
                {**key.as_dict(private=False), "use": "sig", "alg": algorithm, "kid": key.kid}
                for key, algorithm in self._keys
            ]
        }


def make_key() -> dict[str, Any]:
    """Make a private key for ``SCIM_EVENTS_KEYS``.

    :return: the key as a JSON Web Key.
    """
    key = jwk.ECKey.generate_key("P-256")
    return {**key.as_dict(private=True), "kid": key.thumbprint()}


def _listed(keys: Any, setting: str) -> Iterable[Any]:
    if isinstance(keys, str):
        try:
            keys = json.loads(keys)
        except ValueError:
            raise ConfigurationError(f"{setting} is no JSON.") from None
    if isinstance(keys, dict):
        keys = keys.get("keys", [keys])
    if not isinstance(keys, (list, tuple)):
        raise ConfigurationError(f"{setting} must be JSON Web Keys, or a set of them.")
    return keys


def _read(key: Any, setting: str) -> tuple[Any, str]:
    try:
        read = jwk.import_key(key)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        # The reason could tell of the key itself.
        raise ConfigurationError(
            f"{setting} holds what is no JSON Web Key; flask scim events key makes one."
        ) from None
    kind = (read.key_type, key.get("crv"))
    if kind not in _ALGORITHMS or not read.is_private:
        raise ConfigurationError(
            f"{setting} must hold private keys on P-256, or of RSA; "
            "flask scim events key makes one."
        )
    raw: Any = read.raw_value
    if read.key_type == "RSA" and raw.key_size < 2_048:
        raise ConfigurationError(f"{setting} holds an RSA key of less than 2048 bits.")
    read.ensure_kid()
    return read, _ALGORITHMS[kind]
