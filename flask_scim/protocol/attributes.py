"""Attributes of the kinds that :rfc:`7643` has in several schemas."""

from __future__ import annotations

from dataclasses import replace

from .schema import Attribute, Mutability, Type


def plural(
    name: str,
    description: str,
    *parts: Attribute,
    value: Attribute | None = None,
    types: tuple[str, ...] = (),
) -> Attribute:
    """Define a multi-valued attribute with the usual sub-attributes (:rfc:`7643#section-2.4`).

    :param name: its name.
    :param description: the attribute in a sentence.
    :param parts: sub-attributes that stand in the place of ``value`` and ``display``.
    :param value: what ``value`` is where it is no plain string.
    :param types: the canonical values of ``type``.
    :return: the attribute.
    """
    value = value or Attribute("value", description="The value itself.")
    return Attribute(
        name,
        Type.COMPLEX,
        description,
        multi_valued=True,
        sub_attributes=(
            *(parts or (value, Attribute("display", description="The value in words to show."))),
            Attribute("type", description="What the entry is used for.", canonical_values=types),
            Attribute("primary", Type.BOOLEAN, "Whether this is the preferred entry."),
        ),
    )


def link(
    name: str,
    description: str,
    *kinds: str,
    required: bool = False,
    mutability: Mutability = Mutability.READ_WRITE,
) -> Attribute:
    """Define a reference, whose letter case always counts (:rfc:`7643#section-2.3.7`).

    :param name: its name.
    :param description: the attribute in a sentence.
    :param kinds: what it may point at.
    :param required: whether every resource has it.
    :param mutability: when its value may change.
    :return: the attribute.
    """
    return Attribute(
        name,
        Type.REFERENCE,
        description,
        required=required,
        case_exact=True,
        mutability=mutability,
        reference_types=kinds,
    )


def read_only(*attributes: Attribute) -> tuple[Attribute, ...]:
    """Let clients write neither the attributes nor any part of them.

    :param attributes: the attributes.
    :return: the same, read only.
    """
    return tuple(
        replace(
            attribute,
            mutability=Mutability.READ_ONLY,
            sub_attributes=read_only(*attribute.sub_attributes),
        )
        for attribute in attributes
    )
