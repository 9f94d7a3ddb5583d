"""Clients that prove themselves with a key of their own: ``private_key_jwt`` (:rfc:`7523`).

Their public keys come with them (:meth:`.Clients.add`); nothing is fetched from the network.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwk, jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jws import JWSRegistry

#: How far ahead an assertion may end, and how much clocks may differ, in seconds.
_LONGEST, _LEEWAY = 3_600, 60
_MOST_KEYS = 10
_KID = re.compile(r"[ -~]{1,255}", re.ASCII)
#: The algorithms that go with a kind of key: no other is tried, whatever an assertion names.
_ALGORITHMS: dict[tuple[str, str | None], tuple[str, ...]] = {
    ("RSA", None): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}
ALGORITHMS = tuple(name for names in _ALGORITHMS.values() for name in names)
_PUBLIC = frozenset({"kty", "kid", "alg", "n", "e", "crv", "x", "y"})
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

Jwk = dict[str, Any]


class KeyRegistry(JWSRegistry):
    """The algorithms of one key.

    :param algorithms: their names.
    """

    def __init__(self, algorithms: Collection[str]) -> None:
        # Headers that nobody here knows are to be ignored (RFC 7515, section 4).
        super().__init__(algorithms=algorithms, strict_check_header=False)
        self._names = algorithms

    def get_alg(self, name: str) -> Any:
        """Find an algorithm."""
        # The old name for one that RFC 9864 calls Ed25519. Many clients use it; the library warns.
        if name in self._names and name in _ALGORITHMS["OKP", "Ed25519"]:
            return self.algorithms["EdDSA"]
        return super().get_alg(name)


class ClientAssertion(JWTBearerClientAssertion):
    """Authenticates the clients of one connection by an assertion.

    :param audiences: what an assertion may be meant for.
    :param find_keys: finds the public keys of a client.
    :param use_assertion: notes that a client has used an assertion, by its id, that ends then;
        tells whether it is the first time.
    :param refused: makes the error for a client.
    """

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(
        self,
        audiences: list[str],
        find_keys: Callable[[Any], tuple[Jwk, ...]],
        use_assertion: Callable[[str, str, datetime], bool],
        refused: Callable[[str], InvalidClientError],
    ) -> None:
        super().__init__(leeway=_LEEWAY)
        self._audiences = audiences
        self._find_keys = find_keys
        self._use_assertion = use_assertion
        self._refused = refused

    def get_audiences(self) -> list[str]:
        """What an assertion may be meant for."""
        return self._audiences

    def resolve_client_public_key(self, client: Any) -> tuple[Jwk, ...]:
        """Find the public keys of a client."""
        return self._find_keys(client)

    def extract_assertion(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read an assertion before its signature is checked."""
        try:
            header, claims = super().extract_assertion(assertion)
        except (JoseError, InvalidClientError, ValueError, TypeError, RecursionError):
            raise self._refused("The client_assertion is no signed JWT.") from None
        if not isinstance(claims, dict) or not isinstance(claims.get("sub"), str):
            raise self._refused("The assertion must name the client in its claims iss and sub.")
        return header, claims

    def process_assertion_claims(self, assertion: str, resolve_key: tuple[Jwk, ...]) -> Any:
        """Check an assertion.

        :param assertion: the assertion.
        :param resolve_key: the public keys of the client.
        :return: its claims.
        """
        header, _ = self.extract_assertion(assertion)
        key = self._choose(resolve_key, header)
        try:
            token = jwt.decode(
                assertion, jwk.import_key(key), registry=KeyRegistry(find_algorithms(key))
            )
        except BadSignatureError:
            raise self._refused(
                "The signature of the assertion does not fit the public key of the client."
            ) from None
        except (JoseError, ValueError, TypeError, RecursionError):
            raise self._refused("The header of the assertion cannot be used.") from None
        self.verify_claims(token.claims)
        return token.claims

    def verify_claims(self, claims: dict[str, Any]) -> None:
        """Check the claims of an assertion whose signature is good."""
        try:
            super().verify_claims(claims)
        except InvalidClientError as error:
            why = error.description.rstrip(".")
            raise self._refused(
                f"{why}. An assertion needs the client_id as iss and sub; one of "
                f"{' and '.join(self._audiences)} as aud, and nothing else there; exp at most "
                f"{_LONGEST} seconds ahead; and a jti of its own each time. Clocks may differ by "
                f"{_LEEWAY} seconds."
            ) from None

    def validate_jti(self, claims: dict[str, Any], jti: Any) -> bool:
        """Check what is left once all claims are of their kind, and take note of the assertion."""
        named = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if not all(audience in self._audiences for audience in named):
            raise InvalidClientError(description="The assertion is meant for others too.")
        expires = claims["exp"]
        if not expires <= time.time() + _LONGEST + _LEEWAY:
            raise InvalidClientError(description="The assertion ends too late.")
        if not isinstance(jti, str) or not jti:
            raise InvalidClientError(description="The jti is no text.")
        # Until then its exp alone would let it pass.
        over = datetime.fromtimestamp(expires + _LEEWAY, UTC)
        return self._use_assertion(claims["sub"], jti, over)

    def _choose(self, keys: tuple[Jwk, ...], header: dict[str, Any]) -> Jwk:
        """Choose the key that an assertion is signed with."""
        kid = header.get("kid")
        fitting = [key for key in keys if kid is None or key.get("kid", kid) == kid]
        if len(fitting) != 1:
            known = ", ".join(key["kid"] for key in keys if "kid" in key)
            raise self._refused(f"Name the key of the assertion by its kid, one of: {known}.")
        (key,) = fitting
        allowed = find_algorithms(key)
        if header.get("alg") not in allowed:
            raise self._refused(f"Sign with {' or '.join(allowed)}, which goes with the key.")
        return key


