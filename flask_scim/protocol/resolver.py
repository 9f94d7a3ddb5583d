"""Names bound to definitions, literals typed, sugar rewritten: a tree that all readers agree on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from . import syntax
from .errors import InvalidFilter, InvalidPath, InvalidValue, SecretFilter
from .schema import Attribute, ResourceType, Returned, Type
from .syntax import Name, Operator
from .values import LENIENT, Comparable, Rules, comparable, load_simple


@dataclass(frozen=True, eq=False)
class AttributePath:
    """An attribute or sub-attribute of a resource type; equal to any other that leads there.

    :param attribute: the definition of the attribute.
    :param sub_attribute: the definition of the sub-attribute, where one is meant.
    :param urn: the URN of the extension that the attribute is of; ``None`` for the core schema.
    """

    attribute: Attribute
    sub_attribute: Attribute | None = None
    urn: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AttributePath) and self.keys == other.keys

    def __hash__(self) -> int:
        return hash(self.keys)

    @property
    def leaf(self) -> Attribute:
        """The definition of what the path points at."""
        return self.sub_attribute or self.attribute

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead to the value in a resource's document."""
        keys = (self.attribute.name,) if self.urn is None else (self.urn, self.attribute.name)
        return keys if self.sub_attribute is None else (*keys, self.sub_attribute.name)

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        text = self.attribute.name if self.urn is None else f"{self.urn}:{self.attribute.name}"
        return text if self.sub_attribute is None else f"{text}.{self.sub_attribute.name}"


@dataclass(frozen=True, slots=True)
class Compare:
    """The value at the path stands in this relation to the given one; never with ``ne``.

    Within :class:`Some` the path is read from the entry.
    """

    path: AttributePath
    operator: Operator
    value: Comparable


@dataclass(frozen=True, slots=True)
class Has:
    """Something is assigned at the path."""

    path: AttributePath


