"""Filters as SQL select what the matcher says, on every database."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_scim.protocol.definitions import USER_TYPE
from flask_scim.protocol.dialects import GENERIC
from flask_scim.protocol.errors import InvalidFilter, UniquenessError
from flask_scim.protocol.matcher import matches
from flask_scim.protocol.parser import parse_filter
from flask_scim.protocol.resolver import resolve_filter
from flask_scim.provisioning.ports import Query, Resource, Store
from tests.client import ENTERPRISE, USER
from tests.host import Host, empty

pytestmark = pytest.mark.once("filters of every kind are tried by others, with every version")

# Folding beyond what all databases share (the Kelvin sign, the dotted capital I) is left out.
WORDS = [
    "ann",
    "Ann",
    "ANN",
    "Änn",
    "änn",
    "an_n",
    "a%n",
    "a\\n",
    "a/n",
    "ann ",
    "o'n",
    '"q"',
    "é",
    "É",
    "z",
]
MAILS = ["ann@x.org", "ANN@x.org", "b%@x.org", "änn@x.org", "z_z@x.org"]
NUMBERS = ["1", "7", "12", "99"]
TYPES = ["work", "other", "Home", "home"]
MOMENTS = ["2020-01-01T00:00:00Z", "2026-06-01T12:00:00.5+02:00", "2099-01-01T00:00:00Z"]

TEXTS = {
    "userName": WORDS,
    "externalId": WORDS,
    "id": NUMBERS,
    "name.givenName": WORDS,
    "name.familyName": WORDS,
    "name.formatted": WORDS,
    "displayName": WORDS,
    "nickName": WORDS,
    "title": WORDS,
    "userType": ["free", "FULL", "other"],
    "locale": ["de-DE", "DE-de", "fr"],
    "profileUrl": WORDS,
    "emails": MAILS,
    "emails.value": MAILS,
    "emails.type": TYPES,
    "emails.display": WORDS,
    "phoneNumbers.value": NUMBERS,
    "addresses.locality": WORDS,
    "addresses.type": TYPES,
    "roles.value": WORDS,
    "roles": WORDS,
    "schemas": [USER, ENTERPRISE, "urn:x"],
    "meta.resourceType": ["User", "user"],
    f"{ENTERPRISE}:employeeNumber": NUMBERS,
    f"{ENTERPRISE}:department": WORDS,
    f"{ENTERPRISE}:manager": WORDS,
    f"{ENTERPRISE}:manager.value": WORDS,
}
ENTRIES = {
    "emails": {"value": MAILS, "type": TYPES, "display": WORDS, "primary": None},
    "phoneNumbers": {"value": NUMBERS, "type": TYPES},
    "addresses": {"locality": WORDS, "type": TYPES, "country": WORDS, "primary": None},
    "roles": {"value": WORDS, "type": TYPES, "primary": None},
}
PRESENCE = [*TEXTS, "name", "emails", "addresses", "roles", "active", "meta.created", "photos"]


def compare_text(path: str, words: list[str]) -> st.SearchStrategy[str]:
    """A comparison of text, mostly with a word that some row has."""
    operators = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])
    values = st.sampled_from([*words, "", words[0][:2], words[0][-2:], words[-1].upper()])
    return st.builds(lambda op, value: f"{path} {op} {json.dumps(value)}", operators, values)


def compare_boolean(path: str) -> st.SearchStrategy[str]:
    """A comparison of a boolean."""
    return st.builds(
        lambda op, value: f"{path} {op} {value}",
        st.sampled_from(["eq", "ne"]),
        st.sampled_from(["true", "false", "null"]),
    )


def combine(terms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Terms with and, or, not and parentheses."""
    return st.recursive(
        terms,
        lambda inner: st.one_of(
            st.builds("({} and {})".format, inner, inner),
            st.builds("({} or {})".format, inner, inner),
            st.builds("not ({})".format, inner),
        ),
        max_leaves=4,
    )


def entry_filters(path: str) -> st.SearchStrategy[str]:
    """A value path over the entries of a multi-valued attribute."""
    parts = ENTRIES[path]
    terms = [compare_text(name, words) for name, words in parts.items() if words]
    terms += [compare_boolean(name) for name, words in parts.items() if not words]
    terms.append(st.sampled_from([f"{name} pr" for name in parts]))
    return st.builds(lambda inner: f"{path}[{inner}]", combine(st.one_of(terms)))


