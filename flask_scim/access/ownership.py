"""What of a row an identity provider keeps, so that forms of the app leave it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from ..mapping.sources import ModelAttribute, RecordColumn, Source
from ..protocol.errors import ScimError
from ..protocol.parser import parse_path
from ..protocol.resolver import AttributePath, resolve_path
from ..protocol.schema import ResourceType
from ..provisioning.ports import Connection
from ..store.columns.binding import Binding
from ..store.columns.places import Place
from ..store.people.ownership import find_owners


@dataclass(frozen=True, slots=True)
class Ownership:
    """Tells what of the app's rows identity providers keep.

    A row is kept by the connections that have provisioned it, whatever their state: one that is
    disabled keeps its people until it releases them.

    :param session: the host's session.
    :param bindings: where the resource types of the app sit.
    :param read: reads a connection from the columns of its table.
    :param bind: finds where a connection has a resource type.
    """

    session: Session
    bindings: Mapping[ResourceType, Binding]
    read: Callable[[Any], Connection]
    bind: Callable[[Connection, ResourceType], Binding]

    def owned(self, row: Any) -> frozenset[str]:
        """List what of a row identity providers keep, in one query.

        :param row: the host's object.
        :return: the names of attributes: those of SCIM, and those of the host's model.
        """
        names: set[str] = set()
        for binding in self._owners(row):
            for written, place in _kept(binding):
                names |= _names(written, place)
            for reference in binding.mapping.references:
                names |= {reference.name, _text(reference.refs.source)}
        return frozenset(names)

    def owns(self, row: Any, attribute: str | ModelAttribute) -> bool:
        """Tell whether an identity provider keeps an attribute of a row, in one query.

        :param row: the host's object.
        :param attribute: an attribute of the host's model, or its name as a mapping writes it; or
            a SCIM path, which stands for its parts too.
        :return: whether it does.
        :raises ValueError: if neither the model nor SCIM has such an attribute.
        """
        binding = self._binding(row)
        names = None if binding is None else _meant(binding, attribute)
        return bool(names) and not self.owned(row).isdisjoint(names or ())

    def _owners(self, row: Any) -> Iterator[Binding]:
        """Find where the connections that have provisioned a row have its resource type."""
        binding = self._binding(row)
        if binding is None:
            return
        key = binding.key_of(row)
        tenant = None if binding.tenant is None else binding.tenant.read(row, {})
        for _, columns in [] if key is None else find_owners(self.session, binding, [key]):
            connection = self.read(columns)
            if binding.tenant is None or connection.tenant == tenant:
                yield self.bind(connection, binding.resource_type)

    def _binding(self, row: Any) -> Binding | None:
        for binding in self.bindings.values():
            if isinstance(row, binding.model):
                return binding
        return None


def _kept(binding: Binding) -> Iterator[tuple[str, Place]]:
    """The places that SCIM writes, each with the name that a PATCH has for it."""
    for written, place in zip(binding.mapping.names, binding.places, strict=True):
        if place.writable or isinstance(place.source, RecordColumn):
            yield written, place


def _names(written: str, place: Place) -> set[str]:
    """Every name of a place: as a PATCH writes it, with what it is a part of, and the host's."""
    whole = AttributePath(place.path.attribute, urn=place.path.urn)
    names = {written, str(place.path), str(whole)}
    if isinstance(place.source, Source):
        steps = place.source.steps
        names.add(".".join(steps))
        # Who edits JSON as a whole edits what SCIM keeps in it.
        names.update(".".join(steps[:depth]) for depth in range(len(place.names), len(steps)))
    return names


def _meant(binding: Binding, attribute: str | ModelAttribute) -> set[str]:
    """The names that an attribute of the host's model, or a path, may have in a mapping."""
    if isinstance(attribute, ModelAttribute):
        return {
            ".".join(place.source.steps)
            for _, place in _kept(binding)
            if isinstance(place.source, Source) and _is_at(binding, place, attribute)
        } | {_text(each.refs.source) for each in binding.mapping.references} & {attribute.key}
    names = {attribute} if attribute.split(".")[0] in binding.mapper.all_orm_descriptors else set()
    try:
        target = resolve_path(parse_path(attribute), binding.resource_type)
    except ScimError:
        target = None
    if target is not None and target.attribute is not None:
        if target.condition is None:
            names.add(str(AttributePath(target.attribute, target.sub_attribute, target.urn)))
        else:
            folded = attribute.lower()
            names |= {each for each in binding.mapping.names if each.lower() == folded}
            names.add("")  # It is a path, whether or not it is mapped.
    if not names:
        raise ValueError(
            f"{attribute[:100]!r} is neither an attribute of {binding.model.__name__} nor one of "
            f"{binding.resource_type.name}."
        )
    return names


def _is_at(binding: Binding, place: Place, attribute: ModelAttribute) -> bool:
    """Whether a place is at an attribute of the model, or of one behind a relationship."""
    *relations, name = place.names
    mapper = binding.mapper
    for relation in relations:
        mapper = mapper.relationships[relation].mapper
    return name == attribute.key and issubclass(mapper.class_, attribute.class_)


def _text(source: Any) -> str:
    return source if isinstance(source, str) else str(source.key)
