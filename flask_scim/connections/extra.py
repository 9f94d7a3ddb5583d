"""What only an extra brings: Authlib and joserfc, which ``Flask-SCIM[oauth]`` installs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .access_tokens import AccessTokens
from .authority import Authority
from .clients import Clients
from .issuers import Issuer, Signed

AuthorityMaker = Callable[
    [Callable[[], Clients], Callable[[], AccessTokens], Sequence[str]], Authority
]
#: Makes the authorization server; ``None`` without the extra.
make_authority: AuthorityMaker | None = None
#: Reads the public keys of a client; ``None`` without the extra.
read_keys: Callable[[Any], list[dict[str, Any]]] | None = None
#: Tells who says to have signed a bearer token; ``None`` without the extra.
read_issuer: Callable[[str], str | None] | None = None
#: Checks a bearer token that an identity provider has signed; ``None`` without the extra.
verify_signed: Callable[[str, Issuer, str], Signed] | None = None

try:
    from . import assertions, oauth, signed_requests
except ImportError:
    pass
else:
    make_authority, read_keys = oauth.ClientAuthority, assertions.read_keys
    read_issuer, verify_signed = signed_requests.read_issuer, signed_requests.verify
