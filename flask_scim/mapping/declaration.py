"""A host's declaration read against the schemas, with every mistake named at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace
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
    Returned,
    Schema,
    Type,
    Uniqueness,
)
from ..protocol.syntax import Comparison, Operator
from ..protocol.values import load_simple
from .mapping import Field, Mapping, Reference, Slot, is_secret, writable
from .sources import AnySource, Computed, RecordColumn, Refs, Source, Values, read_source

#: Sub-attributes whose plain values in a template are literals, not names.
_LITERALS = ("type", "primary")
#: The parts of an entry that refers to another resource.
_REFERENCE_PARTS = ("value", "$ref", "type", "display")
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
        self._check_demands()
        self._check_overlaps()
        self._check_primaries()
        self._check_writers()

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
        problem = _misfit(whole)
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
            sub.name: _literal(sub, value)
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
            self._check_inversion(f"{path}.{name}", whole.attribute.sub(name), source)
            part = AttributePath(whole.attribute, whole.attribute.sub(name), whole.urn)
            self._check_secrecy(f"{path}.{name}", part, source, is_entry=True)
        sources = {
            name: _guarded(AttributePath(whole.attribute, whole.attribute.sub(name)), source)
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
        self._check_inversion(path, bound.leaf, read)
        self._check_secrecy(path, bound, read)
        self.fields.append(Field(bound, _guarded(bound, read)))

    def _source(self, path: str, source: Any) -> Any:
        try:
            return self.find(source)
        except TypeError as error:
            self.problems.append(f"{path!r}: {error}.")
            return None

    def _check_inversion(self, path: str, attribute: Attribute | None, source: AnySource) -> None:
        is_boolean = attribute is not None and attribute.type is Type.BOOLEAN
        if isinstance(source, Source) and source.inverted and not is_boolean:
            self.problems.append(f"{path!r}: only a boolean can be inverted; drop the '!'.")

    def _check_secrecy(
        self, path: str, bound: AttributePath, source: AnySource, *, is_entry: bool = False
    ) -> None:
        """Refuse to store a secret in clear text, and to hide what is none."""
        leaf, parts = bound.leaf, bound.leaf.sub_attributes
        is_hashed = isinstance(source, Source) and source.hashed is not None
        problem = None
        if is_secret(bound) and (is_entry or leaf.multi_valued or leaf.type is not Type.STRING):
            problem = "only a single text can be hashed, and no part of an entry; leave it out"
        elif is_secret(bound) and not is_hashed:
            problem = (
                "clear text must never be stored; leave it out, or name a function that makes a "
                "hash of it, as in hashed(User.password_hash, generate_password_hash)"
            )
        elif any(sub.returned is Returned.NEVER for sub in parts):
            problem = "it has parts that must never be stored in clear text; map it part by part"
        elif is_hashed and not is_secret(bound):
            problem = "it is returned to clients, and a hash cannot be; drop hashed()"
        elif is_hashed and not writable(source):
            problem = "nobody reads a hash; drop read_only()"
        if problem:
            self.problems.append(f"{path!r}: {problem}.")

    def _check_demands(self) -> None:
        """Refuse to leave out what a schema promises: required values, and unique ones."""
        mapped = {keys[:length] for keys in self.named for length in (1, 2)}
        self._check_schema(self.resource_type.schema, (), mapped)
        for extension in self.resource_type.extensions:
            urn = extension.schema.id
            if (urn,) in mapped:
                self._check_schema(extension.schema, (urn,), mapped)
            elif extension.required:
                self.problems.append(f"{urn} is required and not mapped; map its attributes.")

    def _check_schema(
        self, schema: Schema, prefix: tuple[str, ...], mapped: set[tuple[str, ...]]
    ) -> None:
        for attribute in schema.attributes:
            is_unique = attribute.uniqueness is not Uniqueness.NONE
            if (attribute.required or is_unique) and (*prefix, attribute.name) not in mapped:
                name = ":".join((*prefix, attribute.name))
                self.problems.append(
                    f"{name} is {'required' if attribute.required else 'unique'} and not mapped; "
                    f"add {name!r} with the model's attribute that holds it."
                )

    def _check_overlaps(self) -> None:
        """Refuse one value in two places: an attribute twice, or as a whole and in parts."""
        mapped = [field.path for field in self.fields]
        mapped += dict.fromkeys(slot.path for slot in self.slots)
        for index, path in enumerate(mapped):
            for other in mapped[:index]:
                shorter, longer = sorted((path, other), key=lambda each: len(each.keys))
                if longer == shorter:
                    self.problems.append(f"{path} is mapped twice; keep one.")
                elif longer.keys[: len(shorter.keys)] == shorter.keys:
                    self.problems.append(
                        f"{shorter} is mapped as a whole and {longer} by itself; keep one."
                    )

    def _check_primaries(self) -> None:
        primaries = Counter(
            str(slot.path) for slot in self.slots if dict(slot.literals).get("primary") is True
        )
        for path, count in primaries.items():
            if count > 1:
                self.problems.append(f"{path} has {count} primary entries; only one can be.")

    def _check_writers(self) -> None:
        """Refuse two writers of one place, or of a JSON value and a part of it."""
        places = [(str(field.path), field.source) for field in self.fields]
        places += [
            (f"{slot.selector}.{name}", source)
            for slot in self.slots
            for name, source in slot.sources
        ]
        writers = [
            (path, source.steps)
            for path, source in places
            if isinstance(source, Source) and not source.read_only
        ]
        for index, (path, steps) in enumerate(writers):
            for other, others in writers[:index]:
                shorter, longer = sorted((steps, others), key=len)
                if longer[: len(shorter)] == shorter:
                    self.problems.append(
                        f"{'.'.join(longer)} has several writers ({other}, {path}); "
                        'keep one and wrap the others in read_only(), as pairs "read_only": true.'
                    )


def _guarded(bound: AttributePath, source: AnySource) -> AnySource:
    """The source, read only where the attribute or what it is a part of is."""
    mutability = {bound.attribute.mutability, bound.leaf.mutability}
    if isinstance(source, Source) and Mutability.READ_ONLY in mutability:
        return replace(source, read_only=True)
    return source


def _named_refs(attribute: Attribute, source: Any) -> Any:
    """Read references that are written without code: relationships by the type they lead to."""
    if not (attribute.is_reference and attribute.multi_valued and isinstance(source, Dict)):
        return source
    if not source or any(attribute.sub(str(name)) for name in source):
        return source
    return [Refs(way, name) if isinstance(way, str) else way for name, way in source.items()]


def _misfit(bound: AttributePath) -> str | None:
    """Why references cannot be kept as an attribute wants it; ``None`` if they can."""
    attribute = bound.attribute
    parts = [sub.name for sub in attribute.sub_attributes if sub.name not in _REFERENCE_PARTS]
    if bound.urn is not None:
        return "only the core schema can have references; move the attribute there"
    if parts:
        return f"a reference has no {' and no '.join(parts)}; take that out of the schema"
    if attribute.required or attribute.mutability not in (
        Mutability.READ_ONLY,
        Mutability.READ_WRITE,
    ):
        return "references come and go; make the attribute readWrite and not required"
    return None


def _literal(sub: Attribute, value: Any) -> Any:
    """A literal as the attribute has it: Entra ID writes booleans as text."""
    is_text = sub.type is Type.BOOLEAN and isinstance(value, str)
    return value.lower() == "true" if is_text and value.lower() in ("true", "false") else value


def literals_of(tree: syntax.Filter | None) -> dict[str, Any] | None:
    """Read the filter of a mapped entry.

    :param tree: the filter.
    :return: its names and values; ``None`` where it is made of more than ``eq`` and ``and``.
    """
    match tree:
        case Comparison(name, Operator.EQ, value):
            return {name.attribute: value}
        case syntax.And(terms):
            literals: dict[str, Any] = {}
            for term in terms:
                part = literals_of(term)
                if part is None:
                    return None
                literals |= part
            return literals
        case _:
            return None
