"""Destinations of events, and what could not be delivered."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ...delivery.destinations import DestinationState, Kind
from ...delivery.registry import OVERLAP
from .parts import SHORT, Body, Moment, Text


class NewScimDestination(Body):
    """A destination of events to add."""

    target = Text(
        required=True,
        validate=validate.Length(1, 2_000),
        metadata={"description": "The URL, the event bus or the name of the function."},
    )
    kind = fields.String(
        validate=validate.OneOf([kind.value for kind in Kind]),
        metadata={"description": "How it is told."},
    )
    connection_id = Text(
        allow_none=True,
        validate=SHORT,
        metadata={"description": "Whose events it is told of; left out, those of all."},
    )
    encoding = Text(validate=SHORT, metadata={"description": "In which form."})
    types = fields.List(
        Text(validate=SHORT),
        allow_none=True,
        validate=validate.Length(max=100),
        metadata={"description": "Of what, such as user.created or group.*; null for all."},
    )
    audience = Text(
        allow_none=True,
        validate=SHORT,
        metadata={"description": "Whom security event tokens are meant for."},
    )
    from_start = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "Whether it is told of what has happened already."},
    )


class ScimDestinationChange(Body):
    """What to change of a destination; what is left out stays as it is."""

    target = Text(validate=validate.Length(1, 2_000))
    types = fields.List(Text(validate=SHORT), allow_none=True, validate=validate.Length(max=100))
    state = fields.Enum(DestinationState, by_value=True)


class ScimDestination(Schema):
    """A destination of events."""

    id = fields.String(required=True)
    connection_id = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True)
    target = fields.String(required=True)
    encoding = fields.String(required=True)
    audience = fields.String(required=True, allow_none=True)
    types = fields.List(fields.String(), required=True, allow_none=True)
    state = fields.Enum(DestinationState, by_value=True, required=True)
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it was disabled."}
    )
    failures = fields.Integer(required=True, metadata={"description": "In a row."})
    last_success_at = Moment(attribute="last_success", required=True, allow_none=True)
    last_failure_at = Moment(attribute="last_failure", required=True, allow_none=True)
    last_error = fields.String(required=True, allow_none=True)
    created_at = Moment(attribute="created", required=True)
    updated_at = Moment(attribute="updated", required=True, allow_none=True)


class AddedScimDestination(ScimDestination):
    """A destination whose secret is shown this once."""

    secret = fields.String(
        required=True, allow_none=True, metadata={"description": "Of a webhook."}
    )


class ScimDestinationRotation(Body):
    """A secret to make that takes over from another."""

    overlap = fields.Integer(
        strict=True,
        load_default=OVERLAP,
        validate=validate.Range(0, 366 * 86_400),
        metadata={"description": "For how many seconds the old secret is good, too."},
    )


class ScimTest(Body):
    """A test, of which there is nothing to say."""


class ScimAttempt(Schema):
    """What came of telling a destination."""

    arrived = fields.Boolean(required=True)
    status = fields.Integer(
        required=True, metadata={"description": "The HTTP status; 0 where there was no answer."}
    )
    answer = fields.String(required=True)


class ScimDelivery(Schema):
    """An event that a destination was not told at once."""

    event_id = fields.String(required=True)
    connection_id = fields.String(required=True)
    position = fields.Integer(required=True)
    state = fields.String(required=True)
    attempts = fields.Integer(required=True)
    due_at = Moment(attribute="due", required=True, allow_none=True)
    status = fields.Integer(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)


class ScimUndelivered(Schema):
    """A page of what a destination was not told at once."""

    deliveries = fields.List(fields.Nested(ScimDelivery), required=True)
    next = fields.String(required=True, allow_none=True)


class ScimRedelivery(Body):
    """What to tell a destination once more."""

    event_id = Text(
        load_default=None,
        allow_none=True,
        validate=SHORT,
        metadata={"description": "The event; left out, all that was given up."},
    )


class ScimEvents(Schema):
    """A page of events."""

    events = fields.List(fields.Dict(), required=True)
    next = fields.String(required=True, allow_none=True)
