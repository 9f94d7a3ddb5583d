"""What ``add`` does, sentence by sentence (:rfc:`7644#section-3.5.2.1`)."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim.protocol import patch
from flask_scim.protocol.definitions import ENTERPRISE_USER, GROUP_TYPE, USER_TYPE
from flask_scim.protocol.dialects import Dialect, find_dialect
from flask_scim.protocol.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    MutabilityError,
    NoTarget,
    ScimError,
)
from flask_scim.protocol.operations import parse
from flask_scim.protocol.schema import Attribute, Extension, Mutability, ResourceType, Schema, Type

GENERIC = find_dialect("generic")
ENTRA = find_dialect("entra")
STRICT = find_dialect("generic", strict=True)
URN = ENTERPRISE_USER.id

DEVICE_TYPE = ResourceType(
    "Device",
    "/Devices",
    Schema(
        "urn:example:Device",
        "Device",
        "A thing on a desk.",
        (
            Attribute("serial", mutability=Mutability.IMMUTABLE),
            Attribute("tags", multi_valued=True),
            Attribute(
                "ports",
                Type.COMPLEX,
                multi_valued=True,
                sub_attributes=(
                    Attribute("value", required=True),
                    Attribute("type"),
                    Attribute("serial", mutability=Mutability.IMMUTABLE),
                ),
            ),
            Attribute(
                "place",
                Type.COMPLEX,
                sub_attributes=(
                    Attribute("room", required=True),
                    Attribute("floor", Type.INTEGER),
                    Attribute("labels", multi_valued=True),
                ),
            ),
        ),
    ),
)


def add(
    before: dict[str, Any],
    path: str | None,
    value: Any,
    resource_type: ResourceType = USER_TYPE,
    dialect: Dialect = GENERIC,
) -> dict[str, Any]:
    """Add a value to a document."""
    operation = {"op": "add", "value": value} | ({} if path is None else {"path": path})
    operations = parse([operation], resource_type, dialect)
    return patch.apply(before, operations, resource_type, dialect)


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        pytest.param(
            {"displayName": "Tour Guides"},
            "members",
            [
                {
                    "display": "Babs Jensen",
                    "$ref": "https://example.com/v2/Users/2819c223",
                    "value": "2819c223",
                }
            ],
            {
                "displayName": "Tour Guides",
                "members": [{"$ref": "https://example.com/v2/Users/2819c223", "value": "2819c223"}],
            },
            id="the example: a member, whose display name only the server writes",
        ),
        pytest.param(
            {"members": [{"value": "1"}]},
            "members",
            [{"value": "2"}, {"value": "3"}],
            {"members": [{"value": "1"}, {"value": "2"}, {"value": "3"}]},
            id="several members behind those that are there",
        ),
        pytest.param(
            {"members": [{"value": "1", "type": "User", "$ref": "../Users/1"}]},
            "members",
            [{"value": "1"}, {"value": "1", "type": "User"}],
            {"members": [{"value": "1", "type": "User", "$ref": "../Users/1"}]},
            id="a member that is there, known by its id alone",
        ),
    ],
)
def test_members(before: dict[str, Any], path: str, value: Any, after: dict[str, Any]) -> None:
    """Members are a set, known by their ids."""
    assert after == add(before, path, value, GROUP_TYPE)


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        pytest.param(
            {"userName": "babs"},
            None,
            {
                "emails": [{"value": "babs@jensen.org", "type": "home"}],
                "nickName": "Babs",
            },
            {
                "userName": "babs",
                "emails": [{"value": "babs@jensen.org", "type": "home"}],
                "nickName": "Babs",
            },
            id="the example without path: the resource itself is the target",
        ),
        pytest.param(
            {"userName": "babs"},
            None,
            {"NICKNAME": "B", "Name": {"GivenName": "Barbara"}},
            {"userName": "babs", "nickName": "B", "name": {"givenName": "Barbara"}},
            id="without path: names in any case",
        ),
        pytest.param(
            {"name": {"familyName": "Jensen"}},
            None,
            {"name": {"givenName": "Barbara"}, URN: {"Department": "Tours"}},
            {
                "name": {"familyName": "Jensen", "givenName": "Barbara"},
                URN: {"department": "Tours"},
            },
            id="without path: a complex attribute merges, an extension comes by its URN",
        ),
        pytest.param(
            {},
            None,
            {"id": "7", "meta": {"version": "1"}, "groups": [{"value": "1"}], "schemas": ["x"]},
            {},
            id="without path: what only the server writes is passed over",
        ),
        pytest.param(
            {}, None, {"shoeSize": 44, "name": {"x": 1}, URN: {"x": 1}}, {}, id="unknown attributes"
        ),
        pytest.param({}, "nickName", "Babs", {"nickName": "Babs"}, id="nothing was there"),
        pytest.param({}, "NickName", "Babs", {"nickName": "Babs"}, id="a name in any case"),
        pytest.param(
            {"name": {"familyName": "J"}},
            "name",
            {"givenName": "B"},
            {"name": {"familyName": "J", "givenName": "B"}},
            id="a complex attribute takes a set of sub-attributes",
        ),
        pytest.param(
            {}, "name", {"givenName": "B"}, {"name": {"givenName": "B"}}, id="new complex"
        ),
        pytest.param({}, "name.givenName", "B", {"name": {"givenName": "B"}}, id="sub-attribute"),
        pytest.param(
            {"emails": [{"value": "a"}]},
            "emails",
            [{"value": "b"}],
            {"emails": [{"value": "a"}, {"value": "b"}]},
            id="a multi-valued attribute gains a value",
        ),
        pytest.param(
            {"emails": [{"value": "a"}]},
            "emails",
            {"value": "b"},
            {"emails": [{"value": "a"}, {"value": "b"}]},
            id="an object for a list of one",
        ),
        pytest.param(
            {"nickName": "Babs"},
            "nickName",
            "Barb",
            {"nickName": "Barb"},
            id="the value of a single-valued attribute is replaced",
        ),
        pytest.param(
            {"name": {"givenName": "A"}},
            "name.givenName",
            "B",
            {"name": {"givenName": "B"}},
            id="the value of a sub-attribute is replaced",
        ),
        pytest.param(
            {},
            f"{URN}:department",
            "Tours",
            {URN: {"department": "Tours"}},
            id="an attribute of an extension",
        ),
        pytest.param(
            {URN: {"costCenter": "1"}},
            f"{URN}:manager",
            {"value": "26118915"},
            {URN: {"costCenter": "1", "manager": {"value": "26118915"}}},
            id="a complex attribute of an extension",
        ),
        pytest.param(
            {URN: {"costCenter": "1"}},
            URN,
            {"division": "D", "COSTCENTER": "2"},
            {URN: {"costCenter": "2", "division": "D"}},
            id="an extension as a whole",
        ),
        pytest.param(
            {},
            f"{USER_TYPE.schema.id}:nickName",
            "Babs",
            {"nickName": "Babs"},
            id="a core attribute with its URN",
        ),
        pytest.param(
            {"emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "home"}]},
            'emails[type eq "work"].display',
            "A",
            {
                "emails": [
                    {"value": "a", "type": "work", "display": "A"},
                    {"value": "b", "type": "home"},
                ]
            },
            id="a sub-attribute of the entry that a filter selects",
        ),
        pytest.param(
            {"emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "work"}]},
            'emails[type eq "work"]',
            {"display": "W"},
            {
                "emails": [
                    {"value": "a", "type": "work", "display": "W"},
                    {"value": "b", "type": "work", "display": "W"},
                ]
            },
            id="every entry that a filter selects gains what is added",
        ),
        pytest.param(
            {"emails": [{"value": "a"}, {"value": "b"}]},
            "emails.type",
            "work",
            {"emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "work"}]},
            id="a sub-attribute of all entries",
        ),
        pytest.param({}, "emails.value", "a", {"emails": [{"value": "a"}]}, id="of no entry"),
        pytest.param({}, "password", "s3cret", {"password": "s3cret"}, id="a password"),
        pytest.param({"nickName": "B"}, "nickName", None, {"nickName": "B"}, id="null"),
        pytest.param({"nickName": "B"}, "nickName", "", {"nickName": "B"}, id="empty text"),
        pytest.param(
            {"emails": [{"value": "a"}]}, "emails", [], {"emails": [{"value": "a"}]}, id="[]"
        ),
        pytest.param(
            {"name": {"givenName": "B"}}, "name", {}, {"name": {"givenName": "B"}}, id="{}"
        ),
        pytest.param({}, "schemas", ["urn:x"], {}, id="schemas follow from what a resource holds"),
    ],
)
def test_add(before: dict[str, Any], path: str | None, value: Any, after: dict[str, Any]) -> None:
    """A value is added where the path points, or replaces the single one that is there."""
    assert after == add(before, path, value)


@pytest.mark.parametrize(
    ("before", "path", "value"),
    [
        ({"nickName": "Babs"}, "nickName", "Babs"),
        ({"nickName": "Babs"}, None, {"nickName": "Babs"}),
        ({"name": {"givenName": "B", "familyName": "J"}}, "name", {"givenName": "B"}),
        ({"emails": [{"value": "a", "type": "work"}]}, "emails", [{"type": "work", "value": "a"}]),
        ({"emails": [{"value": "a", "primary": True}]}, "emails", [{"value": "a"}]),
        ({"emails": [{"value": "a"}]}, "emails", [{"value": "a", "primary": False}]),
        ({"emails": [{"value": "a", "type": "work"}]}, 'emails[type eq "work"].value', "a"),
        ({"emails": [{"value": "a", "primary": True}]}, "emails.primary", True),
        ({URN: {"manager": {"value": "1"}}}, f"{URN}:manager.value", "1"),
    ],
)
def test_value_that_is_there(before: dict[str, Any], path: str | None, value: Any) -> None:
    """Adding what is there changes nothing."""
    assert before == add(before, path, value)


def test_primary_moves() -> None:
    """A new primary entry takes that from the others, and from nothing else."""
    before = {"emails": [{"value": "a", "primary": True}, {"value": "b"}]}
    expected = [
        {"value": "a", "primary": False},
        {"value": "b"},
        {"value": "c", "primary": True},
    ]
    assert {"emails": expected} == add(before, "emails", [{"value": "c", "primary": True}])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("emails", [{"value": "b", "primary": True}]),
        ('emails[value eq "b"].primary', True),
        ('emails[value eq "b"]', {"primary": True}),
    ],
)
def test_entry_becomes_primary(path: str, value: Any) -> None:
    """An entry that is there becomes the primary one without a second copy."""
    before = {"emails": [{"value": "a", "primary": True}, {"value": "b"}]}
    expected = [{"value": "a", "primary": False}, {"value": "b", "primary": True}]
    assert {"emails": expected} == add(before, path, value)


def test_new_manager_sheds_the_old_one() -> None:
    """What was said of the last manager says nothing of the new one."""
    before = {URN: {"manager": {"value": "1", "$ref": "../Users/1", "displayName": "Ann"}}}
    expected = {URN: {"manager": {"value": "2"}}}
    assert expected == add(before, f"{URN}:manager.value", "2")


@pytest.mark.parametrize(
    ("path", "value", "created"),
    [
        ('emails[type eq "Work"].value', "a", {"type": "Work", "value": "a"}),
        ('emails[type eq "work"]', {"value": "a"}, {"type": "work", "value": "a"}),
        (
            'emails[type eq "work" and primary eq true].value',
            "a",
            {"type": "work", "primary": True, "value": "a"},
        ),
        ('emails[primary eq "True"].value', "a", {"primary": True, "value": "a"}),
        (
            'emails[type eq "work" and not (primary eq true)].value',
            "a",
            {"type": "work", "value": "a"},
        ),
        ('emails[value eq "A@B.c"].display', "Ann", {"value": "A@B.c", "display": "Ann"}),
    ],
)
def test_entry_that_a_filter_does_not_find(path: str, value: Any, created: dict[str, Any]) -> None:
    """The entry is made from the filter's ``eq`` terms, spelled as they were."""
    before = {"emails": [{"value": "h", "type": "home"}]}
    assert [before["emails"][0], created] == add(before, path, value)["emails"]