@dataclass(frozen=True, slots=True)
class All:
    """All of the conditions hold."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the conditions holds."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negate:
    """The condition does not hold."""

    term: Condition


@dataclass(frozen=True, slots=True)
class Some:
    """Some entry of the multi-valued attribute at the path satisfies the condition."""

    path: AttributePath
    condition: Condition


Condition = Compare | Has | All | AnyOf | Negate | Some

#: What holds for every resource, and what holds for none.
_EVERYTHING, _NOTHING = All(()), AnyOf(())


@dataclass(frozen=True, slots=True)
class Target:
    """What a PATCH path points at.

    :param urn: the URN of the extension; ``None`` for the core schema.
    :param attribute: the attribute; ``None`` for an extension as a whole.
    :param condition: which entries of a multi-valued attribute are meant; ``None`` for all.
    :param sub_attribute: the part of the value or of those entries that is meant.
    """

    urn: str | None
    attribute: Attribute | None
    condition: Condition | None = None
    sub_attribute: Attribute | None = None

    def __str__(self) -> str:
        if self.attribute is None:
            return self.urn or ""
        return str(AttributePath(self.attribute, self.sub_attribute, self.urn))


_ORDERED = frozenset({Operator.EQ, Operator.GT, Operator.GE, Operator.LT, Operator.LE})
_TEXT = frozenset(Operator) - {Operator.NE}
_OPERATORS = {
    Type.STRING: _TEXT,
    Type.REFERENCE: _TEXT,
    Type.DATETIME: _ORDERED,
    Type.INTEGER: _ORDERED,
    Type.DECIMAL: _ORDERED,
    Type.BOOLEAN: frozenset({Operator.EQ}),
    Type.BINARY: frozenset({Operator.EQ}),
}


def resolve_name(name: Name, resource_type: ResourceType) -> AttributePath:
    """Bind a name to the definitions of a resource type.

    :param name: the name as it was written, in any letter case.
    :param resource_type: the resource type whose attributes are meant.
    :return: the path of the attribute.
    :raises InvalidPath: if the resource type has no such attribute.
    """
    urn = None
    attribute: Attribute | None
    if name.urn is None or name.urn.lower() == resource_type.schema.id.lower():
        attribute = resource_type.attribute(name.attribute)
    else:
        extension = resource_type.extension(name.urn)
        if extension is None:
            raise InvalidPath(f"{resource_type.name} has no schema {name.urn[:100]!r}.")
        urn = extension.id
        attribute = extension.attribute(name.attribute)
    if attribute is None:
        raise InvalidPath(f"{resource_type.name} has no attribute {str(name)[:100]!r}.")
    if name.sub_attribute is None:
        return AttributePath(attribute, urn=urn)
    return AttributePath(attribute, _sub_attribute(attribute, name.sub_attribute), urn)


def find_name(name: Name, resource_type: ResourceType, rules: Rules = LENIENT) -> AttributePath:
    """Bind a name in a query, where a forgiving connection leaves out the URN of an extension.

    :param name: the name as it was written, in any letter case.
    :param resource_type: the resource type that is searched.
    :param rules: how forgiving the connection is.
    :return: the path of the attribute.
    :raises InvalidPath: if the resource type has no such attribute.
    """
    try:
        return resolve_name(name, resource_type)
    except InvalidPath:
        # Entra asks for "manager" without the URN that an extension's attribute has.
        if name.urn is None and rules.ignore_unknown:
            for extension in resource_type.extensions:
                if extension.schema.attribute(name.attribute) is not None:
                    return resolve_name(replace(name, urn=extension.schema.id), resource_type)
        raise


def resolve_path(path: syntax.Path, resource_type: ResourceType, rules: Rules = LENIENT) -> Target:
    """Bind a PATCH path to the definitions of a resource type.

    :param path: the path as it was written.
    :param resource_type: the resource type of the target.
    :param rules: how forgiving literals are read.
    :return: what the path points at.
    :raises InvalidPath: if there is no such attribute, or it cannot take a value filter.
    :raises InvalidFilter: if the value filter compares what cannot be compared.
    """
    if path.name.urn is not None:
        # An extension as a whole reads like one of its attributes: the last part of its URN.
        extension = resource_type.extension(f"{path.name.urn}:{_written(path.name)}")
        if extension is not None:
            return Target(extension.id, None)
    bound = resolve_name(path.name, resource_type)
    if path.filter is None:
        return Target(bound.urn, bound.attribute, sub_attribute=bound.sub_attribute)
    if bound.sub_attribute is not None or not bound.attribute.multi_valued:
        raise InvalidPath(f"{bound} is no multi-valued attribute and takes no value filter.")
    sub_attribute = None
    if path.sub_attribute is not None:
        sub_attribute = _sub_attribute(bound.attribute, path.sub_attribute)
    try:
        condition = _Resolver(resource_type, rules, within=bound).resolve(path.filter)
    except InvalidPath as error:
        raise InvalidFilter(error.detail) from None
    return Target(bound.urn, bound.attribute, condition, sub_attribute)


def resolve_filter(
    tree: syntax.Filter,
    resource_type: ResourceType,
    rules: Rules = LENIENT,
    others: tuple[ResourceType, ...] = (),
) -> Condition:
    """Bind a filter to the definitions of a resource type.

    :param tree: the filter as it was written.
    :param resource_type: the resource type that is searched.
    :param rules: how forgiving literals are read.
    :param others: the resource types that are searched with it: what only they have is an attribute
        without a value here (:rfc:`7644#section-3.4.2.1`).
    :return: a condition without ``ne`` and ``null``, its literals typed as their attributes.
    :raises InvalidFilter: if an attribute is unknown, or a literal or operator does not fit it.
    """
    try:
        return _Resolver(resource_type, rules, others=others).resolve(tree)
    except InvalidPath as error:
        raise InvalidFilter(error.detail) from None


@dataclass(frozen=True, slots=True)
class _Resolver:
    resource_type: ResourceType
    rules: Rules
    within: AttributePath | None = None
    others: tuple[ResourceType, ...] = ()

    def resolve(self, tree: syntax.Filter) -> Condition:
        match tree:
            case syntax.Comparison(name, operator, value) if self._is_of_another(name):
                if operator is Operator.NE:
                    return _NOTHING if value is None else _EVERYTHING
                return _EVERYTHING if operator is Operator.EQ and value is None else _NOTHING
            case syntax.Present(name) | syntax.ValuePath(name) if self._is_of_another(name):
                return _NOTHING
            case syntax.And(terms):
                return All(tuple(self.resolve(term) for term in terms))
            case syntax.Or(terms):
                return AnyOf(tuple(self.resolve(term) for term in terms))
            case syntax.Not(term):
                return Negate(self.resolve(term))
            case syntax.Present(name):
                return self._has(self._bind(name))
            case syntax.Comparison(name, operator, value):
                return self._compare(self._bind(name), operator, value)
            case syntax.ValuePath(name, inner):
                path = self._bind(name)
                condition = _Resolver(self.resource_type, self.rules, within=path).resolve(inner)
                return Some(path, condition) if path.attribute.multi_valued else condition

    def _is_of_another(self, name: Name) -> bool:
        """Whether only another of the searched resource types has the attribute."""
        if self.within is not None or not self.others or self._knows(name):
            return False
        return any(_Resolver(other, self.rules)._knows(name) for other in self.others)

    def _knows(self, name: Name) -> bool:
        try:
            find_name(name, self.resource_type, self.rules)
        except InvalidPath:
            return False
        return True

    def _bind(self, name: Name) -> AttributePath:
        if self.within:
            path = self._bind_in_entry(name)
        else:
            path = find_name(name, self.resource_type, self.rules)
        if Returned.NEVER in (path.attribute.returned, path.leaf.returned):
            raise SecretFilter(f"{path} cannot be used in a filter.")
        return path

    def _bind_in_entry(self, name: Name) -> AttributePath:
        assert self.within is not None
        attribute, urn = self.within.attribute, self.within.urn
        if name.urn is not None or name.sub_attribute is not None:
            raise InvalidFilter(f"{name} is no sub-attribute of {attribute.name}.")
        if not attribute.is_complex and name.attribute.lower() == "value":
            return AttributePath(attribute, urn=urn)
        return AttributePath(attribute, _sub_attribute(attribute, name.attribute), urn)

    def _has(self, path: AttributePath) -> Condition:
        if self.within is None and path.sub_attribute and path.attribute.multi_valued:
            return Some(path=AttributePath(path.attribute, urn=path.urn), condition=Has(path))
        return Has(path)

    def _compare(self, path: AttributePath, operator: Operator, value: syntax.Literal) -> Condition:
        if operator is Operator.NE:
            return Negate(self._compare(path, Operator.EQ, value))
        if value is None:
            if operator is not Operator.EQ:
                raise InvalidFilter(f"{path} {operator} null cannot be decided; use eq, ne or pr.")
            return Negate(self._has(path))
        if path.leaf.is_complex:
            default = path.leaf.sub("value")
            if default is None:
                raise InvalidFilter(f"{path} has several parts; name the one to compare.")
            path = AttributePath(path.attribute, default, path.urn)
        comparison = Compare(path, operator, self._literal(path, operator, value))
        if self.within is None and path.attribute.multi_valued:
            return Some(AttributePath(path.attribute, urn=path.urn), comparison)
        return comparison

    def _literal(
        self, path: AttributePath, operator: Operator, value: syntax.Literal
    ) -> Comparable:
        attribute = path.leaf
        if operator not in _OPERATORS[attribute.type]:
            raise InvalidFilter(f"{path} is of type {attribute.type} and cannot take {operator}.")
        try:
            return comparable(attribute, load_simple(attribute, value, str(path), self.rules))
        except InvalidValue as error:
            raise InvalidFilter(error.detail) from None


def _sub_attribute(attribute: Attribute, name: str) -> Attribute:
    sub = attribute.sub(name)
    if sub is None:
        raise InvalidPath(f"{attribute.name} has no sub-attribute {name[:100]!r}.")
    return sub


def _written(name: Name) -> str:
    return (
        name.attribute if name.sub_attribute is None else f"{name.attribute}.{name.sub_attribute}"
    )
