"""How identity providers differ from the RFC, and their JSON turned into the RFC's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import BadRequest
from .parser import parse_path
from .resolver import Target, resolve_path
from .schema import Attribute, ResourceType, Type
from .values import LENIENT, STRICT, Rules


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a connection takes beyond the RFC.

    :param name: the identity provider.
    :param rules: how forgiving values are read.
    :param strict: hold the client to the interoperability profile: a path in every operation, lists
        for lists, one entry behind a value filter, a complex attribute replaced as a whole.
    :param unknown_schemas: pass over URNs in ``schemas`` that the resource type does not have.
    :param dotted_keys: take a path for a key in a value: ``name.givenName``.
    :param bare_references: take an id for the one reference of an attribute: the manager.
    :param bare_words: take text without quotes in filters.
    :param creates_entries: let ``replace`` make the entry that its value filter does not find.
    :param removes_absent: let ``remove`` succeed where its value filter finds nothing.
    """

    name: str
    rules: Rules = LENIENT
    strict: bool = False
    unknown_schemas: bool = True
    dotted_keys: bool = False
    bare_references: bool = False
    bare_words: bool = False
    creates_entries: bool = False
    removes_absent: bool = False


GENERIC = Dialect("generic", unknown_schemas=False)
ENTRA = Dialect(
    "entra",
    dotted_keys=True,
    bare_references=True,
    bare_words=True,
    creates_entries=True,
    removes_absent=True,
)
OKTA = Dialect("okta", dotted_keys=True, bare_words=True, creates_entries=True, removes_absent=True)

#: Those of whom nothing is known but extra URNs in ``schemas``.
_PLAIN = (
    "onelogin",
    "google",
    "jumpcloud",
    "ping",
    "cyberark",
    "sailpoint",
    "authentik",
    "rippling",
    # Whoever speaks the protocol by which a connection's people sign in.
    "oidc",
    "saml",
)
_DIALECTS = {
    dialect.name: dialect for dialect in (GENERIC, ENTRA, OKTA, *(Dialect(name) for name in _PLAIN))
}


def find_dialect(idp: str, strict: bool = False) -> Dialect:
    """Find how an identity provider speaks.

    :param idp: the name of the identity provider, or ``generic``.
    :param strict: take nothing beyond the RFC.
    :return: the dialect.
    :raises ValueError: if the name is unknown; the message lists those that are known.
    """
    try:
        dialect = _DIALECTS[idp]
    except KeyError:
        known = ", ".join(sorted(_DIALECTS))
        raise ValueError(f"{idp!r} is no identity provider; choose one of {known}.") from None
    if strict:
        return Dialect(dialect.name, STRICT, strict=True, unknown_schemas=False)
    return dialect


def normalise_patch(
    operations: list[Any], resource_type: ResourceType, dialect: Dialect
) -> tuple[list[Any], tuple[str, ...]]:
    """Turn the operations of a PATCH into the RFC's JSON.

    What cannot be read stays as it is, to be refused where operations are parsed.

    :param operations: the list ``Operations`` of the request; it is not touched.
    :param resource_type: the type of the resource that is to change.
    :param dialect: how the identity provider speaks.
    :return: the operations, and the names of the quirks that were met.
    """
    if dialect.strict:
        return operations, ()
    normaliser = _Normaliser(resource_type, dialect)
    normalised: list[Any] = []
    for operation in operations:
        if isinstance(operation, dict):
            normalised.extend(normaliser.operation(operation))
        else:
            normalised.append(operation)
    return normalised, tuple(sorted(normaliser.quirks))


