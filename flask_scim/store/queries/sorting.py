"""What a list is sorted by: every single value of a resource, and one of many by a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ...mapping.slots import Slot
from ...protocol.errors import InvalidValue
from ...protocol.resolver import AttributePath
from ...protocol.schema import Attribute, Returned, Type
from ...protocol.values import comparable
from ...provisioning.ports import Query
from ..columns.binding import Binding
from ..columns.json_codecs import JsonCodec, order_json
from ..columns.names import first_name, is_named
from ..columns.places import Place
from ..sql.backends import SORTED_LENGTH, Backend, Keys, Sql
from .paging import Order

_NO_TEXT = (Type.BOOLEAN, Type.INTEGER, Type.DECIMAL)


def compile_order(query: Query, binding: Binding, backend: Backend, key: Sql) -> Order:
    """Turn what a client wants to sort by into SQL (:rfc:`7644#section-3.4.2.3`).

    :param query: what the client asked for.
    :param binding: where the attributes sit.
    :param backend: the database.
    :param key: the primary key of the rows, as the statement reads it.
    :return: the order of the list.
    :raises InvalidValue: if the attribute has no order.
    """
    value = None if query.sort_by is None else _value(query.sort_by, binding, backend)
    return Order(backend, key, binding.key, value, query.descending)


def _value(path: AttributePath, binding: Binding, backend: Backend) -> Sql:
    record = binding.record.c
    match path.keys:
        case ("id",) if binding.id.column is not None:
            return binding.id.codec.order(backend, binding.id.column)
        case ("meta", "created"):
            return backend.sortable_moment(record.created)
        case ("meta", "lastModified"):
            return backend.sortable_moment(record.modified)
        case ("meta", "version"):
            return record.version
        case ("active",):
            # Answers are silent of what the client has removed.
            is_shown = record.active_removed.is_not(sa.true())
            return sa.case((is_shown, _single(path, binding, backend)))
    path = _find_leaf(path, binding)
    if path.attribute.multi_valued:
        return _Entries(path, binding, backend).chosen()
    return _single(path, binding, backend)


def _find_leaf(path: AttributePath, binding: Binding) -> AttributePath:
    """Find the simple value that is meant, and make sure that it has an order."""
    attribute, mapping = path.attribute, binding.mapping
    if path.keys[0] in ("schemas", "id", "meta"):
        raise InvalidValue(f"{path} is made by the server and cannot be sorted by.")
    if Returned.NEVER in (attribute.returned, path.leaf.returned):
        raise InvalidValue(f"{path} is never shown and cannot be sorted by.")
    refers = attribute.multi_valued and attribute.is_reference
    if refers or attribute.name in mapping.shown | {each.name for each in mapping.references}:
        raise InvalidValue(f"{path} names other resources and cannot be sorted by.")
    if path.leaf.is_complex:
        value = None if path.sub_attribute is not None else attribute.sub("value")
        if value is None or value.is_complex:
            raise InvalidValue(
                f"{path} has several parts and cannot be sorted by as a whole; name one of them."
            )
        path = AttributePath(attribute, value, path.urn)
    if path.sub_attribute is not None and path.sub_attribute.multi_valued:
        raise InvalidValue(f"{path} has several values and cannot be sorted by.")
    if not mapping.maps(path):
        raise InvalidValue(f"{path} is not kept by this application and cannot be sorted by.")
    return path


def _single(path: AttributePath, binding: Binding, backend: Backend) -> Sql:
    place = binding.place_at(path)
    if place is None:
        return order_json(backend, binding.record.c.attributes, path.keys, path.leaf)
    column = _column(place)
    if place.path == path:
        return place.codec.order(backend, column)
    assert isinstance(place.codec, JsonCodec)
    return order_json(backend, column, (*place.codec.keys, path.leaf.name), path.leaf)


@dataclass(frozen=True, slots=True)
class _Entries:
    """The entries of a multi-valued attribute, of which the primary or the first one counts.

    :param path: the attribute, or the sub-attribute of its entries.
    :param binding: where the attributes sit.
    :param backend: the database.
    """

    path: AttributePath
    binding: Binding
    backend: Backend

    def chosen(self) -> Sql:
        """The value of the entry that counts."""
        first, primary = [], []
        for slot, index in self.binding.mapping.slots_of(self._whole):
            places = self.binding.places[index : index + len(slot.sources)]
            present = (place.codec.present(self.backend, _column(place)) for place in places)
            is_there = sa.or_(*present)
            value = self._of_slot(slot, places, self.path.leaf)
            value = sa.null() if value is None else value
            first.append((is_there, value))
            if self._primary is None:
                continue
            flag = self._of_slot(slot, places, self._primary)
            if flag is not None:
                is_primary: Sql = flag == 1
                primary.append((sa.and_(is_there, is_primary), value))
        named = self.binding.place_at(self._whole)
        if named is not None and is_named(named.codec):
            key, column = self.binding.key, _column(named)
            return first_name(named.codec, key, column, self.backend, self.path.leaf)
        primary += self._primary_in_json()
        cases, rest = primary + first, self._first_in_json()
        value = sa.case(*cases, else_=rest) if cases else rest
        return value if self.path.leaf.type in _NO_TEXT else self.backend.sortable(value)

    @property
    def _whole(self) -> AttributePath:
        return AttributePath(self.path.attribute, urn=self.path.urn)

    @property
    def _primary(self) -> Attribute | None:
        return self.path.attribute.sub("primary")

    @property
    def _part(self) -> tuple[str, ...]:
        return () if self.path.sub_attribute is None else (self.path.sub_attribute.name,)

    def _of_slot(self, slot: Slot, places: list[Place], attribute: Attribute) -> Sql | None:
        """What the entry of a slot has: in its place, else in the record, else by declaration."""
        found = [
            place.codec.order_among(self.backend, _column(place))
            for place in places
            if place.path.leaf.name == attribute.name
        ]
        if self.binding.mapping.keep_unmapped:
            extras, keys = self.binding.record.c.extras, (slot.key, attribute.name)
            found.append(order_json(self.backend, extras, keys, attribute))
        literal = dict(slot.literals).get(attribute.name)
        if literal is not None:
            found.append(sa.literal(_ordered(attribute, literal)))
        # SQLite has no coalesce() of one argument, and PostgreSQL takes a bare NULL for text.
        return sa.func.coalesce(*found) if len(found) > 1 else found[0] if found else None

    def _json(self) -> tuple[Sql, Keys] | None:
        """Where the entries without a slot are."""
        place = self.binding.place_at(self._whole)
        if place is not None:
            assert isinstance(place.codec, JsonCodec)
            return _column(place), place.codec.keys
        if self.binding.mapping.keep_unmapped:
            return self.binding.record.c.attributes, self._whole.keys
        return None

    def _primary_in_json(self) -> list[tuple[Sql, Sql]]:
        json = self._json()
        if json is None or self._primary is None:
            return []
        elements, element = self.backend.json_elements(*json)
        is_primary = self.backend.json_boolean(element, ("primary",))
        value = order_json(self.backend, element, self._part, self.path.leaf)
        entries = sa.select(value).select_from(elements).where(is_primary)
        return [(entries.exists(), entries.limit(1).scalar_subquery())]

    def _first_in_json(self) -> Sql:
        json = self._json()
        if json is None:
            return sa.null()
        column, keys = json
        return order_json(self.backend, column, (*keys, 0, *self._part), self.path.leaf)


def _ordered(attribute: Attribute, literal: Any) -> Any:
    """A value of the declaration in the form in which it sorts."""
    if attribute.type in _NO_TEXT:
        return int(literal) if isinstance(literal, bool) else literal
    text = literal if attribute.type is Type.DATETIME else str(comparable(attribute, literal))
    return text[:SORTED_LENGTH]


def _column(place: Place) -> Sql:
    if place.column is None:
        raise InvalidValue(f"{place.path} is computed by the application and cannot be sorted by.")
    return place.column
