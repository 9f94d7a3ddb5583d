"""Identity providers' JSON, turned into the RFC's."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from flask_scim.protocol import patch
from flask_scim.protocol.definitions import ENTERPRISE_USER, GROUP_TYPE, USER_TYPE
from flask_scim.protocol.dialects import Dialect, find_dialect, normalise_patch, normalise_resource
from flask_scim.protocol.errors import InvalidSyntax, InvalidValue
from flask_scim.protocol.operations import parse
from flask_scim.protocol.values import STRICT as STRICT_RULES

GENERIC = find_dialect("generic")
ENTRA = find_dialect("entra")
OKTA = find_dialect("okta")
STRICT = find_dialect("entra", strict=True)
CORE = USER_TYPE.schema.id
URN = ENTERPRISE_USER.id

KNOWN = [
    "authentik",
    "cyberark",
    "entra",
    "generic",
    "google",
    "jumpcloud",
    "oidc",
    "okta",
    "onelogin",
    "ping",
    "rippling",
    "sailpoint",
    "saml",
]


@pytest.mark.parametrize("idp", KNOWN)
def test_known(idp: str) -> None:
    """Every known identity provider has a dialect under its own name, and a strict one."""
    lenient, strict = find_dialect(idp), find_dialect(idp, strict=True)
    assert [idp, idp] == [lenient.name, strict.name]
    assert not lenient.strict
    assert lenient.unknown_schemas is (idp != "generic")
    assert strict.strict
    assert strict.rules is STRICT_RULES


def test_unknown() -> None:
    """The message lists what can be chosen."""
    with pytest.raises(ValueError, match=f"'azure'.*{', '.join(KNOWN)}"):
        find_dialect("azure")


def perform(
    before: dict[str, Any], operations: list[Any], dialect: Dialect
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Carry out a PATCH in a dialect; also return the quirks that were met."""
    given = copy.deepcopy(operations)
    normalised, quirks = normalise_patch(operations, USER_TYPE, dialect)
    assert given == operations
    parsed = parse(normalised, USER_TYPE, dialect)
    return patch.apply(before, parsed, USER_TYPE, dialect), quirks


@pytest.mark.parametrize("dialect", [GENERIC, ENTRA, OKTA], ids=["generic", "entra", "okta"])
@pytest.mark.parametrize(
    ("operation", "after", "quirks"),
    [
        ({"op": "replace", "path": "active", "value": False}, {"active": False}, ()),
        (
            {"op": "Replace", "path": "active", "value": False},
            {"active": False},
            ("capitalised-op",),
        ),
        (
            {"op": "replace", "path": "active", "value": "False"},
            {"active": False},
            ("text-boolean",),
        ),
        ({"op": "replace", "value": {"active": "true"}}, {"active": True}, ("text-boolean",)),
        ({"op": "replace", "value": {"ACTIVE": "TRUE"}}, {"active": True}, ("text-boolean",)),
        (
            {"op": "Add", "path": "roles", "value": [{"primary": "True", "value": "a"}]},
            {"roles": [{"primary": True, "value": "a"}]},
            ("capitalised-op", "text-boolean"),
        ),
        (
            {"op": "add", "path": 'roles[primary eq "True"].value', "value": "a"},
            {"roles": [{"primary": True, "value": "a"}]},
            (),
        ),
        (
            {"op": "add", "path": 'roles[value eq "a"].primary', "value": "True"},
            {"roles": [{"primary": True, "value": "a"}]},
            ("text-boolean",),
        ),
        (
            {"op": "add", "path": 'roles[value eq "a"]', "value": {"primary": "True"}},
            {"roles": [{"primary": True, "value": "a"}]},
            ("text-boolean",),
        ),
        (
            {"op": "add", "path": "emails", "value": {"value": "a"}},
            {"emails": [{"value": "a"}]},
            ("single-entry",),
        ),
        (
            {"op": "add", "value": {"emails": {"value": "a"}}},
            {"emails": [{"value": "a"}]},
            ("single-entry",),
        ),
        (
            {"op": "add", "path": f"{URN}:manager", "value": [{"value": "2", "$ref": None}]},
            {URN: {"manager": {"value": "2"}}},
            ("listed-value",),
        ),
        (
            {"op": "replace", "path": f"{URN}:department", "value": "D"},
            {URN: {"department": "D"}},
            (),
        ),
        ({"op": "replace", "path": URN, "value": {"division": "V"}}, {URN: {"division": "V"}}, ()),
        ({"op": "replace", "value": {URN: {"division": "V"}}}, {URN: {"division": "V"}}, ()),
        ({"op": "replace", "value": {"id": "7", "displayName": "B"}}, {"displayName": "B"}, ()),
        ({"op": "replace", "value": {"shoeSize": 44}}, {}, ()),
        ({"op": "add", "path": "nickName", "value": "True"}, {"nickName": "True"}, ()),
        ({"op": "remove", "path": "nickName", "value": "x"}, {}, ()),
        (
            {"op": "Remove", "path": "emails", "value": [{"value": "a"}]},
            {},
            ("capitalised-op", "value-list-removal"),
        ),
        ({"op": "remove", "value": {"emails": [{"value": "a"}]}}, {}, ("value-list-removal",)),
    ],
)
def test_tolerated_by_all(
    operation: dict[str, Any], after: dict[str, Any], quirks: tuple[str, ...], dialect: Dialect
) -> None:
    """What harms nobody is understood from everybody."""
    assert (after, quirks) == perform({}, [operation], dialect)


