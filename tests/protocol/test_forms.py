"""Filters that are alike are read once, and mean what each of them means by itself."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim.protocol.definitions import USER_TYPE
from flask_scim.protocol.errors import ScimError
from flask_scim.protocol.forms import Blank, make_form, rewrite, take_apart
from flask_scim.protocol.parser import parse_filter
from flask_scim.protocol.resolver import Compare, Condition, resolve_filter
from flask_scim.protocol.unparser import shape

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

ALIKE = [
    'userName eq "Ann@X.org"',
    'USERNAME  EQ "text 0"',
    'externalId eq "Ann"',
    'externalId ne "Ann"',
    'emails[type eq "Work"].value eq "Ann@x.org"',
    'emails[type eq "work" and not (value eq "A")] or (userName eq "b" and title pr)',
    f'{_ENTERPRISE}:department eq "Sales, (all) [of] them"',
    'userName eq bob and externalId eq "B"',
    'profileUrl eq "https://x.org/?a=b"',
    'userName eq "a" and active eq true',
]
ALONE = [
    "userName eq bob",
    "active eq true",
    'userName eq ""',
    'userName eq "J\\u00fcrgen"',
    'userName eq "Jürgen"',
    'userName eq "a\tb"',
    'userName eq "no end',
    f'userName eq "{1_000 * "a"}"',
]
OF_THEIR_TEXTS = [
    'userName co "ann"',
    'userName eq "ann" and title sw "Dr"',
    " or ".join(f'userName eq "{number}"' for number in range(17)),
]


def read(text: str) -> Condition:
    """Read a filter as a forgiving connection does."""
    return resolve_filter(parse_filter(text, bare_words=True), USER_TYPE)


@pytest.mark.parametrize("text", ALIKE)
def test_form_means_the_same(text: str) -> None:
    """A form whose blanks are filled is the condition itself."""
    apart = take_apart(text)
    assert apart is not None
    form = make_form(apart[0], read)
    assert form is not None
    filled = form.fill(apart[1])

    def fill(comparison: Compare) -> Compare:
        value: Any = comparison.value
        value = filled[value.name] if isinstance(value, Blank) else value
        return Compare(comparison.path, comparison.operator, value)

    assert rewrite(form.condition, fill) == read(text)


@pytest.mark.parametrize("text", ALONE)
def test_text_that_is_not_plain(text: str) -> None:
    """What has no text, or one that is not as it looks, is not taken apart."""
    assert take_apart(text) is None


@pytest.mark.parametrize("text", OF_THEIR_TEXTS)
def test_text_that_decides(text: str) -> None:
    """There is no form where the text decides what a statement looks like, or of long filters."""
    apart = take_apart(text)
    assert apart is not None
    assert make_form(apart[0], read) is None


@pytest.mark.parametrize(
    "text",
    [
        'active eq "True"',
        'meta.created gt "2026-01-01T00:00:00Z"',
        'userName eq ab"cd"',
    ],
)
def test_what_is_no_text(text: str) -> None:
    """What is read as something else, or is part of a word, makes no form."""
    apart = take_apart(text)
    assert apart is not None
    read(text)
    with pytest.raises(ScimError):
        make_form(apart[0], read)


def test_shape_tells_no_text() -> None:
    """What the log keeps of filters that are alike is the same, and has none of their texts."""
    for name in ("ann", "bob"):
        assert shape(f'userName eq "{name}" and title pr') == "userName eq ? and title pr"
