"""Changes that the app itself makes to mapped rows, so that versions tell of them too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session, aliased

from ...mapping.sources import Source
from ..columns.binding import Binding
from ..columns.names import RelatedNamesCodec
from ..people.ownership import find_owners
from .edits import Refusing, refuse_deletion, refuse_edits

_WRITING = "flask_scim.writing"


@contextmanager
def writing(session: Session) -> Iterator[None]:
    """Mark what is flushed inside as SCIM's own doing."""
    session.info[_WRITING] = True
    try:
        yield
    finally:
        del session.info[_WRITING]


class Watch:
    """The attributes of the host's models that make up the resources of one type.

    A relationship counts as an attribute, and so does its foreign key: another row behind it brings
    other values. What nobody reads does not count.

    :param binding: the resource type.
    :param beside: places that the mapping of a connection may name beside those of the binding.
    """

    def __init__(self, binding: Binding, beside: Iterable[Source] = ()) -> None:
        self.binding = binding
        #: The names of attributes that SCIM writes and nobody reads, by the same.
        self.hidden: dict[tuple[str, ...], set[str]] = {}
        #: Their names by the to-one relationships that lead to them, with the class there.
        self.watched: dict[tuple[str, ...], tuple[type, set[str]]] = {(): (binding.model, set())}
        for source in (*_sources(binding), *beside):
            self._add(source)
        for place in binding.places:
            if isinstance(place.source, Source) and place.is_secret:
                *relations, name = place.source.steps
                self.hidden.setdefault(tuple(relations), set()).add(name)
            if isinstance(place.codec, RelatedNamesCodec):
                self.watched[()][1].add(place.codec.relationship)

    def rows_behind(self, relations: tuple[str, ...], keys: list[Any]) -> Any:
        """The primary keys of the rows that reach some others by relationships.

        :param relations: the relationships, by name; none for the rows themselves.
        :param keys: the primary keys of the others.
        :return: the keys, or a statement that selects them.
        """
        if not relations:
            return keys
        entity: Any = self.binding.model
        statement = sa.select(self.binding.key).select_from(entity)
        for name in relations:
            model = sa.inspect(entity).mapper.relationships[name].mapper.class_
            entity, before = aliased(model), entity
            statement = statement.join(getattr(before, name).of_type(entity))
        target: Any = sa.inspect(entity)
        return statement.where(
            target.selectable.corresponding_column(target.mapper.primary_key[0]).in_(keys)
        )

    def _add(self, source: Source) -> None:
        relations: tuple[str, ...] = ()
        for name in source.steps:
            model, names = self.watched[relations]
            names.add(name)
            mapper: Any = sa.inspect(model)
            related = mapper.relationships.get(name)
            if related is None:
                return
            names.update(mapper.get_property_by_column(each).key for each in related.local_columns)
            relations = (*relations, name)
            self.watched.setdefault(relations, (related.mapper.class_, set()))


def track(sessions: Any, watches: Callable[[], Iterable[Watch]], refusing: Refusing) -> None:
    """Move the version of a record when the app changes its row through the ORM.

    Where a connection refuses that, the flush fails before anything is written.

    :param sessions: the host's session factory.
    :param watches: finds what is mapped in the app in hand.
    :param refusing: finds out whether a connection refuses the app's own changes.
    """

    def before_flush(session: Session, *_: Any) -> None:
        if _WRITING in session.info:
            return
        for watch in watches():
            binding = watch.binding
            removed = [row for row in session.deleted if isinstance(row, binding.model)]
            if removed:
                keys = [binding.key_of(row) for row in removed]
                owners = find_owners(session, binding, keys)
                refuse_deletion(session, binding, removed, owners, refusing)
                _forget(session, binding, keys)
            for relations, (model, names) in watch.watched.items():
                also = watch.hidden.get(relations, set())
                changed = [row for row in session.dirty if _has_changed(row, model, names | also)]
                if not changed:
                    continue
                keys = [sa.inspect(row).identity[0] for row in changed]
                behind = watch.rows_behind(relations, keys)
                # Most rows of an app are nobody's: they cost this one look and no write.
                owners = find_owners(session, binding, behind)
                refuse_edits(session, binding, relations, changed, owners, refusing)
                if owners and any(_has_changed(row, model, names) for row in changed):
                    touch(session, binding, behind)

    event.listen(sessions, "before_flush", before_flush)


def touch(session: Session, binding: Binding, keys: Any) -> None:
    """Move the version of the records of some rows.

    :param session: the session of the change.
    :param binding: the resource type of the rows.
    :param keys: the primary keys of the rows, or a statement that selects them.
    """
    record = binding.record
    binding.connect(session).execute(
        record.update()
        .where(record.c.row_id.in_(keys), record.c.deleted.is_(None))
        # The name may have changed: what it was claims nothing any more, the row itself does.
        .values(version=record.c.version + 1, modified=datetime.now(UTC), unique_key=None)
    )


def move_version(session: Session, binding: Binding, keys: list[Any]) -> None:
    """Move the version of the records of some rows whose references have changed.

    :param session: the session of the change.
    :param binding: the resource type of the rows.
    :param keys: the primary keys of the rows.
    """
    record = binding.table
    binding.connect(session).execute(
        record.update()
        .where(record.c.row_id.in_(keys), record.c.deleted.is_(None))
        .values(version=record.c.version + 1, modified=datetime.now(UTC))
    )


def _forget(session: Session, binding: Binding, keys: list[Any]) -> None:
    for table in (binding.table, binding.logins):
        if table is not None:
            binding.connect(session).execute(table.delete().where(table.c.row_id.in_(keys)))


def _sources(binding: Binding) -> Iterator[Source]:
    for place in binding.places:
        if isinstance(place.source, Source) and not place.is_secret:
            yield place.source


def _has_changed(row: Any, model: type, names: set[str]) -> bool:
    if not isinstance(row, model):
        return False
    state: Any = sa.inspect(row)
    return any(state.attrs[name].history.has_changes() for name in names if name in state.attrs)
