"""Which codec fits a SCIM attribute and the type of a column."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ...protocol.schema import Attribute, Type
from .codecs import (
    BooleanCodec,
    Codec,
    DateTimeCodec,
    EnumCodec,
    NumberCodec,
    NumberTextCodec,
    TextCodec,
    UuidTextCodec,
)
from .json_codecs import InvertedJsonCodec, JsonCodec

_TEXT_TYPES = (Type.STRING, Type.REFERENCE, Type.BINARY)


def find_codec(
    attribute: Attribute, kind: Any, keys: tuple[str, ...], *, inverted: bool
) -> Codec | None:
    """Find the codec between a SCIM attribute and a column.

    :param attribute: the definition of the attribute.
    :param kind: the type of the column; ``None`` for a value that a function computes.
    :param keys: the keys of a JSON column that lead to the value.
    :param inverted: whether the column says the opposite.
    :return: the codec, or ``None`` if the column cannot hold the attribute.
    """
    if isinstance(kind, sa.JSON) and (keys or _is_structured(attribute)):
        if not inverted:
            return JsonCodec(attribute, keys)
        is_switch = keys and attribute.type is Type.BOOLEAN and not attribute.multi_valued
        return InvertedJsonCodec(attribute, keys) if is_switch else None
    return None if keys else _find_column_codec(attribute, kind, inverted=inverted)


def _find_column_codec(attribute: Attribute, kind: Any, *, inverted: bool) -> Codec | None:
    """Find the codec between a single simple attribute and the type of a column."""
    kind = getattr(kind, "impl_instance", kind) if isinstance(kind, sa.TypeDecorator) else kind
    if _is_structured(attribute):
        return JsonCodec(attribute, ()) if kind is None else None
    is_text = attribute.type in _TEXT_TYPES
    match kind:
        case None:
            return TextCodec(attribute) if is_text else JsonCodec(attribute, ())
        case sa.Boolean() if attribute.type is Type.BOOLEAN:
            return BooleanCodec(inverted=inverted)
        case sa.Enum() if is_text:
            return EnumCodec(attribute, kind)
        case sa.Uuid() if is_text:
            return UuidTextCodec(as_uuid=kind.as_uuid)
        case sa.String() if is_text:
            return TextCodec(attribute, kind.length)
        case sa.Integer() if is_text:
            return NumberTextCodec(_bits(kind))
        case sa.Integer() if attribute.type is Type.INTEGER:
            return NumberCodec(attribute, _bits(kind))
        case sa.Float() if attribute.type in (Type.DECIMAL, Type.INTEGER):
            return NumberCodec(attribute)
        case sa.Numeric() if attribute.type in (Type.DECIMAL, Type.INTEGER):
            return NumberCodec(attribute, scale=kind.scale)
        case sa.DateTime() if attribute.type is Type.DATETIME:
            return DateTimeCodec(aware=kind.timezone)
        case _:
            return None


def _is_structured(attribute: Attribute) -> bool:
    return attribute.multi_valued or attribute.is_complex


def _bits(kind: sa.Integer) -> int:
    if isinstance(kind, sa.BigInteger):
        return 64
    return 16 if isinstance(kind, sa.SmallInteger) else 32
