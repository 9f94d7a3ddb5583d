"""What of a resource type an app really keeps, as a resource type of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..protocol.resolver import AttributePath
from ..protocol.schema import Attribute, Extension, ResourceType, Schema
from .mapping import Mapping


def find_served(mapping: Mapping) -> ResourceType:
    """Leave out of a resource type what no value that is sent can come back from.

    Discovery shows it, and a strict connection knows nothing else.

    :param mapping: where the attributes of the resource type sit.
    :return: the resource type with the attributes, sub-attributes and extensions that are served.
    """
    resource_type = mapping.resource_type
    extensions = (
        Extension(_served(extension.schema, mapping, extension.schema.id), extension.required)
        for extension in resource_type.extensions
    )
    return replace(
        resource_type,
        schema=_served(resource_type.schema, mapping, None),
        extensions=tuple(each for each in extensions if each.schema.attributes),
    )


def _served(schema: Schema, mapping: Mapping, urn: str | None) -> Schema:
    kept = (
        _parts_served(attribute, mapping, urn)
        for attribute in schema.attributes
        if mapping.maps(AttributePath(attribute, urn=urn))
    )
    return replace(schema, attributes=tuple(kept))


def _parts_served(attribute: Attribute, mapping: Mapping, urn: str | None) -> Attribute:
    kept = tuple(
        sub for sub in attribute.sub_attributes if mapping.maps(AttributePath(attribute, sub, urn))
    )
    return replace(attribute, sub_attributes=kept)


def unite(schemas: Iterable[Schema]) -> list[Schema]:
    """Put together what several resource types serve of one schema.

    :param schemas: the schemas of all of them.
    :return: each schema once.
    """
    by_id: dict[str, list[Schema]] = {}
    for schema in schemas:
        by_id.setdefault(schema.id, []).append(schema)
    return [
        replace(some[0], attributes=_united(each for one in some for each in one.attributes))
        for some in by_id.values()
    ]


def _united(attributes: Iterable[Attribute]) -> tuple[Attribute, ...]:
    by_name: dict[str, list[Attribute]] = {}
    for attribute in attributes:
        by_name.setdefault(attribute.name, []).append(attribute)
    return tuple(
        replace(some[0], sub_attributes=_united(sub for one in some for sub in one.sub_attributes))
        for some in by_name.values()
    )
