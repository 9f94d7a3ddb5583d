"""The order of a list: the attribute that was asked for, then the key, so that it is total."""

from __future__ import annotations

from ..protocol.errors import InvalidValue
from ..protocol.resolver import AttributePath
from ..provisioning.ports import Query
from .backends import Backend, Sql
from .binding import Binding
from .codecs import JsonCodec


def compile_order(query: Query, binding: Binding, backend: Backend) -> tuple[Sql, ...]:
    """Turn what a client wants to sort by into SQL (:rfc:`7644#section-3.4.2.3`).

    :param query: what the client asked for.
    :param binding: where the attributes sit.
    :param backend: the database.
    :return: the expressions of ``ORDER BY``.
    :raises InvalidValue: if the attribute has no order.
    """
    key = binding.record.c.row_id
    if query.sort_by is None:
        return (key,)
    value = _expression(query.sort_by, binding, backend)
    absent = value.is_(None)
    if query.descending:
        return absent.desc(), value.desc(), key.desc()
    return absent, value, key


def _expression(path: AttributePath, binding: Binding, backend: Backend) -> Sql:
    record = binding.record.c
    match path.keys:
        case ("id",) if binding.id.column is not None:
            return binding.id.codec.order(backend, binding.id.column)
        case ("meta", "created"):
            return record.created
        case ("meta", "lastModified"):
            return record.modified
    if path.attribute.multi_valued or path.leaf.is_complex:
        raise InvalidValue(f"{path} has several values and cannot be sorted by.")
    place = binding.place_at(path)
    if place is not None and place.column is not None and not isinstance(place.codec, JsonCodec):
        return place.codec.order(backend, place.column)
    raise InvalidValue(f"{path} cannot be sorted by.")
