"""People with an attribute of every kind in a place of every kind, and the order that is right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column

from flask_scim.mapping.declaration import read_declaration
from flask_scim.mapping.sources import Source, computed
from flask_scim.protocol.definitions import USER_TYPE
from flask_scim.protocol.parser import parse_name
from flask_scim.protocol.resolver import AttributePath, resolve_name
from flask_scim.protocol.schema import Attribute, ResourceType, Type
from flask_scim.protocol.values import comparable
from flask_scim.provisioning.ports import Connection, Resource
from flask_scim.store.columns.binding import Binding
from flask_scim.store.hooks import Hooks
from flask_scim.store.sql.backends import SORTED_LENGTH
from flask_scim.store.sql.databases import find_backend
from flask_scim.store.store import SqlStore
from flask_scim.store.tables.connections import add_connection_table
from flask_scim.store.tables.records import add_record_table
from tests.client import ENTERPRISE

# Folding beyond what all databases share (the Kelvin sign, the dotted capital I) is left out.
WORDS = (
    *("ann", "Ann", "ANN", "änn", "Änn", "a\u0308nn", "ann ", " ann", "an_n", "a%n", "a\\n", "o'n"),
    *("10", "9", "-1", "007", "straße", "STRASSE", "é", "É", "e\u0301", "z", "Z", "_", "Ω"),
    *("ж", "Ж", "中", "\uff5e", "😀", "🎉", "ann\u200d", '"q"', "n" * 300, "n" * 300 + "a"),
    "N" * 254 + "A",
)
TYPES = ("work", "other", "Home", "home", "mobile")
MOMENTS = (
    *("1969-12-31T23:59:59.000000Z", "2020-01-01T00:00:00.000000Z"),
    *("2026-06-01T10:00:00.000001Z", "2026-06-01T10:00:00.100000Z", "2026-06-01T10:00:00.000000Z"),
)
INTEGERS = (0, 1, -1, 12, 9, -2147483648, 2147483647)
DECIMALS = (0.0, 0.1, -0.1, 1.1, 1 / 3, -2.25, 9.0, 12.5, 1e6, 100.0)
UUIDS = tuple(f"{digit * 8}-0000-4000-8000-{digit * 12}" for digit in "0179af")


def plural(name: str, value: Attribute) -> Attribute:
    """A multi-valued attribute whose values are of some type."""
    parts = (value, Attribute("type"), Attribute("primary", Type.BOOLEAN))
    return Attribute(name, Type.COMPLEX, multi_valued=True, sub_attributes=parts)


FURTHER = (
    Attribute("weight", Type.DECIMAL),
    Attribute("mass", Type.DECIMAL),
    Attribute("price", Type.DECIMAL),
    Attribute("height", Type.DECIMAL),
    Attribute("rank", Type.INTEGER),
    Attribute("amount", Type.INTEGER),
    Attribute("grade", Type.INTEGER),
    Attribute("born", Type.DATETIME),
    Attribute("left", Type.DATETIME),
    Attribute("seen", Type.DATETIME),
    Attribute("checked", Type.DATETIME),
    Attribute("vip", Type.BOOLEAN),
    Attribute("badge"),
    Attribute("code", case_exact=True),
    Attribute("mark", case_exact=True),
    Attribute("secret", Type.BOOLEAN),
    Attribute("tags", multi_valued=True),
    Attribute("scores", Type.INTEGER, multi_valued=True),
    Attribute("length"),
    plural("samples", Attribute("value", Type.DECIMAL)),
    plural("visits", Attribute("value", Type.DATETIME)),
    plural("numbers", Attribute("value")),
)
PERSON = replace(
    USER_TYPE,
    name="Person",
    schema=replace(USER_TYPE.schema, attributes=(*USER_TYPE.schema.attributes, *FURTHER)),
)


class Base(DeclarativeBase):
    """Tables of these tests alone."""


class Person(Base):
    """A person in the host's words."""

    __tablename__ = "host_person"
    id = mapped_column(sa.Integer, primary_key=True)
    username = mapped_column(sa.String(100), nullable=False)
    email = mapped_column(sa.String(100))
    first_name = mapped_column(sa.String(400))
    last_name = mapped_column(sa.String(400), nullable=False)
    blocked = mapped_column(sa.Boolean, nullable=False, default=False)
    plan = mapped_column(sa.Enum("work", "Home", "other", name="person_plan"))
    number = mapped_column(sa.Integer)
    phone = mapped_column(sa.Integer)
    weight = mapped_column(sa.Float(53))
    mass = mapped_column(sa.Float(24))
    price = mapped_column(sa.Numeric(12, 4, asdecimal=False))
    amount = mapped_column(sa.BigInteger)
    born = mapped_column(sa.DateTime)
    left = mapped_column("left_", sa.DateTime(timezone=True))
    seen = mapped_column(sa.DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb"))
    ordinary = mapped_column(sa.Boolean)
    badge = mapped_column(sa.Uuid)
    code = mapped_column(sa.String(400))
    sample = mapped_column(sa.Float(53))
    visit = mapped_column(sa.DateTime(timezone=True))
    scores = mapped_column(sa.JSON)
    profile = mapped_column(sa.JSON)


DECLARATION: dict[str, Any] = {
    "userName": "username",
    "name.givenName": "first_name",
    "name.familyName": "last_name",
    "emails": [
        {"type": "work", "primary": True, "value": "email"},
        {"type": "other", "value": "profile.second_email"},
    ],
    "phoneNumbers": [{"type": "mobile", "value": "profile.phone.mobile"}],
    "addresses": "profile.addresses",
    "active": "!blocked",
    "title": "profile.title",
    "userType": "plan",
    "displayName": computed(lambda person: person.last_name or None, Person.last_name),
    "length": computed(lambda person: str(len(person.username))),
    f"{ENTERPRISE}:employeeNumber": "number",
    "grade": "profile.grade",
    "vip": "!ordinary",
    "samples": [{"type": "work", "value": "sample"}],
    "visits": [{"type": "home", "value": "visit"}, {"type": "work", "value": "profile.visit"}],
    "numbers": [{"type": "mobile", "value": "phone"}],
    "scores": "scores",
    **{name: name for name in ("weight", "mass", "price", "amount", "born", "left", "seen")},
    **{name: name for name in ("badge", "code")},
}
CONNECTIONS = add_connection_table(Base.metadata)
RECORDS = add_record_table(Base.metadata, "person", sa.inspect(Person).local_table)
ACME = Connection("people", None, "generic", False, datetime(2026, 1, 1, tzinfo=UTC))

#: What sorts as a number, since a column of numbers holds it.
NUMBERS = ("id", f"{ENTERPRISE}:employeeNumber")
SORTABLE = (
    *("id", "meta.created", "meta.lastModified", "meta.version", "userName", "externalId"),
    *("name.givenName", "name.familyName", "name.formatted", "displayName", "nickName", "active"),
    *("profileUrl", "title", "userType", "locale", "emails", "emails.value", "emails.type"),
    *("emails.display", "emails.primary", "phoneNumbers", "phoneNumbers.type", "roles"),
    *("roles.type", "photos", "addresses.locality", "addresses.type", "addresses.primary"),
    *("tags", "scores", "weight", "mass", "price", "height", "rank", "amount", "grade"),
    *("born", "left", "seen", "checked", "vip", "secret", "badge", "code", "mark"),
    *("samples", "samples.type", "visits", "numbers"),
    *(f"{ENTERPRISE}:{name}" for name in ("employeeNumber", "department", "manager")),
    f"{ENTERPRISE}:manager.value",
)


def resolve(text: str, resource_type: ResourceType = PERSON) -> AttributePath:
    """The attribute that a client names."""
    return resolve_name(parse_name(text), resource_type)


def bind(
    declaration: dict[str, Any] = DECLARATION,
    *,
    model: type = Person,
    record: sa.Table = RECORDS,
    keep_unmapped: bool = True,
    id: str | None = None,
) -> Binding:
    """The binding of people."""
    mapping = read_declaration(declaration, PERSON, keep_unmapped=keep_unmapped)
    source = None if id is None else Source((id,))
    return Binding(mapping, model, record, tenant=None, id=source)


def open_store(session: Session, binding: Binding | None = None) -> SqlStore:
    """The people of the connection."""
    return SqlStore(session, find_backend(session.connection()), ACME, binding or bind(), Hooks())


@contextmanager
def tables(database: str, metadata: sa.MetaData = Base.metadata) -> Iterator[sa.Engine]:
    """An engine on a database that has the tables, and the connection in them."""
    engine = sa.create_engine(database)
    own = [table for table in metadata.sorted_tables if table.name != "scim_connection"]
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(CONNECTIONS.insert().values(asdict(ACME)))
    try:
        yield engine
    finally:
        with engine.begin() as connection:
            connection.execute(CONNECTIONS.delete().where(CONNECTIONS.c.id == ACME.id))
        metadata.drop_all(engine, tables=own)
        engine.dispose()


def make_person(choose: random.Random, number: int) -> dict[str, Any]:
    """A document in which every attribute is there, empty or not there by chance."""

    def maybe(values: tuple[Any, ...]) -> Any:
        return choose.choice(values) if choose.random() < 0.7 else None

    def entries(values: tuple[Any, ...], *names: str) -> list[dict[str, Any]]:
        made = []
        for _ in range(choose.randrange(4)):
            entry = {name: maybe(values) for name in names or ("value",)}
            entry |= {"type": maybe(TYPES), "primary": maybe((False, None))}
            made.append({key: value for key, value in entry.items() if value is not None})
        if made and choose.random() < 0.5:
            choose.choice(made)["primary"] = True
        return [entry for entry in made if entry]

    texts = (*WORDS, "", "")
    document = {
        # A number makes the name unique.
        "userName": f"{choose.choice(WORDS)[:90]}{number}",
        "externalId": maybe(WORDS[:20]),
        "name": {
            "givenName": maybe(texts),
            "familyName": maybe(texts),
            "formatted": maybe(texts),
        },
        "active": choose.choice((True, False)),
        **{name: maybe(texts) for name in ("nickName", "title", "profileUrl", "locale", "mark")},
        "userType": maybe(("work", "Home", "other")),
        "code": maybe(texts),
        **{name: entries(WORDS[:30]) for name in ("roles", "photos")},
        "emails": entries(WORDS[:30], "value", "display"),
        "phoneNumbers": entries(("12", "9", "-1")),
        "numbers": entries(("12", "9", "100")),
        "addresses": entries(texts, "locality"),
        "samples": entries(DECIMALS),
        "visits": entries(MOMENTS),
        "tags": [choose.choice(WORDS) for _ in range(choose.randrange(3))],
        "scores": [choose.choice(INTEGERS) for _ in range(choose.randrange(3))],
        **{name: maybe(DECIMALS) for name in ("weight", "mass", "price", "height")},
        **{name: maybe(INTEGERS) for name in ("rank", "amount", "grade")},
        **{name: maybe(MOMENTS) for name in ("born", "left", "seen", "checked")},
        **{name: maybe((True, False)) for name in ("vip", "secret")},
        "badge": maybe(UUIDS),
        ENTERPRISE: {
            "employeeNumber": maybe(("12", "9", "-1", "100")),
            "department": maybe(texts),
            "manager": {"value": choose.choice(WORDS)} if choose.random() < 0.5 else None,
        },
    }
    return prune(document)


def prune(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not assigned; empty text stays, for hosts write it."""
    pruned = {
        name: prune(value) if isinstance(value, dict) else value for name, value in document.items()
    }
    return {name: value for name, value in pruned.items() if value not in (None, {}, [])}


def add_people(store: SqlStore, count: int, seed: int = 9865) -> list[str]:
    """Insert people of every shape; some were created at one time, to the second."""
    choose = random.Random(seed)
    added = []
    for number in range(count):
        with store.transaction():
            added.append(store.insert(make_person(choose, number)).id)
    some = RECORDS.update().where(RECORDS.c.row_id.in_([int(id) for id in added[::3]]))
    at_once = {"created": sa.literal_column("'2026-01-01 00:00:00'"), "version": 7}
    store.session.execute(some.values(at_once))
    store.session.commit()
    return added


def value_of(resource: Resource, path: AttributePath) -> Any:
    """The value by which a resource is sorted, read from its document."""
    match path.keys:
        case ("id",):
            return resource.id
        case ("meta", "created"):
            return resource.created
        case ("meta", "lastModified"):
            return resource.modified
        case ("meta", "version"):
            return resource.version
    *_, name = AttributePath(path.attribute, urn=path.urn).keys
    document = resource.document
    value = (document if path.urn is None else document.get(path.urn, {})).get(name)
    part = path.sub_attribute or path.attribute.sub("value")
    if path.attribute.multi_valued:
        entries = value or [None]
        primary = [e for e in entries if isinstance(e, dict) and e.get("primary") is True]
        value = (primary or entries)[0]
    return value.get(part.name) if isinstance(value, dict) and part is not None else value


def rank(resource: Resource, path: AttributePath) -> tuple[Any, ...]:
    """What Python sorts resources by: absent last, then the key."""
    value, key = value_of(resource, path), int(resource.id)
    if value is None or value == "":
        return (1, key)
    leaf = path.leaf.sub("value") or path.leaf
    if str(path) in NUMBERS:
        value = int(value)
    elif isinstance(value, str):
        value = comparable(leaf, value)
    return (0, value[:SORTED_LENGTH] if isinstance(value, str) else value, key)
