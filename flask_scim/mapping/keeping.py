"""What the record keeps of a document: all that no place was named for, and no secret."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from ..protocol.resolver import AttributePath
from ..protocol.schema import Attribute, ResourceType, Returned
from .nesting import Document, copy


class Keeping:
    """What may be kept of the resources of one type.

    :param resource_type: the type of the resources.
    """

    def __init__(self, resource_type: ResourceType) -> None:
        self._resource_type = resource_type

    def drop_secrets(self, rest: Document) -> None:
        """Take out of a document what must not be stored in clear text.

        :param rest: the document, whose lists are copied where something is taken out of them.
        """
        own, extensions = self._with_secrets
        _drop(own, rest)
        for urn, attributes in extensions:
            if urn in rest:
                _drop(attributes, rest[urn])

    def keepable(self, rest: Document) -> Document:
        """Copy what of a document, without its secrets, can be kept."""
        never = self._never_kept
        return {name: copy(value) for name, value in rest.items() if name not in never}

    @cached_property
    def _never_kept(self) -> frozenset[str]:
        attributes = self._resource_type.schema.attributes
        return frozenset(each.name for each in attributes if not may_be_kept(each))

    @cached_property
    def _with_secrets(self) -> tuple[list[Attribute], list[tuple[str, list[Attribute]]]]:
        """The attributes that are secret or have parts that are; those of extensions by URN."""
        schemas = [each.schema for each in self._resource_type.extensions]
        extensions = [(each.id, list(filter(_has_secrets, each.attributes))) for each in schemas]
        return list(filter(_has_secrets, self._resource_type.attributes)), extensions


def is_secret(path: AttributePath) -> bool:
    """Tell whether a value is never returned, and so must not be stored in clear text."""
    return Returned.NEVER in (path.attribute.returned, path.leaf.returned)


def may_be_kept(attribute: Attribute) -> bool:
    """Tell whether an attribute is a value: what refers to other resources is none."""
    return not (attribute.is_reference and attribute.multi_valued)


def _has_secrets(attribute: Attribute) -> bool:
    return attribute.returned is Returned.NEVER or any(map(_has_secrets, attribute.sub_attributes))


def _drop(attributes: Iterable[Attribute], values: Document) -> None:
    for attribute in attributes:
        value = values.get(attribute.name)
        if attribute.returned is Returned.NEVER:
            values.pop(attribute.name, None)
        elif attribute.is_complex and value is not None:
            values[attribute.name] = value = copy(value)
            for entry in value if isinstance(value, list) else [value]:
                _drop(attribute.sub_attributes, entry)
