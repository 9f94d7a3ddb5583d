"""What the bodies of the management API are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from ...protocol.values import is_sound, write_datetime

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


SHORT = validate.Length(max=255)


NOT_BLANK = validate.Regexp(r".*\S", error="It must not be blank.")


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
