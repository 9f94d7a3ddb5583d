"""A place where rows have names, such as roles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ....protocol.errors import InvalidValue
from ...sql.backends import Backend, Sql

#: The names of some rows, by the key of the row, each with the text that people read.
Names = dict[Any, dict[str, str | None]]


#: Keys of rows, and the names that each is to get or to lose.
Pairs = Iterable[tuple[Any, str]]


class Holder(ABC):
    """A place where rows of one model have names.

    :param key: the primary key of the model.
    """

    #: Whether a row has one name at the most.
    is_single = False

    def __init__(self, key: Sql) -> None:
        self.key = key

    @property
    def near(self) -> Sql:
        """The column of :meth:`select` that holds the primary key of the row."""
        return self.key

    @abstractmethod
    def read(self, session: Session, keys: list[Any]) -> Names:
        """Read the names of some rows, as they are now and not as a snapshot has them.

        :param session: the host's session.
        :param keys: the primary keys of the rows.
        :return: the names of each row that has any.
        """

    @abstractmethod
    def known(self, session: Session, tenant: str | None) -> dict[str, Any] | None:
        """List the names that the app has.

        :param session: the host's session.
        :param tenant: whose they have to be, where names belong to tenants.
        :return: what stands for each of them in the database; ``None`` where any text is a name.
        """

    @abstractmethod
    def add(self, session: Session, pairs: Pairs, known: Mapping[str, Any] | None) -> None:
        """Give names to rows that do not have them.

        :param session: the host's session.
        :param pairs: the primary key of each row and the name.
        :param known: what :meth:`known` has found.
        """

    @abstractmethod
    def remove(self, session: Session, pairs: Pairs) -> None:
        """Take names from rows."""

    @abstractmethod
    def narrow(
        self, statement: sa.Select[Any], backend: Backend, names: Iterable[str]
    ) -> sa.Select[Any]:
        """Narrow a statement on the model to the rows that have one of some names.

        :param statement: the statement.
        :param backend: the database.
        :param names: the names.
        :return: the statement; a row may come twice.
        """

    @abstractmethod
    def select(self, key: Any) -> sa.Select[Any]:
        """Select what one row has, as two columns that :meth:`decode` reads.

        :param key: the primary key of the row.
        :return: the statement.
        """

    @abstractmethod
    def decode(self, held: Any, display: Any) -> dict[str, str | None]:
        """Read the names in a row of :meth:`select`.

        :return: the names, each with the text that people read.
        """


def by_name(pairs: Pairs) -> dict[str, list[Any]]:
    """Gather the rows of each name."""
    gathered: dict[str, list[Any]] = {}
    for row, name in pairs:
        gathered.setdefault(name, []).append(row)
    return gathered


def set_names(
    session: Session, holder: Holder, key: Any, wanted: Iterable[str], tenant: str | None
) -> bool:
    """Let a row have these names and no others.

    :param session: the host's session.
    :param holder: where the names are kept.
    :param key: the primary key of the row.
    :param wanted: the names.
    :param tenant: whose they have to be, where names belong to tenants.
    :return: whether anything has changed.
    :raises InvalidValue: if the app has no such name.
    """
    has, names = holder.read(session, [key]).get(key, {}), list(wanted)
    missing = [name for name in names if name not in has]
    gone = [name for name in has if name not in names]
    if missing:
        known = holder.known(session, tenant)
        for name in missing:
            if known is not None and name not in known:
                raise InvalidValue(f"This application has no {name[:100]!r}.")
        holder.add(session, [(key, name) for name in missing], known)
    if gone:
        holder.remove(session, [(key, name) for name in gone])
    return bool(missing or gone)
