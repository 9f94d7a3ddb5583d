"""What a resource may not lose or change: required and immutable values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import InvalidValue, MutabilityError
from .schema import Attribute, Mutability, ResourceType


def check_required(document: dict[str, Any], resource_type: ResourceType) -> None:
    """Check that a whole resource has what its schemas require.

    :param document: the resource, in canonical form.
    :param resource_type: its resource type.
    :raises InvalidValue: if a required attribute, sub-attribute or extension is missing.
    """
    check_attributes(resource_type.attributes, document)
    for extension in resource_type.extensions:
        urn = extension.schema.id
        if urn in document:
            check_attributes(extension.schema.attributes, document[urn], f"{urn}:")
        elif extension.required:
            raise InvalidValue(f"{urn} is required and has no value.")


def check_attributes(
    attributes: Iterable[Attribute], values: dict[str, Any], prefix: str = ""
) -> None:
    """Check that the values of one schema have what it requires.

    :param attributes: the attributes of the schema.
    :param values: the values by attribute name.
    :param prefix: what stands before an attribute's name in messages.
    :raises InvalidValue: if a required attribute or sub-attribute is missing.
    """
    for attribute in attributes:
        if not attribute.demands:
            continue
        value = values.get(attribute.name)
        if (value is None and not attribute.required) or _is_written_by_server(attribute):
            continue
        where = prefix + attribute.name
        if attribute.required and is_missing(value):
            raise InvalidValue(f"{where} is required and has no value.")
        if not attribute.is_complex:
            continue
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                check_entry(attribute, None, entry, where)


def check_change(attribute: Attribute, before: Any, after: Any, where: str) -> None:
    """Check that an attribute may change from one value to another.

    The entries of a multi-valued attribute are for :func:`check_entry`.

    :param attribute: the definition of the attribute.
    :param before: its value; ``None`` where nothing is assigned.
    :param after: the value that it is to have.
    :param where: the attribute's name in messages.
    :raises MutabilityError: if an immutable value would change, or a required one would be gone
        (:rfc:`7644#section-3.5.2.2`).
    :raises InvalidValue: if a required value would be blank.
    """
    if before == after:
        return
    if attribute.mutability is Mutability.IMMUTABLE and before is not None:
        raise MutabilityError(f"{where} is immutable: once set, it cannot change.")
    if attribute.required and is_missing(after):
        if before is not None and after is None:
            raise MutabilityError(f"{where} is required and cannot be removed.")
        raise InvalidValue(f"{where} is required and cannot be blank.")
    if isinstance(after, dict):
        check_entry(attribute, before, after, where)


def check_entry(
    attribute: Attribute, before: dict[str, Any] | None, after: dict[str, Any], where: str
) -> None:
    """Check that a complex value, or one entry of several, may change as it is to.

    :param attribute: the definition of the attribute.
    :param before: the entry as it was; ``None`` for a new one.
    :param after: the entry as it is to be.
    :param where: the attribute's name in messages.
    :raises MutabilityError: if an immutable sub-attribute would change, or a required one be gone.
    :raises InvalidValue: if a required sub-attribute of a new entry is missing.
    """
    for sub in attribute.sub_attributes:
        if before is not None:
            check_change(sub, before.get(sub.name), after.get(sub.name), f"{where}.{sub.name}")
        elif sub.required and is_missing(after.get(sub.name)):
            raise InvalidValue(f"{where}.{sub.name} is required and has no value.")


def is_missing(value: Any) -> bool:
    """Tell whether a value is none at all, or blank text, which says no more."""
    return value is None or (isinstance(value, str) and not value.strip())


def _is_written_by_server(attribute: Attribute) -> bool:
    # What a resource's ``schemas`` are follows from what it holds.
    return attribute.mutability is Mutability.READ_ONLY or attribute.name == "schemas"
