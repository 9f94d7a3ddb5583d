"""Which attributes an answer holds (:rfc:`7644#section-3.4.2.5`)."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from flask_scim.protocol.definitions import ENTERPRISE_USER, GROUP_TYPE, USER_TYPE
from flask_scim.protocol.errors import InvalidValue
from flask_scim.protocol.projection import Projection
from flask_scim.protocol.schema import Attribute, Extension, ResourceType, Returned, Schema, Type

URN = ENTERPRISE_USER.id
DOCUMENT: dict[str, Any] = {
    "schemas": [USER_TYPE.schema.id, URN],
    "id": "1",
    "userName": "b",
    "name": {"givenName": "B", "familyName": "J"},
    "emails": [{"value": "a", "type": "work"}, {"type": "home"}],
    URN: {"department": "D", "manager": {"value": "2"}},
    "meta": {"resourceType": "User"},
}
MINIMUM = {"schemas", "id"}


def project(attributes: str | None, excluded: str | None = None) -> dict[str, Any]:
    """Project the user of these tests."""
    return Projection.read(attributes, excluded, USER_TYPE).project(DOCUMENT)


@pytest.mark.parametrize(("attributes", "excluded"), [(None, None), ("", ""), ("", None)])
def test_nothing_asked(attributes: str | None, excluded: str | None) -> None:
    """The default hides nothing of an ordinary resource."""
    assert project(attributes, excluded) == DOCUMENT


@pytest.mark.parametrize(
    ("attributes", "keys"),
    [
        ("userName", {"userName"}),
        ("USERNAME, emails", {"userName", "emails"}),
        ("id", set()),
        ("title", set()),
        ("shoeSize", set()),
        ("shoe size,,userName", {"userName"}),
        ("password", set()),
        (f"{USER_TYPE.schema.id}:userName", {"userName"}),
        (URN, {URN}),
        (URN.upper(), {URN}),
        (f"{URN}:costCenter", set()),
        ("meta", {"meta"}),
    ],
)
def test_asked(attributes: str, keys: set[str]) -> None:
    """What is asked for comes beside what always does."""
    assert MINIMUM | keys == project(attributes).keys()


@pytest.mark.parametrize(
    ("attributes", "key", "value"),
    [
        ("name", "name", DOCUMENT["name"]),
        ("name.givenName", "name", {"givenName": "B"}),
        ("name.givenName,name", "name", DOCUMENT["name"]),
        ("name.givenName,name.familyName", "name", DOCUMENT["name"]),
        ("emails.value", "emails", [{"value": "a"}]),
        (URN, URN, DOCUMENT[URN]),
        (f"{URN}:department", URN, {"department": "D"}),
        (f"{URN}:manager.value", URN, {"manager": {"value": "2"}}),
    ],
)
def test_asked_in_part(attributes: str, key: str, value: Any) -> None:
    """Sub-attributes and extensions are asked for by name."""
    assert value == project(attributes)[key]


@pytest.mark.parametrize(
    ("excluded", "keys"),
    [
        ("userName", {"userName"}),
        ("emails,NAME,shoeSize", {"emails", "name"}),
        ("id,schemas", set()),
        (URN, {URN}),
        (f"{URN}:department,{URN}:manager", {URN}),
        ("emails.value,emails.type", {"emails"}),
    ],
)
def test_excluded(excluded: str, keys: set[str]) -> None:
    """What is excluded is left out, unless it always comes."""
    assert DOCUMENT.keys() - keys == project(None, excluded).keys()


@pytest.mark.parametrize(
    ("excluded", "key", "value"),
    [
        ("name.givenName", "name", {"familyName": "J"}),
        ("emails.type", "emails", [{"value": "a"}]),
        (f"{URN}:department", URN, {"manager": {"value": "2"}}),
        ("meta.version", "meta", {"resourceType": "User"}),
    ],
)
def test_excluded_in_part(excluded: str, key: str, value: Any) -> None:
    """Sub-attributes and attributes of extensions can be excluded alone."""
    assert value == project(None, excluded)[key]


def test_document_is_not_touched() -> None:
    """The projection is another document."""
    kept = copy.deepcopy(DOCUMENT)
    project("name.givenName,emails.value")
    project(None, f"{URN}:department,emails.type")
    assert kept == DOCUMENT


def test_both_asked_and_excluded() -> None:
    """The two parameters exclude each other."""
    with pytest.raises(InvalidValue):
        Projection.read("userName", "emails", USER_TYPE)


@pytest.mark.parametrize("name", ["shoeSize", "name.x", "urn:x:y", "a b", "x" * 10_000])
def test_unknown_name(name: str) -> None:
    """A name that nobody knows is passed over, or refused where the connection is strict."""
    assert project(name).keys() == MINIMUM
    for parameters in ((name, None), (None, name)):
        with pytest.raises(InvalidValue):
            Projection.read(*parameters, USER_TYPE, ignore_unknown=False)


@pytest.mark.parametrize(
    ("attributes", "excluded", "name", "wanted"),
    [
        (None, None, "groups", True),
        (None, None, "password", False),
        (None, None, URN, True),
        (None, "groups", "groups", False),
        (None, "groups.display", "groups", True),
        (None, URN, URN, False),
        ("userName", None, "groups", False),
        ("userName", None, "id", True),
        ("groups.value", None, "groups", True),
        ("userName", None, URN, False),
        (f"{URN}:manager", None, URN, True),
        (None, None, "shoeSize", False),
    ],
)
def test_wants(attributes: str | None, excluded: str | None, name: str, wanted: bool) -> None:
    """A store is told what it need not load."""
    assert wanted is Projection.read(attributes, excluded, USER_TYPE).wants(name)


def test_lookup_of_a_group_without_its_members() -> None:
    """Entra and others look groups up in this way."""
    projection = Projection.read(None, "members", GROUP_TYPE)
    group = {"id": "1", "displayName": "g", "members": [{"value": "1"}]}
    expected = {"schemas": [GROUP_TYPE.schema.id], "id": "1", "displayName": "g"}
    assert not projection.wants("members")
    assert expected == projection.project(group)


@pytest.mark.parametrize(
    ("document", "schemas"),
    [
        ({"id": "1"}, [USER_TYPE.schema.id]),
        ({"id": "1", URN: {"department": "D"}}, [USER_TYPE.schema.id, URN]),
        ({"schemas": ["urn:old"], "id": "1"}, [USER_TYPE.schema.id]),
    ],
    ids=str,
)
def test_schemas(document: dict[str, Any], schemas: list[str]) -> None:
    """The schemas are those of which the resource holds something."""
    assert schemas == Projection.read(None, None, USER_TYPE).project(document)["schemas"]


OWNER = "urn:example:Owner"
BY_RETURNED = tuple(Attribute(returned.value, returned=returned) for returned in Returned)
LOCK = Attribute("lock", Type.COMPLEX, sub_attributes=BY_RETURNED)
FRAME = replace(LOCK, name="frame", returned=Returned.ALWAYS)
SAFE_TYPE = ResourceType(
    "Safe",
    "/Safes",
    Schema("urn:example:Safe", "Safe", "A box with a lock.", (*BY_RETURNED, LOCK, FRAME)),
    (Extension(Schema(OWNER, "Owner", "Whose it is.", BY_RETURNED)),),
)
PARTS = {returned.value: "x" for returned in Returned}
LETTERS = {"A": "always", "D": "default", "R": "request", "N": "never"}


@pytest.mark.parametrize(
    ("attributes", "excluded", "own", "lock", "frame", "owner"),
    [
        (None, None, "A D", "A D", "A D", "A D"),
        ("default", None, "A D", "", "A D", "A"),
        ("request,never", None, "A R", "", "A D", "A"),
        ("lock", None, "A", "A D", "A D", "A"),
        ("lock.request,lock.never", None, "A", "A R", "A D", "A"),
        ("lock,lock.request", None, "A", "A D R", "A D", "A"),
        ("frame.request", None, "A", "", "A D R", "A"),
        (OWNER, None, "A", "", "A D", "A D"),
        (None, "default,always,never", "A", "A D", "A D", "A D"),
        (None, "lock", "A D", "", "A D", "A D"),
        (None, "lock.default,lock.always", "A D", "A", "A D", "A D"),
        (None, "frame,frame.default", "A D", "A D", "A", "A D"),
        (None, OWNER, "A D", "A D", "A D", "A"),
    ],
)
def test_returned(
    attributes: str | None, excluded: str | None, own: str, lock: str, frame: str, owner: str
) -> None:
    """Always, never, by default and on request hold for attributes and for their parts."""
    document = {**PARTS, "lock": PARTS, "frame": PARTS, OWNER: PARTS}
    after = Projection.read(attributes, excluded, SAFE_TYPE).project(document)
    kept = (after, after.get("lock", {}), after["frame"], after[OWNER])
    for expected, values in zip((own, lock, frame, owner), kept, strict=True):
        assert expected == " ".join(key for key, name in LETTERS.items() if name in values)
