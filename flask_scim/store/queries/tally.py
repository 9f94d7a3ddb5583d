"""How many resources a connection has, told by its records as far as that can be.

A list by index counts all and passes over what is before its page. Whether each of those rows is
still of the connection's tenant is written in the host's rows, which are wide, and many. So the
records are counted by themselves, and beside them those whose rows are out of reach: the few that
the app has moved to another tenant. Where there is none, a page can be cut by the records alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..columns.binding import Binding
from ..sql.backends import Backend, Sql


@dataclass(frozen=True, slots=True)
class Tally:
    """What a connection has of one resource type.

    :param records: how many records.
    :param strays: how many of them belong to rows that are out of its reach, or gone.
    """

    records: int
    strays: int

    @property
    def total(self) -> int:
        """How many resources it sees."""
        return self.records - self.strays


def is_told_by_records(session: Session, binding: Binding) -> bool:
    """Tell whether what a connection sees is said by its records and the tenant of their rows.

    Not where the host narrows what its session selects, or what a transaction can see.
    """
    narrows = session.dispatch.do_orm_execute or session.dispatch.after_begin
    return not narrows and binding.mapper.inherits is None


def select_tally(binding: Binding, backend: Backend) -> sa.Select[Any]:
    """Select the two numbers of a :class:`Tally`.

    :param binding: the resource type.
    :param backend: the database.
    :return: the statement, to be run with :meth:`.Binding.scope`.
    """
    record, own = binding.record, binding.is_own_record
    numbers: list[Sql]
    if backend.joins_by_loops:
        # Row by row in any case: one walk over the records finds both.
        is_seen = sa.and_(binding.key.is_not(None), binding.is_of_its_tenant)
        strays = sa.func.count(sa.case((is_seen, None), else_=1))
        joined = sa.outerjoin(record, binding.entity, record.c.row_id == binding.key)
        numbers = [sa.func.count(), strays]
        return sa.select(*numbers).select_from(joined).where(*own)
    records = sa.select(sa.func.count()).select_from(record).where(*own)
    # Their foreign key holds: there is a row for each, so that only its tenant is in question.
    moved = binding.select(sa.func.count()).where(*own, binding.is_of_another_tenant)
    numbers = [records.scalar_subquery(), moved.scalar_subquery()]
    return sa.select(*numbers)


def select_keys(binding: Binding) -> sa.Select[Any]:
    """Select the keys of all resources, where there are no strays."""
    return sa.select(binding.record.c.row_id).where(*binding.is_own_record)
