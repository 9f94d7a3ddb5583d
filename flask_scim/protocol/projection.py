"""Which attributes an answer holds (:rfc:`7644#section-3.4.2.5`, :rfc:`7643#section-7`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from .errors import InvalidPath, InvalidValue, TooMany
from .parser import parse_name
from .resolver import resolve_name
from .schema import Attribute, ResourceType, Returned

#: What is kept: by attribute name, the sub-attributes that are left out.
_Plan = Mapping[str, frozenset[str]]

#: The names that a client gave: by URN and attribute, the sub-attributes; ``None`` for the whole.
_Names = Mapping[tuple[str | None, str], set[str | None]]

#: Finds what of an attribute is left out; ``None`` for all of it.
_Rule = Callable[[Attribute, set[str | None]], frozenset[str] | None]


@dataclass(frozen=True, eq=False)
class Projection:
    """The attributes that a client gets to see.

    :param resource_type: the resource type whose attributes are meant.
    :param core: what is kept of the common and core attributes.
    :param extensions: what is kept of each extension, by URN.
    """

    resource_type: ResourceType
    core: _Plan
    extensions: Mapping[str, _Plan]

    @classmethod
    def read(
        cls,
        attributes: str | None,
        excluded: str | None,
        resource_type: ResourceType,
        *,
        ignore_unknown: bool = True,
    ) -> Projection:
        """Read the parameters ``attributes`` and ``excludedAttributes``.

        :param attributes: names, separated by commas: what to return beside what always is.
        :param excluded: names, separated by commas: what to leave out of the default.
        :param resource_type: the resource type whose attributes are meant.
        :param ignore_unknown: pass over names that the resource type does not have.
        :return: the projection.
        :raises InvalidValue: if both are given, or a name is unknown and may not be.
        """
        if attributes and excluded:
            raise InvalidValue("Give attributes or excludedAttributes, not both.")
        if attributes:
            names = _read_names(attributes, resource_type, ignore_unknown)
            return _plan(resource_type, names, _left_out_of_asked)
        if excluded:
            names = _read_names(excluded, resource_type, ignore_unknown)
            return _plan(resource_type, names, _left_out_of_default)
        return _default(resource_type)

    @cached_property
    def _whole(self) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
        """What nothing is left out of: attributes of the core or URNs, and those of extensions."""

        def list_whole(plan: _Plan) -> frozenset[str]:
            return frozenset(name for name, parts in plan.items() if not parts)

        extensions = {urn: list_whole(plan) for urn, plan in self.extensions.items()}
        return list_whole(self.core) - {"schemas"} | extensions.keys(), extensions

    def wants(self, name: str) -> bool:
        """Tell whether anything of an attribute is part of the answer.

        :param name: the name of a common or core attribute, or the URN of an extension.
        :return: whether it needs to be loaded at all.
        """
        return name in self.core or bool(self.extensions.get(name))

    def project(self, *parts: dict[str, Any]) -> dict[str, Any]:
        """Leave out what the client does not get to see, and name the schemas.

        :param parts: the resource, in canonical form; it may come in parts, and is not touched.
        :return: the resource as the client sees it.
        """
        names, extensions = self._whole
        schemas = [self.resource_type.schema.id]
        projected: dict[str, Any] = {"schemas": schemas}
        is_whole = True
        for part in parts:
            is_whole = is_whole and names.issuperset(part)
            projected |= part
        for urn, whole in extensions.items():
            if urn in projected:
                schemas.append(urn)
                values = projected[urn]
                is_whole = is_whole and bool(values) and whole.issuperset(values)
        return projected if is_whole else self._narrow(schemas, projected)

    def _narrow(self, schemas: list[str], document: dict[str, Any]) -> dict[str, Any]:
        projected: dict[str, Any] = {"schemas": schemas}
        _keep(document, self.core, projected)
        for urn in schemas[1:]:
            values = _keep(document[urn], self.extensions[urn], {})
            if values:
                projected[urn] = values
        return projected


@cache
def _default(resource_type: ResourceType) -> Projection:
    return _plan(resource_type, {}, _left_out_of_default)


def _plan(resource_type: ResourceType, names: _Names, rule: _Rule) -> Projection:
    def keep(attributes: Iterable[Attribute], urn: str | None = None) -> _Plan:
        left_out = {
            attribute.name: rule(attribute, names.get((urn, attribute.name), set()))
            for attribute in attributes
        }
        return {name: parts for name, parts in left_out.items() if parts is not None}

    schemas = [extension.schema for extension in resource_type.extensions]
    extensions = {schema.id: keep(schema.attributes, schema.id) for schema in schemas}
    return Projection(resource_type, keep(resource_type.attributes), extensions)


def _left_out_of_asked(attribute: Attribute, named: set[str | None]) -> frozenset[str] | None:
    always = attribute.returned is Returned.ALWAYS
    if attribute.returned is Returned.NEVER or not (named or always):
        return None
    whole = None in named or always

    def is_left_out(sub: Attribute) -> bool:
        by_default = whole and sub.returned is Returned.DEFAULT
        asked = sub.name in named and sub.returned is not Returned.NEVER
        return not (by_default or asked or sub.returned is Returned.ALWAYS)

    return frozenset(sub.name for sub in attribute.sub_attributes if is_left_out(sub))


def _left_out_of_default(attribute: Attribute, named: set[str | None]) -> frozenset[str] | None:
    def is_left_out(part: Attribute, name: str | None) -> bool:
        hidden = part.returned in (Returned.NEVER, Returned.REQUEST)
        return hidden or (name in named and part.returned is not Returned.ALWAYS)

    if is_left_out(attribute, None):
        return None
    return frozenset(sub.name for sub in attribute.sub_attributes if is_left_out(sub, sub.name))


def _read_names(text: str, resource_type: ResourceType, ignore_unknown: bool) -> _Names:
    names: defaultdict[tuple[str | None, str], set[str | None]] = defaultdict(set)
    for item in filter(None, map(str.strip, text.split(","))):
        extension = resource_type.extension(item)
        if extension is not None:
            for attribute in extension.attributes:
                if attribute.returned is not Returned.REQUEST:
                    names[extension.id, attribute.name].add(None)
            continue
        try:
            path = resolve_name(parse_name(item), resource_type)
        except (InvalidPath, TooMany) as error:
            if ignore_unknown:
                continue
            raise InvalidValue(error.detail) from None
        sub = path.sub_attribute
        names[path.urn, path.attribute.name].add(None if sub is None else sub.name)
    return names


def _keep(values: dict[str, Any], plan: _Plan, kept: dict[str, Any]) -> dict[str, Any]:
    """Add to what is kept what of some values a plan keeps, and what is not there yet."""
    for name, value in values.items():
        parts = plan.get(name)
        if parts is None or name in kept:
            continue
        left = _without(value, parts) if parts else value
        if left is not None:
            kept[name] = left
    return kept


def _without(value: Any, parts: frozenset[str]) -> Any:
    """Leave sub-attributes out of a value; ``None`` where nothing else is in it."""
    if isinstance(value, list):
        return [left for entry in value if (left := _without(entry, parts)) is not None] or None
    return {name: part for name, part in value.items() if name not in parts} or None
