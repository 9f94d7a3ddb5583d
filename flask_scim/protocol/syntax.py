"""The tree of a filter or path as it was written (:rfc:`7644#section-3.4.2.2`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: A literal of a filter: every JSON scalar.
Literal = str | int | float | bool | None


class Operator(StrEnum):
    """An operator that compares an attribute with a literal."""

    EQ = "eq"
    NE = "ne"
    CO = "co"
    SW = "sw"
    EW = "ew"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


@dataclass(frozen=True, slots=True)
class Name:
    """An attribute's name, with the URN before it and the sub-attribute after it where given."""

    attribute: str
    sub_attribute: str | None = None
    urn: str | None = None

    def __str__(self) -> str:
        text = self.attribute if self.urn is None else f"{self.urn}:{self.attribute}"
        return text if self.sub_attribute is None else f"{text}.{self.sub_attribute}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``name operator literal``."""

    name: Name
    operator: Operator
    value: Literal


@dataclass(frozen=True, slots=True)
class Present:
    """``name pr``."""

    name: Name


@dataclass(frozen=True, slots=True)
class And:
    """All of the terms."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the terms."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not the term."""

    term: Filter


@dataclass(frozen=True, slots=True)
class ValuePath:
    """``name[filter]``: some entry of a multi-valued attribute satisfies the filter."""

    name: Name
    filter: Filter


Filter = Comparison | Present | And | Or | Not | ValuePath


@dataclass(frozen=True, slots=True)
class Path:
    """The target of a PATCH operation: ``name``, ``name[filter]`` or ``name[filter].sub``."""

    name: Name
    filter: Filter | None = None
    sub_attribute: str | None = None
