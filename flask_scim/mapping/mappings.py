"""The mappings of connections, as those who administer them ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .defaults import Fitted
from .pairs import Pair


@dataclass(frozen=True, slots=True)
class Review:
    """What comes of a look through the mappings.

    :param notes: what could be better, with the repair.
    :param problems: what is wrong, with the repair.
    :param defaults: what the default of each identity provider comes to in this app.
    """

    notes: list[str]
    problems: list[str]
    defaults: dict[str, Fitted]


class Mappings(Protocol):
    """Where the attributes of each connection sit.

    Connections are those of :mod:`flask_scim.connections`; resource types go by their names.
    """

    def pairs(self, connection: Any, name: str) -> list[Pair]:
        """The mapping of a connection: its own, or the app's.

        :param connection: the connection.
        :param name: the name of the resource type.
        :return: each attribute and its place; none where there is no such resource type.
        """
        ...

    def default(self, connection: Any, name: str) -> Fitted:
        """Fit the default of a connection's identity provider to what the app lets be named.

        :param connection: the connection.
        :param name: the name of the resource type.
        :return: the default; for others than users, and where it has no place for ``userName``,
            the app's own mapping.
        """
        ...

    def read(self, connection: Any, chosen: Mapping[str, Any]) -> dict[str, Any] | None:
        """Check the mapping that a connection is to have, and bring it into the form to keep.

        :param connection: the connection.
        :param chosen: pairs by the name of the resource type; ``None`` for the app's own mapping.
        :return: the pairs that differ from the app's own; ``None`` where none do.
        :raises ValueError: with every mistake and its repair.
        """
        ...

    def unique(self, name: str) -> str | None:
        """The attribute that no two resources of a type share; ``None`` if there is none."""
        ...
