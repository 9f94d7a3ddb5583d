"""What a token allows: a method on a resource type, such as ``patch:users``, or revocations."""

from __future__ import annotations

from collections.abc import Iterable

from .issuers import REVOCATIONS

METHODS = ("get", "post", "put", "patch", "delete")
#: Lets a client read what has happened. No identity provider needs it: it has to be asked for.
EVENTS = "get:events"

#: What an identity provider needs, by resource type; of those not named here, everything.
_PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    # Entra never replaces a resource as a whole.
    "entra": {
        "users": ("get", "post", "patch", "delete"),
        "groups": ("get", "post", "patch", "delete"),
    },
    # Okta deactivates people and never deletes them.
    "okta": {"users": ("get", "post", "put", "patch"), "groups": METHODS},
}


def all_scopes(plurals: Iterable[str]) -> tuple[str, ...]:
    """List every scope on resources, which is what a token has that is issued without any.

    :param plurals: the resource types, as ``users``.
    :return: the scopes, in order.
    """
    return tuple(f"{method}:{plural}" for plural in plurals for method in METHODS)


def preset(idp: str, plurals: Iterable[str]) -> tuple[str, ...]:
    """List the scopes that an identity provider needs.

    :param idp: the identity provider.
    :param plurals: the resource types that the app serves.
    :return: the scopes, in order; all of them where it is not known what it needs.
    """
    needed = _PRESETS.get(idp, {})
    return tuple(
        f"{method}:{plural}" for plural in plurals for method in needed.get(plural, METHODS)
    )


def read_scopes(scopes: Iterable[str], plurals: Iterable[str]) -> tuple[str, ...]:
    """Check the scopes that somebody asks for.

    :param scopes: the scopes, or names of presets such as ``entra``; each text may hold several,
        separated by blanks or commas.
    :param plurals: the resource types that the app serves.
    :return: the scopes, each once; all of them where none is asked for.
    :raises ValueError: if one does not exist; the message lists those that do.
    """
    plurals, asked = tuple(plurals), list(scopes)
    if not asked:
        return all_scopes(plurals)
    # Who may end sessions, or read what has happened, has been told so.
    known = tuple(dict.fromkeys([*all_scopes(plurals), REVOCATIONS, EVENTS]))
    found: list[str] = []
    for scope in (scope for text in asked for scope in text.replace(",", " ").split()):
        if scope in _PRESETS:
            found += preset(scope, plurals)
        elif scope in known:
            found.append(scope)
        else:
            names = ", ".join((*known, *_PRESETS))
            raise ValueError(f"{scope!r} is no scope; choose from {names}.")
    if not found:
        raise ValueError(f"No scope is named; choose from {', '.join((*known, *_PRESETS))}.")
    return tuple(dict.fromkeys(found))