def test_strict_makes_no_entry() -> None:
    """For a strict connection there is no target."""
    with pytest.raises(NoTarget):
        add({}, 'emails[type eq "work"].value', "a", dialect=STRICT)


@pytest.mark.parametrize(
    "path",
    [
        'emails[type eq "work" or type eq "other"].value',
        'emails[type sw "work"].value',
        "emails[primary pr].value",
        'emails[type eq "work" and display pr].value',
    ],
)
@pytest.mark.parametrize("dialect", [GENERIC, ENTRA], ids=["generic", "entra"])
def test_entry_that_a_filter_does_not_describe(path: str, dialect: Dialect) -> None:
    """No entry is made where the filter does not say what it would be."""
    with pytest.raises(NoTarget):
        add({"emails": [{"value": "h", "type": "home"}]}, path, "a", dialect=dialect)


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("add", InvalidSyntax),
        ({"op": "upsert", "path": "nickName", "value": "x"}, InvalidSyntax),
        ({"op": "Add", "path": "nickName", "value": "x"}, InvalidSyntax),
        ({"op": ["add"], "path": "nickName", "value": "x"}, InvalidSyntax),
        ({"path": "nickName", "value": "x"}, InvalidSyntax),
        ({"op": "add", "path": "nickName"}, InvalidValue),
        ({"op": "add"}, InvalidValue),
        ({"op": "add", "value": "x"}, InvalidValue),
        ({"op": "add", "value": None}, InvalidValue),
        ({"op": "add", "path": 7, "value": "x"}, InvalidPath),
        ({"op": "add", "path": "", "value": "x"}, InvalidPath),
        ({"op": "add", "path": "shoeSize", "value": "x"}, InvalidPath),
        ({"op": "add", "path": "name.x", "value": "x"}, InvalidPath),
        ({"op": "add", "path": "urn:x:User:department", "value": "x"}, InvalidPath),
        ({"op": "add", "path": 'name[givenName eq "B"]', "value": {}}, InvalidPath),
        ({"op": "add", "path": "emails[type]", "value": {}}, InvalidFilter),
        ({"op": "add", "path": 'emails[size eq "1"]', "value": {}}, InvalidFilter),
        ({"op": "add", "path": "emails[primary gt true]", "value": {}}, InvalidFilter),
        ({"op": "add", "path": "emails[primary eq 7]", "value": {}}, InvalidFilter),
        ({"op": "add", "path": "nickName", "value": 7}, InvalidValue),
        ({"op": "add", "path": "active", "value": "maybe"}, InvalidValue),
        ({"op": "add", "path": "emails", "value": ["a@b.c"]}, InvalidValue),
        ({"op": "add", "path": "emails", "value": [{"value": 7}]}, InvalidValue),
        ({"op": "add", "path": "name", "value": "Babs"}, InvalidValue),
        ({"op": "add", "path": URN, "value": "x"}, InvalidValue),
        ({"op": "add", "value": {URN: "x"}}, InvalidValue),
        ({"op": "add", "path": "userName", "value": " "}, InvalidValue),
        ({"op": "add", "path": "id", "value": "x"}, MutabilityError),
        ({"op": "add", "path": "meta.version", "value": "x"}, MutabilityError),
        ({"op": "add", "path": "groups", "value": [{"value": "1"}]}, MutabilityError),
        ({"op": "add", "path": f"{URN}:manager.displayName", "value": "x"}, MutabilityError),
    ],
    ids=str,
)
def test_refused(operation: Any, error: type[ScimError]) -> None:
    """Each mistake has its own scimType."""
    with pytest.raises(error):
        patch.apply({"userName": "b"}, parse([operation], USER_TYPE, GENERIC), USER_TYPE, GENERIC)


