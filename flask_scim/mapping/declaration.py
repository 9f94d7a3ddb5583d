"""A host's declaration read against the schemas, with every mistake named at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import Any

from ..config import ConfigurationError, MappingError
from ..protocol import syntax
from ..protocol.errors import ScimError
from ..protocol.parser import parse_path
from ..protocol.resolver import AttributePath, resolve_path
from ..protocol.schema import (
    Attribute,
    Mutability,
    ResourceType,
    Type,
)
from ..protocol.values import load_simple
from .coherence import find_faults
from .fitness import find_misfits, find_reference_misfit, guarded
from .literals import literals_of, typed
from .mapping import Field, Mapping, Reference
from .slots import Slot
from .sources import AnySource, Computed, RecordColumn, Refs, Source, Values, read_source

#: Sub-attributes whose plain values in a template are literals, not names.
_LITERALS = ("type", "primary")
#: Attributes that live in the record where the host has no place for them.
_RECORD_COLUMNS = {"externalId": "external_id", "active": "active"}


def read_declaration(
    declaration: object,
    resource_type: ResourceType,
    *,
    keep_unmapped: bool,
    shown: frozenset[str] = frozenset(),
) -> Mapping:
    """Read a declaration.

    :param declaration: SCIM paths and where their values sit in the host's row.
    :param resource_type: the resource type that is mapped.
    :param keep_unmapped: whether attributes that the declaration leaves out are kept in the record.
    :param shown: attributes that show the references of other resources to this one.
    :return: the mapping.
    :raises ConfigurationError: with every mistake and its repair.
    """
    entries = check_declaration(declaration, resource_type)
    reading = read_entries(entries, resource_type, keep_unmapped=keep_unmapped, shown=shown)
    if reading.problems:
        raise MappingError(f"The mapping of {resource_type.name} cannot be used", reading.problems)
    return reading.mapping


def check_declaration(
    declaration: object, resource_type: ResourceType
) -> Iterable[tuple[str, Any]]:
    """Check that a declaration is one at all.

    :param declaration: SCIM paths and where their values sit in the host's row.
    :param resource_type: the resource type that is mapped.
    :return: its entries.
    :raises ConfigurationError: if it is none.
    """
    if not isinstance(declaration, Dict) or not all(isinstance(path, str) for path in declaration):
        raise ConfigurationError(
            f"The mapping of {resource_type.name} must be a dict of SCIM paths and sources, not "
            f"{declaration!r}."
        )
    return declaration.items()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a declaration comes to.

    :param mapping: what of it can be used.
    :param problems: every mistake, with its repair.
    """

    mapping: Mapping
    problems: tuple[str, ...]


def read_entries(
    entries: Iterable[tuple[str, Any]],
    resource_type: ResourceType,
    *,
    keep_unmapped: bool,
    shown: frozenset[str] = frozenset(),
    find: Callable[[Any], Source | Computed] = read_source,
) -> Reading:
    """Read the entries of a declaration, and go on where there are mistakes.

    :param entries: SCIM paths and where their values sit in the host's row.
    :param resource_type: the resource type that is mapped.
    :param keep_unmapped: whether attributes that the declaration leaves out are kept in the record.
    :param shown: attributes that show the references of other resources to this one.
    :param find: reads what stands where a source is meant; raises ``TypeError`` if it is none.
    :return: the mapping and the mistakes.
    """
    reader = _Reader(resource_type, find)
    for path, source in entries:
        reader.read(path, source)
    reader.finish()
    mapping = Mapping(
        resource_type,
        tuple(reader.fields),
        tuple(reader.slots),
        tuple(reader.references),
        keep_unmapped,
        shown,
    )
    return Reading(mapping, tuple(reader.problems))


