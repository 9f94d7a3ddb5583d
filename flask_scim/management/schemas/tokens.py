"""Tokens."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from .parts import SHORT, Body, Moment, Text

#: An entry may name several, and must not be taken for none: a token of no scopes has them all.
_NAMES_SCOPE = validate.Regexp(r".*[^\s,]", error="It names no scope.")


class NewScimToken(Body):
    """A token to issue."""

    scopes = fields.List(
        Text(validate=[SHORT, _NAMES_SCOPE]),
        validate=validate.Length(min=1),
        metadata={"description": "What it allows, such as get:users; everything if left out."},
    )
    token_lifetime = fields.Integer(
        strict=True,
        allow_none=True,
        metadata={"description": "In seconds, at least 900; null for ever.", "minimum": 900},
    )


class ScimTokenRotation(Body):
    """A token to issue that takes over from another."""

    token_lifetime = fields.Integer(
        strict=True,
        metadata={"description": "In seconds; that of the other if left out.", "minimum": 900},
    )


class ScimToken(Schema):
    """What is known of a token."""

    token_id = fields.String(attribute="id", required=True)
    scopes = fields.List(fields.String(), required=True)
    created_at = Moment(attribute="created", required=True)
    valid_until = Moment(attribute="expires", required=True, allow_none=True)
    last_used_at = Moment(attribute="last_used", required=True, allow_none=True)


class IssuedScimToken(ScimToken):
    """A token that was issued just now: it is shown this once."""

    class Meta:
        """Nobody has used it yet."""

        exclude = ("last_used_at",)

    token = fields.String(required=True)
