"""What ``remove`` does, sentence by sentence (:rfc:`7644#section-3.5.2.2`)."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim.protocol import patch
from flask_scim.protocol.definitions import ENTERPRISE_USER, GROUP_TYPE, USER_TYPE
from flask_scim.protocol.dialects import Dialect, find_dialect
from flask_scim.protocol.errors import (
    InvalidFilter,
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
OKTA = find_dialect("okta")
STRICT = find_dialect("generic", strict=True)
EVERY = pytest.mark.parametrize(
    "dialect", [GENERIC, ENTRA, OKTA, STRICT], ids=["generic", "entra", "okta", "strict"]
)
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
            Attribute(
                "ports",
                Type.COMPLEX,
                multi_valued=True,
                required=True,
                sub_attributes=(Attribute("value", required=True), Attribute("type")),
            ),
            Attribute("tags", multi_valued=True),
        ),
    ),
    (
        Extension(
            Schema("urn:example:Owner", "Owner", "Whose it is.", (Attribute("owner"),)),
            required=True,
        ),
    ),
)


def remove(
    before: dict[str, Any],
    path: str | None,
    value: Any = None,
    resource_type: ResourceType = USER_TYPE,
    dialect: Dialect = GENERIC,
) -> dict[str, Any]:
    """Remove from a document what a path, and a value with it, say."""
    operation = {"op": "remove"}
    operation |= {} if path is None else {"path": path}
    operation |= {} if value is None else {"value": value}
    operations = parse([operation], resource_type, dialect)
    return patch.apply(before, operations, resource_type, dialect)


@EVERY
@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        pytest.param(
            {"displayName": "g", "members": [{"value": "2819c223"}, {"value": "1"}]},
            'members[value eq "2819c223"]',
            {"displayName": "g", "members": [{"value": "1"}]},
            id="the example: one member",
        ),
        pytest.param(
            {"displayName": "g", "members": [{"value": "1"}, {"value": "2"}]},
            "members",
            {"displayName": "g"},
            id="the example: all members",
        ),
        pytest.param(
            {"members": [{"value": "1"}]},
            'members[value eq "1"]',
            {},
            id="when the last is gone, the attribute is unassigned",
        ),
        pytest.param({"members": [{"value": "1"}]}, 'members[value eq "2"]', None, id="no member"),
        pytest.param(
            {"members": [{"value": "1"}]}, 'members[type eq "Group"]', None, id="no group"
        ),
        pytest.param({"displayName": "g"}, "members", None, id="no members at all"),
        pytest.param({"displayName": "g"}, 'members[value eq "2"]', None, id="one of none"),
        pytest.param(
            {"members": [{"value": "a"}, {"value": "A"}]},
            'members[value eq "A"]',
            {"members": [{"value": "a"}]},
            id="ids that differ by case are told apart",
        ),
    ],
)
def test_members(
    before: dict[str, Any], path: str, after: dict[str, Any] | None, dialect: Dialect
) -> None:
    """Members are a set: to remove one that is not in it changes nothing."""
    expected = before if after is None else after
    assert expected == remove(before, path, None, GROUP_TYPE, dialect)


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        pytest.param(
            {"nickName": "B", "title": "T"}, "nickName", {"title": "T"}, id="single value"
        ),
        pytest.param({"title": "T"}, "nickName", {"title": "T"}, id="nothing is there"),
        pytest.param(
            {"name": {"givenName": "B"}, "title": "T"}, "name", {"title": "T"}, id="complex"
        ),
        pytest.param(
            {"name": {"givenName": "B", "familyName": "J"}},
            "name.givenName",
            {"name": {"familyName": "J"}},
            id="a part of a complex value",
        ),
        pytest.param(
            {"name": {"givenName": "B"}},
            "name.givenName",
            {},
            id="the last part of a complex value",
        ),
        pytest.param({}, "name.givenName", {}, id="a part of nothing"),
        pytest.param({"emails": [{"value": "a"}]}, "emails", {}, id="all values"),
        pytest.param(
            {"emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "home"}]},
            'emails[type eq "work" and value ew "a"]',
            {"emails": [{"value": "b", "type": "home"}]},
            id="the example: those that a filter selects",
        ),
        pytest.param(
            {"emails": [{"value": "a", "type": "work", "display": "A"}, {"value": "b"}]},
            'emails[type eq "work"].display',
            {"emails": [{"value": "a", "type": "work"}, {"value": "b"}]},
            id="a part of those that a filter selects",
        ),
        pytest.param(
            {"emails": [{"value": "a", "display": "A"}, {"display": "B"}]},
            "emails.display",
            {"emails": [{"value": "a"}]},
            id="a part of all; an entry without parts is none",
        ),
        pytest.param({}, "emails.display", {}, id="a part of no entry"),
        pytest.param(
            {URN: {"department": "D", "division": "V"}},
            f"{URN}:department",
            {URN: {"division": "V"}},
            id="an attribute of an extension",
        ),
        pytest.param({URN: {"department": "D"}}, f"{URN}:department", {}, id="its last attribute"),
        pytest.param({URN: {"department": "D"}, "title": "T"}, URN, {"title": "T"}, id="extension"),
        pytest.param({"title": "T"}, URN, {"title": "T"}, id="no extension"),
        pytest.param({"title": "T"}, f"{URN}:manager", {"title": "T"}, id="of no extension"),
        pytest.param(
            {URN: {"manager": {"value": "1", "$ref": "../Users/1", "displayName": "Ann"}}},
            f"{URN}:manager.value",
            {},
            id="without its id a reference is none",
        ),
        pytest.param({"title": "T"}, "schemas", {"title": "T"}, id="schemas"),
    ],
)
@EVERY
def test_remove(before: dict[str, Any], path: str, after: dict[str, Any], dialect: Dialect) -> None:
    """What the path points at becomes unassigned."""
    assert after == remove(before, path, dialect=dialect)


def test_several_that_a_filter_selects() -> None:
    """All of them go, except on a strict connection, where a filter is for one entry."""
    before = {"title": "T", "emails": [{"value": key, "type": "work"} for key in "ab"]}
    after = remove(before, 'emails[type eq "WORK"]')
    assert list(after) == ["title"]
    with pytest.raises(InvalidFilter):
        remove(before, 'emails[type eq "WORK"]', dialect=STRICT)


@pytest.mark.parametrize(
    "path", ['emails[type eq "work"]', 'emails[type eq "work"].value', "emails[not (value pr)]"]
)
@pytest.mark.parametrize("before", [{}, {"emails": [{"value": "b", "type": "home"}]}], ids=str)
def test_filter_that_finds_nothing(before: dict[str, Any], path: str) -> None:
    """By the RFC there is no target; Entra and Okta wanted it gone, and it is."""
    for dialect in (GENERIC, STRICT):
        with pytest.raises(NoTarget):
            remove(before, path, dialect=dialect)
    for dialect in (ENTRA, OKTA):
        assert before == remove(before, path, dialect=dialect)


@pytest.mark.parametrize("dialect", [GENERIC, ENTRA, OKTA], ids=["generic", "entra", "okta"])
@pytest.mark.parametrize(
    ("path", "value", "left"),
    [
        ("members", [{"value": "1"}], ["2", "3"]),
        ("members", [{"value": "1"}, {"value": "3", "display": "old name", "$ref": None}], ["2"]),
        ("members", {"value": "2"}, ["1", "3"]),
        ("members", [{"value": "4"}], ["1", "2", "3"]),
        ("members", [], ["1", "2", "3"]),
        (None, {"members": [{"value": "1"}]}, ["2", "3"]),
        (None, {"members": [{"value": "1"}, {"value": "2"}, {"value": "3"}]}, None),
        ('members[value eq "1"]', [{"value": "2"}], ["2", "3"]),
    ],
)
def test_value_list_of_members(
    path: str | None, value: Any, left: list[str] | None, dialect: Dialect
) -> None:
    """A list with a removal says which members go; it never empties the group."""
    members = [{"value": key, "$ref": f"../Users/{key}"} for key in "123"]
    after = remove({"members": members}, path, value, GROUP_TYPE, dialect)
    assert left == ([member["value"] for member in after["members"]] if after else None)


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ([{"value": "A@x", "type": "work"}], ["a@x home", "b@x work"]),
        ([{"value": "a@x", "type": "home"}], ["a@x work", "b@x work"]),
        ([{"value": "a@x", "type": "other"}], ["b@x work"]),
        ([{"value": "b@x", "display": "B"}], ["a@x work", "a@x home"]),
        ([{"type": "home"}], ["a@x work", "b@x work"]),
    ],
)
def test_value_list_of_emails(value: list[dict[str, str]], left: list[str]) -> None:
    """Of several entries with one ``value`` the other parts choose."""
    emails = [entry.split() for entry in ("a@x work", "a@x home", "b@x work")]
    before = {"emails": [{"value": address, "type": kind} for address, kind in emails]}
    after = remove(before, "emails", value)
    assert left == [f"{entry['value']} {entry['type']}" for entry in after["emails"]]


def test_value_list_of_simple_values() -> None:
    """A list of simple values is taken as well."""
    expected = {"tags": ["b"]}
    assert expected == remove({"tags": ["a", "b"]}, "tags", ["a", "c"], DEVICE_TYPE)


@pytest.mark.parametrize("value", ["Babs", {"x": 1}, [{"value": "1"}]])
def test_value_of_a_single_valued_attribute(value: Any) -> None:
    """There is only one value to remove, whatever comes with the operation."""
    assert not remove({"nickName": "B"}, "nickName", value)
    assert not remove({"nickName": "B"}, None, {"nickName": value})


def test_whole_extension_without_path() -> None:
    """An extension named without path goes as a whole, or by the attributes that are given."""
    before = {URN: {"department": "D", "division": "V"}}
    assert not remove(before, None, {URN: {}})
    expected = {URN: {"division": "V"}}
    assert expected == remove(before, None, {URN: {"department": "D"}})


@pytest.mark.parametrize(
    ("before", "path", "value", "resource_type", "error"),
    [
        ({}, None, None, USER_TYPE, NoTarget),
        ({"userName": "b"}, "userName", None, USER_TYPE, MutabilityError),
        ({"displayName": "g"}, "displayName", None, GROUP_TYPE, MutabilityError),
        ({"id": "1"}, "id", None, USER_TYPE, MutabilityError),
        ({"groups": [{"value": "1"}]}, 'groups[value eq "1"]', None, USER_TYPE, MutabilityError),
        ({"members": [{"value": "1"}]}, "members.value", None, GROUP_TYPE, None),
        ({"members": [{"value": "1", "type": "User"}]}, "members.type", None, GROUP_TYPE, None),
        ({"serial": "1"}, "serial", None, DEVICE_TYPE, MutabilityError),
        ({"ports": [{"value": "1"}]}, "ports", None, DEVICE_TYPE, MutabilityError),
        ({"ports": [{"value": "1"}]}, 'ports[value eq "1"]', None, DEVICE_TYPE, MutabilityError),
        ({"ports": [{"value": "1"}]}, "ports", [{"value": "1"}], DEVICE_TYPE, MutabilityError),
        (
            {"ports": [{"value": "1", "type": "x"}]},
            "ports.value",
            None,
            DEVICE_TYPE,
            MutabilityError,
        ),
        (
            {"urn:example:Owner": {"owner": "a"}},
            "urn:example:Owner",
            None,
            DEVICE_TYPE,
            InvalidValue,
        ),
        ({}, "members", ["1"], GROUP_TYPE, InvalidValue),
        ({}, "members", [{}], GROUP_TYPE, InvalidValue),
        ({}, "members", [{"x": "1"}], GROUP_TYPE, InvalidValue),
        ({}, "members", [{"$ref": "../Users/2"}], GROUP_TYPE, InvalidValue),
        ({}, None, [{"members": []}], GROUP_TYPE, InvalidValue),
    ],
)
def test_refused(
    before: dict[str, Any],
    path: str | None,
    value: Any,
    resource_type: ResourceType,
    error: type[ScimError] | None,
) -> None:
    """What is required, immutable or the server's is not removed."""
    with pytest.raises(error or MutabilityError):
        remove(before, path, value, resource_type)


def test_error_names_the_attribute() -> None:
    """The admin reads which attribute is required."""
    with pytest.raises(MutabilityError, match="userName is required"):
        remove({"userName": "b"}, "userName")


@pytest.mark.parametrize("path", [None, "members"])
def test_strict(path: str | None) -> None:
    """A strict connection names what to remove in the path, and nowhere else."""
    with pytest.raises(InvalidSyntax):
        remove({}, path, [{"value": "1"}], GROUP_TYPE, STRICT)
