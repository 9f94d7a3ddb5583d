"""What a client wants to find: read from a URL, and bound to a resource type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..config import Settings
from ..protocol.dialects import Dialect
from ..protocol.errors import (
    InvalidCount,
    InvalidFilter,
    InvalidPath,
    InvalidValue,
    ScimError,
    SecretFilter,
    Sensitive,
    TooMany,
)
from ..protocol.forms import Form, make_form, take_apart
from ..protocol.messages import SearchRequest
from ..protocol.parser import parse_filter, parse_name
from ..protocol.resolver import AttributePath, Condition, find_name, resolve_filter
from ..protocol.schema import ResourceType
from ..protocol.values import is_sound
from ..provisioning.ports import Query

#: What a counter may be at the most: beyond it databases cannot follow.
_LARGEST = 2**31 - 1


def read_parameters(parameters: Mapping[str, str]) -> SearchRequest:
    """Read the query parameters of a URL (:rfc:`7644#section-3.4.2`); others are passed over.

    :param parameters: the query parameters.
    :return: what the client wants to find.
    :raises InvalidValue: if a counter is no number.
    :raises InvalidCount: if it is the size of a page that goes by cursor.
    """
    cursor = parameters.get("cursor")
    return SearchRequest(
        filter=parameters.get("filter"),
        sort_by=parameters.get("sortBy"),
        sort_order=parameters.get("sortOrder"),
        start_index=_read_number(parameters.get("startIndex"), "startIndex", InvalidValue),
        count=_read_number(
            parameters.get("count"), "count", InvalidValue if cursor is None else InvalidCount
        ),
        cursor=cursor,
        attributes=parameters.get("attributes"),
        excluded=parameters.get("excludedAttributes"),
        in_url=True,
    )


def bind_query(
    search: SearchRequest,
    resource_type: ResourceType,
    dialect: Dialect,
    settings: Settings,
    others: tuple[ResourceType, ...] = (),
    references: tuple[str, ...] = (),
) -> Query:
    """Bind what a client wants to find to a resource type.

    :param search: what the client wants to find.
    :param resource_type: the resource type that is listed, as the connection knows it.
    :param dialect: how the identity provider speaks.
    :param settings: the settings of the app.
    :param others: the resource types that are listed with it: what only they have is an attribute
        without a value here.
    :param references: the attributes to load whose entries are other resources.
    :return: the query; counters beyond the limits are brought within them.
    :raises InvalidFilter: if the filter cannot be read.
    :raises Sensitive: if it has put a secret into a URL (:rfc:`7644#section-7.5.2`).
    :raises InvalidValue: if there is nothing to sort by, or both ways of paging are asked for.
    """
    if search.cursor is not None and search.start_index is not None:
        raise InvalidValue("Give startIndex or cursor, not both.")
    order = (search.sort_order or "ascending").lower()
    if order not in ("ascending", "descending"):
        raise InvalidValue("sortOrder must be ascending or descending.")
    start_index = 1 if search.start_index is None else search.start_index
    condition, texts = _read_condition(search, resource_type, dialect, others)
    return Query(
        condition=condition,
        start_index=min(max(1, start_index), _LARGEST),
        count=page_size(search, settings),
        sort_by=(
            None
            if search.sort_by is None
            else _read_sort(search.sort_by, resource_type, dialect, others)
        ),
        descending=order == "descending",
        references=references,
        texts=texts,
    )


def page_size(search: SearchRequest, settings: Settings) -> int:
    """Find the most results of a page, within the limits of the settings."""
    count = settings.default_page_size if search.count is None else search.count
    return min(max(0, count), settings.max_page_size)


@lru_cache(maxsize=1024)
def read_filter(
    text: str,
    resource_type: ResourceType,
    dialect: Dialect,
    others: tuple[ResourceType, ...] = (),
) -> Condition:
    """Read a filter.

    :param text: the filter as the client sent it.
    :param resource_type: the resource type that is searched, as the connection knows it.
    :param dialect: how the identity provider speaks.
    :param others: the resource types that are searched with it.
    :return: the condition.
    :raises InvalidFilter: if the filter cannot be read.
    :raises TooMany: if it is too long.
    """
    if not is_sound(text):
        raise InvalidFilter("The filter holds a NUL character or half a surrogate pair.")
    tree = parse_filter(text, bare_words=dialect.bare_words)
    return resolve_filter(tree, resource_type, dialect.rules, others)


@lru_cache(maxsize=256)
def _read_form(
    text: str, resource_type: ResourceType, dialect: Dialect, others: tuple[ResourceType, ...]
) -> Form | None:
    """Read what filters that are alike have in common; ``None`` if each is to be read itself."""

    def read(text: str) -> Condition:
        return read_filter(text, resource_type, dialect, others)

    try:
        return make_form(text, read)
    except ScimError:
        return None


def _read_condition(
    search: SearchRequest,
    resource_type: ResourceType,
    dialect: Dialect,
    others: tuple[ResourceType, ...],
) -> tuple[Condition | None, dict[str, str] | None]:
    """Read the filter, as one of those that are alike if it can be."""
    if search.filter is None:
        return None, None
    apart = take_apart(search.filter)
    if apart is not None:
        text, texts = apart
        form = _read_form(text, resource_type, dialect, others)
        if form is not None:
            return form.condition, form.fill(texts)
    try:
        return read_filter(search.filter, resource_type, dialect, others), None
    except SecretFilter as error:
        if search.in_url:
            raise Sensitive(f"{error.detail} Do not send secrets in a URL.") from None
        raise


def _read_sort(
    text: str, resource_type: ResourceType, dialect: Dialect, others: tuple[ResourceType, ...]
) -> AttributePath | None:
    for known in (resource_type, *others):
        try:
            path = find_name(parse_name(text), known, dialect.rules)
        except (InvalidPath, TooMany) as error:
            refusal = error
        else:
            return path if known is resource_type else None
    raise InvalidValue(f"sortBy: {refusal.detail}")


def _read_number(
    text: str | None, name: str, refusal: type[InvalidValue] | type[InvalidCount]
) -> int | None:
    if text is None:
        return None
    digits = text.strip().removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()):
        raise refusal(f"{name} must be a whole number.")
    number = int(digits) if len(digits) <= len(str(_LARGEST)) else _LARGEST
    return -number if text.strip().startswith("-") else min(number, _LARGEST)
