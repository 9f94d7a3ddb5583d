"""Where attributes sit, and what belongs to a configuration."""

from __future__ import annotations

from marshmallow import Schema, fields

from .parts import Body, Moment, Text


class ScimPlace(Body):
    """An attribute, and where it sits in the application."""

    scim = Text(required=True, metadata={"description": "The attribute, as a path writes it."})
    app = Text(required=True, metadata={"description": "Its place, as a mapping writes it."})
    read_only = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "Whether the place is read and never written."},
    )


class ScimConfigurationChange(Body):
    """What to change of a configuration."""

    user_id_attribute = fields.String(
        allow_none=True, metadata={"description": "It cannot be changed; leave it out."}
    )
    mapping = fields.List(
        fields.Nested(ScimPlace),
        allow_none=True,
        metadata={"description": "Null goes back to the mapping of the application."},
    )


class ScimMapping(Schema):
    """A mapping of users."""

    mapping = fields.List(fields.Nested(ScimPlace), required=True)


class ScimConfiguration(ScimMapping):
    """What SCIM does for a connection that it is enabled for."""

    connection_id = fields.String(required=True)
    connection_name = fields.String(required=True)
    strategy = fields.String(required=True, metadata={"description": "The identity provider."})
    tenant_name = fields.String(required=True, allow_none=True)
    user_id_attribute = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The attribute that no two users share."},
    )
    created_at = Moment(required=True)
    updated_on = Moment(required=True)
