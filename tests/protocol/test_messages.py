"""The messages that a server writes."""

from __future__ import annotations

from flask_scim.protocol.errors import NotFound, UniquenessError
from flask_scim.protocol.messages import (
    BULK_RESPONSE,
    ERROR,
    LIST_RESPONSE,
    BulkResult,
    bulk_response,
    error_body,
    list_response,
)


def test_list_response() -> None:
    """A page says how many results there are, and how many of them it holds."""
    expected = {
        "schemas": [LIST_RESPONSE],
        "totalResults": 7,
        "startIndex": 5,
        "itemsPerPage": 1,
        "Resources": [{"id": "5"}],
    }
    assert expected == list_response(({"id": "5"},), 7, 5)


def test_error() -> None:
    """The status is text, and the scimType stands only where there is one."""
    expected = {"schemas": [ERROR], "status": "409", "scimType": "uniqueness", "detail": "Taken."}
    assert expected == error_body(UniquenessError("Taken."))
    expected = {"schemas": [ERROR], "status": "404", "detail": "Gone."}
    assert expected == error_body(NotFound("Gone."))


def test_bulk_response() -> None:
    """An operation says what is known of it, and an error stands in it as it would stand alone."""
    location = "https://example.com/Users/7"
    gone = NotFound("Gone.")
    results = [
        BulkResult("POST", 201, "a", location, 'W/"1"'),
        BulkResult("DELETE", 404, location=location, error=gone),
        BulkResult("", 400, "b", error=gone),
    ]
    expected = {
        "schemas": [BULK_RESPONSE],
        "Operations": [
            {
                "method": "POST",
                "bulkId": "a",
                "location": location,
                "version": 'W/"1"',
                "status": "201",
            },
            {
                "method": "DELETE",
                "location": location,
                "status": "404",
                "response": error_body(gone),
            },
            {"bulkId": "b", "status": "400", "response": error_body(gone)},
        ],
    }
    assert expected == bulk_response(results)
