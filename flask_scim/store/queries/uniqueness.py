"""The attribute that no two resources share, such as ``userName``, and who has its value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...mapping.mapping import Parts
from ...protocol.errors import UniquenessError
from ...protocol.resolver import Compare, Condition
from ...protocol.syntax import Operator
from ...protocol.values import comparable, fold
from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..columns.places import Place
from ..sql.backends import Backend, Sql
from ..sql.slots import keep

#: The parameter of statements that says whose value does not count.
_OTHER = "flask_scim_other"


@dataclass(slots=True)
class Held:
    """A row of the host as a store holds it between reading and writing.

    :param row: the host's object.
    :param values: the SCIM values of the binding's places.
    :param record: the columns of our record of it, by name; each ``None`` where there is none.
    :param alone: the references of the row that are known to lead nowhere.
    """

    row: Any
    values: list[Any]
    record: dict[str, Any]
    alone: frozenset[str] = frozenset()


def make_key(binding: Binding, parts: Parts) -> str | None:
    """Make the key under which the database itself keeps two resources from one value.

    :param binding: where the attributes sit.
    :param parts: the document that is going to be stored.
    :return: the key, ``None`` where no attribute is unique.
    """
    value = _unique_value(binding, parts)
    return None if value is None else hashlib.sha256(fold(str(value)).encode()).hexdigest()


def find_named(
    session: Session,
    backend: Backend,
    binding: Binding,
    connection: Connection,
    parts: Parts,
    other_than: Any = None,
) -> list[Held]:
    """Find who in the tenant has the unique value of a document.

    :param session: the host's session.
    :param backend: the database behind it.
    :param binding: where the attributes sit.
    :param connection: whose tenant is searched.
    :param parts: the document that is going to be stored.
    :param other_than: the key of the row that may have the value.
    :return: the rows that have it, each with the connection's record of it, if it has one.
    """
    condition = same_name(binding, parts)
    if condition is None:
        return []

    def build(condition: Condition) -> sa.Select[Any]:
        statement = select_named(backend, binding, condition, binding.model, *binding.record.c)
        if other_than is not None:
            statement = statement.where(binding.key != sa.bindparam(_OTHER))
        return statement.order_by(binding.key)

    shape = ("named", backend, other_than is not None)
    statement, values = keep(binding.statements, shape, condition, build)
    others = {} if other_than is None else {_OTHER: other_than}
    return hold(session, binding, statement, binding.scope(connection) | values | others)


def same_name(binding: Binding, parts: Parts) -> Compare | None:
    """Say in a condition that somebody has the unique value of a document.

    :param binding: where the attributes sit.
    :param parts: the document that is going to be stored.
    :return: the condition; ``None`` where no attribute is unique, or it has no value.
    """
    place, value = binding.unique, _unique_value(binding, parts)
    if place is None or place.column is None or value is None:
        return None
    return Compare(place.path, Operator.EQ, comparable(place.path.leaf, value))


def select_named(
    backend: Backend, binding: Binding, condition: Condition, *columns: Any
) -> sa.Select[Any]:
    """Select from the rows of a tenant that have a unique value.

    :param backend: the database behind them.
    :param binding: where the attributes sit.
    :param condition: the comparison with the value.
    :param columns: what to select.
    :return: a statement that runs with :meth:`.Binding.scope`.
    """
    assert binding.unique is not None
    statement = binding.select_its_rows(*columns).where(
        is_same(backend, binding.unique, condition), binding.is_of_its_tenant
    )
    return statement if binding.shared else statement.where(binding.record.c.row_id.is_not(None))


def is_same(backend: Backend, place: Place, condition: Condition) -> Sql:
    """Tell in SQL what a condition says that compares what sits at a place by ``eq``.

    :param backend: the database.
    :param place: the place.
    :param condition: the comparison.
    :return: the same as SQL.
    """
    assert isinstance(condition, Compare)
    assert place.column is not None
    return place.codec.compare(backend, place.column, Operator.EQ, condition.value)


def hold(
    session: Session, binding: Binding, statement: sa.Select[Any], values: dict[str, Any]
) -> list[Held]:
    """Read rows of the host with a connection's records of them.

    :param session: the host's session.
    :param binding: where the attributes sit.
    :param statement: selects the model and the columns of the record.
    :param values: the values of its parameters, by name.
    :return: the rows.
    """
    names = binding.record.c.keys()
    held = []
    for row, *columns in session.execute(statement, values):
        record = dict(zip(names, columns, strict=True))
        held.append(Held(row, binding.read(row, record), record))
    return held


def refuse_taken(
    binding: Binding, parts: Parts, named: Iterable[Held], *, apart: bool = False
) -> list[Held]:
    """Refuse a document whose unique value somebody has who is still there.

    :param binding: where the attributes sit.
    :param parts: the document that is going to be stored.
    :param named: those who have the value.
    :param apart: whether rows that the connection has no record of may have it too.
    :return: those among them whose resources have been deleted.
    :raises UniquenessError: if one has not.
    """
    deleted = []
    for held in named:
        is_known = held.record["row_id"] is not None
        if held.record["deleted"] is not None:
            deleted.append(held)
        elif is_known or not apart:
            value = str(_unique_value(binding, parts))[:100]
            name = binding.resource_type.name
            assert binding.unique is not None
            taken = f"{binding.unique.path} {value!r} is taken by another {name}."
            if name == "Group" and not is_known:
                taken += " That one is not of this connection, and is not handed over; rename one."
            raise UniquenessError(taken)
    return deleted


def _unique_value(binding: Binding, parts: Parts) -> Any:
    index = binding.unique_index
    return None if index is None else parts.values[index]
