"""What holds for every PATCH, whatever it asks for."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_scim.protocol import patch
from flask_scim.protocol.definitions import ENTERPRISE_USER, USER_TYPE
from flask_scim.protocol.dialects import Dialect, find_dialect, normalise_patch
from flask_scim.protocol.errors import ScimError
from flask_scim.protocol.operations import parse

URN = ENTERPRISE_USER.id
DIALECTS = [
    find_dialect("generic"),
    find_dialect("entra"),
    find_dialect("okta"),
    find_dialect("generic", strict=True),
]

# Few words, so that operations meet what others have written.
words = st.sampled_from(["a", "b", "A", "work", "home"])
texts = words | st.sampled_from(["", " "])
emails = st.fixed_dictionaries(
    {"value": words},
    optional={"type": words, "primary": st.just(False), "display": words},
)
managers = st.fixed_dictionaries({"value": words}, optional={"$ref": words, "displayName": words})
documents = st.fixed_dictionaries(
    {"userName": words},
    optional={
        "nickName": words,
        "active": st.booleans(),
        "name": st.fixed_dictionaries({"givenName": words}, optional={"familyName": words}),
        "emails": st.lists(emails, min_size=1, max_size=4),
        "groups": st.lists(st.fixed_dictionaries({"value": words}), min_size=1, max_size=2),
        URN: st.fixed_dictionaries({"department": words}, optional={"manager": managers}),
    },
)

terms = st.builds(
    "{} {} {}".format,
    st.sampled_from(["value", "type", "display", "VALUE"]),
    st.sampled_from(["eq", "ne", "sw", "co"]),
    words.map('"{}"'.format),
) | st.sampled_from(["primary eq true", 'primary eq "False"', "display pr", "type eq null"])
filters = terms | st.builds("{} {} {}".format, terms, st.sampled_from(["and", "or"]), terms)
paths = st.sampled_from(
    [
        "userName",
        "NICKNAME",
        "active",
        "name",
        "name.familyName",
        "emails",
        "emails.type",
        "emails.primary",
        "groups",
        "id",
        "shoeSize",
        URN,
        f"{URN}:department",
        f"{URN}:manager",
        f"{URN}:manager.value",
    ]
) | st.builds(
    "emails[{}]{}".format, filters, st.sampled_from(["", ".value", ".display", ".primary"])
)
scalars = texts | st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["True", "false"])
objects = st.dictionaries(
    st.sampled_from(["value", "type", "primary", "display", "givenName", "department", "$ref"]),
    scalars,
    max_size=3,
)
values = scalars | objects | st.lists(objects | scalars, max_size=3)
resources = st.dictionaries(
    st.sampled_from(
        ["userName", "nickname", "active", "name", "emails", "id", URN, "name.givenName", "x"]
    ),
    values,
    max_size=4,
)
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Add", "remove", "replace", "replace", "Replace"])},
    optional={"path": paths, "value": values | resources},
)
dialects = st.sampled_from(DIALECTS)


def perform(document: dict[str, Any], requested: list[Any], dialect: Dialect) -> dict[str, Any]:
    """Carry out a PATCH from the identity provider's JSON to the document."""
    normalised, _ = normalise_patch(requested, USER_TYPE, dialect)
    parsed = parse(normalised, USER_TYPE, dialect)
    return patch.apply(document, parsed, USER_TYPE, dialect)


@settings(max_examples=400)
@given(documents, st.lists(operations, min_size=1, max_size=4), dialects)
def test_fails_in_the_language_of_scim(
    document: dict[str, Any], requested: list[Any], dialect: Dialect
) -> None:
    """A PATCH gives a sound document or a SCIM error, and never touches what it was given."""
    given_document, given_operations = copy.deepcopy(document), copy.deepcopy(requested)
    try:
        after = perform(document, requested, dialect)
    except ScimError:
        after = document
    assert given_document == document
    assert given_operations == requested
    assert after["userName"].strip()
    assert after.get("groups") == document.get("groups")
    assert is_canonical(after)
    assert sum(entry.get("primary") is True for entry in after.get("emails", ())) <= 1


def is_canonical(value: Any) -> bool:
    """Tell whether nothing empty is in a document."""
    match value:
        case dict() | list():
            parts = value.values() if isinstance(value, dict) else value
            return bool(value) and all(map(is_canonical, parts))
    return value is not None and value != ""


@settings(max_examples=200)
@given(documents, operations, dialects)
def test_add_twice_is_add_once(
    document: dict[str, Any], operation: dict[str, Any], dialect: Dialect
) -> None:
    """What was added is there, and adding it again changes nothing."""
    adding = {**operation, "op": "add"}
    try:
        once = perform(document, [adding], dialect)
        twice = perform(once, [adding], dialect)
    except ScimError:
        return
    assert once == twice


@given(documents, dialects.filter(lambda dialect: not dialect.strict))
@pytest.mark.parametrize("op", ["add", "replace"])
def test_a_document_changes_nothing_in_itself(
    op: str, document: dict[str, Any], dialect: Dialect
) -> None:
    """An identity provider that sends back what it read changes nothing."""
    document = without_copies(document)
    assert document == perform(document, [{"op": op, "value": document}], dialect)


@given(documents, st.lists(emails, max_size=4), dialects)
def test_there_and_back(
    document: dict[str, Any], others: list[dict[str, Any]], dialect: Dialect
) -> None:
    """To replace a value, and then to put the old one back, changes nothing."""
    document = without_copies(document)
    there = {"op": "replace", "path": "emails", "value": others}
    back = {"op": "replace", "path": "emails", "value": document.get("emails")}
    assert document == perform(document, [there, back], dialect)


def without_copies(document: dict[str, Any]) -> dict[str, Any]:
    """Take away second copies of entries, which no server would have."""
    entries = document.get("emails")
    if entries is None:
        return document
    unique = {tuple(sorted(entry.items() - {("primary", False)})): entry for entry in entries}
    return {**document, "emails": list(unique.values())}


@given(documents, st.sampled_from(["emails", "name", "nickName", URN]), dialects)
def test_remove_leaves_nothing(document: dict[str, Any], path: str, dialect: Dialect) -> None:
    """What was removed is not there, and the rest is as it was."""
    expected = {key: value for key, value in document.items() if key != path}
    assert expected == perform(document, [{"op": "remove", "path": path}], dialect)


@given(documents, st.lists(operations, max_size=3), st.lists(operations, max_size=3), dialects)
def test_one_request_is_two(
    document: dict[str, Any], first: list[Any], second: list[Any], dialect: Dialect
) -> None:
    """Operations in one request do what they do in two."""
    try:
        between = perform(document, first, dialect)
        expected = perform(between, second, dialect)
    except ScimError:
        return
    after = perform(document, first + second, dialect)
    assert in_any_order(expected) == in_any_order(after)


def in_any_order(document: dict[str, Any]) -> dict[str, Any]:
    """Sort the entries of a document, whose order says nothing."""
    return {
        key: sorted(map(repr, map(sorted, map(dict.items, value))))
        if isinstance(value, list)
        else value
        for key, value in document.items()
    }
