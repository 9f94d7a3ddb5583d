"""Lists of one resource type, cut into pages by index or by cursor."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from ..protocol.errors import InvalidCount
from ..protocol.messages import SearchRequest
from ..provisioning.ports import Position
from .cursors import Mark, fingerprint
from .endpoints import Endpoint
from .exchange import Exchange
from .queries import page_size
from .responses import answer_cursor_page, answer_page, presenter


def answer_list(endpoint: Endpoint, search: SearchRequest) -> Response:
    """Answer with the resources that a client wants to find (:rfc:`7644#section-3.4.2`).

    :param endpoint: the resources that are searched.
    :param search: what the client wants to find.
    :return: the response.
    """
    exchange, resource_type = endpoint.exchange, endpoint.resource_type
    shown = endpoint.project(search.attributes, search.excluded)
    service, query = endpoint.lister(search, shown)
    if search.cursor is None:
        page = service.find(query)
        presented = list(map(presenter(exchange, resource_type, shown), page.resources))
        return answer_page(presented, page.total, query.start_index)
    ledger = Ledger(exchange, search, resource_type.endpoint, [resource_type.name])
    mark = ledger.open()
    (place,) = mark.positions
    counts = ledger.counts(mark)
    # One more than the page holds tells whether there is another page.
    page = service.find(
        replace(
            query,
            count=mark.count + 1 if mark.count else 0,
            after=None if mark.backwards else place,
            before=place if mark.backwards else None,
            totals=counts,
        )
    )
    has_more = len(page.resources) > mark.count
    cut = slice(1, None) if has_more and mark.backwards else slice(mark.count)
    resources, positions = page.resources[cut], page.positions[cut]
    total = page.total if counts else ledger.total(mark, len(resources), has_more=has_more)
    first = last = None
    if positions:
        first = positions[0] if (has_more if mark.backwards else place is not None) else None
        last = positions[-1] if has_more or mark.backwards else None
    return answer_cursor_page(
        list(map(presenter(exchange, resource_type, shown), resources)),
        total,
        previous=ledger.seal(first, mark, total, backwards=True),
        following=ledger.seal(last, mark, total),
    )


class Ledger:
    """The cursors of one query of one connection.

    :param exchange: the request.
    :param search: what the client wants to find.
    :param path: where it was asked, below the root.
    :param names: the resource types that are listed.
    """

    def __init__(
        self, exchange: Exchange, search: SearchRequest, path: str, names: list[str]
    ) -> None:
        order = (search.sort_order or "ascending").lower()
        self._exchange = exchange
        self._search = search
        self._names = names
        self._question = fingerprint(path, *names, search.filter, search.sort_by, order)

    def open(self) -> Mark:
        """Read the cursor of the request.

        :return: the place that it stands for; that of an empty one is the beginning.
        :raises InvalidCursor: if it is no cursor of this connection and query.
        :raises ExpiredCursor: if it is too old.
        :raises InvalidCount: if the size of the page is another than that of the first one.
        """
        search, gateway = self._search, self._exchange.gateway
        count = page_size(search, gateway.settings)
        if not search.cursor:
            return Mark((None,) * len(self._names), backwards=False, count=count, total=None)
        mark = gateway.cursors.open(search.cursor, self._exchange.connection.id, self._question)
        if search.count is not None and count != mark.count:
            raise InvalidCount(f"count must stay as it was on the first page: {mark.count}.")
        return mark

    def counts(self, mark: Mark) -> bool:
        """Tell whether the results of all pages have to be counted for a page."""
        is_first = not any(mark.positions)
        return is_first and (self._exchange.gateway.settings.cursor_totals or not mark.count)

    def total(self, mark: Mark, found: int, *, has_more: bool) -> int | None:
        """Tell how many results there are in all, as far as that is known without counting.

        :param mark: the page.
        :param found: how many results it has.
        :param has_more: whether another one follows.
        :return: the number; ``None`` if nobody knows.
        """
        is_whole = not any(mark.positions) and not has_more
        return found if is_whole else mark.total

    def seal(
        self, place: Position | None, mark: Mark, total: int | None, *, backwards: bool = False
    ) -> str | None:
        """Make the cursor of a page beside the one that is answered; see :meth:`seal_all`."""
        if place is None:
            return None
        return self.seal_all((place,), mark, total, backwards=backwards)

    def seal_all(
        self,
        places: tuple[Position | None, ...],
        mark: Mark,
        total: int | None,
        *,
        backwards: bool = False,
    ) -> str:
        """Make the cursor of a page beside the one that is answered.

        :param places: where it begins, or ends, for each resource type.
        :param mark: the page that is answered.
        :param total: how many results there are on all pages; ``None`` if nobody knows.
        :param backwards: whether the page ends there.
        :return: the cursor.
        """
        sealed = Mark(places, backwards, mark.count, total)
        connection_id = self._exchange.connection.id
        return self._exchange.gateway.cursors.seal(sealed, connection_id, self._question)
