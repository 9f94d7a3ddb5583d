"""Searches as the body of a POST to ``/.search`` (:rfc:`7644#section-3.4.3`)."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load

from ..protocol.dialects import Dialect
from ..protocol.errors import InvalidCount, InvalidSyntax, InvalidValue
from ..protocol.messages import SEARCH_REQUEST, SearchRequest
from .fields import messages_of


class _Names(fields.Field):  # type: ignore[type-arg]  # generic from marshmallow 4 on
    """Attribute names: a list of them, or text with commas as in a URL."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        names = value if isinstance(value, list) else [value]
        if not all(isinstance(name, str) for name in names):
            raise ValidationError("It must be a list of attribute names.")
        return ",".join(names)


class _Counter(fields.Field):  # type: ignore[type-arg]  # generic from marshmallow 4 on
    """A whole number."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        # To Python, true is a number too.
        if type(value) is not int:
            raise ValidationError("It must be a whole number.")
        return int(value)


class SearchSchema(Schema):
    """The body of a search; its keys are taken in any letter case."""

    schemas = fields.List(fields.String())
    filter = fields.String(allow_none=True)
    sort_by = fields.String(allow_none=True, data_key="sortBy")
    sort_order = fields.String(allow_none=True, data_key="sortOrder")
    start_index = _Counter(allow_none=True, data_key="startIndex")
    count = _Counter(allow_none=True)
    cursor = fields.String(allow_none=True)
    attributes = _Names(allow_none=True)
    excluded = _Names(allow_none=True, data_key="excludedAttributes")

    @pre_load
    def name_keys(self, data: Any, **_: Any) -> Any:
        """Bring the keys into the RFC's spelling."""
        if not isinstance(data, dict):
            return data
        names = {
            (field.data_key or name).lower(): field.data_key or name
            for name, field in self.fields.items()
        }
        return {names.get(key.lower(), key): value for key, value in data.items()}


_SEARCH = SearchSchema(unknown=EXCLUDE)


def load_search(body: Any, dialect: Dialect) -> SearchRequest:
    """Read the body of a search.

    :param body: the body as JSON gave it.
    :param dialect: how forgiving the connection is.
    :return: what the client wants to find.
    :raises InvalidSyntax: if it is no such message.
    :raises InvalidValue: if a value in it is of the wrong type.
    :raises InvalidCount: if it is the size of a page that goes by cursor.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax("The body must be a JSON object: a SearchRequest.")
    try:
        loaded: dict[str, Any] = _SEARCH.load(body)
    except ValidationError as error:
        raise _refusal(messages_of(error), body) from None
    urns = loaded.pop("schemas", None) or []
    named = SEARCH_REQUEST.lower() in (urn.lower() for urn in urns)
    if not named and (urns or dialect.strict):
        raise InvalidSyntax(f"schemas must name {SEARCH_REQUEST}.")
    return SearchRequest(**loaded)


def _refusal(
    messages: dict[str, Any], body: dict[str, Any]
) -> InvalidSyntax | InvalidValue | InvalidCount:
    name, message = next(iter(messages.items()))
    while not isinstance(message, str):
        message = next(iter(message.values() if isinstance(message, dict) else message))
    detail = f"{name}: {message}"
    if name == "schemas":
        return InvalidSyntax(detail)
    pages_by_cursor = any(key.lower() == "cursor" for key in body)
    return InvalidCount(detail) if name == "count" and pages_by_cursor else InvalidValue(detail)
