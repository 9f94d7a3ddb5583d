"""Takes one person out of the outbox and the log, and leaves the order of both as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from ...provisioning.changes import COMPLETED
from ..tables.own import OwnTables
from .forgetting_deferred import FORGOTTEN, forget_deferred, is_completion_of

#: How many rows are read and changed in one transaction.
BATCH = 500
#: The attributes by which a message may name somebody.
_NAMING = ("userName", "externalId", "displayName", "nickName")
#: How many such names are looked for at once.
_AT_ONCE = 20


class Forgetting:
    """Takes one resource, a person as a rule, out of what is kept of the past.

    Rows stay where they are, with their ids, times and types. What they hold of the resource goes,
    and in place of its own id stands :data:`FORGOTTEN`. Each batch is a transaction of its own, and
    to begin anew where somebody has stopped does no harm: names are looked for first, and what they
    are read from goes last.

    :param session: the host's session.
    :param tables: our tables.
    :param resource_type: the name of the type of the resource.
    :param endpoint: the endpoint of that type.
    :param id: its SCIM ``id``.
    """

    def __init__(
        self, session: Any, tables: OwnTables, resource_type: str, endpoint: str, id: str
    ) -> None:
        self._session = session
        self._events = tables.events
        self._requests = tables.requests
        self._deferred = tables.deferred, tables.steps
        self._type = resource_type
        self._endpoint = endpoint
        self._id = id

    def run(self) -> Iterator[int]:
        """Forget the resource.

        :return: after each batch, how many rows it has changed.
        """
        # What was read before belongs to an older snapshot.
        self._session.commit()
        names = sorted(self._find_names())
        yield forget_deferred(self._session, self._deferred, self._endpoint, self._id, names)
        yield from self._blank_completions(names)
        for start in range(0, len(names), _AT_ONCE):
            yield from self._blank_messages(names[start : start + _AT_ONCE])
        yield from self._blank_own(self._requests, ("detail", "values"))
        yield from self._drop_mentions(self._requests, ("values", "added", "removed"))
        listed = ("object", "previous", "added", "removed", "details")
        yield from self._drop_mentions(self._events, listed)
        yield from self._blank_own(self._events, ("object", "previous", "reason", "details"))

    def _find_names(self) -> set[str]:
        """Find the names that the events of the resource know it by."""
        columns = self._events.c
        names: set[str] = set()
        for rows in self._own(self._events):
            for row in rows:
                for document in (row[columns.object], row[columns.previous]):
                    names.update(_names_in(document or {}))
        return names

    def _blank_messages(self, names: list[str]) -> Iterator[int]:
        """Blank what the log quotes of requests that name the resource otherwise than by its id."""
        columns = self._requests.c
        texts = (columns.detail, sa.cast(columns["values"], sa.Text))
        mentions = [
            text.contains(form, autoescape=True)
            for name in names
            # JSON has letters beyond ASCII as they are, or escaped.
            for form in {name, json.dumps(name)[1:-1]}
            for text in texts
        ]
        rows = self._batches(self._requests, sa.or_(*mentions))
        yield from self._blank(self._requests, rows, ("detail", "values"))

    def _blank_completions(self, names: list[str]) -> Iterator[int]:
        """Blank what came of operations on the resource that were carried out later."""
        columns = self._events.c
        text = sa.cast(columns.details, sa.Text)
        for start in range(0, len(names) + 1, _AT_ONCE):
            some = [self._id, *names[start : start + _AT_ONCE]]
            mentions = [
                text.contains(form, autoescape=True)
                for name in some
                for form in {name, json.dumps(name)[1:-1]}
            ]
            of_them = sa.and_(columns.type == COMPLETED, sa.or_(*mentions))
            rows = (
                [
                    row
                    for row in batch
                    if is_completion_of(row[columns.details] or {}, self._type, self._id, some[1:])
                ]
                for batch in self._batches(self._events, of_them)
            )
            yield from self._blank(self._events, rows, ("details",))

    def _blank_own(self, table: sa.Table, names: tuple[str, ...]) -> Iterator[int]:
        """Blank the rows whose subject the resource is."""
        yield from self._blank(table, self._own(table), names, resource_id=FORGOTTEN)

    def _blank(
        self,
        table: sa.Table,
        batches: Iterable[list[Any]],
        names: tuple[str, ...],
        **values: Any,
    ) -> Iterator[int]:
        blank = {name: sa.null() for name in names} | values
        for rows in batches:
            keys = [row[table.c.id] for row in rows]
            self._session.execute(table.update().where(table.c.id.in_(keys)).values(blank))
            self._session.commit()
            yield len(rows)

    def _drop_mentions(self, table: sa.Table, names: tuple[str, ...]) -> Iterator[int]:
        """Take the id of the resource out of lists of members, and out of what refers to it."""
        quoted = json.dumps(self._id, ensure_ascii=False)
        columns = [table.c[name] for name in names]
        mentions = [
            sa.cast(column, sa.Text).contains(form, autoescape=True)
            for column in columns
            for form in {quoted, json.dumps(self._id)}
        ]
        for rows in self._batches(table, sa.or_(*mentions)):
            count = 0
            for row in rows:
                kept = {each.name: row[each] for each in columns}
                changed = {
                    name: found
                    for name, value in kept.items()
                    if (found := _without(value, self._id)) != value
                }
                if changed:
                    is_it = table.c.id == row[table.c.id]
                    self._session.execute(table.update().where(is_it).values(changed))
                    count += 1
            self._session.commit()
            yield count

    def _batches(self, table: sa.Table, condition: Any) -> Iterator[list[Any]]:
        """Read rows in the order of their ids, a batch at a time; each row once."""
        last = None
        while True:
            statement = sa.select(table).where(condition).order_by(table.c.id).limit(BATCH)
            if last is not None:
                statement = statement.where(table.c.id > last)
            rows = [row._mapping for row in self._session.execute(statement)]
            if not rows:
                return
            last = rows[-1][table.c.id]
            yield rows

    def _own(self, table: sa.Table) -> Iterator[list[Any]]:
        """Read the rows whose subject the resource is."""
        columns = table.c
        condition = sa.and_(columns.resource_type == self._type, columns.resource_id == self._id)
        for rows in self._batches(table, condition):
            # MariaDB compares without case, and may take somebody else for the same.
            yield [row for row in rows if row[columns.resource_id] == self._id]


def _names_in(document: dict[str, Any]) -> Iterable[str]:
    found = [document.get(name) for name in _NAMING]
    for name in ("emails", "phoneNumbers"):
        found += [entry.get("value") for entry in document.get(name) or () if entry]
    return (text for text in found if isinstance(text, str) and len(text) > 1)


def _without(value: Any, id: str) -> Any:
    """The same value, without what refers to a resource."""
    match value:
        case dict() if value.get("value") == id:
            return {"value": FORGOTTEN}
        case dict():
            return {key: _without(item, id) for key, item in value.items()}
        case list():
            return [FORGOTTEN if item == id else _without(item, id) for item in value]
        case _:
            return value
