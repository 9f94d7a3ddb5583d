"""The messages around resources."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from ..protocol.dialects import Dialect
from ..protocol.errors import InvalidSyntax
from ..protocol.messages import PATCH_OP
from .fields import messages_of


class PatchSchema(Schema):
    """The body of a PATCH request (:rfc:`7644#section-3.5.2`)."""

    schemas = fields.List(fields.String())
    Operations = fields.List(
        fields.Dict(keys=fields.String()),
        required=True,
        validate=validate.Length(min=1, error="Operations is empty."),
        error_messages={"required": "Operations is missing."},
    )

    @pre_load
    def name_keys(self, data: Any, **_: Any) -> Any:
        """Take the keys in any letter case, those of operations too."""
        if not isinstance(data, dict):
            return data
        named = {
            {"operations": "Operations", "schemas": "schemas"}.get(key.lower(), key): value
            for key, value in data.items()
        }
        if isinstance(named.get("Operations"), list):
            named["Operations"] = [
                {key.lower(): value for key, value in operation.items()}
                if isinstance(operation, dict)
                else operation
                for operation in named["Operations"]
            ]
        return named


_PATCH = PatchSchema(unknown=EXCLUDE)


def load_patch(body: Any, dialect: Dialect) -> list[dict[str, Any]]:
    """Read the body of a PATCH request.

    :param body: the body as JSON gave it.
    :param dialect: how forgiving the connection is.
    :return: its operations, as JSON.
    :raises InvalidSyntax: if it is no such message.
    """
    try:
        loaded = _PATCH.load(body)
    except ValidationError as error:
        raise InvalidSyntax(
            "The body must be a PatchOp message with a list of Operations, each an object: "
            f"{_first(messages_of(error))}"
        ) from None
    urns = loaded.get("schemas") or []
    if PATCH_OP.lower() not in (urn.lower() for urn in urns) and (urns or dialect.strict):
        raise InvalidSyntax(f"schemas must name {PATCH_OP}.")
    operations: list[dict[str, Any]] = loaded["Operations"]
    return operations


def _first(messages: Any) -> str:
    value = next(iter(messages.values()))
    return _first(value) if isinstance(value, dict) else str(value[0])
