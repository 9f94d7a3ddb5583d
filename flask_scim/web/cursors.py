"""Places in a list as cursors that only this service can make (:rfc:`9865`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from ..protocol.errors import ExpiredCursor, InvalidCursor
from ..provisioning.ports import Position

_LONGEST = 16_384
_UNKNOWN = "The cursor is none of this service's; begin with an empty one."


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page of a list begins or ends.

    :param positions: a place for each resource type of the list; ``None`` for its beginning.
    :param backwards: whether the page ends before the place, in place of beginning behind it.
    :param count: the most results of each page of the list.
    :param total: how many results the list had when its first page was made; ``None`` if nobody
        has counted.
    """

    positions: tuple[Position | None, ...]
    backwards: bool
    count: int
    total: int | None


class Cursors:
    """Seals marks, and opens what it has sealed.

    :param keys: the keys of the current app, the newest last.
    :param timeout: for how many seconds a cursor is good.
    """

    def __init__(self, keys: Callable[[], list[str]], timeout: int) -> None:
        self._keys = keys
        self._timeout = timeout

    def seal(self, mark: Mark, connection_id: str, question: str) -> str:
        """Make a cursor.

        :param mark: the place.
        :param connection_id: the only connection that can use it.
        :param question: the only query that it fits, from :func:`fingerprint`.
        :return: text of unreserved URL characters.
        """
        places = [None if each is None else _write_position(each) for each in mark.positions]
        content = [connection_id, question, places, mark.backwards, mark.count, mark.total]
        return str(self._serializer().dumps(content))

    def open(self, cursor: str, connection_id: str, question: str) -> Mark:
        """Read a cursor.

        :param cursor: what :meth:`seal` made.
        :param connection_id: the connection that uses it.
        :param question: the query that it is used with.
        :return: the place.
        :raises ExpiredCursor: if it is too old.
        :raises InvalidCursor: if it is no cursor of this connection and query.
        """
        try:
            if len(cursor) > _LONGEST:
                raise BadData("too long")
            content = self._serializer().loads(cursor, max_age=self._timeout)
        except SignatureExpired:
            raise ExpiredCursor(
                f"The cursor has expired; a page must be asked for within {self._timeout} seconds. "
                "Begin again with an empty cursor."
            ) from None
        except BadData:
            raise InvalidCursor(_UNKNOWN) from None
        owner, asked, places, backwards, count, total = content
        if owner != connection_id:
            raise InvalidCursor(_UNKNOWN)
        if asked != question:
            raise InvalidCursor(
                "The cursor is of another query; keep endpoint, filter, sortBy and sortOrder."
            )
        positions = tuple(None if each is None else _read_position(each) for each in places)
        return Mark(positions, backwards, count, total)

    def _serializer(self) -> URLSafeTimedSerializer:
        return _make_serializer(*self._keys())


@lru_cache(maxsize=16)
def _make_serializer(*keys: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(list(keys), salt="flask-scim.cursor")


def fingerprint(*parts: str | None) -> str:
    """Make a short text that two queries share only if they are the same.

    :param parts: what the query is made of.
    :return: the text.
    """
    told = json.dumps(parts)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _write_position(position: Position) -> list[Any]:
    return [_write(position.key), _write(position.value)]


def _read_position(written: list[Any]) -> Position:
    key, value = written
    return Position(_read(key), _read(value))


def _write(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return {"datetime": value.isoformat()}
        case Decimal():
            return {"decimal": str(value)}
        case UUID():
            return {"uuid": value.hex}
        case bytes():
            return {"bytes": value.hex()}
        case _:
            raise TypeError(f"A {type(value).__name__} cannot be part of a cursor.")


def _read(written: Any) -> Any:
    if not isinstance(written, dict):
        return written
    ((kind, text),) = written.items()
    return _READERS[kind](text)


_READERS: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat,
    "decimal": Decimal,
    "uuid": UUID,
    "bytes": bytes.fromhex,
}
