"""Connections."""

from __future__ import annotations

from marshmallow import Schema, fields

from ...provisioning.ports import State
from .mappings import ScimPlace
from .parts import NOT_BLANK, SHORT, Body, Moment, Text

_IDP = "The identity provider, which decides how its requests are read."


class NewScimConnection(Body):
    """A connection to add."""

    id = Text(required=True, validate=SHORT, metadata={"description": "Its name in the URL."})
    name = Text(allow_none=True, validate=SHORT, metadata={"description": "What people call it."})
    idp = Text(validate=SHORT, metadata={"description": _IDP})
    tenant = Text(
        allow_none=True,
        validate=SHORT,
        metadata={"description": "The customer's key in the application."},
    )
    strict = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "Whether only the standard is accepted."},
    )
    domains = fields.List(
        Text(validate=SHORT),
        metadata={"description": "The domains of e-mail addresses that the customer owns."},
    )
    policy = fields.Dict(
        keys=fields.String(),
        metadata={"description": "Choices that go before the application's; null takes one back."},
    )
    mapping = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Nested(ScimPlace), allow_none=True),
        metadata={
            "description": "Mappings that go before the application's, by the name of the resource "
            "type; null takes one back."
        },
    )


class ScimConnectionChange(NewScimConnection):
    """What to change of a connection; what is left out stays as it is."""

    class Meta:
        """The name and the tenant of a connection stay."""

        exclude = ("id", "tenant")

    idp = Text(validate=[SHORT, NOT_BLANK], metadata={"description": _IDP})
    state = fields.Enum(State, by_value=True, metadata={"description": "What it is open for."})


class ScimConnection(Schema):
    """A connection: one identity provider of one customer."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    idp = fields.String(required=True)
    tenant = fields.String(required=True, allow_none=True)
    strict = fields.Boolean(required=True)
    domains = fields.List(fields.String(), required=True)
    state = fields.Enum(State, by_value=True, required=True)
    policy = fields.Dict(required=True)
    mapping = fields.Dict(required=True, allow_none=True)
    endpoint = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The base URI to enter at the identity provider."},
    )
    created_at = Moment(attribute="created", required=True)
    updated_at = Moment(attribute="updated", required=True, allow_none=True)


class ScimConnections(Schema):
    """A page of connections."""

    connections = fields.List(fields.Nested(ScimConnection), required=True)
    next = fields.String(required=True, allow_none=True)
