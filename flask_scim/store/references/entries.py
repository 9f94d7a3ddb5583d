"""The entries of resources that refer to others: read for many at once, and asked for in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..columns.relations import chunks
from ..sql.backends import Backend, Sql
from ..sql.statements import run
from .links import Link
from .statements import (
    KEYS,
    LIMIT,
    NEAR,
    entry_maker,
    select_entries,
    select_indirect,
    visible,
)

#: How many rows are fetched at a time: more at once than one by one, and not all of a large group.
PART = 1_000


@dataclass(slots=True)
class Entries:
    """What refers to other resources in one attribute of one connection's resources.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: whose resources are in reach; nothing else is.
    :param links: the relationships that make up the attribute.
    """

    session: Session
    backend: Backend
    connection: Connection
    links: list[Link]

    def load(self, keys: list[Any]) -> dict[Any, list[dict[str, Any]]]:
        """Read the entries of some rows.

        :param keys: the primary keys of the rows.
        :return: the entries of each row that has any, in a stable order.
        """
        found: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        for link in self.links:
            for chunk in chunks(keys):
                for near, entries in self._entries(link, select_entries, chunk):
                    found[near] += entries
                if link.upward is not None:
                    self._load_indirect(link, chunk, found)
        return found

    def load_few(self, key: Any, most: int) -> list[dict[str, Any]] | None:
        """Read the entries of a row, which are its own to change; ``None`` if it has many.

        :param key: the primary key of the row.
        :param most: how many are not many.
        :return: the entries, in a stable order.
        """
        entries: list[dict[str, Any]] = []
        for link in self.links:
            rows = self._run(link, select_entries, [key], most + 1).all()
            if len(entries) + len(rows) > most:
                return None
            entries += entry_maker(link)(rows)
        return entries

    @property
    def scope(self) -> dict[str, Any]:
        """The values with which a statement of :meth:`some` runs."""
        scope: dict[str, Any] = {}
        for link in self.links:
            scope |= link.target.scope(self.connection)
        return scope

    def some(self, binding: Binding, link: Link, condition: Sql, indirect: Sql) -> Sql:
        """Tell in SQL whether a row refers to a resource that satisfies a condition.

        The statement runs with the values of :attr:`scope`.

        :param binding: the resource type that refers.
        :param link: the relationship.
        :param condition: the condition, on the rows that the link leads to.
        :param indirect: the condition on those that it leads to by way of others.
        :return: the condition on the row that refers.
        """
        statement = visible(link, sa.literal(1)).where(link.near == binding.key, condition)
        is_direct = sa.exists(statement.correlate(binding.mapper.local_table, binding.record))
        if link.upward is None:
            return is_direct
        pairs = link.climb()
        beyond = link.target.select(pairs.c.near).join(pairs, pairs.c.far == link.target.key)
        table = link.table.alias()
        is_both = sa.exists().where(
            table.c[link.near.key] == pairs.c.near, table.c[link.far.key] == pairs.c.far
        )
        beyond = beyond.where(*link.target.is_own, indirect, sa.not_(is_both))
        return sa.or_(is_direct, binding.key.in_(beyond))

    def _load_indirect(
        self, link: Link, keys: list[Any], found: defaultdict[Any, list[dict[str, Any]]]
    ) -> None:
        """Add what is referred to by way of something else."""
        for near, entries in self._entries(link, select_indirect, keys):
            known = {entry["value"] for entry in found[near]}
            found[near] += [
                each | {"type": "indirect"} for each in entries if each["value"] not in known
            ]

    def _entries(
        self, link: Link, build: Callable[..., Any], keys: list[Any]
    ) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
        """Read entries, some at a time, with the key of the row that refers to all of these."""
        make = entry_maker(link)
        for part in self._run(link, build, keys).partitions(PART):
            entries = make(part)
            if len(keys) == 1:
                yield keys[0], entries
                continue
            spread: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
            for row, entry in zip(part, entries, strict=True):
                spread[row[0]].append(entry)
            yield from spread.items()

    def _run(
        self,
        link: Link,
        build: Callable[..., Any],
        keys: list[Any],
        limit: int | None = None,
        near: Any = None,
        **how: Any,
    ) -> Any:
        """Run a statement on some rows that is kept with the link."""
        is_one = len(keys) == 1
        if limit is not None:
            how["limited"] = True
        values = link.target.scope(self.connection) | {
            KEYS: keys[0] if is_one else keys,
            NEAR: near,
            LIMIT: limit,
        }
        return run(self.session, build(link, one=is_one, **how), values, link.target.mapper)
