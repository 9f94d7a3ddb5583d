"""What a host's model has that a mapping could name, and what of it nobody may offer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from ...mapping.defaults import Kind
from ...mapping.sources import Source
from .binding import Binding


def list_attributes(model: type, reserved: Iterable[Source] = ()) -> dict[str, Kind]:
    """List the columns of a model that hold values of their own.

    Keys are none: neither the model's own, nor those of other tables.

    :param model: the host's model.
    :param reserved: columns that have another use, such as the tenant.
    :return: the attributes by name, with what they hold.
    """
    taken = {source.steps[0] for source in reserved}
    mapper: Any = sa.inspect(model)
    found = {}
    for name, column in _columns(mapper):
        kind = _kind(column.type)
        if kind is not None and name not in taken and not (column.primary_key or _leads(column)):
            found[name] = kind
    return found


def kind_at(model: type, source: Source) -> Kind | None:
    """Find what the place of a source holds; a key in JSON is taken to hold text.

    :param model: the host's model.
    :param source: the source.
    :return: the kind, or ``None`` where it is none that a default can use.
    """
    column, rest = _follow(model, source)
    if column is None:
        return None
    return Kind.TEXT if rest else _kind(column.type)


def check_offers(
    binding: Binding, offers: Iterable[Source], reserved: Mapping[str, Source]
) -> Iterator[str]:
    """Find offers that must not be: what leads elsewhere, and what says whose a row is.

    :param binding: the resource type.
    :param offers: the places that the mappings of connections may name.
    :param reserved: attributes that have another use, by what that is.
    :return: every mistake and its repair.
    """
    uses = {source.steps: what for what, source in reserved.items()}
    hashes = {place.source.steps for place in binding.places if place.is_secret}  # type: ignore[union-attr]  # only a Source is hashed
    for offer in offers:
        column, rest = _follow(binding.model, offer)
        what = uses.get(offer.steps)
        if offer.owner is not None and not issubclass(binding.model, offer.owner):
            yield f"offers: {offer.owner.__name__}.{offer} is not of {binding.model.__name__}."
        elif offer.inverted or offer.read_only or offer.hashed:
            yield f"offers: name {'.'.join(offer.steps)} itself, without '!' or a wrapper."
        elif what is not None:
            yield f"offers: {offer} is the {what}; no identity provider may write it."
        elif column is None or (rest and not isinstance(column.type, sa.JSON)):
            yield f"offers: {binding.model.__name__} has no column {offer}; correct the name."
        elif column.primary_key or _leads(column):
            yield (
                f"offers: {offer} is a key, by which rows of every tenant could be reached; offer "
                "an attribute behind the relationship, or leave it out."
            )
        elif offer.steps in hashes:
            yield f"offers: {offer} holds the hash of a secret; leave it out."


def _follow(model: type, source: Source) -> tuple[sa.Column[Any] | None, tuple[str, ...]]:
    """Find the column at which a source ends, and the keys that go on in its JSON."""
    mapper: Any = sa.inspect(model)
    for index, step in enumerate(source.steps):
        related = mapper.relationships.get(step)
        if related is None:
            return dict(_columns(mapper)).get(step), source.steps[index + 1 :]
        if related.uselist:
            break
        mapper = related.mapper
    return None, ()


def _columns(mapper: Any) -> Iterator[tuple[str, sa.Column[Any]]]:
    for attribute in mapper.column_attrs:
        (column, *_) = attribute.columns
        if isinstance(column, sa.Column):
            yield attribute.key, column


def _leads(column: sa.Column[Any]) -> bool:
    return bool(column.foreign_keys)


def _kind(kind: Any) -> Kind | None:
    kind = getattr(kind, "impl_instance", kind) if isinstance(kind, sa.TypeDecorator) else kind
    match kind:
        case sa.Enum():
            return None
        case sa.JSON():
            return Kind.JSON
        case sa.Boolean():
            return Kind.BOOLEAN
        case sa.Integer():
            return Kind.WHOLE
        case sa.String():
            return Kind.TEXT
        case _:
            return None