def test_two_entries_cannot_become_primary() -> None:
    """A filter that selects several entries cannot make them all the primary one."""
    before = {"emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "work"}]}
    with pytest.raises(InvalidValue):
        add(before, 'emails[type eq "work"].primary', True)


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ({}, "serial", "1", {"serial": "1"}),
        ({"serial": "1"}, "serial", "1", {"serial": "1"}),
        ({"tags": ["a"]}, "tags", ["b", "a"], {"tags": ["a", "b"]}),
        ({"tags": ["a"]}, "tags", "b", {"tags": ["a", "b"]}),
        ({"place": {"room": "1"}}, "place.floor", 2, {"place": {"room": "1", "floor": 2}}),
        (
            {"place": {"room": "1", "labels": ["a"]}},
            "place.labels",
            ["a", "b"],
            {"place": {"room": "1", "labels": ["a", "b"]}},
        ),
        ({"place": {"floor": 1}}, "place.floor", 2, {"place": {"floor": 2}}),
        ({"ports": [{"type": "x"}]}, 'ports[type eq "x"].serial', "1", None),
    ],
)
def test_immutable_and_required(
    before: dict[str, Any], path: str, value: Any, after: dict[str, Any] | None
) -> None:
    """What is immutable is set once; what lacked a required part before may go on lacking it."""
    after = after or {"ports": [{"type": "x", "serial": "1"}]}
    assert after == add(before, path, value, DEVICE_TYPE)


