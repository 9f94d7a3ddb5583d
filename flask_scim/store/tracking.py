"""Changes that the app itself makes to mapped rows, so that versions tell of them too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from .binding import Binding

_WRITING = "flask_scim.writing"


@contextmanager
def writing(session: Session) -> Iterator[None]:
    """Mark what is flushed inside as SCIM's own doing."""
    session.info[_WRITING] = True
    try:
        yield
    finally:
        del session.info[_WRITING]


def track(sessions: Any, bindings: Callable[[], Iterable[Binding]]) -> None:
    """Move the version of a record when the app changes its row through the ORM.

    :param sessions: the host's session factory.
    :param bindings: finds the mapped resource types of the app in hand.
    """

    def before_flush(session: Session, *_: Any) -> None:
        if _WRITING in session.info:
            return
        for binding in bindings():
            removed = [row for row in session.deleted if isinstance(row, binding.model)]
            if removed:
                _forget(session, binding, [binding.key_of(row) for row in removed])
            for relations, (model, names) in binding.watched.items():
                changed = [row for row in session.dirty if _has_changed(row, model, names)]
                if changed:
                    keys = [sa.inspect(row).identity[0] for row in changed]
                    touch(session, binding, binding.rows_behind(relations, keys))

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


def _has_changed(row: Any, model: type, names: set[str]) -> bool:
    if not isinstance(row, model):
        return False
    state: Any = sa.inspect(row)
    return any(state.attrs[name].history.has_changes() for name in names if name in state.attrs)
