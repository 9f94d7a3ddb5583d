"""What only an extra brings: OAuth stands on Authlib, which ``Flask-SCIM[oauth]`` installs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .access_tokens import AccessTokens
from .authority import Authority
from .clients import Clients

AuthorityMaker = Callable[
    [Callable[[], Clients], Callable[[], AccessTokens], Sequence[str]], Authority
]
#: Makes the authorization server; ``None`` without the extra.
make_authority: AuthorityMaker | None = None
#: Reads the public keys of a client; ``None`` without the extra.
read_keys: Callable[[Any], list[dict[str, Any]]] | None = None

try:
    from . import assertions, oauth
except ImportError:
    pass
else:
    make_authority, read_keys = oauth.ClientAuthority, assertions.read_keys
