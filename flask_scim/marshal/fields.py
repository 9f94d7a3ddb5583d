"""A marshmallow field for any SCIM attribute, which leaves the judgement to the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, missing

from ..protocol.errors import ScimError
from ..protocol.schema import Attribute
from ..protocol.values import Rules, load


class AttributeField(fields.Field):  # type: ignore[type-arg]  # generic from marshmallow 4 on
    """The value of one attribute.

    :param attribute: the definition that the value must fit.
    :param where: the attribute's name in messages.
    :param rules: how forgiving the connection is.
    """

    def __init__(self, attribute: Attribute, where: str, rules: Rules) -> None:
        super().__init__(allow_none=True)
        self.definition = attribute
        self.where = where
        self.rules = rules

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Load a value; what is missing, or null, stays so: marshmallow need not look into it."""
        if value is None or value is missing:
            return value
        try:
            return load(self.definition, value, self.where, self.rules)
        except ScimError as error:
            raise ValidationError(error.detail) from None


def messages_of(error: ValidationError) -> dict[str, Any]:
    """The messages of a marshmallow error by field, in one shape whether there are one or many."""
    messages: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]  # marshmallow's
    return messages
