"""The ways into the app, and what closes each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..config import ConfigurationError
from .ending import Ending

#: Takes a person's row and the end of their access, and returns how many it has ended.
Revoker = Callable[[Any, Ending], int]

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)


class Revokers:
    """What closes the ways into the app, by the name of the way.

    :param host: the revokers of the host; left out, there are none yet.
    :param own: finds those of ours.
    """

    def __init__(
        self, host: Revokers | None = None, own: Callable[[], Mapping[str, Revoker]] = dict
    ) -> None:
        self._revokers: dict[str, Revoker] = {} if host is None else host._revokers
        self._ways: dict[str, None] = {} if host is None else host._ways
        self._own = own

    @property
    def names(self) -> tuple[str, ...]:
        """The ways into the app that have a revoker."""
        return tuple({**self._own(), **self._revokers})

    def add(self, name: str, revoker: Revoker) -> None:
        """Register what closes a way into the app.

        :param name: the way.
        :param revoker: what closes it.
        :raises ConfigurationError: if the name cannot be used, or is taken.
        """
        _check(name)
        if name in self._revokers:
            raise ConfigurationError(f"{name!r} has a revoker already; give this one another name.")
        self._revokers[name] = revoker

    def declare(self, names: Iterable[str]) -> None:
        """Say which ways into the app there are, whether or not something closes them.

        :param names: the ways.
        :raises ConfigurationError: if a name cannot be used.
        """
        for name in names:
            _check(name)
            self._ways[name] = None

    def uncovered(self, covered: Iterable[str] = ()) -> list[str]:
        """List the ways into the app that nothing closes.

        :param covered: those that are closed otherwise.
        :return: their names.
        """
        closed = {*self.names, *covered}
        return [name for name in self._ways if name not in closed]

    def end(self, name: str, user: Any, ending: Ending) -> int:
        """Close a way into the app for a person.

        :param name: the way.
        :param user: the person's row.
        :param ending: the end of their access.
        :return: how many of its kind have ended.
        :raises Exception: what the revoker raises, or :class:`Unbelievable`.
        """
        revoker = self._revokers.get(name) or self._own().get(name)
        if revoker is None:
            raise LookupError(f"nothing is registered any more as {name!r}")
        told: object = revoker(user, ending)
        if isinstance(told, bool) or not isinstance(told, int) or not 0 <= told < 2**62:
            raise Unbelievable(f"it must return how many it has ended, not {told!r:.100}")
        return told


class Unbelievable(ValueError):
    """A revoker has returned what cannot be how many it has ended."""


def _check(name: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r:.100} cannot be the name of a way into the app; use up to 64 small letters, "
            "digits, dots, dashes and underscores, as in 'api_keys'."
        )
