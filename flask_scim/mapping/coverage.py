"""What identity providers send by default and an app does not keep."""

from __future__ import annotations

from typing import Any

from ..protocol.parser import parse_path
from ..protocol.resolver import AttributePath, resolve_path
from ..protocol.schema import Type
from .defaults import fit
from .literals import literals_of
from .mapping import Mapping


def find_lost(mapping: Mapping, idp: str) -> list[str]:
    """List what an identity provider sends by default and nobody keeps.

    :param mapping: where the app has the attributes of users.
    :param idp: the identity provider.
    :return: the attributes, as a path writes them.
    """
    if mapping.keep_unmapped:
        return []
    return [name for name in fit(idp, {}).left_out if mapping.unmapped(_example(name, mapping))]


def _example(name: str, mapping: Mapping) -> dict[str, Any]:
    """A document that has a value at a path, and nothing else."""
    tree = parse_path(name)
    target = resolve_path(tree, mapping.resource_type)
    assert target.attribute is not None
    *parents, last = AttributePath(target.attribute, urn=target.urn).keys
    leaf = target.sub_attribute or target.attribute
    value: Any = leaf.type is Type.BOOLEAN or "x"
    if target.sub_attribute is not None:
        value = {**(literals_of(tree.filter) or {}), target.sub_attribute.name: value}
    document = {last: [value] if target.attribute.multi_valued else value}
    for parent in reversed(parents):
        document = {parent: document}
    return document
