"""The attribute that no two resources share, such as ``userName``, and who has its value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from ..mapping.mapping import Parts
from ..mapping.sources import RecordColumn
from ..protocol.errors import UniquenessError
from ..protocol.syntax import Operator
from ..protocol.values import comparable, fold
from ..provisioning.ports import Connection
from .backends import Backend
from .binding import Binding


@dataclass(slots=True)
class Held:
    """A row of the host as a store holds it between reading and writing.

    :param row: the host's object.
    :param values: the SCIM values of the binding's places.
    :param record: the columns of our record of it, by name.
    """

    row: Any
    values: list[Any]
    record: dict[str, Any]


def make_key(binding: Binding, parts: Parts) -> str | None:
    """Make the key under which the database itself keeps two resources from one value.

    :param binding: where the attributes sit.
    :param parts: the document that is going to be stored.
    :return: the key, ``None`` where no attribute is unique.
    """
    value = _unique_value(binding, parts)
    return None if value is None else hashlib.sha256(fold(str(value)).encode()).hexdigest()


def find_deleted(
    session: Session,
    backend: Backend,
    binding: Binding,
    connection: Connection,
    parts: Parts,
    other_than: Any = None,
) -> list[Held]:
    """Find deleted resources that had a unique value, and refuse it if another row has it.

    :param session: the host's session.
    :param backend: the database behind it.
    :param binding: where the attributes sit.
    :param connection: whose tenant is searched.
    :param parts: the document that is going to be stored.
    :param other_than: the key of the row that may have the value.
    :return: the deleted resources of the connection that have the value.
    :raises UniquenessError: if a row that is not deleted has it.
    """
    place, value = binding.unique, _unique_value(binding, parts)
    if place is None or place.column is None or value is None:
        return []
    folded = comparable(place.path.leaf, value)
    statement = binding.select_rows(connection.id, binding.model, *binding.record.c).where(
        place.codec.compare(backend, place.column, Operator.EQ, folded),
        binding.is_of_tenant(connection),
    )
    if other_than is not None:
        statement = statement.where(binding.key != other_than)
    if not binding.shared:
        statement = statement.where(binding.record.c.row_id.is_not(None))
    deleted = []
    for row, *columns in session.execute(statement.order_by(binding.key)):
        record = dict(zip(binding.record.c.keys(), columns, strict=True))
        if record["deleted"] is None:
            raise UniquenessError(
                f"{place.path} {str(value)[:100]!r} is taken by another"
                f" {binding.resource_type.name}."
            )
        deleted.append(Held(row, binding.read(row, record), record))
    return deleted


def is_same_person(binding: Binding, deleted: Held, parts: Parts) -> bool:
    """Tell whether nothing contradicts that a deleted resource is the one to be stored.

    :param binding: where the attributes sit.
    :param deleted: the deleted resource.
    :param parts: the document that is going to be stored.
    :return: whether their ``externalId`` is the same, or one of them has none.
    """
    for place, value in zip(binding.places, parts.values, strict=True):
        if place.path.keys == ("externalId",) and isinstance(place.source, RecordColumn):
            known = deleted.record["external_id"]
            return known is None or value is None or known == value
    return True


def _unique_value(binding: Binding, parts: Parts) -> Any:
    for place, value in zip(binding.places, parts.values, strict=True):
        if place is binding.unique:
            return value
    return None
