"""Answers say the same whatever writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_scim.web.encoding import encode, encode_plainly

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('aé\u2028\\"', max_size=3), inner),
    max_leaves=20,
)


@given(VALUES)
def test_both_say_the_same(body: Any) -> None:
    """What is written fast reads as what is written plainly."""
    fast, plain = encode(body), encode_plainly(body)
    assert json.loads(fast) == json.loads(plain) == body


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ({"a": "é\n\x00\u2028😀"}, '{"a":"é\\n\\u0000\u2028😀"}'),
        ([2**80, True, None, 1.5], f"[{2**80},true,null,1.5]"),
    ],
)
def test_text(body: Any, written: str) -> None:
    """Letters stay letters, and numbers of any size are written."""
    assert encode(body) == encode_plainly(body) == written.encode()
