"""The app's own changes to what an identity provider keeps, where a connection refuses them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...mapping.sources import Source
from ...protocol.schema import ResourceType
from ..columns.binding import Binding
from ..columns.places import Place

_OVERRIDING = "flask_scim.overriding"

#: Finds where a connection has a resource type, if it refuses the app's own changes: takes the
#: columns of its table, and the resource type.
Refusing = Callable[[Any, ResourceType], Binding | None]


class LocalEdit(RuntimeError):
    """The app is about to change what an identity provider keeps.

    It is raised when the session is flushed; roll back, or undo the change, before going on.

    :param row: the host's object.
    :param connection_id: the connection that keeps it.
    :param attributes: what would change, as a PATCH names it; nothing where the row would go.
    :param fields: the same by the names of the host's model.
    """

    def __init__(
        self,
        row: Any,
        connection_id: str,
        attributes: tuple[str, ...] = (),
        fields: tuple[str, ...] = (),
    ) -> None:
        what = f"its {', '.join(fields)}" if fields else "it"
        super().__init__(
            f"This {type(row).__name__} is provisioned by an identity provider (connection "
            f"{connection_id}); change {what} there."
        )
        self.row = row
        self.connection_id = connection_id
        self.attributes = attributes
        self.fields = fields


@contextmanager
def overriding(session: Session) -> Iterator[None]:
    """Let the app change inside what an identity provider keeps.

    :param session: the session, which is flushed at the end.
    """
    before = session.info.get(_OVERRIDING, False)
    session.info[_OVERRIDING] = True
    try:
        yield
        session.flush()
    finally:
        session.info[_OVERRIDING] = before


def refuse_deletion(
    session: Session,
    binding: Binding,
    rows: Iterable[Any],
    owners: Iterable[tuple[Any, Any]],
    refusing: Refusing,
) -> None:
    """Refuse to delete rows that a connection keeps.

    :param session: the session that is about to delete them.
    :param binding: the resource type of the rows.
    :param rows: the host's objects.
    :param owners: the keys of rows, with the columns of the connections that have them.
    :param refusing: finds out whether a connection refuses.
    :raises LocalEdit: if one does.
    """
    by_key = {binding.key_of(row): row for row in rows}
    for key, columns, _ in _strict(session, binding, owners, refusing):
        raise LocalEdit(by_key[key], columns["id"])


def refuse_edits(
    session: Session,
    binding: Binding,
    relations: tuple[str, ...],
    rows: list[Any],
    owners: Iterable[tuple[Any, Any]],
    refusing: Refusing,
) -> None:
    """Refuse to change what a connection keeps.

    :param session: the session that is about to change it.
    :param binding: the resource type.
    :param relations: the to-one relationships that lead to the rows; none for resources themselves.
    :param rows: the host's objects that have changed.
    :param owners: the keys of resources, with the columns of the connections that have them.
    :param refusing: finds out whether a connection refuses.
    :raises LocalEdit: if one does.
    """
    for key, columns, bound in _strict(session, binding, owners, refusing):
        for row in rows:
            if relations or binding.key_of(row) == key:
                edited = list(_edited(session, bound, relations, row))
                if edited:
                    fields = tuple(".".join(steps) for _, steps in edited)
                    names = tuple(name for name, _ in edited)
                    raise LocalEdit(row, columns["id"], names, fields)


def _strict(
    session: Session, binding: Binding, owners: Iterable[tuple[Any, Any]], refusing: Refusing
) -> Iterator[tuple[Any, Any, Binding]]:
    """Those who refuse, unless the app has said that it knows what it does."""
    if session.info.get(_OVERRIDING):
        return
    for key, columns in owners:
        bound = refusing(columns, binding.resource_type)
        if bound is not None:
            yield key, columns, bound


def _edited(
    session: Session, binding: Binding, relations: tuple[str, ...], row: Any
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Find what SCIM writes and a row is about to have otherwise, by its name and the host's."""
    depth, mapper = len(relations), sa.inspect(type(row))
    for name, place in zip(binding.mapping.names, binding.places, strict=True):
        source = place.source
        if not isinstance(source, Source) or not place.writable:
            continue
        if source.steps[:depth] != relations:
            continue
        step = source.steps[depth]
        related = mapper.relationships.get(step)
        if related is None:
            is_edited = _is_edited(session, place, row, step)
        else:
            columns = (mapper.get_property_by_column(each).key for each in related.local_columns)
            is_edited = any(_history(row, each).has_changes() for each in (step, *columns))
        if is_edited:
            yield name, source.steps


def _is_edited(session: Session, place: Place, row: Any, name: str) -> bool:
    """Whether the value of a place changes; of a JSON column, only what SCIM has in it counts."""
    history = _history(row, name)
    if not history.has_changes():
        return False
    if place.is_secret:
        return True
    before = history.deleted[0] if history.deleted else _stored(session, row, name)
    after = getattr(row, name)
    return bool(place.codec.decode(before) != place.codec.decode(after))


def _history(row: Any, name: str) -> Any:
    state: Any = sa.inspect(row)
    return state.attrs[name].history


def _stored(session: Session, row: Any, name: str) -> Any:
    """What the database has, where the ORM has not kept it: of JSON that was changed in place."""
    state: Any = sa.inspect(row)
    key = state.mapper.primary_key[0]
    statement = sa.select(getattr(state.mapper.class_, name)).where(key == state.identity[0])
    return session.connection(bind_arguments={"mapper": state.mapper}).scalar(statement)
