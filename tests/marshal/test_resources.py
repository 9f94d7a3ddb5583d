"""Whole resources are loaded as marshmallow would load them, and refused with the same words."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, ValidationError

from flask_scim.marshal.resources import resource_schema
from flask_scim.protocol.definitions import USER_TYPE
from flask_scim.protocol.dialects import find_dialect
from tests.client import ENTERPRISE

WHOLE = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
    ENTERPRISE: {"department": "Sales", "manager": {"value": "7"}, "costcenter": "C1"},
    "USERNAME": "ann",
    "emails": [{"type": "work", "value": "ann@example.com", "primary": True}],
    "active": True,
    "title": None,
    "nickName": "",
    "id": "passed over",
    "meta": 5,
}
BODIES: dict[str, dict[str, Any]] = {
    "whole": WHOLE,
    "nothing": {},
    "no extension": {**WHOLE, ENTERPRISE: None},
    "unknown": {**WHOLE, "shoeSize": 44, "hatSize": 7},
    "unknown in an extension": {**WHOLE, ENTERPRISE: {"shoeSize": 44}},
    "extension of another kind": {**WHOLE, ENTERPRISE: "Sales"},
    "twice": {**WHOLE, "userName": "bob"},
    "twice in an extension": {**WHOLE, ENTERPRISE: {"department": "a", "Department": "b"}},
    "wrong": {**WHOLE, "title": 5, "active": "perhaps", "emails": {"value": "x"}},
    "wrong and unknown": {**WHOLE, "title": 5, "shoeSize": 44, ENTERPRISE: {"division": 5}},
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("strict", [False, True])
def test_as_marshmallow(name: str, strict: bool) -> None:
    """What comes of a body does not depend on who looks at the fields, nor does its order."""
    schema = resource_schema(USER_TYPE, find_dialect("generic", strict))
    assert outcome(lambda: schema.load(BODIES[name])) == outcome(
        lambda: Schema.load(schema, BODIES[name])
    )


def test_no_mapping() -> None:
    """What is no object is refused."""
    schema = resource_schema(USER_TYPE, find_dialect("generic"))
    with pytest.raises(ValidationError, match="Invalid input type"):
        schema.load(["userName"])


def outcome(load: Any) -> Any:
    """What is loaded, with its order; or what is wrong."""
    try:
        loaded = load()
    except ValidationError as error:
        return error.messages
    return [
        (key, list(value) if isinstance(value, dict) else value) for key, value in loaded.items()
    ]
