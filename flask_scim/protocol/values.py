"""What a value of each type looks like: one rule for bodies, PATCH values and filter literals."""

from __future__ import annotations

import base64
import binascii
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from .errors import InvalidSyntax, InvalidValue
from .schema import Attribute, Mutability, Type

#: A value in the form in which two values of one attribute compare.
Comparable = str | bool | int | float | datetime

_DATETIME = re.compile(
    r"-?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE
)
_TEXT_BOOLEANS = {"true": True, "false": False}
_INTEGER_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Rules:
    """How forgiving a connection reads values.

    :param text_booleans: take ``"True"`` and ``"false"`` for booleans.
    :param ignore_unknown: pass over attributes that no schema names, instead of refusing them.
    """

    text_booleans: bool = True
    ignore_unknown: bool = True


LENIENT = Rules()
STRICT = Rules(text_booleans=False, ignore_unknown=False)


def load(attribute: Attribute, value: Any, where: str, rules: Rules = LENIENT) -> Any:
    """Check and type the whole value of an attribute.

    :param attribute: the definition that the value must fit.
    :param value: the value as JSON gave it.
    :param where: the attribute's name in messages.
    :param rules: how forgiving to be.
    :return: the value in canonical form, or ``None`` where nothing is assigned.
    :raises InvalidValue: if the value does not fit.
    """
    if value is None:
        return None
    if attribute.is_text and type(value) is str and value and is_sound(value):
        return value
    if not attribute.multi_valued:
        return load_entry(attribute, value, where, rules)
    if not isinstance(value, list):
        raise InvalidValue(f"{where} must be a list, not {_kind(value)}.")
    references = load_references(attribute, value)
    if references is not None:
        return references
    loaded = [
        load_entry(attribute, item, f"{where}[{index}]", rules) for index, item in enumerate(value)
    ]
    if attribute.is_reference:
        # To pass over an entry that names nobody could empty a group.
        for index, entry in enumerate(loaded):
            if entry is None or "value" not in entry:
                raise InvalidValue(f"{where}[{index}] needs a value: the id of the resource.")
    entries = [entry for entry in loaded if entry is not None]
    if len(entries) > 1 and sum(map(_is_primary, entries)) > 1:
        raise InvalidValue(f"{where} may have only one entry with primary true.")
    return entries or None


def load_references(attribute: Attribute, entries: list[Any]) -> list[dict[str, Any]] | None:
    """Load entries that point at resources and are written as they are kept: thousands at once.

    :param attribute: the definition that they must fit.
    :param entries: the entries as JSON gave them; those that stay as they are, are not copied.
    :return: what :func:`load_entry` makes of each; ``None`` where one has to be looked at alone.
    """
    kept, passed_over = attribute.text_parts, attribute.read_only_parts
    if not attribute.is_reference or "value" not in kept or set(map(type, entries)) != {dict}:
        return None
    names = set(chain.from_iterable(entries))
    if not names <= kept | passed_over or not all("value" in entry for entry in entries):
        return None
    if not names <= kept:
        entries = [{name: entry[name] for name in entry if name in kept} for entry in entries]
    texts = list(chain.from_iterable(map(dict.values, entries)))
    are_texts = set(map(type, texts)) == {str} and "" not in texts
    return entries if are_texts and is_sound("".join(texts)) else None


def load_entry(attribute: Attribute, value: Any, where: str, rules: Rules = LENIENT) -> Any:
    """Check and type one entry of an attribute, or the one value of a single-valued attribute.

    :param attribute: the definition that the value must fit.
    :param value: the value as JSON gave it.
    :param where: the place of the value in messages.
    :param rules: how forgiving to be.
    :return: the value in canonical form, or ``None`` where nothing is assigned.
    :raises InvalidValue: if the value does not fit.
    """
    if value is None:
        return None
    if not attribute.is_complex:
        # Empty text is unassigned: many columns cannot tell the two apart, and no client means to.
        return None if value == "" else load_simple(attribute, value, where, rules)
    if not isinstance(value, dict):
        raise InvalidValue(f"{where} must be an object, not {_kind(value)}.")
    entry: dict[str, Any] = {}
    texts = attribute.text_parts
    for key, item in value.items():
        # Most of what is sent is this, and needs no look at anything else.
        if key in texts and type(item) is str and item and key not in entry and is_sound(item):
            entry[key] = item
            continue
        sub = attribute.sub(key)
        if sub is None:
            if not rules.ignore_unknown:
                raise InvalidSyntax(f"{where} has no sub-attribute {key[:40]!r}.")
            continue
        if sub.name in entry:
            raise InvalidSyntax(f"{where}.{sub.name} is given twice.")
        if sub.mutability is Mutability.READ_ONLY:
            continue
        loaded = load(sub, item, f"{where}.{sub.name}", rules)
        if loaded is not None:
            entry[sub.name] = loaded
    return entry or None