@pytest.mark.parametrize(
    ("before", "path", "value", "error"),
    [
        ({"serial": "1"}, "serial", "2", MutabilityError),
        ({"ports": [{"value": "a", "serial": "1"}]}, "ports.serial", "2", MutabilityError),
        ({}, "ports", [{"type": "x"}], InvalidValue),
        ({}, "place", {"floor": 1}, InvalidValue),
        ({}, "place.floor", 1, InvalidValue),
    ],
)
def test_immutable_and_required_refused(
    before: dict[str, Any], path: str, value: Any, error: type[ScimError]
) -> None:
    """An immutable value does not change, and what is new has its required parts."""
    with pytest.raises(error):
        add(before, path, value, DEVICE_TYPE)


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        (None, {"nickName": "B"}, InvalidSyntax),
        ("emails", {"value": "a"}, InvalidValue),
        ("emails", [{"value": "a", "x": 1}], InvalidSyntax),
        ("active", "True", InvalidValue),
        ("emails.value", "a", NoTarget),
        ('emails[type eq "work"]', {"value": "a"}, InvalidPath),
        (URN, {"shoeSize": 44}, InvalidSyntax),
        ('phoneNumbers[type eq "work"].value', "1", InvalidFilter),
    ],
)
def test_strict(path: str | None, value: Any, error: type[ScimError]) -> None:
    """A strict connection takes nothing beyond the interoperability profile."""
    before = {"phoneNumbers": [{"value": "a", "type": "work"}, {"value": "b", "type": "work"}]}
    with pytest.raises(error):
        add(before, path, value, dialect=STRICT)


@pytest.mark.parametrize("dialect", [GENERIC, STRICT], ids=["generic", "strict"])
def test_read_only_attribute_of_an_extension(dialect: Dialect) -> None:
    """What only the server writes is passed over in an extension, or refused if strict."""
    badge = Attribute("badge", mutability=Mutability.READ_ONLY)
    visitor = Schema("urn:example:Visitor", "Visitor", "A visitor.", (badge, Attribute("color")))
    resource_type = ResourceType("User", "/Users", USER_TYPE.schema, (Extension(visitor),))
    value = {"badge": "7", "color": "red"}
    if dialect.strict:
        with pytest.raises(MutabilityError):
            add({}, visitor.id, value, resource_type, dialect)
    else:
        expected = {visitor.id: {"color": "red"}}
        assert expected == add({}, visitor.id, value, resource_type, dialect)
