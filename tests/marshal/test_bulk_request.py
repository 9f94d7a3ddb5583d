"""The envelope of a bulk request."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim.marshal.envelopes import load_bulk, load_patch
from flask_scim.protocol.dialects import find_dialect
from flask_scim.protocol.errors import InvalidSyntax
from flask_scim.protocol.messages import BULK_REQUEST, PATCH_OP

LENIENT = find_dialect("generic")
STRICT = find_dialect("generic", strict=True)
POST = {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "ann"}}


@pytest.mark.parametrize("dialect", [LENIENT, STRICT])
@pytest.mark.parametrize(
    ("more", "expected"),
    [({}, None), ({"failOnErrors": None}, None), ({"failOnErrors": 1}, 1), ({"other": 5}, None)],
)
def test_read(dialect: Any, more: dict[str, Any], expected: int | None) -> None:
    """Operations come as they are, with the number of errors after which to stop."""
    body = {"schemas": [BULK_REQUEST], "Operations": [POST, {}], **more}
    assert ([POST, {}], expected) == load_bulk(body, dialect)


def test_letter_case() -> None:
    """Keys are taken in any letter case, but not those within the data."""
    body = {
        "SCHEMAS": [BULK_REQUEST.upper()],
        "operations": [{"Method": "x", "PATH": 1, "BULKID": 2, "Data": {"A": 3}, "VERSION": 4}],
        "failonerrors": 3,
    }
    expected = {"method": "x", "path": 1, "bulkId": 2, "data": {"A": 3}, "version": 4}
    assert ([expected], 3) == load_bulk(body, STRICT)


def test_schemas_may_be_missing() -> None:
    """Who does not say what the message is gets it read, unless the connection is strict."""
    assert load_bulk({"Operations": [POST]}, LENIENT) == ([POST], None)
    with pytest.raises(InvalidSyntax, match=r"schemas must name .*BulkRequest"):
        load_bulk({"Operations": [POST]}, STRICT)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        [POST],
        "text",
        5,
        {},
        {"Operations": None},
        {"Operations": []},
        {"Operations": POST},
        {"Operations": "POST"},
        {"Operations": [POST, None]},
        {"Operations": [POST, [POST]]},
        {"Operations": ["POST"]},
        {"Operations": [POST], "schemas": "text"},
        {"Operations": [POST], "schemas": [5]},
        {"Operations": [POST], "schemas": [PATCH_OP]},
        *(
            {"Operations": [POST], "failOnErrors": value}
            for value in (0, -1, 1.0, 1.5, "1", True, [], {})
        ),
    ],
)
def test_refused(body: Any) -> None:
    """What is no bulk request as a whole is refused as a whole."""
    with pytest.raises(InvalidSyntax):
        load_bulk(body, LENIENT)


def test_messages_say_which_they_are() -> None:
    """A PATCH and a bulk request each name what they should have been."""
    with pytest.raises(InvalidSyntax, match=r"a BulkRequest message .*: Operations is missing"):
        load_bulk({}, LENIENT)
    with pytest.raises(InvalidSyntax, match=r"a PatchOp message .*: Operations is missing"):
        load_patch({}, LENIENT)
