"""What a host defines itself: a resource type and its schemas, with every mistake named at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..config import ConfigurationError
from ..protocol import definitions
from ..protocol.schema import (
    COMMON_ATTRIBUTES,
    Attribute,
    Mutability,
    ResourceType,
    Returned,
    Schema,
    Type,
    Uniqueness,
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}", re.ASCII)
_ENDPOINT = re.compile(r"/[A-Za-z0-9-]{1,64}", re.ASCII)
_URN = re.compile(
    r"urn:[a-z0-9][a-z0-9-]{1,31}(:[a-z0-9!$%&*+,./;=@_~-]+)+", re.ASCII | re.IGNORECASE
)
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_$-]*", re.ASCII)

#: Names of what is no resource of anybody's: discovery and messages.
_NO_NAMES = frozenset(
    {
        *("schema", "resourcetype", "serviceproviderconfig", "error", "scimerror", "patchop"),
        *("listresponse", "searchrequest", "bulkrequest", "bulkresponse", "discovery"),
    }
)
#: Where :rfc:`7644#section-3.2` has endpoints of its own.
_NO_ENDPOINTS = frozenset({"bulk", "me", "schemas", "resourcetypes", "serviceproviderconfig"})
_MESSAGES = "urn:ietf:params:scim:api:"
_OF_THE_RFC = {
    schema.id.lower(): schema for schema in vars(definitions).values() if isinstance(schema, Schema)
}
#: What identity providers take for users and groups.
_USUAL = {"user": definitions.USER, "group": definitions.GROUP}
_COMMON = frozenset(attribute.name.lower() for attribute in COMMON_ATTRIBUTES)


def check_resource_type(
    resource_type: ResourceType, others: Iterable[ResourceType], taken: Iterable[str] = ()
) -> None:
    """Check a resource type before it is served.

    :param resource_type: the resource type.
    :param others: those that are declared already.
    :param taken: names in lower case for which there is no room in the database.
    :raises ConfigurationError: with every mistake and its repair.
    """
    others = list(others)
    problems = [
        *_check_name(resource_type, others, frozenset(taken)),
        *_check_endpoint(resource_type.endpoint, others),
        *_check_urns(resource_type, others),
        *_check_attributes(resource_type.schema.attributes, "", _COMMON),
        *_check_active(resource_type),
        *_check_unique(resource_type),
    ]
    for extension in resource_type.extensions:
        urn = extension.schema.id
        problems += _check_attributes(extension.schema.attributes, f"{urn}:", _COMMON)
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise ConfigurationError(f"{resource_type.name} cannot be declared:\n{lines}")


def schemas_of(resource_type: ResourceType) -> tuple[Schema, ...]:
    """List the core schema of a resource type and those of its extensions."""
    return resource_type.schema, *(extension.schema for extension in resource_type.extensions)


def _check_name(
    resource_type: ResourceType, others: list[ResourceType], taken: frozenset[str]
) -> Iterator[str]:
    name, folded = resource_type.name, resource_type.name.lower()
    usual = _USUAL.get(folded, resource_type.schema)
    if not _NAME.fullmatch(name):
        yield (
            f"name {name!r}: use up to 32 letters and digits, and begin with a letter, "
            "as in SmartDevice."
        )
    elif any(folded == other.name.lower() for other in others):
        yield f"{name} is declared already."
    elif folded in _NO_NAMES:
        yield f"name {name!r}: SCIM itself uses it; choose another."
    elif usual is not resource_type.schema:
        yield f"name {name!r}: it is that of {usual.id}; choose another."
    elif folded in taken:
        yield f"name {name!r}: there is a table scim_{folded} already; choose another."


def _check_endpoint(endpoint: str, others: list[ResourceType]) -> Iterator[str]:
    if not _ENDPOINT.fullmatch(endpoint):
        yield (
            f"endpoint {endpoint!r}: use a slash and then up to 64 letters, digits and dashes, "
            "as in /SmartDevices."
        )
    elif endpoint.lower().removeprefix("/") in _NO_ENDPOINTS:
        yield f"endpoint {endpoint!r}: SCIM itself uses it; choose another."
    for other in others:
        if endpoint.lower() == other.endpoint.lower():
            yield f"endpoint {endpoint!r}: it is that of {other.name}; choose another."


def _check_urns(resource_type: ResourceType, others: list[ResourceType]) -> Iterator[str]:
    known = {schema.id.lower(): schema for other in others for schema in schemas_of(other)}
    seen: set[str] = set()
    for schema in schemas_of(resource_type):
        urn = schema.id.lower()
        if not _URN.fullmatch(schema.id):
            yield (
                f"schema {schema.id!r}: use a URN of your own, "
                "as in urn:example:params:scim:schemas:acme:2.0:Device."
            )
        elif _OF_THE_RFC.get(urn, schema) is not schema or urn.startswith(_MESSAGES):
            yield f"schema {schema.id!r}: the URN is the RFC's; use one of your own."
        elif known.get(urn, schema) is not schema:
            yield f"schema {schema.id!r}: another schema has the URN; use one of its own."
        elif urn in seen:
            yield f"schema {schema.id!r}: it is there twice; keep one."
        seen.add(urn)


def _check_attributes(
    attributes: tuple[Attribute, ...], prefix: str, reserved: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Check the attributes of a schema, or the sub-attributes of one of them."""
    seen: set[str] = set()
    for attribute in attributes:
        where, name = prefix + attribute.name, attribute.name.lower()
        is_sub = prefix.endswith(".")
        if not (_ATTRIBUTE_NAME.fullmatch(attribute.name) or (is_sub and name == "$ref")):
            yield (
                f"{where}: begin the name with a letter, and go on with letters, digits, "
                "'-', '_' and '$'."
            )
        if name == "not":
            yield f"{where}: filters read it as a word of their own; choose another name."
        if name in seen:
            yield f"{where} is there twice, letter case aside; keep one."
        if name in reserved:
            yield f"{where}: every resource has that of SCIM itself; choose another name."
        seen.add(name)
        yield from _check_characteristics(attribute, where)
        if not is_sub:
            yield from _check_attributes(attribute.sub_attributes, f"{where}.")


