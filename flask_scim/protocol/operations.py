"""What a PATCH asks for: each operation read, bound to one attribute and typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from . import syntax
from .dialects import Dialect
from .errors import InvalidPath, InvalidSyntax, InvalidValue, MutabilityError, NoTarget
from .parser import parse_path
from .resolver import AttributePath, Compare, Target, resolve_path
from .schema import Attribute, Mutability, ResourceType, Schema
from .syntax import Operator
from .values import load, load_entry, load_references, load_simple


class Op(StrEnum):
    """What an operation does."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of one attribute.

    :param op: what to do.
    :param target: where; it always names an attribute, since an operation without path, or on a
        whole extension, is read as one operation for each attribute in its value.
    :param value: the canonical value to put there: a list for a whole multi-valued attribute, one
        entry behind a value filter, the sub-attributes to set for a complex attribute (``None``
        takes one away). For ``remove``, the list of entries to take away, or ``None`` for all.
    :param template: what the ``eq`` terms of the value filter say of the entries that it selects.
    """

    op: Op
    target: Target
    value: Any = None
    template: dict[str, Any] = field(default_factory=dict)

    @property
    def attribute(self) -> Attribute:
        """The definition of the attribute that changes."""
        return self.place.attribute

    @property
    def place(self) -> AttributePath:
        """Where the attribute that changes is in a document."""
        assert self.target.attribute is not None
        return AttributePath(self.target.attribute, urn=self.target.urn)

    @property
    def changes_references(self) -> bool:
        """Whether the operation adds, removes or replaces whole references, as sets: members.

        Its ``value`` is then the list of references, or ``None`` where all are removed.
        """
        target = self.target
        return (
            self.attribute.is_reference
            and self.attribute.multi_valued
            and target.condition is None
            and target.sub_attribute is None
        )


def parse(
    operations: Iterable[Any], resource_type: ResourceType, dialect: Dialect
) -> tuple[Operation, ...]:
    """Read the operations of a PATCH (:rfc:`7644#section-3.5.2`).

    :param operations: the list ``Operations`` of the request, as JSON gave it.
    :param resource_type: the type of the resource that is to change.
    :param dialect: how the identity provider speaks.
    :return: the changes, in order, each of one attribute.
    :raises InvalidSyntax: if an operation is malformed.
    :raises InvalidPath: if a path is malformed or names no attribute.
    :raises InvalidFilter: if a value filter in a path is wrong.
    :raises NoTarget: if a removal does not say of what.
    :raises InvalidValue: if a value is missing or does not fit its attribute.
    :raises MutabilityError: if a path leads to what only the server writes.
    """
    reader = _Reader(resource_type, dialect)
    return tuple(parsed for operation in operations for parsed in reader.read(operation))


@dataclass(frozen=True, slots=True)
class _Reader:
    resource_type: ResourceType
    dialect: Dialect

    def read(self, operation: Any) -> Iterator[Operation]:
        if not isinstance(operation, dict):
            raise InvalidSyntax("Every operation of a PATCH must be an object.")
        op = self._op(operation.get("op"))
        path = operation.get("path")
        if path is None and self.dialect.strict:
            raise InvalidSyntax("Every operation needs a path.")
        if path is None and op is Op.REMOVE and operation.get("value") is None:
            raise NoTarget("A remove operation needs a path that says what to remove.")
        if op is not Op.REMOVE and "value" not in operation:
            raise InvalidValue(f"The {op} operation has no value.")
        if path is None:
            yield from self._read_members(op, operation["value"])
        elif isinstance(path, str):
            yield from self._read_path(op, path, operation.get("value"))
        else:
            raise InvalidPath("The path of an operation must be text.")

    def _op(self, op: Any) -> Op:
        try:
            return Op(op)
        except ValueError:
            raise InvalidSyntax(
                'The "op" of an operation must be add, remove or replace.'
            ) from None

    def _read_path(self, op: Op, path: str, value: Any) -> Iterator[Operation]:
        tree = parse_path(path)
        target = resolve_path(tree, self.resource_type, self.dialect.rules)
        if target.attribute is None:
            extension = self.resource_type.extension(target.urn or "")
            assert extension is not None
            yield from self._read_extension(op, extension, None if op is Op.REMOVE else value)
            return
        if target.attribute.name == "schemas":
            return
        parts = (target.attribute, target.sub_attribute)
        if any(part and part.mutability is Mutability.READ_ONLY for part in parts):
            raise MutabilityError(f"{target} is written by the server alone.")
        # A removal may go without: nothing else takes one entry away.
        selects_entries = target.condition is not None and target.sub_attribute is None
        if self.dialect.strict and selects_entries and op is not Op.REMOVE:
            raise InvalidPath(f"The value filter on {target} needs a sub-attribute behind it.")
        yield from self._read_value(
            op, target, value, self._template(tree.filter, target.attribute)
        )

    def _read_members(
        self, op: Op, value: Any, extension: Schema | None = None
    ) -> Iterator[Operation]:
        """Read a value whose keys are the attributes to change."""
        if not isinstance(value, dict):
            raise InvalidValue(
                f"The value of {op} must be an object with the attributes to change."
            )
        for key, item in value.items():
            inner = None if extension else self.resource_type.extension(key)
            if inner is not None:
                yield from self._read_extension(op, inner, item)
                continue
            attribute = (extension or self.resource_type).attribute(key)
            if attribute is None or attribute.mutability is Mutability.READ_ONLY:
                # Identity providers send back what they read: id, meta, groups.
                if self.dialect.rules.ignore_unknown:
                    continue
                if attribute is not None:
                    raise MutabilityError(f"{attribute.name} is written by the server alone.")
                raise InvalidSyntax(f"{self.resource_type.name} has no attribute {key[:100]!r}.")
            if attribute.name != "schemas":
                target = Target(extension.id if extension else None, attribute)
                yield from self._read_value(op, target, item, {})

    def _read_extension(self, op: Op, extension: Schema, value: Any) -> Iterator[Operation]:
        if not _is_empty(value):
            yield from self._read_members(op, value, extension)
        elif op is not Op.ADD:
            for attribute in extension.attributes:
                if attribute.mutability is not Mutability.READ_ONLY:
                    yield Operation(Op.REMOVE, Target(extension.id, attribute))

    def _read_value(
        self, op: Op, target: Target, value: Any, template: dict[str, Any]
    ) -> Iterator[Operation]:
        if op is Op.REMOVE:
            yield self._removal(target, value, template)
        elif not self._says_nothing(target, value):
            typed = self._typed(op, target, value)
            # Nothing is left where the value held only what no schema names.
            if typed is not None:
                yield Operation(op, target, typed, template)
        elif op is Op.REPLACE:
            yield Operation(Op.REMOVE, target, template=template)

    def _says_nothing(self, target: Target, value: Any) -> bool:
        assert target.attribute is not None
        # An entry that names nobody is a mistake, and not a wish to remove everybody.
        return _is_blank(value) if target.attribute.is_reference else _is_empty(value)

    def _removal(self, target: Target, value: Any, template: dict[str, Any]) -> Operation:
        if value is not None and self.dialect.strict:
            raise InvalidSyntax("A remove operation takes no value; name the entry in the path.")
        attribute = target.attribute
        assert attribute is not None
        whole = attribute.multi_valued and not target.sub_attribute
        if whole and attribute.is_reference and _is_value_filter(target) and template:
            return Operation(Op.REMOVE, Target(target.urn, attribute), [template])
        if value is None or not whole or target.condition is not None:
            return Operation(Op.REMOVE, target, template=template)
        # The list says which entries; to empty the attribute instead would lose data.
        items = value if isinstance(value, list) else [value]
        entries: Any = load_references(attribute, items)
        if entries is None:
            rules, where = self.dialect.rules, str(target)
            entries = [load_entry(attribute, item, where, rules) for item in items]
        if attribute.is_reference and any("value" not in (entry or ()) for entry in entries):
            raise InvalidValue(f"Each entry of {target} to remove needs a value: the id.")
        return Operation(Op.REMOVE, target, [entry for entry in entries if entry is not None])

    def _typed(self, op: Op, target: Target, value: Any) -> Any:
        rules, where = self.dialect.rules, str(target)
        attribute = target.sub_attribute or target.attribute
        assert attribute is not None
        selects_entries = target.condition is not None and target.sub_attribute is None
        if attribute.multi_valued and not selects_entries:
            if not isinstance(value, list) and not self.dialect.strict:
                value = [value]
            return load(attribute, value, where, rules)
        typed = load_entry(attribute, value, where, rules)
        if op is Op.REPLACE and attribute.is_complex and not selects_entries:
            return {**(typed or {}), **_taken_away(attribute, value)} or None
        return typed

    def _template(self, tree: syntax.Filter | None, attribute: Attribute) -> dict[str, Any]:
        match tree:
            case syntax.And(terms):
                return {
                    name: value
                    for term in terms
                    for name, value in self._template(term, attribute).items()
                }
            case syntax.Comparison(name, Operator.EQ, value) if value not in (None, ""):
                sub = attribute.sub(name.attribute)
                if sub is None or sub.is_complex or sub.mutability is Mutability.READ_ONLY:
                    return {}
                typed = load_simple(sub, value, str(name), self.dialect.rules)
                return {sub.name: [typed] if sub.multi_valued else typed}
        return {}


def _is_empty(value: Any) -> bool:
    """Tell whether a value assigns nothing (:rfc:`7643#section-2.5`)."""
    if isinstance(value, list):
        return all(_is_blank(item) or _is_hollow(item) for item in value)
    return _is_blank(value)


def _is_hollow(entry: Any) -> bool:
    return isinstance(entry, dict) and all(map(_is_blank, entry.values()))


def _is_blank(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def _is_value_filter(target: Target) -> bool:
    match target.condition:
        case Compare(path, Operator.EQ):
            return path.sub_attribute is not None and path.sub_attribute.name == "value"
    return False


def _taken_away(attribute: Attribute, value: dict[str, Any]) -> dict[str, None]:
    """Find the sub-attributes that a value unassigns by giving nothing for them."""
    named = [attribute.sub(key) for key, item in value.items() if _is_empty(item)]
    return {sub.name: None for sub in named if sub and sub.mutability is not Mutability.READ_ONLY}