DOTTED: dict[str, Any] = {
    "active": False,
    "name.givenName": "B",
    "name.familyName": "J",
    f"{URN}:employeeNumber": "7",
    'emails[type eq "work"].value': "a",
    "shoe.size": 44,
}


@pytest.mark.parametrize("dialect", [ENTRA, OKTA], ids=["entra", "okta"])
@pytest.mark.parametrize("op", ["add", "replace"])
def test_dotted_keys(op: str, dialect: Dialect) -> None:
    """The keys of a path-less value may be paths; those that lead nowhere are passed over."""
    after, quirks = perform({"name": {"middleName": "M"}}, [{"op": op, "value": DOTTED}], dialect)
    expected = {
        "active": False,
        "name": {"middleName": "M", "givenName": "B", "familyName": "J"},
        URN: {"employeeNumber": "7"},
        "emails": [{"type": "work", "value": "a"}],
    }
    assert expected == after
    assert quirks == ("dotted-key",)


def test_dotted_keys_are_not_generic() -> None:
    """By the RFC such a key is an attribute that nobody knows."""
    after, quirks = perform({}, [{"op": "replace", "value": DOTTED}], GENERIC)
    assert list(after) == ["active"]
    assert quirks == ()


def test_only_dotted_keys() -> None:
    """Nothing is left of the operation but its parts, each with the type of its target."""
    value = {"name.givenName": None, f"{URN}:manager": "2", "emails.primary": "False"}
    normalised, quirks = normalise_patch([{"op": "Replace", "value": value}], USER_TYPE, ENTRA)
    expected = [
        {"op": "replace", "path": "name.givenName", "value": None},
        {"op": "replace", "path": f"{URN}:manager", "value": {"value": "2"}},
        {"op": "replace", "path": "emails.primary", "value": False},
    ]
    assert expected == normalised
    assert quirks == ("bare-manager", "capitalised-op", "dotted-key", "text-boolean")


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Add", "path": f"{URN}:manager", "value": "2"},
        {"op": "Replace", "path": f"{URN}:manager", "value": "2"},
        {"op": "Replace", "value": {f"{URN}:manager": "2"}},
        {"op": "Replace", "value": {URN: {"manager": "2"}}},
        {"op": "Replace", "path": URN, "value": {"Manager": "2"}},
    ],
)
def test_bare_manager(operation: dict[str, Any]) -> None:
    """Entra sends the manager's id alone."""
    after, quirks = perform(
        {URN: {"manager": {"value": "1", "displayName": "A"}}}, [operation], ENTRA
    )
    expected = {URN: {"manager": {"value": "2"}}}
    assert expected == after
    assert "bare-manager" in quirks


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Remove", "path": f"{URN}:manager"},
        {"op": "Remove", "path": f"{URN}:manager", "value": "1"},
        {"op": "Replace", "path": f"{URN}:manager", "value": ""},
        {"op": "Replace", "path": f"{URN}:manager", "value": {"value": ""}},
        {"op": "Replace", "path": f"{URN}:manager", "value": None},
        {"op": "Replace", "path": f"{URN}:manager.value", "value": ""},
        {"op": "Replace", "value": {f"{URN}:manager": ""}},
        {"op": "Replace", "value": {URN: {"manager": ""}}},
        {"op": "Replace", "value": {URN: {"manager": {"value": ""}}}},
    ],
)
def test_manager_cleared(operation: dict[str, Any]) -> None:
    """An empty id, in whatever form, is no manager."""
    before = {"userName": "b", URN: {"manager": {"value": "1", "displayName": "A"}}}
    after, _ = perform(before, [operation], ENTRA)
    assert list(after) == ["userName"]


