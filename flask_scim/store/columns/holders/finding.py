"""Finds where a declaration keeps names."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ....config import ConfigurationError
from ....mapping.sources import Source, Values, read_source
from ....protocol.definitions import USER_TYPE
from ....protocol.schema import Attribute
from ...sql.backends import Sql
from ..fitting import find_codec
from ..relations import Relation, find_relation
from .holder import Holder
from .listed import ListedNames
from .related import RelatedNames
from .single import SingleName


def make_holder(model: type, values: Values) -> Holder:
    """Find where a declaration keeps names.

    :param model: the model whose rows have the names.
    :param values: the declaration.
    :return: the place.
    :raises ConfigurationError: if names cannot be kept there; the message names the repair.
    """
    mapper: Any = sa.inspect(model)
    (key,) = mapper.primary_key
    source = read_source(values.source)
    if not isinstance(source, Source) or source.inverted or source.read_only or source.hashed:
        raise ConfigurationError(f"{source}: name an attribute of {model.__name__} itself.")
    if source.owner is not None and not issubclass(model, source.owner):
        raise ConfigurationError(
            f"{source.owner.__name__}.{source} is not an attribute of {model.__name__}."
        )
    relation = find_relation(model, values.source)
    if relation is not None:
        return _make_related(model, key, relation, values)
    if values.value is not None or values.display is not None or values.tenant is not None:
        raise ConfigurationError(
            f"{source} is no many-to-many relationship of {model.__name__}, so it has no value, "
            "display or tenant to name; leave them out, or name a relationship."
        )
    columns = mapper.columns
    column = columns.get(source.steps[0])
    if column is None:
        raise ConfigurationError(
            f"{model.__name__} has no column and no many-to-many relationship {source}."
        )
    if isinstance(column.type, sa.JSON):
        return ListedNames(key, column, source.steps[1:])
    codec = find_codec(role_attribute(), column.type, (), inverted=False)
    if codec is None or len(source.steps) > 1:
        raise ConfigurationError(
            f"{source} ({type(column.type).__name__}) cannot hold names; name a column of text, of "
            "choices or of JSON, or a many-to-many relationship."
        )
    return SingleName(key, column, codec)


def role_attribute() -> Attribute:
    """The definition of what names one role: ``roles.value`` (:rfc:`7643#section-4.1.2`)."""
    roles = USER_TYPE.attribute("roles")
    assert roles is not None
    value = roles.sub("value")
    assert value is not None
    return value


def _make_related(model: type, key: Sql, relation: Relation, values: Values) -> Holder:
    if relation.near_key is not key:
        raise ConfigurationError(
            f"{read_source(values.source)} does not begin at the primary key of {model.__name__}."
        )
    if values.value is None:
        raise ConfigurationError(
            f"{read_source(values.source)} leads to {relation.model.__name__}; say which of its "
            f"columns names one, as in {relation.model.__name__}.slug."
        )
    name, display = _column(relation, values.value), None
    if values.display is not None:
        display = _column(relation, values.display)
    tenant = None
    if values.tenant is not None:
        column = _column(relation, values.tenant)
        codec = find_codec(role_attribute(), column.type, (), inverted=False)
        if codec is None:
            raise ConfigurationError(f"{column} cannot say whose a name is.")
        tenant = column, codec
    return RelatedNames(key, relation, name, display, tenant, values.fill)


def _column(relation: Relation, named: Any) -> Sql:
    mapper: Any = sa.inspect(relation.model)
    source = read_source(named)
    steps: tuple[str, ...] = getattr(source, "steps", ())
    column: Sql | None = mapper.columns.get(steps[0]) if len(steps) == 1 else None
    if column is None:
        raise ConfigurationError(f"{source} is no column of {relation.model.__name__}.")
    return column
