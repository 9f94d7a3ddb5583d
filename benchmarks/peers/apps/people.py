"""What all peers have in common: a bearer token, and who is in the database."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

TOKEN = "scim_benchmarks"
_HASH = hashlib.sha256(TOKEN.encode()).hexdigest()
#: The groups, by their ids: how many members each has.
GROUPS = {1: 10, 2: 1_000, 3: 10_000}


def is_known(header: str | None) -> bool:
    """Tell whether a request has the token: the cheapest check there is, without the database."""
    sent = (header or "").removeprefix("Bearer ")
    return hmac.compare_digest(hashlib.sha256(sent.encode()).hexdigest(), _HASH)


def authenticate(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Middleware for Django that lets those in who have the token."""
    known = SimpleNamespace(is_authenticated=True, is_anonymous=False, is_superuser=True)
    stranger = SimpleNamespace(is_authenticated=False, is_anonymous=True, is_superuser=False)

    def middleware(request: Any) -> Any:
        request.user = known if is_known(request.headers.get("Authorization")) else stranger
        return get_response(request)

    return middleware


def people(size: int) -> Iterator[tuple[int, str, str, str]]:
    """The people of a database: id, user name, given and family name.

    :param size: how many.
    """
    for id in range(1, size + 1):
        yield id, f"user{id}@example.com", f"Given{id}", f"Family{id}"


def memberships(size: int) -> Iterator[tuple[int, int]]:
    """Who is in which group, as ids: each has the people from 1 on.

    :param size: how many people there are.
    """
    for group, members in GROUPS.items():
        yield from ((group, user) for user in range(1, min(members, size) + 1))
