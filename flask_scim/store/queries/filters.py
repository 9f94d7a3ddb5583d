"""Resolved conditions as SQL, of the same meaning as the matcher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from ...mapping.slots import Slot
from ...protocol.errors import InvalidFilter
from ...protocol.matcher import RELATIONS as MEANINGS
from ...protocol.matcher import matches_entry
from ...protocol.resolver import All, AnyOf, AttributePath, Compare, Condition, Has, Negate, Some
from ...protocol.schema import Attribute
from ...protocol.syntax import Operator
from ...protocol.values import Comparable, comparable
from ..columns.binding import Binding
from ..columns.codecs import DateTimeCodec, NumberTextCodec
from ..columns.json_codecs import JsonCodec, compare_json
from ..columns.names import NameScope, is_named, some_name
from ..columns.places import Place
from ..references.entries import Entries
from ..references.links import Link
from ..sql.backends import Backend, Keys, Sql


class Scope(Protocol):
    """What paths are read from: a resource, or one entry of a multi-valued attribute."""

    def compare(self, path: AttributePath, operator: Operator, value: Comparable) -> Sql:
        """Compare the value at the path."""
        ...

    def has(self, path: AttributePath) -> Sql:
        """Tell whether something is assigned at the path."""
        ...

    def some(self, path: AttributePath, condition: Condition) -> Sql:
        """Tell whether some entry at the path satisfies the condition."""
        ...


def compile_filter(
    condition: Condition,
    binding: Binding,
    backend: Backend,
    references: Mapping[str, Entries],
    *,
    is_scoped: bool = False,
) -> Sql:
    """Turn a condition on resources into SQL.

    :param condition: the resolved filter.
    :param binding: where the attributes sit.
    :param backend: the database.
    :param references: the attributes whose entries are other resources, by name.
    :param is_scoped: whether the statement selects a connection's own records, and runs with
        :meth:`.Binding.scope`.
    :return: the condition, to be used in ``WHERE``.
    :raises InvalidFilter: if it reads what SQL cannot see.
    """
    return _compile(condition, _ResourceScope(binding, backend, references, is_scoped))


def compile_entry_filter(condition: Condition, link: Link, backend: Backend) -> Sql:
    """Turn a condition on references into SQL.

    :param condition: the resolved value filter.
    :param link: the relationship that they come from.
    :param backend: the database.
    :return: the condition on the rows that the link leads to.
    :raises InvalidFilter: if it reads what SQL cannot see.
    """
    return _compile(condition, _LinkScope(link, backend, link.kind))


def _compile(condition: Condition, scope: Scope) -> Sql:
    match condition:
        case All(terms):
            return sa.and_(sa.true(), *(_compile(term, scope) for term in terms))
        case AnyOf(terms):
            return sa.or_(sa.false(), *(_compile(term, scope) for term in terms))
        case Negate(term):
            # NULL means false, which only negation can tell from NULL: here it is closed off.
            return sa.not_(sa.func.coalesce(_compile(term, scope), sa.false(), type_=sa.Boolean))
        case Has(path):
            return scope.has(path)
        case Compare(path, operator, value):
            return scope.compare(path, operator, value)
        case Some(path, inner):
            return scope.some(path, inner)


@dataclass(frozen=True, slots=True)
class _ResourceScope:
    binding: Binding
    backend: Backend
    references: Mapping[str, Entries]
    is_scoped: bool

    def compare(self, path: AttributePath, operator: Operator, value: Comparable) -> Sql:
        if path.keys == ("id",):
            return _compare(self.backend, self.binding.id, operator, value)
        if path.keys[0] == "meta":
            return self._compare_meta(path.leaf, operator, value)
        place = self.binding.place_at(path)
        if place is None:
            return self._compare_kept(path, operator, value)
        if place.path == path:
            return self._shown(path, _compare(self.backend, place, operator, value))
        assert path.sub_attribute is not None
        return _compare_part(self.backend, place, path.sub_attribute, operator, value)

    def has(self, path: AttributePath) -> Sql:
        if path.keys[0] in ("id", "schemas", "meta"):
            return sa.true()
        references = self.references.get(path.keys[0])
        if references is not None:
            return self._some_reference(references, None)
        record, mapping = self.binding.record, self.binding.mapping
        conditions = []
        for place in self.binding.places:
            if place.is_secret:
                continue
            if place.path == path or place.path.keys[: len(path.keys)] == path.keys:
                conditions.append(_has(self.backend, place))
        place_of_whole = self.binding.place_at(path)
        if place_of_whole is not None and place_of_whole.path != path:
            codec = place_of_whole.codec
            assert isinstance(codec, JsonCodec)
            keys = (*codec.keys, path.leaf.name)
            conditions.append(self.backend.json_present(_column(place_of_whole), keys))
        if mapping.keep_unmapped:
            conditions.append(self.backend.json_present(record.c.attributes, path.keys))
        return self._shown(path, sa.or_(sa.false(), *conditions))

    def _shown(self, path: AttributePath, condition: Sql) -> Sql:
        """Narrow a condition on ``active`` to those who have it still."""
        if path.keys != ("active",):
            return condition
        return sa.and_(self.binding.record.c.active_removed.is_not(sa.true()), condition)

    def some(self, path: AttributePath, condition: Condition) -> Sql:
        if path.keys == ("schemas",):
            return self._some_schema(condition)
        references = self.references.get(path.keys[0])
        if references is not None:
            return self._some_reference(references, condition)
        terms = [
            self._some_slot(slot, index, condition)
            for slot, index in self.binding.mapping.slots_of(path)
        ]
        place = self.binding.place_at(path)
        if place is not None and is_named(place.codec):
            terms.append(self._some_name(place, condition))
        elif place is not None and isinstance(place.codec, JsonCodec):
            terms.append(self._some_element(_column(place), place.codec.keys, condition))
        elif self.binding.mapping.keep_unmapped:
            kept = self.binding.record.c.attributes
            is_kept = self._some_element(kept, path.keys, condition)
            is_look_up = path.keys == ("emails",) and _names_value(condition)
            if terms and self.is_scoped and is_look_up:
                keeps_any = self.binding.record.c.keeps_emails == sa.true()
                return self._is_any(terms, sa.and_(keeps_any, is_kept))
            terms.append(is_kept)
        return sa.or_(sa.false(), *terms)

    def _is_any(self, of_row: list[Sql], of_record: Sql) -> Sql:
        """Find what satisfies any of some conditions, by an index for each of them.

        One on both tables at once would make the database read all of them.
        """
        binding, record = self.binding, self.binding.record
        selects = [binding.select(record.c.row_id).where(*binding.is_own, each) for each in of_row]
        kept = sa.select(record.c.row_id).where(*binding.is_own_record, of_record)
        found = sa.union_all(*selects, kept).subquery()
        return record.c.row_id.in_(sa.select(found.c[0]))

    def _some_name(self, place: Place, condition: Condition) -> Sql:
        def compiled(scope: NameScope) -> Sql:
            return _compile(condition, scope)

        return some_name(place.codec, self.binding.key, _column(place), self.backend, compiled)

    def _some_reference(self, references: Entries, condition: Condition | None) -> Sql:
        terms = []
        for link in references.links:
            is_it: Sql = sa.true()
            is_indirect: Sql = sa.true()
            if condition is not None:
                is_it = compile_entry_filter(condition, link, self.backend)
                is_indirect = _compile(condition, _LinkScope(link, self.backend, "indirect"))
            terms.append(references.some(self.binding, link, is_it, is_indirect))
        return sa.or_(sa.false(), *terms)

    def _some_slot(self, slot: Slot, index: int, condition: Condition) -> Sql:
        places = self.binding.places[index : index + len(slot.sources)]
        scope = _SlotScope(self.binding, self.backend, slot, places)
        is_there = sa.or_(*(_has(self.backend, place) for place in places))
        return sa.and_(is_there, _compile(condition, scope))

    def _some_element(self, json: Sql, keys: Keys, condition: Condition) -> Sql:
        elements, element = self.backend.json_elements(json, keys)
        inner = _compile(condition, _ElementScope(self.backend, element))
        return sa.exists(sa.select(sa.literal_column("1")).select_from(elements).where(inner))

    def _some_schema(self, condition: Condition) -> Sql:
        resource_type = self.binding.resource_type
        if matches_entry(condition, resource_type.schema.id):
            return sa.true()
        terms = [
            self.has(AttributePath(attribute, urn=extension.schema.id))
            for extension in resource_type.extensions
            if matches_entry(condition, extension.schema.id)
            for attribute in extension.schema.attributes
        ]
        return sa.or_(sa.false(), *terms)

    def _compare_kept(self, path: AttributePath, operator: Operator, value: Comparable) -> Sql:
        if not self.binding.mapping.keep_unmapped:
            return sa.false()
        kept = self.binding.record.c.attributes
        return compare_json(self.backend, kept, path.keys, path.leaf, operator, value)

    def _compare_meta(self, leaf: Attribute, operator: Operator, value: Comparable) -> Sql:
        columns = self.binding.record.c
        match leaf.name:
            case "created" | "lastModified":
                column = columns.created if leaf.name == "created" else columns.modified
                return DateTimeCodec(aware=True).compare(self.backend, column, operator, value)
            case "version" if operator is Operator.EQ:
                number = str(value).removeprefix('W/"').removesuffix('"')
                if str(value) != f'W/"{number}"':
                    return sa.false()
                return NumberTextCodec(32).compare(self.backend, columns.version, operator, number)
            case "resourceType":
                return _constant(leaf, self.binding.resource_type.name, operator, value)
            case name:
                raise InvalidFilter(f"meta.{name} cannot be compared with {operator}.")


@dataclass(frozen=True, slots=True)
class _SlotScope:
    binding: Binding
    backend: Backend
    slot: Slot
    places: list[Place]

    def compare(self, path: AttributePath, operator: Operator, value: Comparable) -> Sql:
        name = path.leaf.name
        for place in self.places:
            if place.path.leaf.name == name:
                return _compare(self.backend, place, operator, value)
        literal = dict(self.slot.literals).get(name)
        fixed = sa.false() if literal is None else _constant(path.leaf, literal, operator, value)
        # What tells an entry to be of the slot can only be kept in another letter case.
        is_of_kind = name in self.slot.kind and not path.leaf.case_exact
        if is_of_kind or not self.binding.mapping.keep_unmapped:
            return fixed
        extras, keys = self.binding.record.c.extras, (self.slot.key, name)
        kept = compare_json(self.backend, extras, keys, path.leaf, operator, value)
        return sa.case((self.backend.json_present(extras, keys), kept), else_=fixed)

    def has(self, path: AttributePath) -> Sql:
        name = path.leaf.name
        if path.sub_attribute is None or name in dict(self.slot.literals):
            return sa.true()
        for place in self.places:
            if place.path.leaf.name == name:
                return _has(self.backend, place)
        if not self.binding.mapping.keep_unmapped:
            return sa.false()
        return self.backend.json_present(self.binding.record.c.extras, (self.slot.key, name))

    def some(self, path: AttributePath, condition: Condition) -> Sql:
        raise InvalidFilter(f"{path} cannot be filtered within an entry.")


@dataclass(frozen=True, slots=True)
class _ElementScope:
    backend: Backend
    element: Sql

    def compare(self, path: AttributePath, operator: Operator, value: Comparable) -> Sql:
        keys = _part(path)
        return compare_json(self.backend, self.element, keys, path.leaf, operator, value)

    def has(self, path: AttributePath) -> Sql:
        return self.backend.json_present(self.element, _part(path))

    def some(self, path: AttributePath, condition: Condition) -> Sql:
        raise InvalidFilter(f"{path} cannot be filtered within an entry.")


@dataclass(frozen=True, slots=True)
class _LinkScope:
    link: Link
    backend: Backend
    kind: str

    def compare(self, path: AttributePath, operator: Operator, value: Comparable) -> Sql:
        match path.leaf.name:
            case "value":
                return _compare(self.backend, self.link.target.id, operator, value)
            case "display":
                return _compare(self.backend, self.link.display, operator, value)
            case "type":
                return _constant(path.leaf, self.kind, operator, value)
            case name:
                raise InvalidFilter(f"{path.attribute.name}.{name} cannot be compared.")

    def has(self, path: AttributePath) -> Sql:
        if path.leaf.name == "display":
            return _has(self.backend, self.link.display)
        return sa.true()

    def some(self, path: AttributePath, condition: Condition) -> Sql:
        raise InvalidFilter(f"{path} cannot be filtered within an entry.")


def _names_value(condition: Condition) -> bool:
    """Tell whether a condition on an entry says which value it has: few have that one."""
    match condition:
        case All(terms):
            return any(map(_names_value, terms))
        case Compare(path, Operator.EQ):
            return path.leaf.name == "value"
    return False


def _part(path: AttributePath) -> Keys:
    return () if path.sub_attribute is None else (path.sub_attribute.name,)


def _constant(attribute: Attribute, literal: Any, operator: Operator, value: Comparable) -> Sql:
    return sa.true() if MEANINGS[operator](comparable(attribute, literal), value) else sa.false()


def _column(place: Place) -> Sql:
    if place.column is None:
        raise InvalidFilter(f"{place.path} is computed by the application and cannot be filtered.")
    return place.column


def _has(backend: Backend, place: Place) -> Sql:
    return place.codec.present(backend, _column(place))


def _compare(backend: Backend, place: Place, operator: Operator, value: Comparable) -> Sql:
    return place.codec.compare(backend, _column(place), operator, value)


def _compare_part(
    backend: Backend, place: Place, part: Attribute, operator: Operator, value: Comparable
) -> Sql:
    """Compare a sub-attribute of a complex attribute that sits in JSON as a whole."""
    assert isinstance(place.codec, JsonCodec)
    keys = (*place.codec.keys, part.name)
    return compare_json(backend, _column(place), keys, part, operator, value)
