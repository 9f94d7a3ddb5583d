"""What becomes of users when a connection ends."""

from __future__ import annotations

from marshmallow import Schema, fields

from ...access.closing import Leaving
from .parts import Body, Text


class ScimClosingQuestion(Body):
    """What is to become of the users of a connection that is switched off."""

    users = fields.Enum(
        Leaving,
        by_value=True,
        load_default=Leaving.KEEP,
        metadata={"description": "They stay the connection's, are released, or are deactivated."},
    )


class ScimClosingRequest(ScimClosingQuestion):
    """Users to let go; as many as one request sees to."""

    start = Text(
        data_key="from",
        allow_none=True,
        metadata={"description": "Where to go on: next of the answer before."},
    )


class ScimClosingPreview(Schema):
    """What switching a connection off would do."""

    users = fields.Enum(Leaving, by_value=True, required=True)
    total = fields.Integer(required=True)
    affected = fields.Integer(required=True)
    names = fields.List(fields.String(), required=True)


class ScimRefusal(Schema):
    """Somebody who stays as they are, since a guard of the application says so."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    reason = fields.String(required=True)


class ScimClosing(Schema):
    """How many users were let go, how many stay as they are, and where to go on."""

    done = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    refusals = fields.List(fields.Nested(ScimRefusal), required=True)
    next = fields.String(required=True, allow_none=True)
