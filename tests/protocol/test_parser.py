"""The grammar of filters and paths, what it takes beyond the RFC, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_scim.protocol.errors import InvalidFilter, InvalidPath, ScimError, TooMany
from flask_scim.protocol.parser import Limits, parse_filter, parse_name, parse_path
from flask_scim.protocol.syntax import (
    And,
    Comparison,
    Filter,
    Literal,
    Name,
    Not,
    Operator,
    Or,
    Path,
    Present,
    ValuePath,
)
from flask_scim.protocol.unparser import unparse
from tests.protocol.steps import count_steps

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def eq(name: str, value: Literal) -> Comparison:
    """Build the most common comparison."""
    return Comparison(Name(name), Operator.EQ, value)


A, B, C, D = (Present(Name(name)) for name in "abcd")
WORK = eq("type", "work")


# Names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("userName", Name("userName")),
        ("  userName ", Name("userName")),
        ("name.familyName", Name("name", "familyName")),
        ("$ref", Name("$ref")),
        ("members.$ref", Name("members", "$ref")),
        ("x-y_9", Name("x-y_9")),
        (f"{USER}:userName", Name("userName", urn=USER)),
        (f"{USER}:name.familyName", Name("name", "familyName", USER)),
        (f"{USER}", Name("User", urn="urn:ietf:params:scim:schemas:core:2.0")),
        ("acme:badge", Name("badge", urn="acme")),
    ],
)
def test_names(text: str, name: Name) -> None:
    """A name is split at its last colon and at the dot behind it."""
    assert name == parse_name(text)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "the name of an attribute, found the end"),
        ("9lives", 1, "the name of an attribute, found '9lives'"),
        ("name.", 6, "the name of an attribute, found the end"),
        (".name", 1, "the name of an attribute"),
        ("a.b.c", 4, 'at most one "."'),
        (f"{USER}:a.b.c", len(USER) + 5, 'at most one "."'),
        ("a b", 3, "the end, found 'b'"),
        ("emails[]", 7, "the end, found '[]'"),
        ("straße", 1, "the name of an attribute, found 'straße'"),
        (":userName", 1, "the URN of a schema"),
        ("9:userName", 1, "the URN of a schema"),
        ("a:", 3, "the name of an attribute"),
        ("$", 1, "the name of an attribute"),
        ("user\0Name", 1, r"found 'user\x00Name'"),
    ],
)
def test_names_that_are_none(text: str, position: int, words: str) -> None:
    """A wrong name is refused with its place and what was expected there."""
    with pytest.raises(InvalidPath) as raised:
        parse_name(text)
    assert raised.value.detail.startswith(f"The name is wrong at character {position}: expected ")
    assert words in raised.value.detail


# Comparisons and literals


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("change_case", [str.lower, str.upper, str.title])
def test_operators(operator: Operator, change_case: Callable[[str], str]) -> None:
    """Every operator is known in any letter case."""
    tree = parse_filter(f'userName {change_case(operator)} "x"')
    assert Comparison(Name("userName"), operator, "x") == tree


@pytest.mark.parametrize("text", ["title pr", "title PR", " title\t Pr  "])
def test_presence(text: str) -> None:
    """Presence takes no value."""
    assert Present(Name("title")) == parse_filter(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"bjensen"', "bjensen"),
        ('""', ""),
        ('"a ) ] and b"', "a ) ] and b"),
        (r'"\" \\ \/ \b\f\n\r\t"', '" \\ / \b\f\n\r\t'),
        (r'"\u00e9\u20AC"', "é€"),
        (r'"\ud83d\ude00"', "😀"),
        ('"Zoë 😀"', "Zoë 😀"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("null", None),
        ("Null", None),
        ("0", 0),
        ("-12", -12),
        ("9" * 64, int("9" * 64)),
        ("1.5", 1.5),
        ("-1.5E+3", -1500.0),
        ("1e2", 100.0),
    ],
)
def test_literals(text: str, value: Literal) -> None:
    """Every JSON scalar is a literal and keeps its type."""
    tree = parse_filter(f"x eq {text}")
    assert eq("x", value) == tree
    assert isinstance(tree, Comparison)
    assert type(value) is type(tree.value)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("bob", 6, "text must be in double quotes), found 'bob'"),
        ("'bob'", 6, "text must be in double quotes"),
        ("NaN", 6, "text must be in double quotes"),
        ("-Infinity", 6, "text must be in double quotes"),
        ("012", 6, "text must be in double quotes"),
        ("1.", 6, "text must be in double quotes"),
        ("+1", 6, "text must be in double quotes"),
        ("٣", 6, "text must be in double quotes"),
        ("1٣", 6, "text must be in double quotes"),
        ("", 5, 'a blank and a value after "eq", found the end'),
        (" ", 7, "a value"),
        ("(1)", 6, "a value"),
        ("9" * 65, 6, "at most 64 digits"),
        ("1e999", 6, "a number that is not as large"),
        ('"bob', 6, "ends with a double quote"),
        ('"bob\\"', 6, "ends with a double quote"),
        ('"bob\\', 6, "ends with a double quote"),
        (r'"a\x"', 8, "only JSON's escapes"),
        (r'"a\u12"', 9, "only JSON's escapes"),
        ('"a\tb"', 8, "no control character"),
        ('"a"b', 9, "a blank after the closing double quote"),
        ('"a"and b pr', 9, "a blank after the closing double quote"),
        (r'"\ud83d"', 6, "half of a surrogate pair"),
        ('"\ud83d"', 6, "half of a surrogate pair"),
        (r'"a\u0000"', 6, "without NUL"),
    ],
)
def test_literals_that_are_none(text: str, position: int, words: str) -> None:
    """A wrong literal is refused with its place and what was expected there."""
    with pytest.raises(InvalidFilter) as raised:
        parse_filter(f"x eq {text}" if text else "x eq")
    assert f"wrong at character {position}" in raised.value.detail
    assert words in raised.value.detail


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("userName eq bob@example.com", eq("userName", "bob@example.com")),
        ("(userName eq bob)", eq("userName", "bob")),
        ("emails[type eq work]", ValuePath(Name("emails"), WORK)),
        ("a eq 2015-10-10T14:38:21-07:00", eq("a", "2015-10-10T14:38:21-07:00")),
        ("a eq 12", eq("a", 12)),
        ("a eq true", eq("a", True)),
        ("a eq 12b and b pr", And((eq("a", "12b"), B))),
        ('a eq "b c"', eq("a", "b c")),
    ],
)
def test_bare_words(text: str, tree: Filter) -> None:
    """Where bare words are taken, one stands for text unless it is another literal."""
    assert tree == parse_filter(text, bare_words=True)


@pytest.mark.parametrize("text", ["a eq 'b'", "a eq (b)", "a eq [b]", "a eq ", "a eq b\0"])
def test_bare_words_that_are_none(text: str) -> None:
    """A bare word that looks like a mistake is refused, since it would silently match nothing."""
    with pytest.raises(InvalidFilter):
        parse_filter(text, bare_words=True)


# Logic


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a pr and b pr and c pr", And((A, B, C))),
        ("a pr or b pr or c pr", Or((A, B, C))),
        ("a pr or b pr and c pr", Or((A, And((B, C))))),
        ("a pr and b pr or c pr and d pr", Or((And((A, B)), And((C, D))))),
        ("(a pr or b pr) and c pr", And((Or((A, B)), C))),
        ("a pr AND b pr Or c pr", Or((And((A, B)), C))),
        ("(a pr and b pr) and c pr", And((And((A, B)), C))),
        ("((a pr))", A),
        ("( a pr )", A),
        ("(a pr)and(b pr)or(c pr)", Or((And((A, B)), C))),
        ("not (a pr)", Not(A)),
        ("not(a pr)", Not(A)),
        ("NOT  (a pr)", Not(A)),
        ("not (a pr) and b pr", And((Not(A), B))),
        ("not (a pr or b pr) or c pr", Or((Not(Or((A, B))), C))),
        ("not (not (a pr))", Not(Not(A))),
        ("nothing pr", Present(Name("nothing"))),
        ("a pr and order pr", And((A, Present(Name("order"))))),
    ],
)
def test_logic(text: str, tree: Filter) -> None:
    """Parentheses bind tightest, then not, and, or; a chain of one operator is one term."""
    assert tree == parse_filter(text)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('emails[type eq "work"]', ValuePath(Name("emails"), WORK)),
        ('emails[ type eq "work" ]', ValuePath(Name("emails"), WORK)),
        (f"{USER}:emails[a pr]", ValuePath(Name("emails", urn=USER), A)),
        ("x[a pr and not (b pr or c pr)]", ValuePath(Name("x"), And((A, Not(Or((B, C))))))),
        ("x[a pr] and y[b pr]", And((ValuePath(Name("x"), A), ValuePath(Name("y"), B)))),
        (
            'emails[type eq "work"].value eq "x"',
            ValuePath(Name("emails"), And((WORK, eq("value", "x")))),
        ),
        (
            'emails[type eq "work"].value pr and a pr',
            And((ValuePath(Name("emails"), And((WORK, Present(Name("value"))))), A)),
        ),
        (
            'emails[type eq "work" or a pr].value CO "x"',
            ValuePath(
                Name("emails"),
                And((Or((WORK, A)), Comparison(Name("value"), Operator.CO, "x"))),
            ),
        ),
    ],
)
def test_value_paths(text: str, tree: Filter) -> None:
    """Brackets ask for some entry; a comparison behind them is of the same entry."""
    assert tree == parse_filter(text)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "the name of an attribute, found the end"),
        ("   ", 4, "the name of an attribute, found the end"),
        ("userName", 9, "an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr), found the end"),
        ('userName = "x"', 10, "an operator"),
        ('userName equals "x"', 10, "an operator"),
        ('"x" eq userName', 1, "the name of an attribute"),
        ('userName eq"x"', 12, 'a blank and a value after "eq"'),
        ("a pr b pr", 6, '"and", "or" or the end, found \'b pr\''),
        ("a pr and", 9, "the name of an attribute, found the end"),
        ("a pr and and b pr", 14, "an operator"),
        ("or a pr", 4, "an operator"),
        ("(a pr", 6, '"and", "or" or ")", found the end'),
        ("a pr)", 5, '"and", "or" or the end, found \')\''),
        ("()", 2, "the name of an attribute"),
        ("not a pr", 5, '"(" after "not"'),
        ("not not (a pr)", 5, '"(" after "not"'),
        ("x[a pr", 7, '"and", "or" or "]", found the end'),
        ("x[a pr)", 7, '"and", "or" or "]"'),
        ("x[]", 3, "the name of an attribute"),
        ("x [a pr]", 3, "an operator"),
        ("x[y[a pr]]", 4, "no brackets within brackets"),
        ("x[(y[a pr])]", 5, "no brackets within brackets"),
        ("x[a pr].b[c pr]", 10, "an operator"),
        ("x[a pr].b.c pr", 10, 'at most one "."'),
        ("x[a pr].b", 10, "an operator"),
        ("x[a pr]b pr", 8, '"and", "or" or the end'),
        ("a.b.c pr", 4, 'at most one "."'),
    ],
)
def test_filters_that_are_none(text: str, position: int, words: str) -> None:
    """A wrong filter is refused with its place and what was expected there."""
    with pytest.raises(InvalidFilter) as raised:
        parse_filter(text)
    assert raised.value.detail.startswith(f"The filter is wrong at character {position}: expected ")
    assert words in raised.value.detail


def test_a_long_text_is_quoted_in_part() -> None:
    """The detail quotes 40 characters of the text and no more."""
    with pytest.raises(InvalidFilter) as raised:
        parse_filter("a eq " + "x" * 5000)
    assert raised.value.detail.endswith(f", found '{'x' * 40}'.")


# Paths


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("members", Path(Name("members"))),
        ("name.familyName", Path(Name("name", "familyName"))),
        (f"{USER}:name.familyName", Path(Name("name", "familyName", USER))),
        ('emails[type eq "work"]', Path(Name("emails"), WORK)),
        ('emails[type eq "work"].value', Path(Name("emails"), WORK, "value")),
        ('emails[type eq "a].b"].$ref ', Path(Name("emails"), eq("type", "a].b"), "$ref")),
        (f"{USER}:emails[a pr or b pr]", Path(Name("emails", urn=USER), Or((A, B)))),
        ('roles[primary eq "True"].value', Path(Name("roles"), eq("primary", "True"), "value")),
    ],
)
def test_paths(text: str, path: Path) -> None:
    """A path is a name, with a filter in brackets and a sub-attribute where given."""
    assert path == parse_path(text)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "the name of an attribute, found the end"),
        ("members x", 9, "the end, found 'x'"),
        ("members)", 8, "the end"),
        ("a.b.c", 4, 'at most one "."'),
        ("x[a pr", 7, '"and", "or" or "]", found the end'),
        ("x[a pr]y", 8, '"." and a sub-attribute, or the end'),
        ("x[a pr].", 9, "the name of an attribute, found the end"),
        ("x[a pr].y.z", 10, 'at most one "."'),
        ("x[a pr].y z", 11, "the end"),
        ("x[a pr].y[b pr]", 10, "the end"),
        ("[a pr]", 1, "the name of an attribute"),
        ("/members", 1, "the name of an attribute"),
    ],
)
def test_paths_that_are_none(text: str, position: int, words: str) -> None:
    """A wrong path is refused with its place and what was expected there."""
    with pytest.raises(InvalidPath) as raised:
        parse_path(text)
    assert raised.value.detail.startswith(f"The path is wrong at character {position}: expected ")
    assert words in raised.value.detail


@pytest.mark.parametrize("text", ["x[]", "x[a]", "x[a eq b]", "x[y[a pr]]", "x[a pr and]"])
def test_a_wrong_filter_within_a_path(text: str) -> None:
    """What is wrong within the brackets of a path is the filter."""
    with pytest.raises(InvalidFilter, match="The path is wrong at character"):
        parse_path(text)


# Limits


def test_the_length_is_limited() -> None:
    """A text of the greatest length is read, and a longer one is too many."""
    text = 'a eq "' + "x" * 8185 + '"'
    assert eq("a", "x" * 8185) == parse_filter(text)
    for parse in (parse_filter, parse_path, parse_name):
        with pytest.raises(TooMany, match="8193 characters; at most 8192"):
            parse(text + " ")


def test_comparisons_are_limited() -> None:
    """As many comparisons as allowed are read, and one more is too many."""
    tree = parse_filter(" or ".join(["a pr"] * 200))
    assert Or((A,) * 200) == tree
    with pytest.raises(TooMany, match="more than 200 comparisons"):
        parse_filter(" or ".join(["a pr"] * 201))
    with pytest.raises(TooMany, match="more than 2 comparisons"):
        parse_path("x[a pr or b pr or c pr]", limits=Limits(terms=2))


@pytest.mark.parametrize(("before", "after"), [("(", ")"), ("not (", ")"), ("not(", ")")])
def test_the_depth_is_limited(before: str, after: str) -> None:
    """As much nesting as allowed is read, and one level more is refused."""
    parse_filter(before * 32 + "a pr" + after * 32)
    with pytest.raises(InvalidFilter, match="nested more than 32 deep"):
        parse_filter(before * 33 + "a pr" + after * 33)


def test_brackets_are_a_level() -> None:
    """Brackets count as much as parentheses, and what has been closed counts no more."""
    limits = Limits(depth=1)
    parse_filter("x[a pr] and (b pr) and y[c pr]", limits=limits)
    with pytest.raises(InvalidFilter, match="nested more than 1 deep"):
        parse_filter("(x[a pr])", limits=limits)


@pytest.mark.parametrize(
    "piece",
    [
        "(", ")", "[", "]", "not (", "not ", "a[", "a.", "a:", ".", ":", "$", '"', "\\", "\\u", " ",
        "a pr and ", "a pr or ", "a pr and (", "a eq ", "9", "-", "1e", "\ud83d", "\0", "é", "a",
    ],
)  # fmt: skip
@pytest.mark.parametrize("start", ["", "a eq ", 'a eq "', "a[b eq "])
def test_hostile_text_ends_soon(start: str, piece: str) -> None:
    """A megabyte of any piece is read or refused in one pass, without much stack."""

    def read(count: int) -> list[str]:
        details, text = [], start + piece * count
        for bare_words in (False, True):
            try:
                parse_filter(text, limits=Limits(length=2_000_000), bare_words=bare_words)
            except ScimError as error:
                details.append(error.detail)
        return details

    assert count_steps(lambda: read(200)) < 2.5 * count_steps(lambda: read(100))
    assert all(len(detail) < 400 for detail in read(1_000_000 // len(piece)))


# Properties

attribute_names = st.from_regex(r"\A\$?[A-Za-z][A-Za-z0-9_-]{0,8}\Z").filter(
    lambda name: name.lower() != "not"
)
names = st.builds(
    Name,
    attribute_names,
    st.none() | attribute_names,
    st.none() | st.from_regex(r"\Aurn:[a-z0-9.:]{1,12}\Z"),
)
literals = (
    st.none()
    | st.booleans()
    | st.integers(-(10**60), 10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)


def trees(leaves: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    """Draw logic over leaves."""
    return st.recursive(
        leaves,
        lambda term: (
            st.builds(Not, term)
            | st.builds(And, st.lists(term, min_size=2, max_size=3).map(tuple))
            | st.builds(Or, st.lists(term, min_size=2, max_size=3).map(tuple))
        ),
        max_leaves=12,
    )


expressions: st.SearchStrategy[Filter] = st.builds(Present, names) | st.builds(
    Comparison, names, st.sampled_from(Operator), literals
)
filters = trees(expressions | st.builds(ValuePath, names, trees(expressions)))
pieces = f'a|b.c|{USER}:x| | eq | pr| and | or |not |(|)|[|]|.|"x"|1|1e9|true|null|bob|\\|"'
noise = (
    st.text(st.characters(exclude_categories=[]))
    | st.text("aZ09$._:-+\\/\"'()[] eqprnot\t\n\0é\ud83d")
    | st.lists(st.sampled_from(pieces.split("|"))).map("".join)
)


@given(filters)
@example(Comparison(Name("a"), Operator.EQ, -0.0))
@example(And((And((A, B)), Or((C, D)))))
def test_a_filter_survives_being_written(tree: Filter) -> None:
    """What unparse writes parses to the same tree, with the same types of literals."""
    # repr tells True from 1 and 0.0 from -0.0, which are equal.
    text = unparse(tree)
    assert repr(tree) == repr(parse_filter(text, limits=Limits(100_000, 100, 1000)))


@given(noise, st.booleans())
def test_noise_is_read_or_refused(text: str, bare_words: bool) -> None:
    """No text whatever raises anything but a SCIM error, whose detail is text that can be sent."""
    parsers: list[Callable[[str], object]] = [
        lambda text: parse_filter(text, bare_words=bare_words),
        parse_path,
        parse_name,
    ]
    for parse in parsers:
        try:
            parse(text)
        except ScimError as error:
            error.detail.encode()


@given(noise, st.booleans())
def test_what_is_read_can_be_written(text: str, bare_words: bool) -> None:
    """Whatever text is taken as a filter says the same when it is written and read again."""
    try:
        tree = parse_filter(text, bare_words=bare_words)
    except ScimError:
        return
    assert repr(tree) == repr(parse_filter(unparse(tree), limits=Limits(100_000)))
