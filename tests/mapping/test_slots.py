"""Which entry of a multi-valued attribute goes to which place."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim.mapping.declaration import read_declaration
from flask_scim.mapping.mapping import Mapping
from flask_scim.mapping.sources import Source
from flask_scim.protocol.definitions import USER_TYPE

WORK = {"type": "work", "value": "work"}
MAIN = {"type": "work", "primary": True, "value": "work"}
HOME = {"type": "home", "value": "home"}
PRIMARY = {"primary": True, "value": "main"}
FIRST = {"value": "any"}


def read(templates: Any, *, keep: bool = True) -> Mapping:
    """Map e-mails by templates, or by the dict of paths that is given in their place."""
    emails = templates if isinstance(templates, dict) else {"emails": templates}
    return read_declaration({"userName": "login"} | emails, USER_TYPE, keep_unmapped=keep)


def place(mapping: Mapping, emails: list[dict[str, Any]]) -> tuple[dict[str, Any], Any, Any]:
    """Take e-mails apart: what goes to the host's columns, what is kept, and what comes back."""
    parts = mapping.split({"emails": emails})
    columns = {
        str(source): value
        for (_, source), value in zip(mapping.sources, parts.values, strict=True)
        if isinstance(source, Source) and value is not None
    }
    joined = mapping.join(parts.values, parts.kept, parts.extras)
    return columns, parts.kept.get("emails"), joined.get("emails")


@pytest.mark.parametrize(
    ("templates", "emails", "columns", "kept"),
    [
        pytest.param([WORK], [{"type": "work", "value": "w"}], {"work": "w"}, None, id="its type"),
        pytest.param([WORK], [{"type": "Work", "value": "w"}], {"work": "w"}, None, id="any case"),
        pytest.param(
            {'emails[type eq "WORK"].value': "work"},
            [{"type": "work", "value": "w"}],
            {"work": "w"},
            None,
            id="any case in the declaration",
        ),
        pytest.param([WORK], [{"value": "w"}], {"work": "w"}, None, id="no type, the only one"),
        pytest.param(
            [WORK],
            [{"type": "home", "value": "h"}],
            {},
            [{"type": "home", "value": "h"}],
            id="another type",
        ),
        pytest.param(
            [WORK],
            [{"value": "v"}, {"type": "home", "value": "h"}],
            {},
            [{"value": "v"}, {"type": "home", "value": "h"}],
            id="no type, one of several",
        ),
        pytest.param(
            [MAIN],
            [{"value": "v"}, {"value": "p", "primary": True}],
            {"work": "p"},
            [{"value": "v"}],
            id="no type, the primary one",
        ),
        pytest.param(
            [MAIN],
            [{"value": "p", "primary": True}, {"type": "work", "value": "w"}],
            {"work": "w"},
            [{"value": "p", "primary": True}],
            id="type before primary",
        ),
        pytest.param(
            [MAIN],
            [{"type": "home", "value": "h", "primary": True}],
            {},
            [{"type": "home", "value": "h", "primary": True}],
            id="primary of another type",
        ),
        pytest.param(
            [WORK],
            [{"type": "work", "value": "1"}, {"type": "work", "value": "2"}],
            {"work": "1"},
            [{"type": "work", "value": "2"}],
            id="two of a type",
        ),
        pytest.param(
            [WORK, HOME],
            [{"type": "home", "value": "h"}, {"type": "work", "value": "w"}],
            {"work": "w", "home": "h"},
            None,
            id="in any order",
        ),
        pytest.param(
            [WORK, HOME], [{"value": "v"}], {}, [{"value": "v"}], id="no type, several templates"
        ),
        pytest.param(
            [MAIN, HOME],
            [{"value": "v", "primary": True}],
            {"work": "v"},
            None,
            id="no type, primary, several templates",
        ),
        pytest.param([FIRST], [{"value": "1"}], {"any": "1"}, None, id="template without literals"),
        pytest.param(
            [FIRST],
            [{"type": "home", "value": "1"}, {"type": "work", "value": "2"}],
            {"any": "1"},
            [{"type": "work", "value": "2"}],
            id="template without literals takes the first",
        ),
        pytest.param(
            [FIRST, HOME],
            [{"type": "home", "value": "h"}, {"type": "work", "value": "w"}],
            {"any": "w", "home": "h"},
            None,
            id="a template with a type comes first",
        ),
        pytest.param(
            [PRIMARY],
            [{"type": "home", "value": "h"}, {"type": "work", "value": "w", "primary": True}],
            {"main": "w"},
            [{"type": "home", "value": "h"}],
            id="the primary one, of whatever type",
        ),
        pytest.param(
            {"emails[primary eq true].value": "main"},
            [{"type": "home", "value": "h"}, {"type": "work", "value": "w", "primary": True}],
            {"main": "w"},
            [{"type": "home", "value": "h"}],
            id="the primary one, by path",
        ),
        pytest.param(
            [PRIMARY, HOME],
            [{"type": "home", "value": "h"}, {"type": "work", "value": "w", "primary": True}],
            {"main": "w", "home": "h"},
            None,
            id="the primary one and another",
        ),
        pytest.param(
            [WORK],
            [{"type": "work", "display": "D"}],
            {},
            [{"type": "work", "display": "D"}],
            id="nothing for its places",
        ),
        pytest.param([WORK], [], {}, None, id="none"),
    ],
)
def test_which_entry(
    templates: Any, emails: list[dict[str, Any]], columns: dict[str, Any], kept: Any
) -> None:
    """An entry goes to the template of its type, and what fits none is kept."""
    found_columns, found_kept, _ = place(read(templates), emails)
    assert (columns, kept) == (found_columns, found_kept)


