"""Rows that identity providers may see and never change, such as accounts for emergencies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...protocol.errors import Forbidden
from .binding import Binding


def spare(binding: Binding, *rows: Any) -> None:
    """Refuse to change rows that the app keeps out of provisioning.

    :param binding: the resource type of the rows.
    :param rows: the host's objects.
    :raises Forbidden: if one of them is such a row.
    """
    mark = binding.marks.untouchable
    kept = [row for row in rows if mark is not None and mark.holds(row)]
    if kept:
        name = binding.resource_type.name
        named = ", ".join(repr(binding.id_of(row)[:100]) for row in kept[:5])
        raise Forbidden(
            f"{name} {named} is kept out of provisioning by the application: it can be read, and "
            "not changed, deleted, or put in or out of a group. Nothing was changed."
        )


def spare_behind(session: Session, binding: Binding, keys: Iterable[Any]) -> None:
    """Refuse to change the references of rows that the app keeps out of provisioning.

    :param session: the host's session.
    :param binding: the resource type of the rows.
    :param keys: their primary keys, no more than one statement can name.
    :raises Forbidden: if one of them is such a row.
    """
    mark, keys = binding.marks.untouchable, list(keys)
    if mark is None or not keys:
        return
    key: Any = sa.inspect(binding.model).primary_key[0]
    statement: sa.Select[Any] = sa.select(binding.model).where(key.in_(keys)).order_by(key)
    if mark.condition is not None:
        statement = statement.where(mark.condition)
    spare(binding, *session.scalars(statement))
