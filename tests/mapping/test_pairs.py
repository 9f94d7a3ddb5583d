"""Mappings as pairs: what they may say, and what an administrator reads where they may not."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim import ConfigurationError, Refs, computed, hashed, read_only
from flask_scim.mapping.declaration import read_declaration
from flask_scim.mapping.mapping import Mapping
from flask_scim.mapping.pairs import Nameable, Pair, load_pairs, read_pairs, same_pairs
from flask_scim.mapping.sources import Source
from flask_scim.protocol.definitions import GROUP_TYPE, USER_TYPE
from tests.client import ENTERPRISE, USER

OWN: dict[str, Any] = {
    "userName": "login",
    "active": "!blocked",
    "title": "profile.job.title",
    "displayName": computed(str),
    "password": hashed("secret_hash", str.upper),
    "userType": read_only("plan"),
    "emails": [{"type": "work", "primary": True, "value": "mail"}],
    "photos": [{"value": "picture"}],
}
NAMEABLE = Nameable(
    read_declaration(OWN, USER_TYPE, keep_unmapped=False),
    offered=(Source(("nick",)), Source(("extra",))),
)


def read(*pairs: Pair, nameable: Nameable = NAMEABLE) -> tuple[Mapping, tuple[str, ...]]:
    """What pairs come to, and what is wrong with them."""
    reading = read_pairs(pairs, nameable, keep_unmapped=False)
    return reading.mapping, reading.problems


def places(mapping: Mapping) -> dict[str, str]:
    """Where each attribute sits."""
    names = zip(mapping.written, mapping.sources, strict=True)
    return {name: str(source) for name, (_, source) in names}


def test_own_mapping_comes_back() -> None:
    """What the app's mapping shows can be sent back, and means the same."""
    mapping, problems = read(*load_pairs([pair.dump() for pair in NAMEABLE.pairs]))
    assert problems == ()
    assert places(mapping) == places(NAMEABLE.mapping)
    assert {slot.literals for slot in mapping.slots} == {
        slot.literals for slot in NAMEABLE.mapping.slots
    }
    assert same_pairs(NAMEABLE.pairs[::-1], NAMEABLE.pairs)
    assert not same_pairs(NAMEABLE.pairs[1:], NAMEABLE.pairs)


def test_what_needs_code_stays() -> None:
    """Computed values, hashes and members stay as the app has them, unless a pair says more."""
    mapping, problems = read(Pair("userName", "login"))
    assert problems == ()
    assert places(mapping)["displayName"] == "computed by str"
    assert places(mapping)["password"] == "secret_hash"
    assert "title" not in places(mapping)
    mapping, _ = read(Pair("userName", "login"), Pair("displayName", "nick"))
    assert places(mapping)["displayName"] == "nick"
    own = {"displayName": "name", "members": Refs("users", "User")}
    nameable = Nameable(read_declaration(own, GROUP_TYPE, keep_unmapped=False))
    mapping, problems = read(Pair("displayName", "name"), nameable=nameable)
    assert problems == ()
    assert [reference.name for reference in mapping.references] == ["members"]


@pytest.mark.parametrize(
    ("pair", "source"),
    [
        (Pair("nickName", "nick"), "nick"),
        (Pair("nickName", "extra.deep.nick"), "extra.deep.nick"),
        (Pair("nickName", "profile.job.title"), "profile.job.title"),
        (Pair("active", "!blocked"), "!blocked"),
        (Pair('emails[type eq "home"].value', "nick"), "nick"),
        (Pair("emails[primary eq true].value", "mail"), "mail"),
        (Pair(f"{ENTERPRISE}.department", "nick"), "nick"),
        (Pair(f"{USER}:nickName", "nick"), "nick"),
        (Pair(f"{ENTERPRISE}:manager.value", "nick"), "nick"),
    ],
)
def test_accepted(pair: Pair, source: str) -> None:
    """What the app has named or offers can be mapped to whatever fits."""
    mapping, problems = read(Pair("userName", "login"), pair)
    assert problems == ()
    written = pair.scim.replace("User.department", "User:department").removeprefix(f"{USER}:")
    assert places(mapping)[written] == source


