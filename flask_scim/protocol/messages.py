"""The messages of the protocol (:rfc:`7644#section-8.2`): their URNs, and those a server writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import ScimError

_MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"

LIST_RESPONSE = f"{_MESSAGES}ListResponse"
SEARCH_REQUEST = f"{_MESSAGES}SearchRequest"
PATCH_OP = f"{_MESSAGES}PatchOp"
BULK_REQUEST = f"{_MESSAGES}BulkRequest"
BULK_RESPONSE = f"{_MESSAGES}BulkResponse"
ERROR = f"{_MESSAGES}Error"


def list_response(
    resources: Sequence[dict[str, Any]], total: int, start_index: int = 1
) -> dict[str, Any]:
    """Write a page of results (:rfc:`7644#section-3.4.2`).

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


def error_body(error: ScimError) -> dict[str, Any]:
    """Write an error (:rfc:`7644#section-3.12`).

    :param error: what went wrong.
    :return: the body of the answer.
    """
    body: dict[str, Any] = {"schemas": [ERROR], "status": str(error.status)}
    if error.scim_type is not None:
        body["scimType"] = error.scim_type
    return {**body, "detail": error.detail}
