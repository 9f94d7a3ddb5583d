"""What a schema says of its attributes, as frozen data (:rfc:`7643#section-7`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property


class Type(StrEnum):
    """The data type of an attribute (:rfc:`7643#section-2.3`)."""

    STRING = "string"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATETIME = "dateTime"
    BINARY = "binary"
    REFERENCE = "reference"
    COMPLEX = "complex"


class Mutability(StrEnum):
    """When the value of an attribute may change."""

    READ_ONLY = "readOnly"
    READ_WRITE = "readWrite"
    IMMUTABLE = "immutable"
    WRITE_ONLY = "writeOnly"


class Returned(StrEnum):
    """When an attribute is part of an answer."""

    ALWAYS = "always"
    NEVER = "never"
    DEFAULT = "default"
    REQUEST = "request"


class Uniqueness(StrEnum):
    """How far a value is unique."""

    NONE = "none"
    SERVER = "server"
    GLOBAL = "global"


@dataclass(frozen=True, eq=False)
class Attribute:
    """One attribute with its characteristics (:rfc:`7643#section-2.2`).

    :param name: its name, whose letter case does not count.
    :param type: the type of its value, or of each of its entries.
    :param description: what it says, for those who read the schema.
    :param multi_valued: whether it is a list.
    :param required: whether no resource can be without it.
    :param case_exact: whether letter case counts in its value.
    :param mutability: when its value may change.
    :param returned: when it is part of an answer.
    :param uniqueness: how far its value is unique.
    :param canonical_values: values that are recommended.
    :param reference_types: what a reference leads to: resource types, ``external`` or ``uri``.
    :param sub_attributes: the parts of a complex attribute.
    """

    name: str
    type: Type = Type.STRING
    description: str = ""
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: Mutability = Mutability.READ_WRITE
    returned: Returned = Returned.DEFAULT
    uniqueness: Uniqueness = Uniqueness.NONE
    canonical_values: tuple[str, ...] = ()
    reference_types: tuple[str, ...] = ()
    sub_attributes: tuple[Attribute, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Attribute]:
        return {sub.name.lower(): sub for sub in self.sub_attributes}

    def sub(self, name: str) -> Attribute | None:
        """Find a sub-attribute.

        :param name: its name in any letter case.
        :return: the sub-attribute, or ``None``.
        """
        return self._by_name.get(name.lower())

    @cached_property
    def is_complex(self) -> bool:
        """Whether the attribute has sub-attributes."""
        return self.type is Type.COMPLEX

    @cached_property
    def demands(self) -> bool:
        """Whether a resource, or an entry of the attribute, may lack something that it needs."""
        return self.required or any(sub.required for sub in self.sub_attributes)

    @cached_property
    def is_text(self) -> bool:
        """Whether the value is any one text."""
        return not self.multi_valued and self.type in (Type.STRING, Type.REFERENCE)

    @cached_property
    def is_plain(self) -> bool:
        """Whether there is but one way to write a value: no list, no object, no boolean."""
        return not self.multi_valued and self.type not in (Type.COMPLEX, Type.BOOLEAN)

    @cached_property
    def has_plain_parts(self) -> bool:
        """Whether there is but one way to write an entry, which is an object, and its parts."""
        return self.is_complex and all(sub.is_plain for sub in self.sub_attributes)

    @cached_property
    def read_only_parts(self) -> frozenset[str]:
        """The names of the sub-attributes that only the server writes."""
        return frozenset(
            sub.name for sub in self.sub_attributes if sub.mutability is Mutability.READ_ONLY
        )

    @cached_property
    def text_parts(self) -> frozenset[str]:
        """The names of the sub-attributes that are any one text, and not read-only."""
        texts = frozenset(sub.name for sub in self.sub_attributes if sub.is_text)
        return texts - self.read_only_parts

    @cached_property
    def is_reference(self) -> bool:
        """Whether a value points at another resource, whose id alone says which."""
        return self.sub("$ref") is not None and self.sub("value") is not None


@dataclass(frozen=True, eq=False)
class Schema:
    """A named set of attributes under a URN.

    :param id: the URN.
    :param name: its name in words.
    :param description: what it is for.
    :param attributes: its attributes, in order.
    """

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]

    @cached_property
    def _by_name(self) -> dict[str, Attribute]:
        return {attribute.name.lower(): attribute for attribute in self.attributes}

    @cached_property
    def plain_names(self) -> frozenset[str]:
        """The names of the attributes that are :attr:`.Attribute.is_plain`."""
        return frozenset(each.name for each in self.attributes if each.is_plain)

    def attribute(self, name: str) -> Attribute | None:
        """Find an attribute.

        :param name: its name in any letter case.
        :return: the attribute, or ``None``.
        """
        return self._by_name.get(name.lower())


#: The attributes that every resource has (:rfc:`7643#section-3.1`).
COMMON_ATTRIBUTES = (
    Attribute(
        "schemas",
        Type.REFERENCE,
        "The URNs of the schemas that this resource uses.",
        multi_valued=True,
        required=True,
        case_exact=True,
        returned=Returned.ALWAYS,
        reference_types=("uri",),
    ),
    Attribute(
        "id",
        description="The service provider's identifier of the resource.",
        case_exact=True,
        mutability=Mutability.READ_ONLY,
        returned=Returned.ALWAYS,
        uniqueness=Uniqueness.SERVER,
    ),
    Attribute(
        "externalId",
        description="The identity provider's identifier of the resource.",
        case_exact=True,
    ),
    Attribute(
        "meta",
        Type.COMPLEX,
        "What the service provider knows of the resource itself.",
        mutability=Mutability.READ_ONLY,
        sub_attributes=(
            Attribute(
                "resourceType",
                description="The name of the resource type.",
                case_exact=True,
                mutability=Mutability.READ_ONLY,
            ),
            Attribute(
                "created",
                Type.DATETIME,
                "When the resource was created.",
                mutability=Mutability.READ_ONLY,
            ),
            Attribute(
                "lastModified",
                Type.DATETIME,
                "When the resource was last changed.",
                mutability=Mutability.READ_ONLY,
            ),
            Attribute(
                "location",
                Type.REFERENCE,
                "The URI of the resource.",
                case_exact=True,
                mutability=Mutability.READ_ONLY,
                reference_types=("uri",),
            ),
            Attribute(
                "version",
                description="The entity tag of the resource.",
                case_exact=True,
                mutability=Mutability.READ_ONLY,
            ),
        ),
    ),
)


@dataclass(frozen=True, eq=False)
class Extension:
    """A schema that adds attributes to a resource type under its URN.

    :param schema: the schema.
    :param required: whether no resource can be without it.
    """

    schema: Schema
    required: bool = False


@dataclass(frozen=True, eq=False)
class ResourceType:
    """A kind of resource, its endpoint and its schemas (:rfc:`7643#section-6`).

    :param name: its name in the singular, such as ``User``.
    :param endpoint: where its resources are, such as ``/Users``.
    :param schema: its core schema.
    :param extensions: schemas that add to it.
    :param description: what it stands for.
    """

    name: str
    endpoint: str
    schema: Schema
    extensions: tuple[Extension, ...] = ()
    description: str = ""

    def extended(self, extensions: Iterable[Extension]) -> ResourceType:
        """The same resource type with more extensions.

        :param extensions: what it gains.
        :return: a resource type of its own; this one if it gains none.
        """
        more = tuple(extensions)
        return replace(self, extensions=self.extensions + more) if more else self

    @property
    def plural(self) -> str:
        """What its resources are called in scopes: ``users``."""
        return self.endpoint.lower().removeprefix("/")

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """The common attributes and those of the core schema, in order."""
        return COMMON_ATTRIBUTES + self.schema.attributes

    @cached_property
    def _by_name(self) -> dict[str, Attribute]:
        return {attribute.name.lower(): attribute for attribute in self.attributes}

    @cached_property
    def _extensions_by_urn(self) -> dict[str, Schema]:
        return {extension.schema.id.lower(): extension.schema for extension in self.extensions}

    def attribute(self, name: str) -> Attribute | None:
        """Find a common or core attribute.

        :param name: its name in any letter case.
        :return: the attribute, or ``None``.
        """
        return self._by_name.get(name.lower())

    def extension(self, urn: str) -> Schema | None:
        """Find the schema of an extension.

        :param urn: its URN in any letter case.
        :return: the schema, or ``None``.
        """
        return self._extensions_by_urn.get(urn.lower())