def _check_characteristics(attribute: Attribute, where: str) -> Iterator[str]:
    is_sub = "." in where.rpartition(":")[2]
    if attribute.is_complex and is_sub:
        yield f"{where}: a sub-attribute cannot be complex; make it an attribute."
    elif attribute.is_complex and not attribute.sub_attributes:
        yield f"{where} is complex; give it sub_attributes."
    elif attribute.sub_attributes and not attribute.is_complex:
        yield f"{where} has sub-attributes; make it Type.COMPLEX."
    if is_sub and attribute.multi_valued:
        yield f"{where}: a sub-attribute has one value here; make it an attribute."
    is_hidden = attribute.returned is Returned.NEVER
    if is_hidden and attribute.mutability is Mutability.READ_ONLY:
        yield f"{where} can neither be written nor be read; leave it out."
    if attribute.mutability is Mutability.WRITE_ONLY and not is_hidden:
        yield f"{where} is write-only; make it Returned.NEVER."
    is_simple = not (attribute.multi_valued or attribute.type in (Type.COMPLEX, Type.BOOLEAN))
    if attribute.uniqueness is not Uniqueness.NONE and (is_sub or is_hidden or not is_simple):
        yield f"{where} cannot be unique; only an attribute with one simple value to show can."


def _check_active(resource_type: ResourceType) -> Iterator[str]:
    """Refuse another meaning of what says whether a resource is in use."""
    for attribute in resource_type.schema.attributes:
        is_switch = attribute.type is Type.BOOLEAN and not attribute.multi_valued
        if attribute.name.lower() == "active" and not (is_switch and attribute.name == "active"):
            yield (
                f"{attribute.name}: active says whether a resource is in use; write it like that "
                "and make it one boolean, or choose another name."
            )


def _check_unique(resource_type: ResourceType) -> Iterator[str]:
    unique = [
        attribute.name if schema is resource_type.schema else f"{schema.id}:{attribute.name}"
        for schema in schemas_of(resource_type)
        for attribute in schema.attributes
        if attribute.uniqueness is not Uniqueness.NONE
    ]
    if len(unique) > 1:
        yield (
            f"{', '.join(unique)}: only one attribute of a resource type can be unique; make the "
            "others Uniqueness.NONE."
        )
