"""Lists that are read a page at a time: how many to take, and from where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..provisioning.ports import Position
from ..web.cursors import Cursors, Mark, fingerprint
from .schemas.parts import ScimPaging
from .views import read_query

_Item = TypeVar("_Item")


def read_page(
    cursors: Cursors,
    find: Callable[[Position | None, int], tuple[list[_Item], list[Position]]],
    *question: str,
    connection_id: str = "",
    wanted: dict[str, Any] | None = None,
) -> tuple[list[_Item], str | None]:
    """Read the page that a request asks for.

    :param cursors: seals places in lists.
    :param find: lists what comes after a place, as many as are wanted at the most, each with its
        own place.
    :param question: what is listed.
    :param connection_id: the connection that it is of, if it is of one.
    :param wanted: the query parameters, where more than :class:`ScimPaging` reads them.
    :return: the page, and where the next one begins; ``None`` behind the last one.
    :raises InvalidValue: if the request asks for what is no page.
    :raises InvalidCursor: if the place is none of this list.
    :raises ExpiredCursor: if it is too old.
    """
    wanted = read_query(ScimPaging()) if wanted is None else wanted
    take, start = wanted["take"], wanted["start"]
    asked = fingerprint("management", *question)
    place = None
    if start:
        (place,) = cursors.open(start, connection_id, asked).positions
    # One more than the page holds tells whether there is another page.
    found, positions = find(place, take + 1)
    if len(found) <= take:
        return found, None
    mark = Mark((positions[take - 1],), backwards=False, count=take, total=0)
    return found[:take], cursors.seal(mark, connection_id, asked)
