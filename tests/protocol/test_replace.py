"""What a PUT makes of a resource (:rfc:`7644#section-3.5.1`)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from flask_scim.protocol.constraints import check_required
from flask_scim.protocol.definitions import ENTERPRISE_USER, GROUP_TYPE, USER_TYPE
from flask_scim.protocol.errors import InvalidValue, MutabilityError
from flask_scim.protocol.replace import replace
from flask_scim.protocol.schema import Attribute, Extension, Mutability, ResourceType, Schema, Type

URN = ENTERPRISE_USER.id
OWNER = "urn:example:Owner"
_PARTS = (
    Attribute("value", required=True),
    Attribute("serial", mutability=Mutability.IMMUTABLE),
    Attribute("seen", mutability=Mutability.READ_ONLY),
)
DEVICE_TYPE = ResourceType(
    "Device",
    "/Devices",
    Schema(
        "urn:example:Device",
        "Device",
        "A thing on a desk.",
        (
            Attribute("serial", mutability=Mutability.IMMUTABLE),
            Attribute("keys", multi_valued=True, mutability=Mutability.IMMUTABLE),
            Attribute("secret", mutability=Mutability.WRITE_ONLY),
            Attribute("tags", multi_valued=True),
            Attribute("screen", Type.COMPLEX, sub_attributes=_PARTS),
            Attribute("ports", Type.COMPLEX, multi_valued=True, sub_attributes=_PARTS),
        ),
    ),
    (Extension(Schema(OWNER, "Owner", "Whose it is.", (Attribute("owner", required=True),))),),
)


@pytest.mark.parametrize(
    ("before", "loaded", "after"),
    [
        pytest.param(
            {"userName": "b", "title": "T", "externalId": "x", "emails": [{"value": "a"}]},
            {"userName": "c", "nickName": "N"},
            {"userName": "c", "nickName": "N"},
            id="what is left out is unassigned",
        ),
        pytest.param(
            {"userName": "b", "id": "1", "meta": {"version": "2"}, "groups": [{"value": "g"}]},
            {"userName": "b", "id": "7", "meta": {"version": "1"}, "groups": []},
            {"userName": "b", "id": "1", "meta": {"version": "2"}, "groups": [{"value": "g"}]},
            id="what is the server's stays",
        ),
        pytest.param(
            {"userName": "b"},
            {"userName": "b", "password": "s3cret"},
            {"userName": "b", "password": "s3cret"},
            id="a password that is sent is set",
        ),
        pytest.param(
            {"userName": "b", "name": {"givenName": "A", "familyName": "J"}},
            {"userName": "b", "name": {"givenName": "B"}},
            {"userName": "b", "name": {"givenName": "B"}},
            id="a complex attribute is replaced as a whole",
        ),
        pytest.param(
            {"userName": "b", URN: {"department": "D", "division": "V"}},
            {"userName": "b", URN: {"department": "E"}},
            {"userName": "b", URN: {"department": "E"}},
            id="an extension is replaced as a whole",
        ),
        pytest.param(
            {"userName": "b", URN: {"department": "D"}},
            {"userName": "b"},
            {"userName": "b"},
            id="an extension that is left out goes",
        ),
        pytest.param(
            {"userName": "b", URN: {"manager": {"value": "1", "displayName": "A"}}},
            {"userName": "b", URN: {"manager": {"value": "2"}}},
            {"userName": "b", URN: {"manager": {"value": "2"}}},
            id="another manager",
        ),
    ],
)
def test_replace(before: dict[str, Any], loaded: dict[str, Any], after: dict[str, Any]) -> None:
    """The client's values take the place of all that clients may write."""
    kept = copy.deepcopy((before, loaded))
    assert after == replace(before, loaded, USER_TYPE)
    assert kept == (before, loaded)


@pytest.mark.parametrize(
    "loaded",
    [
        {},
        {"id": "x", "schemas": ["y"]},
        {"emails": [{"value": "b"}, {"type": "work", "value": "a"}]},
        {URN: {"manager": {"value": "1", "$ref": "../Users/one"}}},
    ],
    ids=str,
)
def test_no_change(loaded: dict[str, Any]) -> None:
    """A resource that comes back as it was read is no change."""
    before = {
        "schemas": [USER_TYPE.schema.id],
        "id": "1",
        "userName": "b",
        "emails": [{"value": "a", "type": "work"}, {"value": "b"}],
        URN: {"manager": {"value": "1", "$ref": "../Users/1", "displayName": "A"}},
    }
    assert before == replace(before, {**before, **loaded}, USER_TYPE)


