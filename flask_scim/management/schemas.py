"""The bodies and answers of the management API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate

from ..access.closing import Leaving
from ..delivery.destinations import OVERLAP, DestinationState, Kind
from ..protocol.values import is_sound, write_datetime
from ..provisioning.explanations import explain
from ..provisioning.ports import State

#: The most that a page of a list holds, and what it holds where nobody says.
LARGEST_PAGE, PAGE = 100, 50


class Text(fields.String):
    """Text that every database can keep."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        if not is_sound(text):
            raise ValidationError("The text holds a NUL character or half a surrogate pair.")
        return text


class Moment(fields.DateTime):
    """A moment, written as SCIM does."""

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> str | None:
        return write_datetime(value) if isinstance(value, datetime) else None


_SHORT = validate.Length(max=255)
_IDP = "The identity provider, which decides how its requests are read."
#: An entry may name several, and must not be taken for none: a token of no scopes has them all.
_NAMES_SCOPE = validate.Regexp(r".*[^\s,]", error="It names no scope.")
_NOT_BLANK = validate.Regexp(r".*\S", error="It must not be blank.")


class Body(Schema):
    """What a client sends: nothing but what is known."""

    error_messages = {  # noqa: RUF012  # marshmallow's own way
        "unknown": "There is no such field here.",
        "type": "A JSON object is expected.",
    }


class ScimPaging(Body):
    """Which part of a list is wanted."""

    take = fields.Integer(
        load_default=PAGE,
        validate=validate.Range(1, LARGEST_PAGE),
        metadata={"description": "The most to return."},
    )
    start = fields.String(
        data_key="from",
        load_default="",
        metadata={"description": "Where to begin: `next` of the page before."},
    )


class ScimProblem(Schema):
    """An error."""

    status_code = fields.Integer(required=True, data_key="statusCode")
    error = fields.String(required=True, metadata={"description": "The name of the status."})
    message = fields.String(required=True, metadata={"description": "What to do about it."})


class ScimPlace(Body):
    """An attribute, and where it sits in the application."""

    scim = Text(required=True, metadata={"description": "The attribute, as a path writes it."})
    app = Text(required=True, metadata={"description": "Its place, as a mapping writes it."})
    read_only = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "Whether the place is read and never written."},
    )


class NewScimConnection(Body):
    """A connection to add."""

    id = Text(required=True, validate=_SHORT, metadata={"description": "Its name in the URL."})
    name = Text(allow_none=True, validate=_SHORT, metadata={"description": "What people call it."})
    idp = Text(validate=_SHORT, metadata={"description": _IDP})
    tenant = Text(
        allow_none=True,
        validate=_SHORT,
        metadata={"description": "The customer's key in the application."},
    )
    strict = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "Whether only the standard is accepted."},
    )
    domains = fields.List(
        Text(validate=_SHORT),
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

    idp = Text(validate=[_SHORT, _NOT_BLANK], metadata={"description": _IDP})
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


class NewScimToken(Body):
    """A token to issue."""

    scopes = fields.List(
        Text(validate=[_SHORT, _NAMES_SCOPE]),
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


class ScimLogSearch(ScimPaging):
    """Which requests of the log are wanted."""

    status = fields.Integer(
        validate=validate.Range(1, 599),
        metadata={"description": "The status, or the first digit of it."},
    )
    method = Text(validate=_SHORT, metadata={"description": "The method."})
    user = Text(validate=_SHORT, metadata={"description": "The SCIM id of the resource."})
    request_id = Text(validate=_SHORT, metadata={"description": "The id of the request."})
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
        Text(validate=_SHORT),
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
        validate=_SHORT,
        metadata={"description": "Whose events it is told of; left out, those of all."},
    )
    encoding = Text(validate=_SHORT, metadata={"description": "In which form."})
    types = fields.List(
        Text(validate=_SHORT),
        allow_none=True,
        validate=validate.Length(max=100),
        metadata={"description": "Of what, such as user.created or group.*; null for all."},
    )
    audience = Text(
        allow_none=True,
        validate=_SHORT,
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
    types = fields.List(Text(validate=_SHORT), allow_none=True, validate=validate.Length(max=100))
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
        validate=_SHORT,
        metadata={"description": "The event; left out, all that was given up."},
    )


class ScimEvents(Schema):
    """A page of events."""

    events = fields.List(fields.Dict(), required=True)
    next = fields.String(required=True, allow_none=True)