@pytest.mark.parametrize(
    ("templates", "emails", "expected"),
    [
        pytest.param(
            [WORK],
            [{"type": "Work", "value": "w", "display": "W"}],
            [{"type": "Work", "value": "w", "display": "W"}],
            id="the client's spelling and the rest of the entry",
        ),
        pytest.param([WORK], [{"value": "w"}], [{"type": "work", "value": "w"}], id="type added"),
        pytest.param(
            [MAIN],
            [{"type": "work", "value": "w"}],
            [{"type": "work", "value": "w", "primary": True}],
            id="primary added",
        ),
        pytest.param(
            [MAIN],
            [{"type": "work", "value": "w", "primary": False}],
            [{"type": "work", "value": "w", "primary": False}],
            id="primary denied",
        ),
        pytest.param(
            [MAIN],
            [{"type": "work", "value": "w"}, {"type": "other", "value": "o", "primary": True}],
            [
                {"type": "work", "value": "w", "primary": False},
                {"type": "other", "value": "o", "primary": True},
            ],
            id="a kept entry is primary",
        ),
        pytest.param(
            [MAIN, HOME],
            [{"type": "work", "value": "w"}, {"type": "home", "value": "h", "primary": True}],
            [
                {"type": "work", "value": "w", "primary": False},
                {"type": "home", "value": "h", "primary": True},
            ],
            id="the entry of another template is primary",
        ),
        pytest.param(
            [WORK],
            [{"type": "work", "value": "w", "primary": True}],
            [{"type": "work", "value": "w", "primary": True}],
            id="primary without a literal",
        ),
        pytest.param(
            [WORK],
            [{"type": "work", "display": "D"}],
            [{"type": "work", "display": "D"}],
            id="nothing for its places",
        ),
    ],
)
def test_what_comes_back(
    templates: Any, emails: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    """An entry comes back as it came, with the literals of its template."""
    _, _, joined = place(read(templates), emails)
    assert expected == joined


@pytest.mark.parametrize(
    ("emails", "expected"),
    [
        ([{"type": "Work", "value": "w", "display": "W"}], [MAIN | {"value": "w"}]),
        (
            [{"type": "work", "value": "w"}, {"type": "other", "value": "o", "primary": True}],
            [MAIN | {"value": "w"}],
        ),
        ([{"type": "other", "value": "o"}], None),
    ],
)
def test_only_places_where_the_rest_is_ignored(
    emails: list[dict[str, Any]], expected: list[dict[str, Any]] | None
) -> None:
    """Where unmapped attributes are ignored an entry is its places and literals, and no more."""
    _columns, kept, joined = place(read([MAIN], keep=False), emails)
    assert (None, expected) == (kept, joined)


def test_parts_of_two_entries_are_kept_apart() -> None:
    """What is kept beside one entry is not mixed with what is kept beside another."""
    mapping = read(
        {'addresses[country eq "NO"].locality': "a", 'addresses[country eq "SE"].locality': "b"}
    )
    addresses = [
        {"country": "NO", "locality": "Oslo", "region": "East"},
        {"country": "SE", "locality": "Lund", "region": "South"},
    ]
    parts = mapping.split({"addresses": addresses})
    assert mapping.join(parts.values, parts.kept, parts.extras) == {"addresses": addresses}


def test_entries_of_an_address() -> None:
    """A template of several places takes what the entry has, and leaves the others empty."""
    mapping = read(
        {"addresses": [{"type": "work", "locality": "city", "streetAddress": "street"}]},
    )
    parts = mapping.split({"addresses": [{"type": "work", "locality": "Oslo", "country": "NO"}]})
    assert [str(source) for _, source in mapping.sources][-2:] == ["city", "street"]
    assert parts.values[-2:] == ["Oslo", None]
    assert mapping.join(parts.values, parts.kept, parts.extras) == {
        "addresses": [{"type": "work", "locality": "Oslo", "country": "NO"}]
    }