def normalise_resource(
    body: dict[str, Any], resource_type: ResourceType, dialect: Dialect
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Turn a resource that a client sends into the RFC's JSON.

    :param body: the resource as JSON gave it; it is not touched.
    :param resource_type: the type of the resource.
    :param dialect: how the identity provider speaks.
    :return: the resource, and the names of the quirks that were met.
    """
    if dialect.strict:
        return body, ()
    normaliser = _Normaliser(resource_type, dialect)
    return normaliser.schemas(normaliser.document(body)), tuple(sorted(normaliser.quirks))


class _Normaliser:
    def __init__(self, resource_type: ResourceType, dialect: Dialect) -> None:
        self.resource_type = resource_type
        self.dialect = dialect
        self.quirks: set[str] = set()

    def operation(self, operation: dict[str, Any]) -> list[dict[str, Any]]:
        op, path, value = (operation.get(key) for key in ("op", "path", "value"))
        if isinstance(op, str) and op != op.lower():
            self.quirks.add("capitalised-op")
            op = op.lower()
        operation = {**operation, "op": op}
        if op == "remove":
            if isinstance(value, list | dict):
                self.quirks.add("value-list-removal")
            return [operation]
        if isinstance(path, str) and isinstance(value, str | list | dict):
            target = self._target(path)
            if target is not None:
                return [{**operation, **self._at(target, value)}]
        if path is not None or not isinstance(value, dict):
            return [operation]
        dotted = {key: target for key in value if (target := self._dotted(key)) is not None}
        if not dotted:
            return [{**operation, "value": self.document(value)}]
        self.quirks.add("dotted-key")
        plain = {key: item for key, item in value.items() if key not in dotted}
        split = [{"op": op, "value": self.document(plain)}] if plain else []
        for key, target in dotted.items():
            split.append(
                {"op": op, "path": key, "value": value[key], **self._at(target, value[key])}
            )
        return split

    def document(self, document: dict[str, Any]) -> dict[str, Any]:
        normalised = {}
        for key, item in document.items():
            # Most of what is sent there is no other way to write.
            if key in self.resource_type.schema.plain_names:
                normalised[key] = item
                continue
            extension = self.resource_type.extension(key)
            if extension is not None and isinstance(item, dict):
                plain = extension.plain_names
                normalised[key] = {
                    name: part if name in plain else self._value(extension.attribute(name), part)
                    for name, part in item.items()
                }
            else:
                normalised[key] = self._value(self.resource_type.attribute(key), item)
        return normalised

    def schemas(self, document: dict[str, Any]) -> dict[str, Any]:
        key = next((key for key in document if key.lower() == "schemas"), "schemas")
        urns = document.get(key)
        if self.dialect.unknown_schemas and isinstance(urns, list):
            known = [urn for urn in urns if not isinstance(urn, str) or self._knows(urn)]
            if known != urns:
                self.quirks.add("unknown-schema")
            urns = known
        if not urns:
            self.quirks.add("missing-schemas")
            extensions = map(self.resource_type.extension, document)
            urns = [self.resource_type.schema.id, *(schema.id for schema in extensions if schema)]
        return {**document, key: urns}

    def _knows(self, urn: str) -> bool:
        is_core = urn.lower() == self.resource_type.schema.id.lower()
        return is_core or self.resource_type.extension(urn) is not None

    def _at(self, target: Target, value: Any) -> dict[str, Any]:
        """Normalise what an operation with a path puts there."""
        attribute, sub = target.attribute, target.sub_attribute
        if attribute is None:
            assert target.urn is not None
            return {"value": self.document({target.urn: value})[target.urn]}
        if sub is None:
            return {"value": self._value(attribute, value, entry=target.condition is not None)}
        return {"value": self._value(sub, value)}

    def _value(self, attribute: Attribute | None, value: Any, entry: bool = False) -> Any:
        if attribute is None or value is None or attribute.is_plain:
            return value
        if attribute.multi_valued and not entry:
            if isinstance(value, list):
                if attribute.has_plain_parts and set(map(type, value)) == {dict}:
                    return value
                return [self._value(attribute, item, entry=True) for item in value]
            if isinstance(value, dict):
                self.quirks.add("single-entry")
                return [self._value(attribute, value, entry=True)]
            return value
        if attribute.is_complex and isinstance(value, list) and len(value) == 1:
            self.quirks.add("listed-value")
            value = value[0]
        if attribute.type is Type.BOOLEAN and isinstance(value, str):
            return self._boolean(value)
        if isinstance(value, str) and self._may_be_bare(attribute):
            self.quirks.add("bare-manager")
            return {"value": value} if value else None
        if not (attribute.is_complex and isinstance(value, dict)):
            return value
        texts = attribute.text_parts
        return {
            key: item if key in texts else self._value(attribute.sub(key), item)
            for key, item in value.items()
        }

    def _boolean(self, text: str) -> Any:
        if text.lower() not in ("true", "false"):
            return text
        self.quirks.add("text-boolean")
        return text.lower() == "true"

    def _may_be_bare(self, attribute: Attribute) -> bool:
        single = attribute.is_reference and not attribute.multi_valued
        return single and self.dialect.bare_references

    def _dotted(self, key: str) -> Target | None:
        if not self.dialect.dotted_keys:
            return None
        if self.resource_type.attribute(key) or self.resource_type.extension(key):
            return None
        return self._target(key)

    def _target(self, path: str) -> Target | None:
        try:
            return resolve_path(parse_path(path), self.resource_type, self.dialect.rules)
        except BadRequest:
            return None
