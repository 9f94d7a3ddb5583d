"""One grammar for filters and paths: each contains the other (:rfc:`7644#section-3.4.2.2`)."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache

from .errors import BadRequest, InvalidFilter, InvalidPath, TooMany
from .syntax import (
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


@dataclass(frozen=True)
class Limits:
    """How much a client may ask for in one filter or path.

    :param length: characters of the whole text.
    :param depth: levels of parentheses and brackets within each other.
    :param terms: comparisons.
    """

    length: int = 8192
    depth: int = 32
    terms: int = 200


_DEFAULT_LIMITS = Limits()


@lru_cache(maxsize=256)
def parse_filter(
    text: str, *, limits: Limits = _DEFAULT_LIMITS, bare_words: bool = False
) -> Filter:
    """Read a filter (:rfc:`7644#section-3.4.2.2`); its tree is kept for the log to write.

    Beyond the RFC's grammar it takes ``emails[type eq "work"].value eq "x"``, which Entra sends, as
    ``emails[type eq "work" and value eq "x"]``, and keywords in any letter case.

    :param text: the filter as the client sent it, percent-decoded.
    :param limits: how much to take.
    :param bare_words: whether text may stand without its double quotes.
    :return: the tree of the filter.
    :raises InvalidFilter: if the text is no filter, or is nested too deep.
    :raises TooMany: if the text is too long or has too many comparisons.
    """
    parser = _Parser("filter", text, limits, InvalidFilter, bare_words=bare_words)
    tree = parser.disjunction()
    parser.end('"and", "or" or the end')
    return tree


@lru_cache(maxsize=256)
def parse_path(text: str, *, limits: Limits = _DEFAULT_LIMITS) -> Path:
    """Read the target of a PATCH operation (:rfc:`7644#section-3.5.2`), which is read twice.

    :param text: the path as the client sent it.
    :param limits: how much to take.
    :return: the path.
    :raises InvalidPath: if the text is no path.
    :raises InvalidFilter: if what stands between the brackets is no filter.
    :raises TooMany: if the text is too long or has too many comparisons.
    """
    parser = _Parser("path", text, limits, InvalidPath)
    name = parser.name()
    if not parser.at("["):
        parser.end("the end")
        return Path(name)
    condition = parser.brackets()
    if not parser.at("."):
        parser.end('"." and a sub-attribute, or the end')
        return Path(name, condition)
    path = Path(name, condition, parser.sub_attribute())
    parser.end("the end")
    return path


def parse_name(text: str) -> Name:
    """Read an attribute's name, as in ``sortBy`` and ``attributes`` (:rfc:`7644#section-3.10`).

    :param text: the name as the client sent it.
    :return: the name.
    :raises InvalidPath: if the text is no name of an attribute.
    :raises TooMany: if the text is too long.
    """
    parser = _Parser("name", text, _DEFAULT_LIMITS, InvalidPath)
    name = parser.name()
    parser.end("the end")
    return name


_JSON = json.JSONDecoder()
_KEYWORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_OPERATORS = {operator.value: operator for operator in Operator}
_NUMBER_DIGITS = 64
_QUOTED_CHARACTERS = 40

_BLANKS = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r'[^ \t\r\n()\[\]"]*')
_BLANKS_AND_TOKEN = re.compile(rf"{_BLANKS.pattern}({_TOKEN.pattern})")
_BARE_WORD = re.compile(r"[^ \t\r\n)\]]*")
_ATTRIBUTE_NAME = re.compile(r"\$?[A-Za-z][A-Za-z0-9_$-]*")
_URN = re.compile(r"[A-Za-z][A-Za-z0-9!#$%&*+,./:;=?@_~-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# Neither can be stored as UTF-8 text by every database.
_UNSTORABLE = re.compile("[\ud800-\udfff\0]")


class _Parser:
    """Recursive descent; each method reads one rule of the grammar and stands behind it."""

    def __init__(
        self,
        kind: str,
        text: str,
        limits: Limits,
        failure: type[BadRequest],
        *,
        bare_words: bool = False,
    ) -> None:
        if len(text) > limits.length:
            raise TooMany(
                f"The {kind} has {len(text)} characters; at most {limits.length} are taken."
            )
        self.kind = kind
        self.text = text
        self.limits = limits
        self.failure = failure
        self.bare_words = bare_words
        self.position = 0
        self.depth = 0
        self.terms = 0
        self.within_brackets = False

    # The rules of the grammar, from the loosest to the tightest.

    def disjunction(self) -> Filter:
        terms = [self.conjunction()]
        while self.keyword("or"):
            terms.append(self.conjunction())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def conjunction(self) -> Filter:
        terms = [self.term()]
        while self.keyword("and"):
            terms.append(self.term())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def term(self) -> Filter:
        self.skip_blanks()
        if self.at("("):
            return self.group()
        if self.keyword("not"):
            self.skip_blanks()
            if not self.at("("):
                raise self.error('"(" after "not"')
            return Not(self.group())
        name = self.name()
        if not self.at("["):
            return self.attribute_expression(name)
        if self.within_brackets:
            raise self.error("no brackets within brackets")
        condition = self.brackets()
        if self.at("."):
            sub_attribute = Name(self.sub_attribute())
            condition = And((condition, self.attribute_expression(sub_attribute)))
        return ValuePath(name, condition)

    def group(self) -> Filter:
        self.descend()
        tree = self.disjunction()
        self.ascend(")")
        return tree

    def brackets(self) -> Filter:
        # RFC 7644 answers a wrong filter within a PATCH path with invalidFilter (section 3.12).
        outer, self.failure = self.failure, InvalidFilter
        self.within_brackets = True
        self.descend()
        tree = self.disjunction()
        self.failure = outer
        self.within_brackets = False
        self.ascend("]")
        return tree

    def attribute_expression(self, name: Name) -> Filter:
        self.terms += 1
        if self.terms > self.limits.terms:
            raise TooMany(
                f"The {self.kind} has more than {self.limits.terms} comparisons;"
                " ask for less at once."
            )
        self.skip_blanks()
        start = self.position
        word = self.read(_TOKEN).lower()
        if word == "pr":
            return Present(name)
        operator = _OPERATORS.get(word)
        if operator is None:
            raise self.error(f"an operator ({', '.join(_OPERATORS)} or pr)", start)
        behind = self.position
        self.skip_blanks()
        if self.position == behind:
            raise self.error(f'a blank and a value after "{operator}"')
        return Comparison(name, operator, self.literal())

    def literal(self) -> Literal:
        if self.at('"'):
            return self.string()
        start = self.position
        word = self.read(_BARE_WORD)
        lowered = word.lower()
        if lowered in _KEYWORDS:
            return _KEYWORDS[lowered]
        number = _NUMBER.fullmatch(word)
        if number is not None:
            return self.number(word, start, whole=number.lastindex is None)
        if not self.bare_words or not word or word[0] in "'([":
            raise self.error("a value (text must be in double quotes)", start)
        if _UNSTORABLE.search(word):
            raise self.error("text without NUL and without half of a surrogate pair", start)
        return word

    def string(self) -> str:
        start = self.position
        try:
            value, self.position = _JSON.raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            # Python reports a missing quote where the text starts, and all else where it is.
            if error.pos == start:
                raise self.error('text that ends with a double quote (")', start) from None
            expected = "only JSON's escapes, and no control character, in text"
            raise self.error(expected, error.pos) from None
        assert isinstance(value, str)
        if _UNSTORABLE.search(value):
            raise self.error("text without NUL and without half of a surrogate pair", start)
        if self.position < len(self.text) and self.text[self.position] not in " \t\r\n)]":
            raise self.error("a blank after the closing double quote")
        return value

    def number(self, word: str, start: int, *, whole: bool) -> int | float:
        if len(word) > _NUMBER_DIGITS:
            raise self.error(f"a number of at most {_NUMBER_DIGITS} digits", start)
        if whole:
            return int(word)
        value = float(word)
        if not math.isfinite(value):
            raise self.error("a number that is not as large", start)
        return value

    def name(self) -> Name:
        self.skip_blanks()
        start = self.position
        # What stands before the last colon is a URN, whose own dots mean nothing: "core:2.0:User".
        urn, colon, local = self.read(_TOKEN).rpartition(":")
        if colon and not _URN.fullmatch(urn):
            raise self.error("the URN of a schema before the last colon", start)
        start += len(urn) + len(colon)
        attribute, dot, sub_attribute = local.partition(".")
        self.check_attribute_name(attribute, start)
        if not dot:
            return Name(attribute, urn=urn or None)
        self.check_attribute_name(sub_attribute, start + len(attribute) + 1)
        return Name(attribute, sub_attribute, urn or None)

    def sub_attribute(self) -> str:
        self.position += 1
        start = self.position
        name = self.read(_TOKEN)
        self.check_attribute_name(name, start)
        return name

    def check_attribute_name(self, name: str, start: int) -> None:
        if _ATTRIBUTE_NAME.fullmatch(name):
            return
        before, dot, _ = name.partition(".")
        if dot and _ATTRIBUTE_NAME.fullmatch(before):
            expected = 'at most one "." in a name: a sub-attribute has no parts'
            raise self.error(expected, start + len(before))
        raise self.error("the name of an attribute", start)

    # What the rules are made of.

    def at(self, character: str) -> bool:
        return self.text.startswith(character, self.position)

    def read(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.position)
        assert match is not None
        self.position = match.end()
        return match.group()

    def skip_blanks(self) -> None:
        match = _BLANKS.match(self.text, self.position)
        assert match is not None
        self.position = match.end()

    def keyword(self, word: str) -> bool:
        """Step over the keyword if it comes next."""
        match = _BLANKS_AND_TOKEN.match(self.text, self.position)
        assert match is not None
        if match[1].lower() != word:
            return False
        self.position = match.end()
        return True

    def descend(self) -> None:
        """Step over an opening parenthesis or bracket."""
        self.depth += 1
        if self.depth > self.limits.depth:
            raise InvalidFilter(
                f"The {self.kind} is nested more than {self.limits.depth} deep"
                f" at character {self.position + 1}."
            )
        self.position += 1

    def ascend(self, character: str) -> None:
        """Step over the closing parenthesis or bracket."""
        self.skip_blanks()
        if not self.at(character):
            raise self.error(f'"and", "or" or "{character}"')
        self.position += 1
        self.depth -= 1

    def end(self, expected: str) -> None:
        self.skip_blanks()
        if self.position < len(self.text):
            raise self.error(expected)

    def error(self, expected: str, position: int | None = None) -> BadRequest:
        if position is None:
            position = self.position
        found = "the end"
        if position < len(self.text):
            # Python's own quoting makes control characters and half surrogates harmless in logs.
            found = repr(self.text[position : position + _QUOTED_CHARACTERS])
        return self.failure(
            f"The {self.kind} is wrong at character {position + 1}:"
            f" expected {expected}, found {found}."
        )