MOMENT_TERMS = st.builds(
    "{} {} {}".format,
    st.sampled_from(["meta.created", "meta.lastModified"]),
    st.sampled_from(["eq", "gt", "ge", "lt", "le", "ne"]),
    st.sampled_from([f'"{moment}"' for moment in MOMENTS]),
)
FILTERS = combine(
    st.one_of(
        st.one_of([compare_text(path, words) for path, words in TEXTS.items()]),
        st.one_of([entry_filters(path) for path in ENTRIES]),
        st.sampled_from([f"{path} pr" for path in PRESENCE]),
        st.one_of([compare_boolean(path) for path in ("active", "emails.primary")]),
        st.sampled_from([f"{path} eq null" for path in ("title", "nickName", "emails", "name")]),
        MOMENT_TERMS,
    )
)


def make_document(choose: random.Random, number: int) -> dict[str, Any]:
    """A user of whom every attribute is there or not by chance."""

    def maybe(value: Any) -> Any:
        return value if choose.random() < 0.6 else None

    def entry(kind: str) -> dict[str, Any]:
        chosen = {name: maybe(choose.choice(w)) if w else None for name, w in ENTRIES[kind].items()}
        return {name: value for name, value in chosen.items() if value is not None}

    document = {
        # A number makes the name unique; the case of the word is kept.
        "userName": f"{choose.choice(WORDS)}{number}" if number > len(WORDS) else WORDS[number - 1],
        "externalId": maybe(choose.choice(WORDS)),
        "name": {
            "givenName": maybe(choose.choice(WORDS)),
            "familyName": maybe(choose.choice(WORDS)),
            "formatted": maybe(choose.choice(WORDS)),
        },
        "active": maybe(choose.choice([True, False])),
        "nickName": maybe(choose.choice(WORDS)),
        "title": maybe(choose.choice(WORDS)),
        "userType": maybe(choose.choice(["free", "full"])),
        "profileUrl": maybe(choose.choice(WORDS)),
        "locale": maybe(choose.choice(["de-DE", "fr"])),
        **{
            kind: [made for _ in range(choose.randrange(4)) if (made := entry(kind))]
            for kind in ENTRIES
        },
        ENTERPRISE: {
            "employeeNumber": maybe(choose.choice(NUMBERS)),
            "department": maybe(choose.choice(WORDS)),
            "manager": maybe({"value": choose.choice(WORDS)}),
        },
    }
    for entries in (document[kind] for kind in ENTRIES):
        if entries and choose.random() < 0.5:
            choose.choice(entries)["primary"] = choose.choice([True, False])
    return prune(document)


def prune(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not assigned."""
    pruned = {
        name: prune(value) if isinstance(value, dict) else value for name, value in document.items()
    }
    return {name: value for name, value in pruned.items() if value not in (None, {}, [])}


def present(resource: Resource) -> dict[str, Any]:
    """The resource as filters see it."""
    extensions = [urn for urn in resource.document if ":" in urn]
    return {
        "schemas": [USER, *extensions],
        "id": resource.id,
        **resource.document,
        "meta": {
            "resourceType": "User",
            "created": resource.created,
            "lastModified": resource.modified,
        },
    }


@pytest.fixture(scope="module")
def rows(hosted: Host) -> Iterator[tuple[Store, list[dict[str, Any]]]]:
    """A store that holds users of every shape, and what it holds."""
    choose = random.Random(7644)
    with hosted.app.app_context():
        connection = hosted.scim.connections.add("agree", tenant="1")
        service = hosted.scim._wiring.service(connection, USER_TYPE, USER_TYPE, GENERIC)
        skipped = 0
        for number in range(1, 90):
            try:
                service.create(make_document(choose, number))
            except UniquenessError:  # some words differ in letter case only
                skipped += 1
        assert skipped < 10
        session = hosted.db.session()
        for resource in service.store.find(Query(count=1000)).resources[::4]:
            service.patch(resource.id, [{"op": "remove", "path": "active"}])
        everyone = service.store.find(Query(count=1000)).resources
        yield service.store, [present(resource) for resource in everyone]
        session.rollback()
        empty(hosted.db)


@settings(
    max_examples=1500,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=FILTERS)
def test_sql_selects_what_the_matcher_says(
    rows: tuple[Store, list[dict[str, Any]]], text: str
) -> None:
    """A random filter selects the same users in SQL as the matcher does in their documents."""
    store, documents = rows
    try:
        condition = resolve_filter(parse_filter(text), USER_TYPE)
    except InvalidFilter:
        return
    selected = {resource.id for resource in store.find(Query(condition, count=1000)).resources}
    expected = {document["id"] for document in documents if matches(condition, document)}
    assert expected == selected, text
