"""What of values may be written to a log, told by the structure of a resource."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .changes import Event
from .policy import LogValues

#: The attributes of a user that many people share the value of.
_IMPERSONAL = frozenset(
    {
        "active",
        "costCenter",
        "department",
        "division",
        "entitlements",
        "locale",
        "organization",
        "preferredLanguage",
        "roles",
        "timezone",
        "title",
        "userType",
    }
)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_ADDRESS = re.compile(r"[^\s'\"<>(),;]+@[^\s'\"<>(),;]+")
#: Errors that quote the names of attributes, and not their values.
_OF_NAMES = ("invalidPath", "mutability", "noTarget")
_NAME = re.compile(r"[A-Za-z0-9$:._\[\] -]+")


def gather_values(events: Iterable[Event], kept: LogValues) -> dict[str, Any]:
    """Gather what changed attributes were and are.

    :param events: what happened in one request.
    :param kept: what of it may be kept; secrets are in no event.
    :return: by the name of the attribute, the earlier and the later value.
    """
    if kept is LogValues.NAMES:
        return {}
    gathered: dict[str, Any] = {}
    for event in events:
        before, after = event.before or {}, event.after or {}
        for name in event.changed:
            old, new = _value(before, name), _value(after, name)
            if old is None and new is None:
                continue
            if kept is LogValues.IMPERSONAL and not _is_impersonal(event.resource_type, name):
                old, new = mask(old), mask(new)
            gathered[name] = [old, new]
    return gathered


def mask(value: Any) -> Any:
    """Say what a value looks like, and not what it is.

    :param value: a value as JSON has it.
    :return: the same shape, with the lengths of texts in place of them.
    """
    match value:
        case str():
            return f"text of {len(value)}"
        case bool() | None:
            return value
        case int() | float():
            return "number"
        case list():
            return [mask(item) for item in value]
        case dict():
            return {key: mask(item) for key, item in value.items()}
        case _:
            return "value"


def redact(detail: str, scim_type: str | None, kept: LogValues) -> str:
    """Take the values out of the message of an error.

    :param detail: the message.
    :param scim_type: the ``scimType`` of the error, which tells what it quotes.
    :param kept: what of values may be kept.
    :return: the message, with ``…`` in place of what is quoted and of e-mail addresses.
    """
    if kept is LogValues.ALL:
        return detail

    def replace(quoted: re.Match[str]) -> str:
        text = quoted[0]
        is_name = scim_type in _OF_NAMES and _NAME.fullmatch(text[1:-1])
        return text if is_name else f"{text[0]}…{text[0]}"

    return _ADDRESS.sub("…", _QUOTED.sub(replace, detail))


def _is_impersonal(resource_type: str, name: str) -> bool:
    return resource_type == "Group" or name.rpartition(":")[2] in _IMPERSONAL


def _value(document: dict[str, Any], name: str) -> Any:
    urn, _, attribute = name.rpartition(":")
    return ((document.get(urn) or {}) if urn else document).get(attribute)
