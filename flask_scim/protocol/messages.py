"""The messages of the protocol (:rfc:`7644#section-8.2`): their URNs, and those a server writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ScimError

_MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"

LIST_RESPONSE = f"{_MESSAGES}ListResponse"
SEARCH_REQUEST = f"{_MESSAGES}SearchRequest"
PATCH_OP = f"{_MESSAGES}PatchOp"
BULK_REQUEST = f"{_MESSAGES}BulkRequest"
BULK_RESPONSE = f"{_MESSAGES}BulkResponse"
ERROR = f"{_MESSAGES}Error"


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What came of one operation of a bulk request (:rfc:`7644#section-3.7.3`).

    :param method: the method that the client named; empty if it named none.
    :param status: the HTTP status.
    :param bulk_id: the client's name for the operation.
    :param location: the URI of the resource; ``None`` if there is none.
    :param version: the version of the resource, where that is known.
    :param error: why it failed; ``None`` if it did not.
    :param index: where the operation stands in the request, from 0.
    """

    method: str
    status: int
    bulk_id: str | None = None
    location: str | None = None
    version: str | None = None
    error: ScimError | None = None
    index: int = 0


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What a client wants to find, be it in a URL or in a body (:rfc:`7644#section-3.4.3`).

    :param filter: the filter.
    :param sort_by: the attribute to sort by.
    :param sort_order: ``ascending`` or ``descending``, in any letter case.
    :param start_index: the position of the first result, from 1.
    :param count: the most results of a page.
    :param cursor: the cursor of a page, empty for the first one (:rfc:`9865#section-2`).
    :param attributes: names, separated by commas: what to return beside what always is.
    :param excluded: names, separated by commas: what to leave out of the default.
    :param in_url: whether the request is in a URL, which others may see.
    """

    filter: str | None = None
    sort_by: str | None = None
    sort_order: str | None = None
    start_index: int | None = None
    count: int | None = None
    cursor: str | None = None
    attributes: str | None = None
    excluded: str | None = None
    in_url: bool = False


def list_response(
    resources: Sequence[dict[str, Any]], total: int, start_index: int = 1
) -> dict[str, Any]:
    """Write a page of results that goes by index (:rfc:`7644#section-3.4.2`).

    :param resources: the resources on the page.
    :param total: how many resources there are on all pages.
    :param start_index: the number of the first resource on the page, counted from 1.
    :return: the body of the answer.
    """
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def cursor_response(
    resources: Sequence[dict[str, Any]],
    total: int | None,
    *,
    previous: str | None = None,
    following: str | None = None,
) -> dict[str, Any]:
    """Write a page of results that goes by cursor (:rfc:`9865#section-2`).

    :param resources: the resources on the page.
    :param total: how many resources there are on all pages; ``None`` if nobody has counted.
    :param previous: the cursor of the page before; ``None`` on the first one.
    :param following: the cursor of the page behind; ``None`` on the last one.
    :return: the body of the answer.
    """
    body: dict[str, Any] = {"schemas": [LIST_RESPONSE]}
    if total is not None:
        body["totalResults"] = total
    body["itemsPerPage"] = len(resources)
    if previous is not None:
        body["previousCursor"] = previous
    if following is not None:
        body["nextCursor"] = following
    return {**body, "Resources": list(resources)}


def bulk_response(results: Iterable[BulkResult]) -> dict[str, Any]:
    """Write what came of a bulk request (:rfc:`7644#section-3.7.3`).

    :param results: what came of each operation.
    :return: the body of the answer.
    """
    return {"schemas": [BULK_RESPONSE], "Operations": [describe_result(each) for each in results]}


def error_body(error: ScimError) -> dict[str, Any]:
    """Write an error (:rfc:`7644#section-3.12`).

    :param error: what went wrong.
    :return: the body of the answer.
    """
    body: dict[str, Any] = {"schemas": [ERROR], "status": str(error.status)}
    if error.scim_type is not None:
        body["scimType"] = error.scim_type
    return {**body, "detail": error.detail}


def describe_result(result: BulkResult) -> dict[str, Any]:
    """Write what came of one operation (:rfc:`7644#section-3.7.3`).

    :param result: what came of it.
    :return: the same as JSON.
    """
    named = {
        "method": result.method or None,
        "bulkId": result.bulk_id,
        "location": result.location,
        "version": result.version,
    }
    written: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    written["status"] = str(result.status)
    if result.error is not None:
        written["response"] = error_body(result.error)
    return written