def test_what_the_app_only_reads() -> None:
    """A pair cannot write what the app has SCIM read alone."""
    mapping, problems = read(Pair("userName", "login"), Pair("title", "plan"))
    assert problems == ()
    (source,) = [source for path, source in mapping.sources if str(path) == "title"]
    assert isinstance(source, Source)
    assert source.read_only


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("title", "is_admin")], "does not offer 'is_admin' to connections; name one of"),
        ([("title", "secret_hash")], "does not offer 'secret_hash'"),
        ([("active", "blocked")], "decides who may sign in, and stays at !blocked"),
        ([("Active", "extra.active")], "decides who may sign in"),
        ([(f"{USER}:active", "extra.active")], "decides who may sign in"),
        ([("title", "blocked")], "does not offer 'blocked'"),
        ([("title", "profile")], "does not offer 'profile'"),
        ([("title", "profile.job")], "does not offer 'profile.job'"),
        ([("title", "profile.job.title.deeper")], "does not offer 'profile.job.title.deeper'"),
        ([("title", "computed by str")], "does not offer 'computed by str'"),
        ([("title", "external_id of the SCIM record")], "does not offer"),
        ([("title", "a..b")], "is not the name of an attribute"),
        ([("shoeSize", "nick")], "'shoeSize': User has no attribute"),
        ([("id", "nick")], "'id': id is made by the server"),
        ([("meta.created", "nick")], "'meta.created': meta is made by the server"),
        ([("schemas", "nick")], "'schemas': schemas is made by the server"),
        ([("password", "nick")], "'password': clear text must never be stored"),
        ([("emails.value", "nick")], "'emails.value': emails has many entries"),
        ([("title", "!nick")], "'title': only a boolean can be inverted"),
        ([("title", "nick"), ("title", "extra.b")], "title is mapped twice"),
        ([("title", "nick"), ("nickName", "nick")], "nick has several writers"),
        ([("title", "extra.a"), ("nickName", "extra.a.b")], "extra.a.b has several writers"),
        ([(ENTERPRISE, "extra")], "give the extension's attributes"),
    ],
)
def test_refused(pairs: list[tuple[str, str]], words: str) -> None:
    """Every mistake is told with its repair, and the name of the user is not missed for it."""
    _, problems = read(Pair("userName", "login"), *(Pair(*pair) for pair in pairs))
    assert len(problems) == 1
    assert words in problems[0]


def test_mirrors_without_a_writer() -> None:
    """Two attributes that only mirror one place are told of; beside a writer they are fine."""
    mirrors = [Pair("title", "nick", True), Pair("nickName", "nick", True)]
    _, problems = read(Pair("userName", "login"), *mirrors)
    assert problems == (
        "title and nickName only mirror nick, and nothing writes it; drop read_only from one of "
        "them.",
    )
    assert read(Pair("userName", "nick"), *mirrors)[1] == ()


def test_all_mistakes_at_once() -> None:
    """An administrator reads of all mistakes together, the missing name among them."""
    pairs = [Pair("title", "is_admin"), Pair("id", "nick"), Pair("x", "nick")]
    assert len(read(*pairs)[1]) == 4


def test_who_may_sign_in() -> None:
    """``active`` stays where the app has it, and can be mapped where the app has not done so."""
    mapping, _ = read(Pair("userName", "login"))
    assert places(mapping)["active"] == "!blocked"
    assert len(read(Pair("userName", "login"), Pair("active", "!blocked", True))[1]) == 1
    own = {name: source for name, source in OWN.items() if name != "active"}
    nameable = Nameable(
        read_declaration(own, USER_TYPE, keep_unmapped=False), offered=(Source(("extra",)),)
    )
    for place in ("extra.active", "!extra.blocked"):
        pairs = Pair("userName", "login"), Pair("active", place)
        mapping, problems = read(*pairs, nameable=nameable)
        assert (problems, places(mapping)["active"]) == ((), place)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "must be a list of pairs"),
        ({"userName": "login"}, "must be a list of pairs"),
        (["userName"], "Pair 1 must be"),
        ([{"scim": "userName"}], "Pair 1 must be"),
        ([{"scim": "userName", "app": 5}], "Pair 1 must be"),
        ([{"scim": "userName", "app": " "}], "Pair 1 must be"),
        ([{"scim": "userName", "app": "a", "auth0": "b"}], "Pair 1 must be"),
        ([{"scim": "userName", "app": "a", "read_only": "yes"}], "Pair 1 must be"),
        ([{"scim": "userName", "app": "a" * 401}], "up to 400 printable"),
        ([{"scim": "user\nName", "app": "a"}], "printable"),
        ([{"scim": "title", "app": "a"}] * 301, "at most 300 pairs"),
    ],
)
def test_no_pairs(raw: object, words: str) -> None:
    """What is no list of pairs says what one looks like."""
    with pytest.raises(ValueError, match=r"[pP]air") as caught:
        load_pairs(raw)
    assert words in str(caught.value)


def test_every_pair_that_is_none() -> None:
    """All that are none are told at once."""
    with pytest.raises(ValueError, match=r"Pair 1 must .* Pair 3 must"):
        load_pairs([None, {"scim": "title", "app": "a"}, 7])


def test_members_without_code() -> None:
    """The settings name relationships by the type that they lead to, in place of ``Refs``."""
    declared = {"displayName": "name", "members": {"User": "users", "Group": "parts.group"}}
    mapping = read_declaration(declared, GROUP_TYPE, keep_unmapped=False)
    assert [each.refs for each in mapping.references] == [
        Refs("users", "User"),
        Refs("parts.group", "Group"),
    ]
    for wrong in ({"User": 5}, {"value": "users"}):
        with pytest.raises(ConfigurationError, match="members"):
            read_declaration(declared | {"members": wrong}, GROUP_TYPE, keep_unmapped=False)