class _Reader:
    def __init__(
        self, resource_type: ResourceType, find: Callable[[Any], Source | Computed]
    ) -> None:
        self.resource_type = resource_type
        self.find = find
        #: What the declaration says something of, be it wrong.
        self.named: set[tuple[str, ...]] = set()
        self.fields: list[Field] = []
        self.slots: list[Slot] = []
        self.references: list[Reference] = []
        self.problems: list[str] = []

    def read(self, path: str, source: Any) -> None:
        try:
            tree = parse_path(path)
            target = resolve_path(tree, self.resource_type)
        except ScimError as error:
            self.problems.append(f"{path!r}: {error.detail} Correct the name.")
            return
        if target.attribute is None:
            self._read_extension(path, source)
            return
        whole = AttributePath(target.attribute, urn=target.urn)
        self.named.add(AttributePath(target.attribute, target.sub_attribute, target.urn).keys)
        if self._is_forbidden(path, whole):
            return
        source = _named_refs(whole.attribute, source)
        if isinstance(source, Refs) or (isinstance(source, list) and Refs in map(type, source)):
            self._read_references(path, whole, source)
            return
        if isinstance(source, Values):
            is_whole = tree.filter is None and target.sub_attribute is None
            self._read_values(path, whole, source, is_whole=is_whole)
            return
        if target.condition is not None:
            self._read_filtered(path, whole, tree, target.sub_attribute, source)
        elif target.sub_attribute is not None and target.attribute.multi_valued:
            self.problems.append(
                f"{path!r}: {target.attribute.name} has many entries; say which one is meant, as in"
                f' {target.attribute.name}[type eq "work"].{target.sub_attribute.name}.'
            )
        elif isinstance(source, list):
            self._read_templates(path, whole, source)
        elif isinstance(source, Dict):
            for name, part in source.items():
                self.read(f"{path}.{name}", part)
        else:
            bound = AttributePath(target.attribute, target.sub_attribute, target.urn)
            self._add_field(path, bound, source)

    def finish(self) -> None:
        mapped = {field.path.keys for field in self.fields}
        for name, column in _RECORD_COLUMNS.items():
            attribute = self.resource_type.attribute(name)
            if attribute is not None and (name,) not in mapped:
                self.fields.append(Field(AttributePath(attribute), RecordColumn(column)))
        self.problems += find_faults(self.resource_type, self.named, self.fields, self.slots)

    def _is_forbidden(self, path: str, bound: AttributePath) -> bool:
        attribute = bound.attribute
        if attribute.name in ("id", "meta", "schemas"):
            self.problems.append(
                f"{path!r}: {attribute.name} is made by the server; leave it out"
                + (" and name the attribute with id=…." if attribute.name == "id" else ".")
            )
        else:
            return False
        return True

    def _read_extension(self, path: str, source: Any) -> None:
        if not isinstance(source, Dict):
            self.problems.append(f"{path!r}: give the extension's attributes as a dict.")
            return
        for name, part in source.items():
            self.read(f"{path}:{name}", part)

    def _read_references(self, path: str, whole: AttributePath, source: Any) -> None:
        attribute = whole.attribute
        if not (attribute.multi_valued and attribute.is_reference):
            self.problems.append(f"{path!r}: {attribute.name} refers to nothing; give a source.")
            return
        problem = find_reference_misfit(whole)
        if problem is not None:
            self.problems.append(f"{path!r}: {problem}.")
            return
        for reference in source if isinstance(source, list) else [source]:
            if isinstance(reference, Refs):
                self.references.append(Reference(attribute.name, reference))
            else:
                self.problems.append(f"{path!r}: each entry of the list must be a Refs.")

    def _read_values(
        self, path: str, whole: AttributePath, source: Values, *, is_whole: bool
    ) -> None:
        value = whole.attribute.sub("value")
        if not is_whole or not whole.attribute.multi_valued or value is None:
            self.problems.append(
                f"{path!r}: Values are for a whole attribute with entries, such as roles."
            )
        elif value.type is not Type.STRING or whole.attribute.mutability is Mutability.READ_ONLY:
            self.problems.append(f"{path!r}: its entries are no names that can be written.")
        else:
            self.fields.append(Field(whole, source))

    def _read_templates(self, path: str, whole: AttributePath, templates: list[Any]) -> None:
        if not (whole.attribute.multi_valued and whole.attribute.is_complex):
            self.problems.append(f"{path!r}: {whole.attribute.name} takes no list; give a source.")
            return
        for template in templates:
            if isinstance(template, Dict):
                self._read_template(path, whole, template)
            else:
                self.problems.append(f"{path!r}: each entry of the list must be a dict.")

    def _read_template(self, path: str, whole: AttributePath, template: Dict[str, Any]) -> None:
        literals: dict[str, Any] = {}
        sources: dict[str, AnySource] = {}
        for name, part in template.items():
            sub = whole.attribute.sub(name)
            where = f"{path}.{name}"
            if sub is None:
                self.problems.append(
                    f"{where!r}: {whole.attribute.name} has no sub-attribute {name!r}. "
                    "Correct the name."
                )
            elif isinstance(part, bool) or (sub.name in _LITERALS and isinstance(part, str)):
                try:
                    literals[sub.name] = load_simple(sub, part, where)
                except ScimError as error:
                    self.problems.append(f"{where!r}: {error.detail}")
            else:
                source = self._source(where, part)
                if source is not None:
                    sources[sub.name] = source
        self._add_slot(path, whole, literals, sources)

    def _read_filtered(
        self,
        path: str,
        whole: AttributePath,
        tree: syntax.Path,
        sub_attribute: Any,
        source: Any,
    ) -> None:
        literals = literals_of(tree.filter)
        if literals is None or sub_attribute is None:
            self.problems.append(
                f"{path!r}: a mapped entry is written "
                f'{whole.attribute.name}[type eq "work"].value; only eq and and can be used.'
            )
            return
        named = {
            sub.name: typed(sub, value)
            for name, value in literals.items()
            if (sub := whole.attribute.sub(name)) is not None
        }
        read = self._source(path, source)
        if read is not None:
            self._add_slot(path, whole, named, {sub_attribute.name: read})

    def _add_slot(
        self,
        path: str,
        whole: AttributePath,
        literals: dict[str, Any],
        sources: dict[str, AnySource],
    ) -> None:
        if not sources:
            self.problems.append(f"{path!r}: an entry needs at least one source, such as value.")
        for name, source in sources.items():
            part = AttributePath(whole.attribute, whole.attribute.sub(name), whole.urn)
            problems, where = find_misfits(part, source, is_entry=True), f"{path}.{name}"
            self.problems += (f"{where!r}: {problem}." for problem in problems)
        sources = {
            name: guarded(AttributePath(whole.attribute, whole.attribute.sub(name)), source)
            for name, source in sources.items()
        }
        added = Slot(whole, tuple(literals.items()), tuple(sources.items()))
        for index, slot in enumerate(self.slots):
            if slot.path == whole and slot.key == added.key:
                if dict(slot.sources).keys() & sources.keys():
                    self.problems.append(f"{path!r}: {slot.selector} is mapped twice; keep one.")
                merged = dict(slot.literals) | literals, dict(slot.sources) | sources
                self.slots[index] = Slot(whole, *(tuple(part.items()) for part in merged))
                return
        self.slots.append(added)

    def _add_field(self, path: str, bound: AttributePath, source: Any) -> None:
        read = self._source(path, source)
        if read is None:
            return
        self.problems += (f"{path!r}: {problem}." for problem in find_misfits(bound, read))
        self.fields.append(Field(bound, guarded(bound, read)))

    def _source(self, path: str, source: Any) -> Any:
        try:
            return self.find(source)
        except TypeError as error:
            self.problems.append(f"{path!r}: {error}.")
            return None


def _named_refs(attribute: Attribute, source: Any) -> Any:
    """Read references that are written without code: relationships by the type they lead to."""
    if not (attribute.is_reference and attribute.multi_valued and isinstance(source, Dict)):
        return source
    if not source or any(attribute.sub(str(name)) for name in source):
        return source
    return [Refs(way, name) if isinstance(way, str) else way for name, way in source.items()]
