"""What a host may declare, and what it is told where it cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_scim import SCIM, ConfigurationError, computed, hashed, read_only
from flask_scim.mapping.declaration import read_declaration
from flask_scim.mapping.mapping import Mapping
from flask_scim.protocol.definitions import USER_TYPE
from flask_scim.store.columns.binding import Binding
from tests.client import ENTERPRISE

NAMED = {"userName": "login"}


def read(declaration: dict[str, Any], *, keep: bool = False) -> Mapping:
    """Read a declaration that names the user beside what it is about."""
    return read_declaration(NAMED | declaration, USER_TYPE, keep_unmapped=keep)


def places(declaration: dict[str, Any]) -> dict[str, str]:
    """Where each mapped path sits, without what every mapping has."""
    found = {str(path): str(source) for path, source in read(declaration).sources}
    for path, source in {**NAMED, "active": "active of the SCIM record"}.items():
        if found.get(path) == source:
            del found[path]
    del found["externalId"]
    return found


# What is accepted.


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ({"title": "job"}, {"title": "job"}),
        ({"TITLE": "job"}, {"title": "job"}),
        ({"urn:ietf:params:scim:schemas:core:2.0:User:title": "job"}, {"title": "job"}),
        ({"name.givenName": "first"}, {"name.givenName": "first"}),
        (
            {"name": {"givenName": "first", "familyName": "last"}},
            {"name.givenName": "first", "name.familyName": "last"},
        ),
        ({"name": "names"}, {"name": "names"}),
        ({"active": "!blocked"}, {"active": "!blocked"}),
        ({"title": "settings.job.title"}, {"title": "settings.job.title"}),
        ({"locale": "office.locale"}, {"locale": "office.locale"}),
        ({"addresses": "settings.addresses"}, {"addresses": "settings.addresses"}),
        ({"emails": [{"type": "work", "value": "mail"}]}, {"emails.value": "mail"}),
        ({"emails": [{"value": "mail"}]}, {"emails.value": "mail"}),
        ({'emails[type eq "work"].value': "mail"}, {"emails.value": "mail"}),
        ({'emails[type eq "work" and primary eq true].value': "mail"}, {"emails.value": "mail"}),
        (
            {"addresses": [{"type": "work", "locality": "city", "country": "country"}]},
            {"addresses.locality": "city", "addresses.country": "country"},
        ),
        (
            {
                'addresses[type eq "work"].locality': "city",
                'addresses[type eq "work"].country': "country",
            },
            {"addresses.locality": "city", "addresses.country": "country"},
        ),
        ({ENTERPRISE: {"department": "unit"}}, {f"{ENTERPRISE}:department": "unit"}),
        ({f"{ENTERPRISE}:department": "unit"}, {f"{ENTERPRISE}:department": "unit"}),
        ({f"{ENTERPRISE}:manager.value": "boss"}, {f"{ENTERPRISE}:manager.value": "boss"}),
        (
            {ENTERPRISE: {"manager": {"value": "boss"}}},
            {f"{ENTERPRISE}:manager.value": "boss"},
        ),
        ({ENTERPRISE.upper(): {"DEPARTMENT": "unit"}}, {f"{ENTERPRISE}:department": "unit"}),
        ({"externalId": "foreign_key"}, {}),
    ],
)
def test_accepted_forms(declaration: dict[str, Any], expected: dict[str, str]) -> None:
    """Every form says where the value of a path sits."""
    assert expected == places(declaration)


def test_external_id_and_active_sit_in_the_record() -> None:
    """What a host has no place for sits in the record, unless the host names a place."""
    record = {"externalId": "external_id of the SCIM record", "active": "active of the SCIM record"}
    found = {str(path): str(source) for path, source in read({}).sources}
    assert NAMED | record == found
    found = {str(path): str(source) for path, source in read({"externalId": "key"}).sources}
    assert NAMED | record | {"externalId": "key"} == found


def test_one_entry_from_several_paths() -> None:
    """Paths with the same filter describe one entry."""
    one = read({'emails[type eq "work"].value': "m", 'emails[type eq "work"].display': "n"})
    other = read({"emails": [{"type": "work", "value": "m", "display": "n"}]})
    assert one.slots == other.slots
    assert len(one.slots) == 1


def test_template_literals() -> None:
    """Type and booleans of a template are literals; the other names are places."""
    (slot,) = read({"emails": [{"type": "work", "primary": True, "value": "mail"}]}).slots
    assert slot.literals == (("type", "work"), ("primary", True))
    assert [name for name, _ in slot.sources] == ["value"]


def test_computed() -> None:
    """A function is named by its place, and SCIM never writes it."""

    def full_name(user: Any) -> str:
        raise AssertionError

    assert places({"displayName": computed(full_name)}) == {"displayName": "computed by full_name"}


def test_read_only_lets_places_be_shared() -> None:
    """A place may be shown at several paths when SCIM writes only one of them."""
    read({"emails": [{"type": "work", "value": read_only("login")}]})
    read({"userName": read_only("login"), "title": "login"})


# What is refused: the declaration.

MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown name": ({"shoeSize": "shoe"}, ["shoeSize", "Correct the name"]),
    "unknown sub-attribute": ({"name.nick": "nick"}, ["name.nick", "Correct the name"]),
    "unknown sub-attribute in a dict": ({"name": {"nick": "n"}}, ["name.nick", "Correct"]),
    "unknown name in a template": (
        {"emails": [{"type": "work", "address": "mail"}]},
        ["emails.address", "'address'", "Correct the name"],
    ),
    "unknown extension": ({"urn:x:y:shoeSize": "shoe"}, ["urn:x:y:shoeSize"]),
    "unknown name in an extension": (
        {ENTERPRISE: {"shoeSize": "shoe"}},
        [f"{ENTERPRISE}:shoeSize", "Correct the name"],
    ),
    "extension without names": ({ENTERPRISE: "data"}, [ENTERPRISE, "as a dict"]),
    "no path": ({"name..x": "x"}, ["name..x"]),
    "id": ({"id": "key"}, ["'id'", "made by the server", "leave it out", "id="]),
    "meta": ({"meta.created": "since"}, ["meta", "made by the server", "leave it out"]),
    "schemas": ({"schemas": "urns"}, ["schemas", "made by the server", "leave it out"]),
    "password in clear text": (
        {"password": "secret"},
        ["'password'", "clear text must never be stored", "hashed(User.password_hash"],
    ),
    "password read only": (
        {"password": read_only("secret")},
        ["'password'", "clear text must never be stored"],
    ),
    "password computed": (
        {"password": computed(len)},
        ["'password'", "clear text must never be stored"],
    ),
    "password hashed and read only": (
        {"password": read_only(hashed("secret", str.upper))},
        ["'password'", "drop read_only()"],
    ),
    "password inverted": (
        {"password": hashed("!secret", str.upper)},
        ["'password'", "only a boolean can be inverted"],
    ),
    "parts of a password": ({"password": {"hash": "secret"}}, ["password.hash", "Correct"]),
    "hashed, and shown": (
        {"title": hashed("job", str.upper)},
        ["'title'", "returned to clients", "drop hashed()"],
    ),
    "hashed in a template": (
        {"emails": [{"type": "work", "value": hashed("mail", str.upper)}]},
        ["emails.value", "returned to clients", "drop hashed()"],
    ),
    "a hash and its copy": (
        {"password": hashed("job", str.upper), "title": "job"},
        ["job has several writers", "password", "title"],
    ),
    "two writers": (
        {"title": "job", "nickName": "job"},
        ["job has several writers", "title", "nickName", "keep one", "read_only()"],
    ),
    "two writers, one inverted": (
        {"active": "!login"},
        ["login has several writers", "userName", "active", "read_only()"],
    ),
    "two writers, one in a template": (
        {"emails": [{"type": "work", "value": "login"}]},
        ["login has several writers", "userName", 'emails[type eq "work"].value', "read_only()"],
    ),
    "a value and a part of it": (
        {"name": "settings", "title": "settings.title"},
        ["settings", "title", "read_only()"],
    ),
    "inverted text": ({"title": "!job"}, ["title", "only a boolean can be inverted", "'!'"]),
    "inverted text in a template": (
        {"emails": [{"type": "work", "value": "!mail"}]},
        ["emails", "only a boolean can be inverted", "'!'"],
    ),
    "which entry": ({"emails.value": "mail"}, ["emails.value", 'emails[type eq "work"].value']),
    "which entry, as a dict": (
        {"emails": {"value": "mail"}},
        ["emails.value", 'emails[type eq "work"].value'],
    ),
    "list for one value": ({"title": ["job"]}, ["title", "takes no list", "give a source"]),
    "list of names": ({"emails": ["mail"]}, ["emails", "must be a dict"]),
    "entry without source": ({"emails": [{"type": "work"}]}, ["emails", "at least one source"]),
    "entry by co": (
        {'emails[type co "x"].value': "mail"},
        ['emails[type co "x"].value', "only eq and and"],
    ),
    "entry by or": (
        {'emails[type eq "x" or type eq "y"].value': "mail"},
        ['emails[type eq "x" or', "only eq and and"],
    ),
    "entry without sub-attribute": (
        {'emails[type eq "x"]': "mail"},
        ['emails[type eq "x"]', 'emails[type eq "work"].value'],
    ),
    "literal of the wrong type": (
        {"emails": [{"type": "work", "primary": "yes", "value": "mail"}]},
        ["emails.primary", "must be true or false"],
    ),
    "the same path": ({"title": "job", "TITLE": "work"}, ["title", "twice", "keep one"]),
    "the same path in a dict": (
        {"name.givenName": "a", "name": {"givenName": "b"}},
        ["name.givenName", "twice", "keep one"],
    ),
    "the same entry": (
        {"emails": [{"type": "work", "value": "a"}, {"type": "work", "value": "b"}]},
        ["emails", "twice", "keep one"],
    ),
    "the same entry as a path": (
        {'emails[type eq "work"].value': "a", 'emails[type eq "WORK"].value': "b"},
        ["emails", "twice", "keep one"],
    ),
    "two primary entries": (
        {
            "emails": [
                {"type": "work", "primary": True, "value": "a"},
                {"type": "home", "primary": True, "value": "b"},
            ]
        },
        ["emails", "primary"],
    ),
    "the whole and a part": ({"name": "names", "name.givenName": "first"}, ["name.givenName"]),
    "the whole and an entry": (
        {"emails": "mails", 'emails[type eq "work"].value': "mail"},
        ["emails"],
    ),
    "no source": ({"title": 5}, ["title", "5 is no source", "its name in quotes"]),
    "empty name": ({"title": ""}, ["title", "not the name of an attribute"]),
    "half a name": ({"title": "office."}, ["title", "not the name of an attribute"]),
}


@pytest.mark.parametrize(("declaration", "words"), MISTAKES.values(), ids=list(MISTAKES))
def test_mistakes_in_a_declaration(declaration: dict[str, Any], words: list[str]) -> None:
    """A mistake is named together with its repair."""
    with pytest.raises(ConfigurationError) as caught:
        read(declaration)
    message = str(caught.value)
    assert message.startswith("The mapping of User cannot be used:\n  - ")
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("source", "function", "word"),
    [(computed(len), str.upper, "computed"), ("secret", "upper", "function"), (5, str.upper, "5")],
)
def test_mistakes_in_hashed(source: Any, function: Any, word: str) -> None:
    """What cannot be written to, or makes no hash, is refused where it is written."""
    with pytest.raises(TypeError, match=word):
        hashed(source, function)


def test_user_name_is_required() -> None:
    """A mapping without the required attribute says which one to add."""
    with pytest.raises(ConfigurationError) as caught:
        read_declaration({"title": "job"}, USER_TYPE, keep_unmapped=True)
    assert "userName is required and not mapped; add 'userName'" in str(caught.value)


def test_all_mistakes_at_once() -> None:
    """A host reads of all its mistakes together, a line for each."""
    declaration: dict[str, Any] = {
        "shoeSize": "shoe",
        "id": "key",
        "password": "secret",
        "emails.value": "mail",
    }
    declaration |= {"displayName": "job", "nickName": "job", "locale": "!place", "title": ["job"]}
    declaration |= {'emails[type co "x"].value': "mail"}
    with pytest.raises(ConfigurationError) as caught:
        read_declaration(declaration, USER_TYPE, keep_unmapped=True)
    message = str(caught.value)
    subjects = ["shoeSize", "id", "password", "emails.value", "locale", "title"]
    for subject in [*map(repr, subjects), "job has several writers", "userName is required"]:
        assert subject in message
    assert message.count("\n  - ") == 9


# What is refused: the declaration and the model.


@dataclass(slots=True)
class Models:
    """An extension and models to declare."""

    db: SQLAlchemy
    scim: SCIM
    User: Any
    Team: Any
    Badge: Any
    Seat: Any
    Desk: Any


def make_models() -> Models:
    """Models with an attribute of every kind that a mapping can stumble over."""
    db = SQLAlchemy()

    class Team(db.Model):  # type: ignore[name-defined,misc]
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str | None]

    class User(db.Model):  # type: ignore[name-defined,misc]
        id: Mapped[int] = mapped_column(primary_key=True)
        login: Mapped[str]
        code: Mapped[str | None]
        age: Mapped[int | None]
        blocked: Mapped[bool] = mapped_column(default=False)
        photo: Mapped[bytes | None]
        settings: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
        team_id: Mapped[int | None] = mapped_column(sa.ForeignKey(Team.id))
        team: Mapped[Team | None] = relationship()
        boss_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
        boss: Mapped[User | None] = relationship(remote_side=id, back_populates="deputy")
        deputy: Mapped[User | None] = relationship(back_populates="boss", uselist=False)
        desk: Mapped[Desk | None] = relationship(back_populates="user")
        badges: Mapped[list[Badge]] = relationship()

        @hybrid_property
        def shout(self) -> Any:
            return self.login + "!"

        @property
        def plain(self) -> str:
            return self.login

    class Badge(db.Model):  # type: ignore[name-defined,misc]
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        user_id: Mapped[int] = mapped_column(sa.ForeignKey(User.id))

    class Desk(db.Model):  # type: ignore[name-defined,misc]
        id: Mapped[int] = mapped_column(primary_key=True)
        floor: Mapped[str | None]
        user_id: Mapped[int] = mapped_column(sa.ForeignKey(User.id))
        user: Mapped[User] = relationship(back_populates="desk")
        sitter: Mapped[User] = relationship(viewonly=True)

    class Seat(db.Model):  # type: ignore[name-defined,misc]
        row: Mapped[int] = mapped_column(primary_key=True)
        number: Mapped[int] = mapped_column(primary_key=True)
        login: Mapped[str]

    return Models(db, SCIM(db), User, Team, Badge, Seat, Desk)


def bind(declare: Callable[[Models], Any], **config: Any) -> Binding:
    """Start an app whose host declares users, and return what the declaration came to."""
    models = make_models()
    declare(models)
    app = Flask("host")
    app.config.update({"SECRET_KEY": "s", "SQLALCHEMY_DATABASE_URI": "sqlite://"} | config)
    models.db.init_app(app)
    models.scim.init_app(app)
    binding: Binding = app.extensions["scim"].bindings[USER_TYPE]
    return binding


def users(mapping: dict[str, Any], **options: Any) -> Callable[[Models], Any]:
    """Declare users whose mapping says what it is about beside the name."""
    return lambda models: models.scim.users(models.User, NAMED | mapping, **options)


@pytest.mark.parametrize(
    ("declare", "line"),
    [
        (lambda m: m.scim.users(m.User, {"userName": m.User.login}), "userName: login"),
        (users({"title": "code"}), "title: code"),
        (users({"active": "!blocked"}), "active: !blocked"),
        (users({"title": "settings.job.title"}), "title: settings.job.title"),
        (users({"addresses": "settings.places"}), "addresses: settings.places"),
        (users({"active": "!settings.blocked"}), "active: !settings.blocked"),
        (users({"title": "desk.floor"}), "title: desk.floor"),
        (users({"title": read_only("boss.login")}), "title: boss.login, read only"),
        (users({"title": read_only("boss.boss.login")}), "title: boss.boss.login, read only"),
        (users({"name": "settings"}), "name: settings"),
        (users({"displayName": "team.name"}), "displayName: team.name"),
        (users({"externalId": "age"}), "externalId: age"),
        (users({f"{ENTERPRISE}:employeeNumber": "age"}), f"{ENTERPRISE}:employeeNumber: age"),
        (users({"title": read_only("login")}), "title: login, read only"),
        (users({"title": read_only("shout")}), "title: shout, read only"),
        (
            lambda m: m.scim.users(m.User, {"userName": "login", "title": read_only(m.User.shout)}),
            "title: shout, read only",
        ),
        (
            lambda m: m.scim.users(m.User, {"userName": "login", "title": computed(len)}),
            "title: computed by len, read only",
        ),
        (users({"password": hashed("code", str.upper)}), "password: code, hashed, never read"),
        (
            lambda m: m.scim.users(m.User, NAMED | {"password": hashed(m.User.code, str.upper)}),
            "password: code, hashed, never read",
        ),
        (users({}), "externalId: external_id of the SCIM record"),
        (users({}, id="code"), "User is User, its id code"),
        (lambda m: m.scim.users(m.User, NAMED, id=m.User.code), "User is User, its id code"),
        (users({}, tenant="team_id"), "userName: login"),
    ],
)
def test_accepted_bindings(declare: Callable[[Models], Any], line: str) -> None:
    """A declaration finds its places in the model."""
    assert line in [found.strip() for found in bind(declare).describe()]


@pytest.mark.parametrize(
    ("unmapped", "line"), [("keep", "kept in the SCIM record"), ("ignore", "ignored")]
)
def test_description_says_what_becomes_of_the_rest(unmapped: str, line: str) -> None:
    """The last line of a description tells of attributes that nobody mapped."""
    binding = bind(users({}), SCIM_UNMAPPED=unmapped)
    assert f"  everything else: {line}" == binding.describe()[-1]


def test_mapping_in_the_settings() -> None:
    """``SCIM_USER_MAPPING`` speaks the same language, and has the last word."""
    mapping = {"userName": "code", "name": {"givenName": "settings.first"}, "active": "!blocked"}
    for declare in (lambda m: m.scim.users(m.User), users({"title": "age"})):
        lines = bind(declare, SCIM_USER_MAPPING=mapping).describe()
        assert "  userName: code" in lines
        assert "  name.givenName: settings.first" in lines
        assert "  active: !blocked" in lines
        assert not any("title" in line for line in lines)


def test_mistakes_in_the_settings() -> None:
    """A mistake in the settings is told as one in code is."""
    with pytest.raises(ConfigurationError, match=r"'shoeSize': .* Correct the name"):
        bind(lambda m: m.scim.users(m.User), SCIM_USER_MAPPING=NAMED | {"shoeSize": "age"})


MISFITS: dict[str, tuple[Callable[[Models], Any], list[str]]] = {
    "unknown attribute": (users({"title": "job"}), ["title", "User has no attribute job"]),
    "unknown attribute of the related": (
        users({"title": "team.motto"}),
        ["title", "has no attribute team.motto"],
    ),
    "unknown inverted": (users({"active": "!banned"}), ["active", "banned"]),
    "unknown in a template": (
        users({"emails": [{"type": "work", "value": "mail"}]}),
        ["emails.value", "User has no attribute mail"],
    ),
    "plain property": (users({"title": "plain"}), ["title", "plain"]),
    "property that takes nothing": (users({"title": "shout"}), ["title", "shout", "read_only"]),
    "another model's": (
        lambda m: m.scim.users(m.User, NAMED | {"title": m.Team.name}),
        ["Team.name is not an attribute of User", "name the relationship", "'team.name'"],
    ),
    "to many": (users({"title": "badges.name"}), ["title", "badges leads to many", "to-one"]),
    "relationship": (users({"title": "team"}), ["title", "team is a relationship", "behind it"]),
    "number for a boolean": (users({"active": "age"}), ["active", "boolean", "age", "cannot hold"]),
    "boolean for text": (
        users({"title": "blocked"}),
        ["title", "string", "blocked", "cannot hold"],
    ),
    "bytes for text": (
        users({"title": "photo"}),
        ["title", "photo", "cannot hold", "name another"],
    ),
    "text for an object": (users({"name": "code"}), ["name", "complex", "code", "cannot hold"]),
    "text for entries": (users({"emails": "code"}), ["emails", "code", "cannot hold", "JSON"]),
    "key of text": (users({"title": "code.title"}), ["title", "code.title", "cannot hold"]),
    "JSON without a key": (users({"title": "settings"}), ["title", "settings", "key of a JSON"]),
    "hash in JSON": (
        users({"password": hashed("settings.secret", str.upper)}),
        ["password", "settings.secret", "needs a column of its own"],
    ),
    "hash in a property that takes nothing": (
        users({"password": hashed("shout", str.upper)}),
        ["password", "shout cannot be set"],
    ),
    "id hashed": (users({}, id=hashed("code", str.upper)), ["id", "must be a column of User"]),
    "tenant unknown": (users({}, tenant="org"), ["User has no attribute org"]),
    "tenant in JSON": (users({}, tenant="settings.org"), ["tenant", "must be a column of User"]),
    "tenant inverted": (users({}, tenant="!blocked"), ["tenant", "attribute of the model"]),
    "tenant mapped": (
        users({f"{ENTERPRISE}:organization": "team_id"}, tenant="team_id"),
        ["team_id", "tenant", "read_only"],
    ),
    "id in JSON": (users({}, id="settings.id"), ["id", "must be a column of User"]),
    "id behind a relationship": (users({}, id="team.name"), ["id", "must be a column of User"]),
    "id computed": (users({}, id=computed(len)), ["id", "attribute of the model"]),
    "composite key": (
        lambda m: m.scim.users(m.Seat, NAMED),
        ["seat", "primary key of 2 columns", "needs one column"],
    ),
    "no model": (lambda m: m.scim.users(dict, NAMED), ["dict", "no SQLAlchemy model"]),
    "no mapping": (
        lambda m: (m.scim.users(m.User), m.scim.groups(m.Team)),
        ["no mapping", "SCIM_GROUP_MAPPING"],
    ),
    "no name for a default": (
        lambda m: m.scim.users(m.Team),
        ["userName", "such as username or email", "SCIM_USER_MAPPING", "scim.users(Team,"],
    ),
    "round": (
        users({"title": read_only("desk.user.code")}),
        ["title: desk.user.code goes round: user leads back over desk; leave both out."],
    ),
    "round without an inverse": (
        users({"title": read_only("desk.sitter.code")}),
        ["desk.sitter.code goes round: sitter leads back over desk"],
    ),
    "round on one model": (
        users({"title": read_only("boss.deputy.code")}),
        ["boss.deputy.code goes round: deputy leads back over boss"],
    ),
    "another resource": (
        users({"title": "boss.code"}),
        ["title: boss.code leads to another User, a resource of its own; wrap it in read_only()."],
    ),
    "a key that ends a path": (users({"title": 'settings.a"b'}), ["quotation mark"]),
    "no boolean to invert": (users({"active": "!settings"}), ["cannot hold"]),
    "twice": (
        lambda m: (m.scim.users(m.User, NAMED), m.scim.users(m.User, NAMED)),
        ["User is declared already"],
    ),
    "nothing": (lambda m: None, ["Nothing is declared", "scim.users"]),
}


@pytest.mark.parametrize(("declare", "words"), MISFITS.values(), ids=list(MISFITS))
def test_mistakes_in_a_binding(declare: Callable[[Models], Any], words: list[str]) -> None:
    """What does not fit the model stops the app at its start, and the message says why."""
    with pytest.raises(ConfigurationError) as caught:
        bind(declare)
    message = str(caught.value)
    assert [word for word in words if word not in message] == []


def test_all_misfits_at_once() -> None:
    """All that does not fit the model is told together, a line for each."""
    wrong = {"title": "job", "active": "age", "locale": "badges.name", "nickName": "team"}
    with pytest.raises(ConfigurationError) as caught:
        bind(users(wrong))
    message = str(caught.value)
    assert message.startswith("The mapping of User does not fit User:\n  - ")
    assert message.count("\n  - ") == 4
    assert [path for path in wrong if f"- {path}" not in message] == []
