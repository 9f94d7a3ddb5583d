"""Searches over several resource types at once (:rfc:`7644#section-3.4.2.1`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..protocol.errors import TooMany
from .ports import Page, Position, Query, Resource


@dataclass(frozen=True, slots=True)
class Part:
    """One resource type's part in a search.

    :param find: lists its resources.
    :param query: which of them are searched for.
    """

    find: Callable[[Query], Page]
    query: Query


@dataclass(frozen=True, slots=True)
class Found:
    """A result of a search.

    :param part: the number of the part that it is of, from 0.
    :param resource: the resource.
    :param position: where it stands among the resources of its part.
    """

    part: int
    resource: Resource
    position: Position


def search_from_index(
    parts: Sequence[Part], start_index: int, count: int, furthest: int
) -> tuple[list[Found], int]:
    """Find a page by the position of its first result.

    Without a sort, the resources of one type come after those of another.

    :param parts: the resource types that are searched, in order.
    :param start_index: the position of the first result, from 1.
    :param count: the most results.
    :param furthest: the last position that a sorted search can reach.
    :return: the page, and how many results there are in all.
    :raises TooMany: if the page lies beyond the furthest position.
    """
    if not _is_sorted(parts):
        return _one_after_another(parts, start_index - 1, count)
    end = start_index - 1 + count
    if end > furthest:
        raise TooMany(
            f"A sorted search over several resource types reaches {furthest} results by "
            "startIndex; use a cursor, or search one resource type."
        )
    pages = [part.find(replace(part.query, start_index=1, count=end)) for part in parts]
    return _merged(pages, parts)[start_index - 1 : end], sum(page.total for page in pages)


def search_from_positions(
    parts: Sequence[Part], positions: Sequence[Position | None], count: int, *, totals: bool
) -> tuple[list[Found], int]:
    """Find a page that begins where another one ended.

    :param parts: the resource types that are searched, in order.
    :param positions: for each of them, where its last result stood; ``None`` if it had none.
    :param count: the most results.
    :param totals: whether to count how many results there are in all.
    :return: the page, and the number of all results; 0 if nobody counted.
    """
    pages: list[Page] = []
    wanted = count
    for part, position in zip(parts, positions, strict=True):
        query = replace(part.query, start_index=1, after=position, count=wanted, totals=totals)
        pages.append(part.find(query) if wanted or totals else Page([], 0))
        if not _is_sorted(parts):
            wanted -= len(pages[-1].resources)
    return _merged(pages, parts)[:count], sum(page.total for page in pages)


def advance(
    positions: Sequence[Position | None], found: Sequence[Found]
) -> tuple[Position | None, ...]:
    """Move the positions of a search behind a page of it.

    :param positions: where each part's last result before the page stood.
    :param found: the page.
    :return: where each part's last result stands now.
    """
    moved = list(positions)
    for each in found:
        moved[each.part] = each.position
    return tuple(moved)


def _one_after_another(parts: Sequence[Part], skip: int, count: int) -> tuple[list[Found], int]:
    found: list[Found] = []
    total = 0
    for number, part in enumerate(parts):
        query = replace(part.query, start_index=skip + 1, count=count - len(found))
        page = part.find(query)
        found += _found(number, page)
        total += page.total
        skip = max(0, skip - page.total)
    return found, total


def _merged(pages: Sequence[Page], parts: Sequence[Part]) -> list[Found]:
    found = [each for number, page in enumerate(pages) for each in _found(number, page)]
    if not _is_sorted(parts):
        return found
    # Each page is in order already; what is equal stays in the order of the parts.
    return sorted(found, key=_rank, reverse=parts[0].query.descending)


def _found(number: int, page: Page) -> list[Found]:
    pairs = zip(page.resources, page.positions, strict=True)
    return [Found(number, resource, position) for resource, position in pairs]


def _rank(found: Found) -> tuple[bool, str, Any]:
    """Values of one kind compare as they are, others by their kind; absent ones come last."""
    value = found.position.value
    if value is None:
        return True, "", 0
    return False, "number" if isinstance(value, int | float) else type(value).__name__, value


def _is_sorted(parts: Sequence[Part]) -> bool:
    return any(part.query.sort_by is not None for part in parts)