def test_members_that_stay_keep_what_the_server_knows() -> None:
    """A list of ids replaces the members; those who stay are as they were."""
    members = [{"value": key, "type": "User", "display": key} for key in "123"]
    before = {"displayName": "g", "members": members}
    after = replace(before, {**before, "members": [{"value": "4"}, {"value": "2"}]}, GROUP_TYPE)
    assert [{"value": "4"}, members[1]] == after["members"]
    same = replace(before, {**before, "members": [{"value": key} for key in "321"]}, GROUP_TYPE)
    assert before == same


@pytest.mark.parametrize(
    ("before", "loaded", "after"),
    [
        ({"serial": "1"}, {}, {"serial": "1"}),
        ({"serial": "1"}, {"serial": "1"}, {"serial": "1"}),
        ({}, {"serial": "1"}, {"serial": "1"}),
        ({"keys": ["a", "b"]}, {"keys": ["b", "a"]}, {"keys": ["a", "b"]}),
        ({"secret": "s"}, {}, {"secret": "s"}),
        ({"secret": "s"}, {"secret": "t"}, {"secret": "t"}),
        ({"tags": ["a"]}, {"tags": ["b", "b"]}, {"tags": ["b"]}),
        (
            {"screen": {"value": "a", "serial": "1", "seen": "now"}},
            {"screen": {"value": "b"}},
            {"screen": {"value": "b", "serial": "1", "seen": "now"}},
        ),
        (
            {"ports": [{"value": "a", "seen": "now"}, {"value": "b"}, {"serial": "2"}]},
            {"ports": [{"value": "c"}, {"value": "a", "serial": "1"}]},
            {"ports": [{"value": "c"}, {"value": "a", "serial": "1", "seen": "now"}]},
        ),
        ({OWNER: {"owner": "a"}}, {}, {}),
    ],
    ids=str,
)
def test_mutability(before: dict[str, Any], loaded: dict[str, Any], after: dict[str, Any]) -> None:
    """Each attribute and sub-attribute changes as its mutability lets it."""
    assert after == replace(before, loaded, DEVICE_TYPE)


@pytest.mark.parametrize(
    ("before", "loaded"),
    [
        ({"serial": "1"}, {"serial": "2"}),
        ({"keys": ["a"]}, {"keys": ["a", "b"]}),
        ({"screen": {"value": "a", "serial": "1"}}, {"screen": {"value": "a", "serial": "2"}}),
    ],
    ids=str,
)
def test_immutable(before: dict[str, Any], loaded: dict[str, Any]) -> None:
    """An immutable value that is set must match."""
    with pytest.raises(MutabilityError):
        replace(before, loaded, DEVICE_TYPE)


@pytest.mark.parametrize(
    ("document", "resource_type", "name"),
    [
        ({}, USER_TYPE, "userName"),
        ({"userName": " "}, USER_TYPE, "userName"),
        ({}, GROUP_TYPE, "displayName"),
        ({"screen": {"serial": "1"}}, DEVICE_TYPE, "screen.value"),
        ({"ports": [{"value": "a"}, {"serial": "1"}]}, DEVICE_TYPE, "ports.value"),
        ({OWNER: {"color": "red"}}, DEVICE_TYPE, f"{OWNER}:owner"),
    ],
)
def test_required(document: dict[str, Any], resource_type: ResourceType, name: str) -> None:
    """What is required must be there, and the admin reads what is missing."""
    with pytest.raises(InvalidValue, match=f"^{name} is required"):
        check_required(document, resource_type)


def test_required_in_a_put() -> None:
    """A PUT is held to what is required."""
    with pytest.raises(InvalidValue):
        replace({"userName": "b"}, {"nickName": "B"}, USER_TYPE)


def test_required_extension() -> None:
    """An extension may be required."""
    schema = USER_TYPE.schema
    user_type = ResourceType("User", "/Users", schema, (Extension(ENTERPRISE_USER, required=True),))
    check_required({"userName": "b", URN: {"department": "D"}}, user_type)
    with pytest.raises(InvalidValue, match=URN):
        check_required({"userName": "b"}, user_type)
