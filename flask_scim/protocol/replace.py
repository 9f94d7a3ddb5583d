"""What a PUT makes of a resource (:rfc:`7644#section-3.5.1`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .constraints import check_change, check_required
from .entries import Entries
from .schema import Attribute, Mutability, ResourceType


def replace(
    before: dict[str, Any], loaded: dict[str, Any], resource_type: ResourceType
) -> dict[str, Any]:
    """Let what a client sent take the place of a resource.

    What is left out becomes unassigned, unless it is the server's, immutable or write-only.

    :param before: the resource, in canonical form; it is not touched.
    :param loaded: what the client sent, in canonical form.
    :param resource_type: the type of the resource.
    :return: the resource as it is to be; equal to ``before`` where nothing changes.
    :raises MutabilityError: if an immutable value would change.
    :raises InvalidValue: if a required value is missing.
    """
    after = _replaced(resource_type.attributes, before, loaded)
    for extension in resource_type.extensions:
        urn = extension.schema.id
        values = _replaced(
            extension.schema.attributes, before.get(urn, {}), loaded.get(urn, {}), f"{urn}:"
        )
        if values:
            after[urn] = values
    check_required(after, resource_type)
    return after


def _replaced(
    attributes: Iterable[Attribute],
    before: dict[str, Any],
    loaded: dict[str, Any],
    prefix: str = "",
) -> dict[str, Any]:
    after = {}
    for attribute in attributes:
        old, new = before.get(attribute.name), loaded.get(attribute.name)
        value = _value(attribute, old, new, prefix + attribute.name)
        if value is not None:
            after[attribute.name] = value
    return after


def _value(attribute: Attribute, old: Any, new: Any, where: str) -> Any:
    if attribute.mutability is Mutability.READ_ONLY or attribute.name == "schemas":
        return old
    if new is None:
        return None if attribute.mutability is Mutability.READ_WRITE else old
    if attribute.multi_valued:
        return _entries(attribute, old or [], new, where)
    if attribute.is_complex and isinstance(old, dict):
        if not attribute.is_reference:
            return _replaced(attribute.sub_attributes, old, new, f"{where}.") or None
        if old.get("value") == new.get("value"):
            # The id alone says what a reference points at.
            return old
    check_change(attribute, old, new, where)
    return new


def _entries(attribute: Attribute, old: list[Any], new: list[Any], where: str) -> list[Any] | None:
    """Replace entries; those that have the ``value`` of an old one keep what is the server's."""
    servers = [sub for sub in attribute.sub_attributes if sub.mutability is Mutability.READ_ONLY]
    if servers:
        known = {entry["value"]: entry for entry in old if "value" in entry}
        new = [{**_only(servers, known.get(entry.get("value"), {})), **entry} for entry in new]
    if new == old:
        return old or None
    entries = Entries(attribute, old)
    entries.replace(new)
    values = old if entries.is_same else entries.values
    check_change(attribute, old or None, values or None, where)
    return values or None


def _only(attributes: list[Attribute], entry: dict[str, Any]) -> dict[str, Any]:
    return {sub.name: entry[sub.name] for sub in attributes if sub.name in entry}
