"""What becomes of the references of a row that is deleted, and of those that refer to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...provisioning.ports import Ended, Left, Moved
from ..references.links import Link
from ..references.references import References
from .tracking import move_version


def end_references(session: Session, references: Mapping[str, References], key: Any) -> Ended:
    """End the references of a deleted row; those that refer to it are changed by that.

    :param session: the host's session.
    :param references: the attributes whose entries are other resources, by name.
    :param key: the primary key of the row.
    :return: what it referred to, and what referred to it.
    """
    removed: set[tuple[str, str]] = set()
    left: list[Left] = []
    for name, each in references.items():
        for link in each.links:
            gone = each.clear(link, key)
            if link.mirrors is None:
                removed.update((name, id) for id in gone)
            elif gone:
                left += _leave(session, link, link.mirrors, gone)
    return Ended(Moved(removed=frozenset(removed)), tuple(left))


def _leave(session: Session, link: Link, attribute: str, gone: dict[str, Any]) -> list[Left]:
    """Change those that referred to a deleted row."""
    target, touched = link.target, [gone[id] for id in sorted(gone)]
    move_version(session, target, touched)
    found = session.scalars(sa.select(target.entity).where(target.key.in_(touched)))
    rows = {target.key_of(row): row for row in found}
    name = target.resource_type.name
    return [Left(name, attribute, id, rows[far]) for id, far in gone.items()]
