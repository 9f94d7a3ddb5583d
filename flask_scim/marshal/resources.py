"""Whole resources as POST and PUT bring them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, pre_load

from ..protocol.dialects import Dialect
from ..protocol.errors import InvalidSyntax, InvalidValue
from ..protocol.schema import Attribute, Mutability, ResourceType
from .fields import AttributeField, messages_of


class AttributesSchema(Schema):
    """Attributes by name, in any letter case; those that only the server writes are passed over."""

    names: Mapping[str, str]
    passed_over: frozenset[str]

    def load(self, data: Any, **options: Any) -> Any:
        """Load what is there; where it does not fit, let marshmallow find all that is wrong.

        By itself it looks at each field that there is, and most of them nobody sends.
        """
        if not isinstance(data, Mapping):
            return super().load(data, **options)
        try:
            named = self.name_keys(data)
            loaded = {
                name: field.deserialize(named[key], key, named)
                for name, key, field in self._places
                if key in named
            }
        except ValidationError:
            return super().load(data, **options)
        if self.unknown == RAISE and len(loaded) < len(named):
            return super().load(data, **options)
        return loaded

    @cached_property
    def _places(self) -> list[tuple[str, str, fields.Field[Any]]]:
        """The fields, each with its name and that in messages."""
        return [(name, field.data_key or name, field) for name, field in self.fields.items()]

    @pre_load
    def name_keys(self, data: Any, **_: Any) -> Any:
        """Bring the keys into the spelling of the definitions."""
        if not isinstance(data, Mapping):
            return data
        named: dict[str, Any] = {}
        for key, value in data.items():
            name = self.names.get(key.lower(), key)
            if name in named:
                raise ValidationError(f"{name[:100]} is given twice.", name[:100])
            if name not in self.passed_over:
                named[name] = value
        return named


@lru_cache(maxsize=256)
def resource_schema(resource_type: ResourceType, dialect: Dialect) -> AttributesSchema:
    """Make the schema of a resource type.

    :param resource_type: the resource type.
    :param dialect: how forgiving the connection is.
    :return: a schema that loads documents in canonical form.
    """
    # marshmallow takes the dots of a URN for nesting, but not in a data key.
    loaders: dict[str, fields.Field[Any]] = {
        f"extension {index}": fields.Nested(
            _schema(extension.schema.attributes, dialect, extension.schema.id),
            allow_none=True,
            data_key=extension.schema.id,
        )
        for index, extension in enumerate(resource_type.extensions)
    }
    return _schema(resource_type.attributes, dialect, None, loaders)


def load_resource(
    body: dict[str, Any], resource_type: ResourceType, dialect: Dialect
) -> dict[str, Any]:
    """Read a resource that a client sends.

    :param body: the body as JSON gave it, in the words of the RFC.
    :param resource_type: what it must be.
    :param dialect: how forgiving the connection is.
    :return: the document in canonical form, without what only the server writes.
    :raises InvalidSyntax: if it names what does not exist.
    :raises InvalidValue: if a value does not fit, naming every such attribute.
    """
    _check_schemas(body, resource_type)
    try:
        loaded = resource_schema(resource_type, dialect).load(body)
    except ValidationError as error:
        messages = " ".join(_flatten(messages_of(error)))
        unknown = "Unknown field." in messages or "given twice" in messages
        raise (InvalidSyntax if unknown else InvalidValue)(messages) from None
    for index, extension in enumerate(resource_type.extensions):
        attributes = _assigned(loaded.pop(f"extension {index}", None) or {})
        loaded[extension.schema.id] = attributes
    return _emptied(body, resource_type) | _assigned(loaded)


def _emptied(body: Mapping[str, Any], resource_type: ResourceType) -> dict[str, Any]:
    """The references that an empty list takes away; left out or null, nothing is said of them."""
    names = _reference_names(resource_type)
    if not names:
        return {}
    given = (names.get(key.lower()) for key, value in body.items() if isinstance(value, list))
    return {name: [] for name in given if name is not None}


@lru_cache(maxsize=256)
def _reference_names(resource_type: ResourceType) -> dict[str, str]:
    """The attributes whose entries are other resources, by their names in lower case."""
    return {
        attribute.name.lower(): attribute.name
        for attribute in resource_type.schema.attributes
        if attribute.is_reference
        and attribute.multi_valued
        and attribute.mutability is not Mutability.READ_ONLY
    }


def _assigned(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {}, [])}


def _schema(
    attributes: Iterable[Attribute],
    dialect: Dialect,
    urn: str | None,
    more: Mapping[str, fields.Field[Any]] | None = None,
) -> AttributesSchema:
    loaders: dict[str, fields.Field[Any]] = dict(more or {})
    passed_over = {"schemas"}
    for attribute in attributes:
        where = attribute.name if urn is None else f"{urn}:{attribute.name}"
        if attribute.mutability is Mutability.READ_ONLY:
            passed_over.add(attribute.name)
        elif attribute.name != "schemas":
            loaders[attribute.name] = AttributeField(attribute, where, dialect.rules)
    keys = [loader.data_key or name for name, loader in loaders.items()]
    made = AttributesSchema.from_dict(loaders, name="GeneratedSchema")(
        unknown=EXCLUDE if dialect.rules.ignore_unknown else RAISE
    )
    assert isinstance(made, AttributesSchema)
    made.names = {key.lower(): key for key in (*keys, *passed_over)}
    made.passed_over = frozenset(passed_over)
    return made


def _check_schemas(body: dict[str, Any], resource_type: ResourceType) -> None:
    urns = next((value for key, value in body.items() if key.lower() == "schemas"), None)
    if not isinstance(urns, list) or not all(isinstance(urn, str) for urn in urns):
        raise InvalidSyntax("schemas must be a list of URNs.")
    core = resource_type.schema.id
    if core.lower() not in (urn.lower() for urn in urns):
        raise InvalidValue(f"schemas must name {core}.")
    for urn in urns:
        if urn.lower() != core.lower() and resource_type.extension(urn) is None:
            raise InvalidValue(f"{resource_type.name} has no schema {urn[:100]!r}.")


def _flatten(messages: Any) -> Iterable[str]:
    """Every message of a marshmallow error, with the key where the text does not name it."""
    for key, value in messages.items():
        if isinstance(value, dict):
            yield from _flatten(value)
        else:
            for text in value:
                yield f"{key[:100]}: {text}" if text == "Unknown field." else text
