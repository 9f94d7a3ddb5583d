"""What a token allows: a method on a resource type, such as ``patch:users``."""

from __future__ import annotations

from collections.abc import Iterable

METHODS = ("get", "post", "put", "patch", "delete")


def all_scopes(plurals: Iterable[str]) -> tuple[str, ...]:
    """List every scope there is.

    :param plurals: the resource types, as ``users``.
    :return: the scopes, in order.
    """
    return tuple(f"{method}:{plural}" for plural in plurals for method in METHODS)


def read_scopes(scopes: Iterable[str], plurals: Iterable[str]) -> tuple[str, ...]:
    """Check the scopes that somebody asks for.

    :param scopes: the scopes; each text may hold several, separated by blanks or commas.
    :param plurals: the resource types that the app serves.
    :return: the scopes, each once; all of them where none is asked for.
    :raises ValueError: if one does not exist; the message lists those that do.
    """
    known = all_scopes(plurals)
    asked = [scope for text in scopes for scope in text.replace(",", " ").split()]
    for scope in asked:
        if scope not in known:
            raise ValueError(f"{scope!r} is no scope; choose from {', '.join(known)}.")
    return tuple(dict.fromkeys(asked)) or known