def test_bare_members_are_not_taken() -> None:
    """An id stands for a reference only where there is one."""
    operations = [{"op": "add", "path": "members", "value": ["1"]}]
    assert (operations, ()) == normalise_patch(operations, GROUP_TYPE, ENTRA)


def test_bare_manager_is_not_generic() -> None:
    """By the RFC a manager is an object."""
    with pytest.raises(InvalidValue, match="manager must be an object"):
        perform({}, [{"op": "add", "path": f"{URN}:manager", "value": "2"}], GENERIC)


def test_strict_is_left_as_it_is() -> None:
    """A strict connection refuses what the others understand."""
    operations = [{"op": "Replace", "path": "active", "value": "False"}]
    assert (operations, ()) == normalise_patch(operations, USER_TYPE, STRICT)
    with pytest.raises(InvalidSyntax):
        perform({}, operations, STRICT)
    body = {"active": "True"}
    assert (body, ()) == normalise_resource(body, USER_TYPE, STRICT)


@pytest.mark.parametrize(
    "operations",
    [
        ["x", 7, None, []],
        [{"op": 7, "path": [], "value": {}}],
        [{"op": "add", "path": "emails[", "value": "x"}],
        [{"op": "add", "path": "x" * 9000, "value": {"a": 1}}],
        [{"op": "replace", "value": {"": 1, "[": 2, "x" * 9000: 3}}],
    ],
    ids=lambda operations: str(operations)[:40],
)
def test_nonsense_stays_nonsense(operations: list[Any]) -> None:
    """What cannot be read is left for the one who refuses it."""
    assert (operations, ()) == normalise_patch(operations, USER_TYPE, ENTRA)


@pytest.mark.parametrize(
    ("body", "expected", "quirks"),
    [
        ({"schemas": [CORE], "active": True}, {"schemas": [CORE], "active": True}, ()),
        (
            {"Schemas": [CORE], "active": "True"},
            {"Schemas": [CORE], "active": True},
            ("text-boolean",),
        ),
        ({}, {"schemas": [CORE]}, ("missing-schemas",)),
        ({"schemas": []}, {"schemas": [CORE]}, ("missing-schemas",)),
        ({URN: {}}, {"schemas": [CORE, URN], URN: {}}, ("missing-schemas",)),
        ({"schemas": "x"}, {"schemas": "x"}, ()),
        (
            {"schemas": [CORE], "emails": {"value": "a", "primary": "true"}},
            {"schemas": [CORE], "emails": [{"value": "a", "primary": True}]},
            ("single-entry", "text-boolean"),
        ),
        ({"schemas": [CORE], URN: None, "x": 1}, {"schemas": [CORE], URN: None, "x": 1}, ()),
    ],
)
def test_resource(body: dict[str, Any], expected: dict[str, Any], quirks: tuple[str, ...]) -> None:
    """A resource is taken in the same way as a value of a PATCH."""
    given = copy.deepcopy(body)
    assert (expected, quirks) == normalise_resource(body, USER_TYPE, GENERIC)
    assert given == body


@pytest.mark.parametrize("idp", [idp for idp in KNOWN if idp != "generic"])
def test_unknown_schemas(idp: str) -> None:
    """Vendors' URNs are passed over where the vendor is known, and refused elsewhere."""
    vendor = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
    core = GROUP_TYPE.schema.id
    body = {"schemas": [core.lower(), vendor, 7], "displayName": "g"}
    normalised, quirks = normalise_resource(body, GROUP_TYPE, find_dialect(idp))
    assert [core.lower(), 7] == normalised["schemas"]
    assert quirks == ("unknown-schema",)
    assert (body, ()) == normalise_resource(body, GROUP_TYPE, GENERIC)


def test_only_unknown_schemas() -> None:
    """A resource that names none but foreign schemas names none."""
    normalised, quirks = normalise_resource({"schemas": ["urn:x"]}, USER_TYPE, ENTRA)
    assert normalised["schemas"] == [CORE]
    assert quirks == ("missing-schemas", "unknown-schema")


def test_bare_manager_in_a_resource() -> None:
    """Entra creates users with the manager's id alone."""
    body = {"schemas": [CORE, URN], URN: {"manager": "2"}}
    normalised, quirks = normalise_resource(body, USER_TYPE, ENTRA)
    expected = {"manager": {"value": "2"}}
    assert expected == normalised[URN]
    assert quirks == ("bare-manager",)
