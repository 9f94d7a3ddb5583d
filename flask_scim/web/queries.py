"""The query parameters of a list (:rfc:`7644#section-3.4.2`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..config import Settings
from ..protocol.dialects import Dialect
from ..protocol.errors import InvalidFilter, InvalidPath, InvalidValue
from ..protocol.parser import parse_filter, parse_name
from ..protocol.resolver import AttributePath, Condition, resolve_filter, resolve_name
from ..protocol.schema import ResourceType
from ..protocol.values import is_sound
from ..provisioning.ports import Query

#: What a counter may be at the most: beyond it databases cannot follow.
_LARGEST = 2**31 - 1


def read_query(
    parameters: Mapping[str, str], resource_type: ResourceType, dialect: Dialect, settings: Settings
) -> Query:
    """Read which resources a client wants to list.

    :param parameters: the query parameters.
    :param resource_type: the resource type that is listed.
    :param dialect: how the identity provider speaks.
    :param settings: the settings of the app.
    :return: the query; counters beyond the limits are brought within them.
    :raises InvalidFilter: if the filter cannot be read.
    :raises InvalidValue: if a counter is no number, or there is nothing to sort by.
    """
    filter_text = parameters.get("filter")
    sort_text = parameters.get("sortBy")
    order = parameters.get("sortOrder", "ascending").lower()
    if order not in ("ascending", "descending"):
        raise InvalidValue("sortOrder must be ascending or descending.")
    start_index = _read_number(parameters, "startIndex", 1)
    count = _read_number(parameters, "count", settings.default_page_size)
    return Query(
        condition=(
            None if filter_text is None else read_filter(filter_text, resource_type, dialect)
        ),
        start_index=max(1, start_index),
        count=min(max(0, count), settings.max_page_size),
        sort_by=None if sort_text is None else _read_sort(sort_text, resource_type),
        descending=order == "descending",
    )


@lru_cache(maxsize=1024)
def read_filter(text: str, resource_type: ResourceType, dialect: Dialect) -> Condition:
    """Read a filter.

    :param text: the filter as the client sent it.
    :param resource_type: the resource type that is searched.
    :param dialect: how the identity provider speaks.
    :return: the condition.
    :raises InvalidFilter: if the filter cannot be read.
    :raises TooMany: if it is too long.
    """
    if not is_sound(text):
        raise InvalidFilter("The filter holds a NUL character or half a surrogate pair.")
    tree = parse_filter(text, bare_words=dialect.bare_words)
    return resolve_filter(tree, resource_type, dialect.rules)


def _read_sort(text: str, resource_type: ResourceType) -> AttributePath:
    try:
        return resolve_name(parse_name(text), resource_type)
    except InvalidPath as error:
        raise InvalidValue(f"sortBy: {error.detail}") from None


def _read_number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    digits = text.strip().removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()):
        raise InvalidValue(f"{name} must be a whole number.")
    number = int(digits) if len(digits) <= len(str(_LARGEST)) else _LARGEST
    return -number if text.strip().startswith("-") else min(number, _LARGEST)
