"""The roles of groups and of people."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from .parts import SHORT, Body, Moment, Text


class ScimRoleSync(Body):
    """Whether to look only."""

    dry_run = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "Show what would happen, and change nothing."},
    )


class ScimGroupRoleChange(ScimRoleSync):
    """Roles that a group is not to stand for any more."""

    roles = fields.List(
        Text(validate=SHORT),
        required=True,
        validate=validate.Length(min=1, max=100),
        metadata={"description": "The keys that the application has for them."},
    )


class NewScimGroupRoles(ScimGroupRoleChange):
    """Roles that a group is to stand for."""

    precedence = fields.Integer(
        strict=True,
        validate=validate.Range(0, 10_000),
        metadata={"description": "Where a user can have one role, the lowest decides."},
    )


class ScimGroupRole(Schema):
    """A role that a group stands for."""

    group_id = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
    role = fields.String(required=True)
    precedence = fields.Integer(required=True)
    created_at = Moment(attribute="created", required=True)


class ScimGroupRoles(Schema):
    """A page of the roles that groups stand for."""

    roles = fields.List(fields.Nested(ScimGroupRole), required=True)
    next = fields.String(required=True, allow_none=True)


class ScimUserRole(Schema):
    """A role that a user has."""

    role = fields.String(required=True)
    display = fields.String(required=True, allow_none=True)
    origins = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "scim, login, manual."},
    )
    groups = fields.List(
        fields.String(), required=True, metadata={"description": "The groups that it came by."}
    )


class ScimUserRoles(Schema):
    """A page of the roles of a user."""

    roles = fields.List(fields.Nested(ScimUserRole), required=True)
    next = fields.String(required=True, allow_none=True)


class ScimRoleShift(Schema):
    """That a user gains a role, or loses it."""

    user_id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    role = fields.String(required=True)


class ScimRolePreview(Schema):
    """Who gains a role, and who loses one: 1,000 of each at the most, and how many there are."""

    gained = fields.Integer(required=True)
    lost = fields.Integer(required=True)
    gains = fields.List(fields.Nested(ScimRoleShift), required=True)
    losses = fields.List(fields.Nested(ScimRoleShift), required=True)