def read_keys(jwks: Any) -> list[Jwk]:
    """Read the public keys of a client.

    :param jwks: a JSON Web Key Set (:rfc:`7517#section-5`).
    :return: its keys, without what is not needed of them.
    :raises ValueError: if it is none, or a key cannot be used.
    """
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= _MOST_KEYS:
        raise ValueError(
            f'jwks must be a JSON Web Key Set: {{"keys": […]}} with 1 to {_MOST_KEYS} keys.'
        )
    read = [_read_key(key) for key in keys]
    ids = [key.get("kid") for key in read]
    if len(ids) > 1 and (None in ids or len(set(ids)) < len(ids)):
        raise ValueError("Give each of several keys a kid of its own.")
    return read


def _read_key(key: Any) -> Jwk:
    if not isinstance(key, dict):
        raise ValueError("A key must be a JSON Web Key: a JSON object.")
    if key.keys() & _PRIVATE:
        raise ValueError("A key is private; give the public one, and keep that one secret.")
    operations = key.get("key_ops", ["verify"])
    verifies = isinstance(operations, list) and "verify" in operations
    if key.get("use", "sig") != "sig" or not verifies:
        raise ValueError("A key is not for signatures.")
    kid = key.get("kid", "1")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise ValueError("The kid of a key must be a text of at most 255 printable characters.")
    if not find_algorithms(key):
        raise ValueError(
            "A key must be an RSA key of 2048 bits or more, an EC key on P-256, or an OKP key on "
            f"Ed25519, for one of the algorithms {', '.join(ALGORITHMS)}."
        )
    public = {name: value for name, value in key.items() if name in _PUBLIC}
    try:
        jwk.import_key(public)
    except (JoseError, ValueError, TypeError):
        raise ValueError("A key is not a valid JSON Web Key.") from None
    return public


def find_algorithms(key: Jwk) -> tuple[str, ...]:
    """List the algorithms that a key can be used with.

    :param key: the key.
    :return: their names; none where it is of no kind that is known, or too weak.
    """
    crv = key.get("crv")
    curve = crv if isinstance(crv, str) else None
    names = _ALGORITHMS.get((str(key.get("kty")), curve), ())
    if key.get("kty") == "RSA" and _count_bits(key.get("n")) < 2048:
        return ()
    return tuple(name for name in names if key.get("alg", name) in (name, *_same(name)))


def _same(algorithm: str) -> tuple[str, ...]:
    edwards = _ALGORITHMS["OKP", "Ed25519"]
    return edwards if algorithm in edwards else ()


def _count_bits(number: Any) -> int:
    try:
        return int.from_bytes(base64.urlsafe_b64decode(f"{number}==")).bit_length()
    except ValueError:
        return 0
