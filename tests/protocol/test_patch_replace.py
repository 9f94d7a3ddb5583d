"""What ``replace`` does, sentence by sentence (:rfc:`7644#section-3.5.2.3`), and a whole PATCH."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from flask_scim.protocol import patch
from flask_scim.protocol.definitions import ENTERPRISE_USER, GROUP_TYPE, USER_TYPE
from flask_scim.protocol.dialects import Dialect, find_dialect
from flask_scim.protocol.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidValue,
    MutabilityError,
    NoTarget,
    ScimError,
)
from flask_scim.protocol.operations import Op, parse
from flask_scim.protocol.schema import Attribute, Extension, ResourceType, Schema
from tests.protocol.steps import count_steps

GENERIC = find_dialect("generic")
ENTRA = find_dialect("entra")
OKTA = find_dialect("okta")
STRICT = find_dialect("generic", strict=True)
URN = ENTERPRISE_USER.id
WORK = {"value": "a", "type": "work"}
HOME = {"value": "b", "type": "home"}
ADDRESS = {
    "type": "work",
    "streetAddress": "911 Universal City Plaza",
    "locality": "Hollywood",
    "region": "CA",
    "postalCode": "91608",
    "country": "US",
    "formatted": "911 Universal City Plaza\nHollywood, CA 91608 US",
    "primary": True,
}


def perform(
    before: dict[str, Any],
    *operations: dict[str, Any],
    resource_type: ResourceType = USER_TYPE,
    dialect: Dialect = GENERIC,
) -> dict[str, Any]:
    """Carry out operations on a document."""
    parsed = parse(operations, resource_type, dialect)
    return patch.apply(before, parsed, resource_type, dialect)


def replace(
    before: dict[str, Any],
    path: str | None,
    value: Any,
    resource_type: ResourceType = USER_TYPE,
    dialect: Dialect = GENERIC,
) -> dict[str, Any]:
    """Replace a value in a document."""
    operation = {"op": "replace", "value": value} | ({} if path is None else {"path": path})
    return perform(before, operation, resource_type=resource_type, dialect=dialect)


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        pytest.param(
            {"nickName": "x", "emails": [WORK, HOME], "title": "T"},
            None,
            {
                "emails": [
                    {"value": "bjensen@example.com", "type": "work", "primary": True},
                    {"value": "babs@jensen.org", "type": "home"},
                ],
                "nickName": "Babs",
            },
            {
                "nickName": "Babs",
                "emails": [
                    {"value": "bjensen@example.com", "type": "work", "primary": True},
                    {"value": "babs@jensen.org", "type": "home"},
                ],
                "title": "T",
            },
            id="the example without path: the attributes that are named",
        ),
        pytest.param(
            {"addresses": [{"type": "work", "locality": "Oslo", "display": "x"}, {"type": "home"}]},
            'addresses[type eq "work"]',
            ADDRESS,
            {"addresses": [ADDRESS, {"type": "home"}]},
            id="the example: an address as a whole",
        ),
        pytest.param(
            {"addresses": [ADDRESS, {"type": "home"}]},
            'addresses[type eq "work"].streetAddress',
            "1010 Broadway Ave",
            {
                "addresses": [
                    {**ADDRESS, "streetAddress": "1010 Broadway Ave"},
                    {"type": "home"},
                ]
            },
            id="the example: one part of an address",
        ),
        pytest.param({"nickName": "A"}, "nickName", "B", {"nickName": "B"}, id="single value"),
        pytest.param({}, "nickName", "B", {"nickName": "B"}, id="nothing there: as add"),
        pytest.param({}, "name.givenName", "B", {"name": {"givenName": "B"}}, id="part of nothing"),
        pytest.param({"emails": [WORK, HOME]}, "emails", [HOME], {"emails": [HOME]}, id="list"),
        pytest.param({"emails": [WORK]}, "emails", HOME, {"emails": [HOME]}, id="no list"),
        pytest.param(
            {"emails": [WORK]}, "emails", [HOME, HOME], {"emails": [HOME]}, id="no second copy"
        ),
        pytest.param({}, "emails", [WORK], {"emails": [WORK]}, id="all values of none: as add"),
        pytest.param(
            {"name": {"givenName": "A", "familyName": "J"}},
            "name",
            {"givenName": "B"},
            {"name": {"givenName": "B", "familyName": "J"}},
            id="a complex attribute: the sub-attributes that are given",
        ),
        pytest.param(
            {"name": {"givenName": "A", "familyName": "J"}},
            "name",
            {"givenName": "B", "familyName": None},
            {"name": {"givenName": "B"}},
            id="a complex attribute: null takes one away",
        ),
        pytest.param(
            {"emails": [WORK, {**WORK, "value": "c"}, HOME]},
            'emails[type eq "work"].display',
            "W",
            {"emails": [{**WORK, "display": "W"}, {**WORK, "value": "c", "display": "W"}, HOME]},
            id="a part of every entry that a filter selects",
        ),
        pytest.param(
            {"emails": [WORK, {**WORK, "value": "c"}, HOME]},
            'emails[type eq "work"]',
            {"value": "d"},
            {"emails": [{"value": "d"}, HOME]},
            id="every entry that a filter selects, without copies",
        ),
        pytest.param(
            {"emails": [WORK, HOME]},
            "emails.display",
            "E",
            {"emails": [{**WORK, "display": "E"}, {**HOME, "display": "E"}]},
            id="a part of all entries",
        ),
        pytest.param({}, "emails.value", "a", {"emails": [{"value": "a"}]}, id="of no entry"),
        pytest.param(
            {"emails": [{**WORK, "primary": True}, HOME]},
            'emails[type eq "home"].primary',
            True,
            {"emails": [{**WORK, "primary": False}, {**HOME, "primary": True}]},
            id="primary moves",
        ),
        pytest.param(
            {URN: {"manager": {"value": "1", "$ref": "../Users/1", "displayName": "A"}}},
            f"{URN}:manager",
            {"value": "2", "$ref": "../Users/2"},
            {URN: {"manager": {"value": "2", "$ref": "../Users/2"}}},
            id="another manager",
        ),
        pytest.param(
            {URN: {"manager": {"value": "1", "displayName": "A"}}},
            f"{URN}:manager",
            {"value": None},
            {},
            id="no manager",
        ),
        pytest.param({URN: {"manager": {"value": "1"}}}, f"{URN}:manager", "", {}, id="as text"),
        pytest.param(
            {URN: {"department": "D", "division": "V"}},
            URN,
            {"department": "E"},
            {URN: {"department": "E", "division": "V"}},
            id="an extension: the attributes that are given",
        ),
        pytest.param(
            {"userName": "b"},
            None,
            {"id": "7", "userName": "c", "meta": {}, "groups": []},
            {"userName": "c"},
            id="without path: id, meta and groups are passed over",
        ),
        pytest.param(
            {"name": {"givenName": "B"}},
            None,
            {"name": {"x": 1}},
            {"name": {"givenName": "B"}},
            id="a value in which nothing is known clears nothing",
        ),
        pytest.param(
            {"emails": [WORK]},
            "emails",
            [{"x": 1}],
            {"emails": [WORK]},
            id="entries in which nothing is known clear nothing",
        ),
    ],
)
def test_replace(
    before: dict[str, Any], path: str | None, value: Any, after: dict[str, Any]
) -> None:
    """The value takes the place of what the path points at."""
    assert after == replace(before, path, value)


@pytest.mark.parametrize(
    ("path", "empty", "left"),
    [
        ("nickName", None, {"name", "emails", URN}),
        ("name", None, {"nickName", "emails", URN}),
        ("name", {}, {"nickName", "emails", URN}),
        ("name", {"givenName": None}, {"nickName", "emails", URN}),
        ("name.givenName", None, {"nickName", "emails", URN}),
        ("emails", None, {"nickName", "name", URN}),
        ("emails", [], {"nickName", "name", URN}),
        ("emails", [{}], {"nickName", "name", URN}),
        ("nickName", "", {"name", "emails", URN}),
        ("name", {"givenName": ""}, {"nickName", "emails", URN}),
        ("emails", [{"value": None}], {"nickName", "name", URN}),
        ("emails", [{"value": "", "type": None}], {"nickName", "name", URN}),
        ('emails[type eq "work"]', None, {"nickName", "name", URN}),
        (URN, None, {"nickName", "name", "emails"}),
        (URN, {}, {"nickName", "name", "emails"}),
        (f"{URN}:department", None, {"nickName", "name", "emails"}),
        (None, {URN: None, "name": None, "emails": []}, {"nickName"}),
    ],
)
def test_replace_by_nothing(path: str | None, empty: Any, left: set[str]) -> None:
    """Null, empty text, an empty list and an empty object unassign (:rfc:`7643#section-2.5`)."""
    before = {
        "nickName": "B",
        "name": {"givenName": "B"},
        "emails": [WORK],
        URN: {"department": "D"},
    }
    assert left == replace(before, path, empty).keys()


@pytest.mark.parametrize(
    ("before", "path", "value"),
    [
        ({"nickName": "B"}, "nickName", "B"),
        ({"name": {"givenName": "B", "familyName": "J"}}, "name", {"givenName": "B"}),
        ({"emails": [WORK, HOME]}, "emails", [WORK, HOME]),
        ({"emails": [WORK, HOME]}, "emails", [HOME, WORK]),
        ({"emails": [WORK, HOME]}, 'emails[type eq "work"]', WORK),
        ({"emails": [WORK, HOME]}, 'emails[type eq "work"].value', "a"),
        ({URN: {"manager": {"value": "1", "displayName": "A"}}}, URN, {"manager": {"value": "1"}}),
        ({"userName": "b"}, None, {"id": "7", "userName": "b"}),
        ({"nickName": "B"}, None, {}),
    ],
)
def test_value_that_is_there(before: dict[str, Any], path: str | None, value: Any) -> None:
    """Replacing a value by itself changes nothing, in whatever order its entries come."""
    assert before == replace(before, path, value)


def test_members_that_stay_keep_what_the_server_knows() -> None:
    """A list of ids replaces the members; those who stay are as they were."""
    before = {"members": [{"value": key, "type": "User", "display": key} for key in "123"]}
    same = replace(before, "members", [{"value": key} for key in "312"], GROUP_TYPE)
    assert before == same
    after = replace(before, "members", [{"value": "4"}, {"value": "2"}], GROUP_TYPE)
    assert [{"value": "4"}, before["members"][1]] == after["members"]


@pytest.mark.parametrize("before", [{}, {"emails": [HOME]}], ids=str)
@pytest.mark.parametrize(
    ("path", "value"),
    [('emails[type eq "Work"].value', "A"), ('emails[type eq "Work"]', {"value": "A"})],
)
def test_filter_that_finds_nothing(before: dict[str, Any], path: str, value: Any) -> None:
    """By the RFC there is no target; for Entra and Okta the entry is made from the filter."""
    with pytest.raises(NoTarget):
        replace(before, path, value)
    created = {"type": "Work", "value": "A"}
    for dialect in (ENTRA, OKTA):
        after = replace(before, path, value, dialect=dialect)
        assert [*before.get("emails", []), created] == after["emails"]


def test_filter_terms_stay_when_an_entry_is_replaced_or_made() -> None:
    """Where the filter makes entries, it says the same of those that it finds."""
    path = 'emails[type eq "work"]'
    before, value = {"emails": [WORK]}, {"value": "c"}
    assert [value] == replace(before, path, value)["emails"]
    assert [{"type": "work", **value}] == replace(before, path, value, dialect=ENTRA)["emails"]


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ("userName", None, MutabilityError),
        ("userName", "", MutabilityError),
        ("userName", {}, MutabilityError),
        ("userName", " ", InvalidValue),
        (None, {"userName": None}, MutabilityError),
        ("active", "soon", InvalidValue),
        (
            "emails",
            [{"value": "a", "primary": True}, {"value": "b", "primary": True}],
            InvalidValue,
        ),
        ("emails", "a@b.c", InvalidValue),
        ("id", "8", MutabilityError),
        ("meta", None, MutabilityError),
        ("nickname.x", "B", InvalidPath),
        ('emails[type eq "work"', "B", InvalidPath),
        ('emails[type eq "other"].value', "B", NoTarget),
    ],
)
def test_refused(path: str | None, value: Any, error: type[ScimError]) -> None:
    """Each mistake has its own scimType, and nothing is changed."""
    before = {"userName": "b", "id": "7", "emails": [WORK]}
    kept = copy.deepcopy(before)
    with pytest.raises(error):
        replace(before, path, value)
    assert kept == before


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ('members[value eq "1"].value', "2", MutabilityError),
        ('members[value eq "1"].type', "Group", MutabilityError),
        ("members.display", "A", MutabilityError),
        ("displayName", " ", InvalidValue),
    ],
)
def test_refused_for_groups(path: str, value: Any, error: type[ScimError]) -> None:
    """A member is not turned into another one."""
    before = {"displayName": "g", "members": [{"value": "1", "type": "User"}]}
    with pytest.raises(error):
        replace(before, path, value, GROUP_TYPE)


def test_strict_replaces_a_complex_attribute_as_a_whole() -> None:
    """What the interoperability profile says of a complex attribute."""
    before = {"name": {"givenName": "A", "familyName": "J"}}
    after = replace(before, "name", {"givenName": "B", "middleName": None}, dialect=STRICT)
    assert list(after["name"]) == ["givenName"]


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ('emails[type eq "work"].value', "a", InvalidFilter),
        ('emails[type eq "home"].value', "a", NoTarget),
        ('emails[type eq "work"]', {"value": "a"}, InvalidPath),
        ("phoneNumbers.value", "1", NoTarget),
        ("emails", {"value": "a"}, InvalidValue),
    ],
)
def test_strict(path: str, value: Any, error: type[ScimError]) -> None:
    """Behind a value filter stand one entry and a sub-attribute."""
    before = {"emails": [WORK, {**WORK, "value": "c"}]}
    with pytest.raises(error):
        replace(before, path, value, dialect=STRICT)


def test_operations_follow_each_other() -> None:
    """Each operation works on what the last one left."""
    after = perform(
        {"userName": "b", "title": "T"},
        {"op": "add", "path": "emails", "value": [WORK]},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "c"},
        {"op": "add", "path": "emails", "value": [HOME]},
        {"op": "remove", "path": 'emails[value eq "c"]'},
        {"op": "remove", "path": "title"},
        {"op": "add", "path": "title", "value": "U"},
        {"op": "replace", "path": "title", "value": "V"},
    )
    expected = {"userName": "b", "emails": [HOME], "title": "V"}
    assert expected == after


def test_required_value_may_be_missing_in_between() -> None:
    """Operations are one change: what counts is how it ends."""
    after = perform(
        {"userName": "b"},
        {"op": "remove", "path": "userName"},
        {"op": "add", "path": "userName", "value": "c"},
    )
    assert after["userName"] == "c"


def test_added_and_removed_again() -> None:
    """What comes and goes in one request changes nothing."""
    before = {"displayName": "g", "members": [{"value": "1"}, {"value": "2"}]}
    after = perform(
        before,
        {"op": "add", "path": "members", "value": [{"value": "3"}]},
        {"op": "remove", "path": 'members[value eq "1"]'},
        {"op": "add", "path": "members", "value": [{"value": "1"}]},
        {"op": "remove", "path": "members", "value": [{"value": "3"}]},
        resource_type=GROUP_TYPE,
    )
    assert before == after


def test_all_or_nothing() -> None:
    """When one operation fails, the document is as it was."""
    before = {"userName": "b", "name": {"givenName": "A"}, "emails": [WORK], URN: {"division": "V"}}
    kept = copy.deepcopy(before)
    with pytest.raises(NoTarget):
        perform(
            before,
            {"op": "replace", "path": "name.givenName", "value": "B"},
            {"op": "add", "path": "emails", "value": [{**HOME, "primary": True}]},
            {"op": "remove", "path": 'emails[type eq "work"]'},
            {"op": "remove", "path": f"{URN}:division"},
            {"op": "replace", "path": 'emails[type eq "other"].value', "value": "d"},
        )
    assert kept == before


def test_only_what_is_touched_is_checked() -> None:
    """An old value that no rule would take today stops no other change."""
    before = {"locale": 7, "emails": "none", "active": True, "ims": [{"primary": "x"}]}
    assert {**before, "active": False} == replace(before, "active", False)


def test_new_extension_needs_its_required_attributes() -> None:
    """An extension that comes into being has what its schema requires."""
    attributes = (Attribute("badge", required=True), Attribute("color"))
    extension = Extension(Schema("urn:example:Visitor", "Visitor", "A visitor.", attributes))
    visitor = ResourceType("User", "/Users", USER_TYPE.schema, (extension,))
    with pytest.raises(InvalidValue, match="badge"):
        replace({}, "urn:example:Visitor:color", "red", visitor)
    value = {"urn:example:Visitor": {"color": "red", "badge": "7"}}
    assert value == replace({}, None, value, visitor)


@pytest.mark.parametrize(
    ("operation", "op", "value"),
    [
        ({"op": "add", "path": "members", "value": [{"value": "1"}]}, Op.ADD, ["1"]),
        ({"op": "add", "value": {"members": [{"value": "1"}]}}, Op.ADD, ["1"]),
        ({"op": "remove", "path": 'members[value eq "A"]'}, Op.REMOVE, ["A"]),
        ({"op": "remove", "path": "members", "value": [{"value": "1"}]}, Op.REMOVE, ["1"]),
        ({"op": "remove", "path": "members"}, Op.REMOVE, None),
        ({"op": "replace", "path": "members", "value": []}, Op.REMOVE, None),
        ({"op": "replace", "path": "members", "value": [{"value": "1"}]}, Op.REPLACE, ["1"]),
    ],
)
def test_changes_of_members_as_sets(
    operation: dict[str, Any], op: Op, value: list[str] | None
) -> None:
    """A store can carry out such an operation without the members that are there."""
    (parsed,) = parse([operation], GROUP_TYPE, GENERIC)
    assert parsed.changes_references
    assert op is parsed.op
    assert value == (parsed.value and [member["value"] for member in parsed.value])


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": 'members[type eq "User"]'},
        {"op": "add", "path": "displayName", "value": "g"},
        {"op": "add", "path": "members.type", "value": "User"},
    ],
)
def test_other_changes(operation: dict[str, Any]) -> None:
    """Anything else needs the document."""
    (parsed,) = parse([operation], GROUP_TYPE, GENERIC)
    assert not parsed.changes_references


def test_many_operations_on_many_entries() -> None:
    """Of twice as many operations on twice as many entries, the steps are about twice as many."""

    def change(count: int) -> None:
        before = {"members": [{"value": str(number)} for number in range(count)]}
        removals = [
            {"op": "remove", "path": f'members[value eq "{key}"]'} for key in range(count // 20)
        ]
        first = count - count // 40
        additions = [
            {"op": "add", "path": "members", "value": [{"value": str(key)}]}
            for key in range(first, first + count // 20)
        ]
        after = perform(before, *removals, *additions, resource_type=GROUP_TYPE)
        assert [int(m["value"]) for m in after["members"]] == [
            *range(count // 20, first + count // 20)
        ]

    change(200)  # what is kept from one call to the next is there
    assert count_steps(lambda: change(2_000)) < 2.5 * count_steps(lambda: change(1_000))
