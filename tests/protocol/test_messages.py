"""The messages that a server writes."""

from __future__ import annotations

from flask_scim.protocol.errors import NotFound, UniquenessError
from flask_scim.protocol.messages import ERROR, LIST_RESPONSE, error_body, list_response


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
