"""The users and groups of a connection."""

from __future__ import annotations

from marshmallow import INCLUDE, Schema, fields


class ScimMeta(Schema):
    """When a resource was created and changed, and where SCIM has it."""

    class Meta:
        """It has what the standard says."""

        unknown = INCLUDE

    created = fields.DateTime()
    location = fields.String()


class ScimResource(Schema):
    """A user or group as SCIM shows it: with the names of attributes that the standard has."""

    class Meta:
        """It has the attributes that the application keeps."""

        unknown = INCLUDE

    schemas = fields.List(fields.String(), required=True)
    id = fields.String(required=True)
    meta = fields.Nested(ScimMeta, required=True)


class ScimUsers(Schema):
    """A page of users."""

    users = fields.List(fields.Nested(ScimResource), required=True)
    next = fields.String(required=True, allow_none=True)


class ScimGroups(Schema):
    """A page of groups."""

    groups = fields.List(fields.Nested(ScimResource), required=True)
    next = fields.String(required=True, allow_none=True)


class ScimMembers(Schema):
    """A page of the users who are in a group."""

    members = fields.List(fields.Nested(ScimResource), required=True)
    next = fields.String(required=True, allow_none=True)