def load_simple(
    attribute: Attribute, value: Any, where: str, rules: Rules = LENIENT
) -> str | bool | int | float:
    """Check and type one simple value.

    :param attribute: the definition that the value must fit.
    :param value: the value as JSON gave it; not ``None``.
    :param where: the place of the value in messages.
    :param rules: how forgiving to be.
    :return: the value in canonical form; a dateTime stays text, in UTC.
    :raises InvalidValue: if the value does not fit.
    """
    match attribute.type:
        case Type.BOOLEAN:
            if isinstance(value, bool):
                return value
            if rules.text_booleans and isinstance(value, str) and value.lower() in _TEXT_BOOLEANS:
                return _TEXT_BOOLEANS[value.lower()]
            raise InvalidValue(f"{where} must be true or false, not {_kind(value)}.")
        case Type.INTEGER:
            return _integer(value, where)
        case Type.DECIMAL:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidValue(f"{where} must be a number, not {_kind(value)}.")
            if (isinstance(value, int) and abs(value) >= _INTEGER_LIMIT) or not math.isfinite(
                value
            ):
                raise InvalidValue(f"{where} is out of range.")
            return value
        case _:
            text = check_text(value, where)
            if attribute.type is Type.DATETIME:
                return write_datetime(read_datetime(text, where))
            if attribute.type is Type.BINARY:
                _check_base64(text, where)
            return text


def comparable(attribute: Attribute, value: Any) -> Comparable:
    """Bring a canonical simple value into the form in which it compares.

    :param attribute: the definition of the value.
    :param value: a value that :func:`load_simple` returned.
    :return: text folded where the attribute is not case-exact, a ``datetime`` for a dateTime,
        else the value.
    """
    if attribute.type is Type.DATETIME:
        return read_datetime(value, attribute.name)
    if attribute.type is Type.STRING and not attribute.case_exact:
        return fold(value)
    return value  # type: ignore[no-any-return]  # canonical values are of the types named


def fold(text: str) -> str:
    """Bring text into the form in which letter case does not count."""
    return text.lower()


def check_text(value: Any, where: str) -> str:
    """Check that a value is text that every database can keep.

    :param value: the value as JSON gave it.
    :param where: the place of the value in messages.
    :return: the text.
    :raises InvalidValue: if it is no text, or holds a NUL character or half a surrogate pair.
    """
    if not isinstance(value, str):
        raise InvalidValue(f"{where} must be text, not {_kind(value)}.")
    if not is_sound(value):
        raise InvalidValue(f"{where} holds a NUL character or half a surrogate pair.")
    return value


def is_sound(text: str) -> bool:
    """Tell whether text has neither a NUL character nor half a surrogate pair."""
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def read_datetime(text: str, where: str) -> datetime:
    """Read a dateTime (:rfc:`7643#section-2.3.5`).

    :param text: an ``xsd:dateTime``; without an offset it is taken as UTC.
    :param where: the place of the value in messages.
    :return: the moment, in UTC.
    :raises InvalidValue: if the text is no dateTime.
    """
    try:
        if not _DATETIME.fullmatch(text):
            raise ValueError
        moment = datetime.fromisoformat(text.upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue(
            f"{where} must be a date and time such as 2026-01-31T09:30:00Z."
        ) from None


def write_datetime(moment: datetime) -> str:
    """Write a moment so that text order is order in time.

    :param moment: a ``datetime``; without an offset it is taken as UTC.
    :return: the moment in UTC, to the microsecond.
    """
    if moment.tzinfo is not None and moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # In halves, which know no time zone, it takes half as long.
    return f"{moment.date().isoformat()}T{moment.time().isoformat('microseconds')}Z"


def _integer(value: Any, where: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue(f"{where} must be a whole number, not {_kind(value)}.")
    if not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        raise InvalidValue(f"{where} is out of range.")
    return value


def _check_base64(text: str, where: str) -> None:
    try:
        base64.b64decode(text.translate({45: "+", 95: "/"}), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue(f"{where} must be base64 text.") from None


def _is_primary(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("primary") is True


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
