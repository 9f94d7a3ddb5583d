"""Requests that an identity provider signs with the keys of its tokens, as Okta does (:rfc:`7523`).

Needs joserfc; only :mod:`.extra` imports it.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jws import extract_compact

from ..protocol.errors import ServiceUnavailable, Unauthorized
from .assertions import KeyRegistry, find_algorithms, read_keys
from .issuers import Issuer, Signed

_log = logging.getLogger("flask_scim.connections")
#: When to try again where the keys cannot be found, in seconds.
_PAUSE = 30
#: How far ahead a request may end, and how much clocks may differ, in seconds.
_LONGEST, _LEEWAY = 3_600, 60
#: What the header may call itself, in small letters; Okta says the first, the draft says nothing.
_TYPES = ("global-token-revocation+jwt", "jwt", None)


def read_issuer(text: str) -> str | None:
    """Tell who says to have signed a bearer token; ``None`` if it is no signed token."""
    try:
        return _text(json.loads(extract_compact(text.encode()).payload).get("iss"))
    except (JoseError, ValueError, AttributeError, RecursionError):
        return None


def verify(text: str, issuer: Issuer, audience: str) -> Signed:
    """Check a bearer token that an identity provider has signed for one request.

    :param text: the token.
    :param issuer: the identity provider.
    :param audience: the URI that the request was sent to.
    :return: what makes it the only one.
    :raises Unauthorized: with what is wrong with it.
    """
    try:
        header = extract_compact(text.encode()).headers()
        key = _choose(issuer, header)
        registry = KeyRegistry(find_algorithms(key))
        claims = jwt.decode(text, jwk.import_key(key), registry=registry).claims
    except BadSignatureError:
        raise Unauthorized("The signature does not fit the key of the identity provider.") from None
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Unauthorized("The bearer token is no JWT that can be verified here.") from None
    kind = header.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise Unauthorized(f"A JWT of the type {str(kind)[:100]!r} is for something else.")
    return _check(claims, issuer, audience)


def _choose(issuer: Issuer, header: dict[str, Any]) -> dict[str, Any]:
    """Choose the key that a token names; the others may be of kinds that are not known here."""
    keys, kid = _find_keys(issuer), header.get("kid")
    named = [key for key in keys if kid is None or key.get("kid") == kid]
    if len(named) != 1:
        raise Unauthorized("The bearer token names none of the keys of the identity provider.")
    (key,) = read_keys({"keys": named})
    return key


def _find_keys(issuer: Issuer) -> list[dict[str, Any]]:
    try:
        found = issuer.keys() if callable(issuer.keys) else issuer.keys
        return [each for each in found["keys"] if isinstance(each, dict)]
    except Exception:
        # What finds them is the app's, and may have to ask the identity provider.
        _log.exception("The keys of %s cannot be found.", issuer.url)
        raise ServiceUnavailable(
            "The application cannot find the keys of the identity provider now; nothing was "
            "changed. Try again.",
            _PAUSE,
        ) from None


def _check(claims: dict[str, Any], issuer: Issuer, audience: str) -> Signed:
    now, id = time.time(), claims.get("jti")
    expires: Any = claims.get("exp")
    begins = [claims[name] for name in ("iat", "nbf") if name in claims]
    refused = ""
    if claims.get("iss") != issuer.url:
        refused = f"iss must be {issuer.url}"
    elif issuer.subject is not None and claims.get("sub") != issuer.subject:
        refused = "sub must be what the identity provider calls this application"
    elif claims.get("aud") not in (audience, [audience]):
        refused = f"aud must be {audience} and nothing else"
    elif not (isinstance(id, str) and id):
        refused = "jti must be a text of its own each time"
    elif not all(_is_number(moment) and moment <= now + _LEEWAY for moment in begins):
        refused = "iat and nbf must not lie ahead"
    elif not _is_number(expires) or not now - _LEEWAY < expires <= now + _LONGEST + _LEEWAY:
        refused = f"exp must lie ahead, by {_LONGEST} seconds at most"
    if refused:
        raise Unauthorized(f"The JWT is no good here: {refused}.")
    return Signed(str(id), datetime.fromtimestamp(expires + _LEEWAY, UTC))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
