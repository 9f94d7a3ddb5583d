"""The log of requests."""

from __future__ import annotations

from datetime import UTC

from marshmallow import Schema, fields, validate

from ...provisioning.explanations import explain
from .parts import SHORT, Moment, ScimPaging, Text


class ScimLogSearch(ScimPaging):
    """Which requests of the log are wanted."""

    status = fields.Integer(
        validate=validate.Range(1, 599),
        metadata={"description": "The status, or the first digit of it."},
    )
    method = Text(validate=SHORT, metadata={"description": "The method."})
    user = Text(validate=SHORT, metadata={"description": "The SCIM id of the resource."})
    request_id = Text(validate=SHORT, metadata={"description": "The id of the request."})
    since = fields.AwareDateTime(
        default_timezone=UTC, metadata={"description": "The earliest time."}
    )
    errors = fields.Boolean(metadata={"description": "Only what was refused or failed."})


class ScimLoggedRequest(Schema):
    """A request of an identity provider, and what came of it."""

    id = fields.Integer(required=True)
    time = Moment(required=True)
    request_id = fields.String(required=True)
    method = fields.String(required=True)
    path = fields.String(required=True)
    status = fields.Integer(required=True)
    duration = fields.Integer(required=True, metadata={"description": "In milliseconds."})
    actor = fields.String(required=True, allow_none=True)
    idp = fields.String(required=True, allow_none=True)
    user_agent = fields.String(required=True, allow_none=True)
    resource_type = fields.String(required=True, allow_none=True)
    resource_id = fields.String(required=True, allow_none=True)
    filter = fields.String(required=True, allow_none=True)
    scim_type = fields.String(required=True, allow_none=True)
    detail = fields.String(required=True, allow_none=True)
    explanation = fields.Function(explain, metadata={"type": "array", "items": {"type": "string"}})
    quirks = fields.List(fields.String(), required=True)
    changed = fields.List(fields.String(), required=True)
    values = fields.Dict(required=True)
    added = fields.List(fields.String(), required=True)
    removed = fields.List(fields.String(), required=True)
    added_count = fields.Integer(required=True)
    removed_count = fields.Integer(required=True)
    outcomes = fields.Dict(required=True)


class ScimLog(Schema):
    """A page of the log of a connection."""

    logs = fields.List(fields.Nested(ScimLoggedRequest), required=True)
    next = fields.String(required=True, allow_none=True)
