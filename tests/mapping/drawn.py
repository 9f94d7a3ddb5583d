"""Mappings and documents of users, drawn at random."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from flask_scim.mapping.declaration import read_declaration
from flask_scim.mapping.mapping import Mapping
from flask_scim.protocol.definitions import ENTERPRISE_USER, USER
from flask_scim.protocol.definitions import USER_TYPE as TYPE
from flask_scim.protocol.schema import Attribute, Mutability, Returned, Type

TYPES = ["work", "home", "Work"]
words = st.sampled_from(["a", "b", "C", "ä"])

SIMPLE = [a for a in USER.attributes if not a.is_complex and a.returned is not Returned.NEVER]
# What clients cannot write is in no document that they send.
PLURAL = [a for a in USER.attributes if a.multi_valued and a.mutability is Mutability.READ_WRITE]
(NAME,) = [a for a in USER.attributes if a.is_complex and not a.multi_valued]
OPTIONAL = [attribute for attribute in SIMPLE if not attribute.required]


def simple(attribute: Attribute) -> st.SearchStrategy[Any]:
    """A canonical value of a simple attribute."""
    if attribute.type is Type.BOOLEAN:
        return st.booleans()
    if attribute.type is Type.BINARY:
        return st.sampled_from(["YQ==", "Yg=="])
    return st.sampled_from(TYPES) if attribute.name == "type" else words


def parts(attribute: Attribute, without: tuple[str, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """A canonical complex value, never empty."""
    optional = {s.name: simple(s) for s in attribute.sub_attributes if s.name not in without}
    return st.fixed_dictionaries({}, optional=optional).filter(bool)


@st.composite
def entries(draw: st.DrawFn, attribute: Attribute) -> list[dict[str, Any]]:
    """The entries of a multi-valued attribute, at most one of them primary."""
    found = draw(st.lists(parts(attribute, ("primary",)), min_size=1, max_size=4))
    if attribute.sub("primary") is not None:
        primary = draw(st.integers(-2, len(found) - 1))
        for index, entry in enumerate(found):
            if index == primary:
                entry["primary"] = True
            elif draw(st.integers(0, 4)) == 0:
                entry["primary"] = False
    return found


MANAGER = ENTERPRISE_USER.attribute("manager")
assert MANAGER is not None
extensions = st.fixed_dictionaries(
    {},
    optional={
        attribute.name: parts(attribute) if attribute.is_complex else words
        for attribute in ENTERPRISE_USER.attributes
    },
).filter(bool)
documents = st.fixed_dictionaries(
    {"userName": words},
    optional={
        **{attribute.name: simple(attribute) for attribute in OPTIONAL},
        **{attribute.name: entries(attribute) for attribute in PLURAL},
        "externalId": words,
        "name": parts(NAME),
        ENTERPRISE_USER.id: extensions,
    },
)


@st.composite
def templates(draw: st.DrawFn, attribute: Attribute) -> list[dict[str, Any]]:
    """Templates for the entries of a multi-valued attribute, each of a type of its own."""
    sources = [sub.name for sub in attribute.sub_attributes if sub.name not in ("type", "primary")]
    chosen = st.lists(st.sampled_from(sources), min_size=1, unique=True)
    kinds = draw(st.lists(st.sampled_from(["work", "home", None]), min_size=1, unique=True))
    primary = draw(st.integers(-2, len(kinds) - 1))
    made: list[dict[str, Any]] = []
    for index, kind in enumerate(kinds):
        template: dict[str, Any] = {} if kind is None else {"type": kind}
        if index == primary and attribute.sub("primary") is not None:
            template["primary"] = True
        for name in draw(chosen):
            template[name] = f"{attribute.name}_{index}_{name}".replace("$", "")
        made.append(template)
    return made


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """A declaration that maps some of the attributes of users, each in one of the ways."""
    declared: dict[str, Any] = {"userName": "login"}
    for attribute in draw(st.lists(st.sampled_from(OPTIONAL), unique=True, max_size=5)):
        declared[attribute.name] = attribute.name
    for attribute in draw(st.lists(st.sampled_from(PLURAL), unique=True, max_size=4)):
        whole = draw(st.integers(0, 3)) == 0
        declared[attribute.name] = attribute.name if whole else draw(templates(attribute))
    if draw(st.booleans()):
        declared["externalId"] = "foreign"
    for name, attribute in (("name", NAME), (f"{ENTERPRISE_USER.id}:manager", MANAGER)):
        match draw(st.integers(0, 2)):
            case 1:
                declared[name] = attribute.name
            case 2:
                subs = draw(st.lists(st.sampled_from(attribute.sub_attributes), unique=True))
                declared |= {f"{name}.{sub.name}": f"{attribute.name}.{sub.name}" for sub in subs}
    if draw(st.booleans()):
        declared[f"{ENTERPRISE_USER.id}:department"] = "department"
    return declared


def read(declaration: dict[str, Any], *, keep: bool) -> Mapping:
    """Read a declaration."""
    return read_declaration(declaration, TYPE, keep_unmapped=keep)
