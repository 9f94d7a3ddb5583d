"""Sessions, and whether they began before the access of their owner ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, ProgrammingError

from .revocation import Revocation
from .standing import Standing, stand
from .stored import Shelf

_log = logging.getLogger("flask_scim.access")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a session says of its beginning.

    :param person: what the session calls its owner.
    :param key: the primary key of the owner's row, as text.
    :param epoch: how often the owner's access had ended when the session began.
    """

    person: str
    key: str
    epoch: int

    @classmethod
    def read(cls, written: Any) -> Stamp | None:
        """Read a stamp; ``None`` if it is none."""
        match written:
            case [str(person), str(key), int(epoch)]:
                return cls(person, key, epoch)
        return None

    def write(self) -> list[Any]:
        """Write the stamp as JSON has it."""
        return [self.person, self.key, self.epoch]


class Sessions:
    """Tells of sessions whether they go on.

    :param revocation: what ends access.
    :param shelf: finds where sessions are kept, if their owners can be noted there.
    """

    def __init__(self, revocation: Revocation, shelf: Callable[[], Shelf | None]) -> None:
        self._revocation = revocation
        self._shelf = shelf

    def key_text(self, row: Any) -> str | None:
        """Write the primary key of a person's row as text; ``None`` if it is no row of users."""
        binding = self._revocation.binding
        if not isinstance(row, binding.model):
            return None
        key = binding.key_of(row)
        return None if key is None else str(binding.key_place.codec.decode(key))

    def load(self, text: str) -> Any:
        """Find the row of a primary key as text; ``None`` if there is none."""
        revocation = self._revocation
        key = self._parse(text)
        if key is None:
            return None
        return revocation.sessions().get(revocation.binding.model, key)

    def _parse(self, text: str) -> Any:
        """Read a primary key, in another spelling of a UUID too; ``None`` if it is none."""
        parse = self._revocation.binding.key_place.codec.parse
        found = parse(text)
        if found is None and len(text) in (32, 36):
            with suppress(ValueError):
                found = parse(str(UUID(text)))
        return found

    def goes_on(self, stamp: Stamp) -> bool:
        """Tell whether a session goes on, by one look-up of a primary key.

        :param stamp: what the session says of its beginning.
        :return: whether it does; if not, the access of its owner has ended since.
        """
        return stamp.epoch >= self._epoch(self._parse(stamp.key))

    def begin(self, person: str, row: Any) -> Stamp | None:
        """Begin a session, unless an identity provider has put its owner out just then.

        :param person: what the session calls its owner.
        :param row: the owner's row.
        :return: the stamp of the session; ``None`` if it must not begin.
        """
        key = self.key_text(row)
        assert key is not None
        standing = self._stand(row)
        if standing.by_idp and not standing:
            return None
        return Stamp(person, key, standing.epoch)

    def note(self, stamp: Stamp, name: str, seconds: int) -> None:
        """Note whose a session is that is not kept in a cookie.

        :param stamp: what the session says of its beginning.
        :param name: what it is called where it is kept.
        :param seconds: for how long it is kept without being used.
        """
        shelf = self._shelf()
        if shelf is not None:
            shelf.add(self._parse(stamp.key), name, stamp.epoch, seconds)

    def _epoch(self, key: Any) -> int:
        session = self._revocation.sessions()
        was_begun = session.in_transaction()
        try:
            return self._revocation.epochs.of(key)
        except (OperationalError, ProgrammingError) as error:
            self._check_migrated(error)
            return 0
        finally:
            if not was_begun:
                # The app finds its session as if nobody had asked.
                session.rollback()

    def _stand(self, row: Any) -> Standing:
        session = self._revocation.sessions()
        was_begun = session.in_transaction()
        try:
            return stand(self._revocation, row)
        except (OperationalError, ProgrammingError) as error:
            self._check_migrated(error)
            return Standing(None)
        finally:
            if not was_begun:
                session.rollback()

    def _check_migrated(self, error: Exception) -> None:
        """Let pass that nobody has made our tables yet: then no access has ended either."""
        session = self._revocation.sessions()
        session.rollback()
        table = self._revocation.tables.access
        connection = self._revocation.binding.connect(session)
        if sa.inspect(connection).has_table(table.name, schema=table.schema):
            raise error
        _log.error("The database lacks %s; migrate it, or call db.create_all().", table.name)
