"""The messages around resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from ..protocol.dialects import Dialect
from ..protocol.errors import InvalidSyntax
from ..protocol.messages import BULK_REQUEST, PATCH_OP
from .fields import messages_of


def _check_count(value: Any) -> None:
    # To Python, true is a number too.
    if type(value) is not int or value < 1:
        raise ValidationError("failOnErrors must be a whole number from 1 on.")


class OperationsSchema(Schema):
    """A message with a list of operations; keys are taken in any letter case."""

    names: ClassVar[Mapping[str, str]] = {"operations": "Operations", "schemas": "schemas"}
    #: The keys of an operation that are not in lower case.
    operation_names: ClassVar[Mapping[str, str]] = {}

    schemas = fields.List(fields.String())
    Operations = fields.List(
        # The keys are text, as JSON has no others.
        fields.Dict(),
        required=True,
        validate=validate.Length(min=1, error="Operations is empty."),
        error_messages={"required": "Operations is missing."},
    )

    @pre_load
    def name_keys(self, data: Any, **_: Any) -> Any:
        """Bring the keys into the RFC's spelling, those of operations too."""
        if not isinstance(data, dict):
            return data
        named = {self.names.get(key.lower(), key): value for key, value in data.items()}
        if isinstance(named.get("Operations"), list):
            named["Operations"] = [
                {
                    self.operation_names.get(key.lower(), key.lower()): value
                    for key, value in operation.items()
                }
                if isinstance(operation, dict)
                else operation
                for operation in named["Operations"]
            ]
        return named


class PatchSchema(OperationsSchema):
    """The body of a PATCH request (:rfc:`7644#section-3.5.2`)."""


class BulkSchema(OperationsSchema):
    """The body of a bulk request (:rfc:`7644#section-3.7`)."""

    names: ClassVar[Mapping[str, str]] = {
        **OperationsSchema.names,
        "failonerrors": "failOnErrors",
    }
    operation_names: ClassVar[Mapping[str, str]] = {"bulkid": "bulkId"}

    failOnErrors = fields.Raw(allow_none=True, validate=_check_count)  # noqa: N815  # the RFC's name


_PATCH = PatchSchema(unknown=EXCLUDE)
_BULK = BulkSchema(unknown=EXCLUDE)


def load_patch(body: Any, dialect: Dialect) -> list[dict[str, Any]]:
    """Read the body of a PATCH request.

    :param body: the body as JSON gave it.
    :param dialect: how forgiving the connection is.
    :return: its operations, as JSON.
    :raises InvalidSyntax: if it is no such message.
    """
    operations: list[dict[str, Any]] = _load(_PATCH, body, PATCH_OP, dialect)["Operations"]
    return operations


def load_bulk(body: Any, dialect: Dialect) -> tuple[list[dict[str, Any]], int | None]:
    """Read the body of a bulk request (:rfc:`7644#section-3.7`).

    What is wrong with one operation is for its own result to say.

    :param body: the body as JSON gave it.
    :param dialect: how forgiving the connection is.
    :return: its operations as JSON, their keys in the RFC's spelling; and the number of errors
        after which to stop, or ``None``.
    :raises InvalidSyntax: if it is no such message.
    """
    loaded = _load(_BULK, body, BULK_REQUEST, dialect)
    return loaded["Operations"], loaded.get("failOnErrors")


def _load(schema: OperationsSchema, body: Any, urn: str, dialect: Dialect) -> dict[str, Any]:
    """Read a message that has operations, and check that it says what it is."""
    try:
        loaded: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        raise InvalidSyntax(
            f"The body must be a {urn.rpartition(':')[2]} message with a list of Operations, each"
            f" an object: {_first(messages_of(error))}"
        ) from None
    urns = loaded.get("schemas") or []
    if urn.lower() not in (each.lower() for each in urns) and (urns or dialect.strict):
        raise InvalidSyntax(f"schemas must name {urn}.")
    return loaded


def _first(messages: Any) -> str:
    value = next(iter(messages.values()))
    return _first(value) if isinstance(value, dict) else str(value[0])
