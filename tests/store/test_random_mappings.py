"""Whatever the mapping, what is written is read back, found and sorted: on every database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, relationship

from flask_scim.mapping.declaration import read_declaration
from flask_scim.protocol.parser import parse_filter
from flask_scim.protocol.resolver import resolve_filter
from flask_scim.provisioning.ports import Query
from flask_scim.store.columns.binding import Binding
from flask_scim.store.hooks import Hooks
from flask_scim.store.sql.databases import find_backend
from flask_scim.store.store import SqlStore
from flask_scim.store.tables.connections import add_connection_table
from flask_scim.store.tables.records import add_record_table
from tests.client import ENTERPRISE
from tests.store.people import ACME, PERSON, resolve

_NUMBERS = count()


class Base(DeclarativeBase):
    """Tables of these tests alone."""


class Desk(Base):
    """Where somebody works."""

    __tablename__ = "host_desk"
    id = mapped_column(sa.Integer, primary_key=True)
    name = mapped_column(sa.String(100))
    open = mapped_column(sa.Boolean)
    info = mapped_column(sa.JSON)


class Worker(Base):
    """A user with a column of every kind."""

    __tablename__ = "host_worker"
    id = mapped_column(sa.Integer, primary_key=True)
    login = mapped_column(sa.String(100), nullable=False)
    nick = mapped_column(sa.String(100))
    note = mapped_column(sa.Text)
    word = mapped_column(sa.String(100), nullable=False, default="")
    plan = mapped_column(sa.Enum("work", "Home", "other", name="worker_plan"))
    blocked = mapped_column(sa.Boolean, nullable=False, default=False)
    enabled = mapped_column(sa.Boolean)
    number = mapped_column(sa.Integer)
    weight = mapped_column(sa.Float(53))
    born = mapped_column(sa.DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb"))
    data = mapped_column(sa.JSON)
    more = mapped_column(sa.JSON(none_as_null=True))
    desk_id = mapped_column(sa.ForeignKey(Desk.id))
    desk = relationship(Desk)


CONNECTIONS = add_connection_table(Base.metadata)
RECORDS = add_record_table(Base.metadata, "worker", sa.inspect(Worker).local_table)

_TEXTS = st.sampled_from(
    (
        *("ann", "Ann", "ÄNN", "a%n", "a_n", "a\\n", "o'n", '"q"', "10", "-1", "true", "null"),
        *("😀", "x y", "[1]", "{}", "n" * 100),
    )
)
_PLANS = st.sampled_from(["work", "Home", "other"])
_MOMENTS = st.sampled_from(["1969-12-31T23:59:59.000000Z", "2026-06-01T10:00:00.000001Z"])
_WHOLES = st.sampled_from([0, 1, -1, 12, 2147483647])
_DECIMALS = st.sampled_from([0.0, 0.1, -2.25, 1e6])
_ENTRIES = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["a", "b"]), "locality": _TEXTS}),
    min_size=1,
    max_size=2,
)


@dataclass(frozen=True)
class Kind:
    """Attributes of one kind: their names, what they can be, and where they can sit."""

    names: tuple[str, ...]
    values: st.SearchStrategy[Any]
    places: tuple[str, ...]


KINDS = (
    Kind(
        (
            *("title", "nickName", "displayName", "name.givenName", "name.familyName", "code"),
            *(f"{ENTERPRISE}:department", 'emails[type eq "work"].value', "externalId"),
            *("emails[primary eq true].value", 'addresses[type eq "home"].locality'),
            *('addresses[type eq "home"].country', 'phoneNumbers[type eq "mobile"].value'),
        ),
        _TEXTS,
        (
            *("nick", "note", "word", "data.a", "data.b.c", "data.d.e.f", "data.d.e.g", "more.o'n"),
            *(
                "desk.name",
                "desk.info.a",
                "desk.info.b.c",
                "more.with blanks, {braces} & 100%.größe",
            ),
        ),
    ),
    Kind(("userType",), _PLANS, ("plan", "data.plan")),
    Kind(
        ("active", "vip", "secret"),
        st.booleans(),
        (
            *("blocked", "!blocked", "enabled", "!enabled", "data.t", "!data.u", "!data.v.w.x"),
            *("desk.open", "!desk.open", "desk.info.t", "!desk.info.u.v"),
        ),
    ),
    Kind(("rank", "grade"), _WHOLES, ("number", "data.r", "more.r.s", "desk.info.r")),
    Kind(("weight", "height"), _DECIMALS, ("weight", "data.h", "more.h.i.j")),
    Kind(("born", "seen"), _MOMENTS, ("born", "data.m", "desk.info.m.n")),
    Kind(("tags",), st.lists(_TEXTS, min_size=1, max_size=3), ("data.tags", "more.k, %.tags")),
    Kind(
        ("ims",),
        _ENTRIES.map(lambda some: [{"value": each["locality"]} for each in some]),
        ("data.ims", "more.{k}.ims"),
    ),
)


@st.composite
def mappings(draw: st.DrawFn) -> dict[str, str]:
    """A valid mapping: some attributes, each with a place of its own that can hold it."""
    found = {"userName": "login"}
    for kind in KINDS:
        names = draw(st.lists(st.sampled_from(kind.names), unique=True, max_size=7))
        # Only one attribute writes a column, whichever way round it reads it.
        places = draw(
            st.lists(
                st.sampled_from(kind.places),
                min_size=len(names),
                max_size=len(names),
                unique_by=lambda place: place.removeprefix("!"),
            )
        )
        found |= dict(zip(names, places, strict=True))
    return found


def values_of(mapping: dict[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    """A value, or none, for each attribute of a mapping."""
    strategies = {name: kind.values for kind in KINDS for name in kind.names}
    # A new user is active where nothing is said of it, and a column without NULL has a value.
    never_absent = {"active", *(name for name in mapping if mapping[name].endswith("blocked"))}
    return st.fixed_dictionaries(
        {
            name: strategies[name] if name in never_absent else st.none() | strategies[name]
            for name in mapping
            if name != "userName"
        }
    )


def make_document(values: dict[str, Any]) -> dict[str, Any]:
    """The document that has these values."""
    document: dict[str, Any] = {}
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    for name, value in values.items():
        if value is None:
            continue
        if "[" in name:
            attribute, _, rest = name.partition("[")
            condition, _, part = rest.partition("].")
            literal, _, text = condition.partition(" eq ")
            entry = entries.setdefault((attribute, condition), {literal: json.loads(text)})
            entry[part] = value
            continue
        urn, _, path = name.rpartition(":")
        inner = document.setdefault(urn, {}) if urn else document
        *parents, leaf = path.split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[leaf] = value
    for (attribute, _), entry in entries.items():
        document.setdefault(attribute, []).append(entry)
    return document


def make_filter(values: dict[str, Any]) -> str:
    """A filter on all of the values at once."""
    terms = []
    for name, value in values.items():
        attribute, bracket, rest = name.partition("[")
        if value is None:
            absent = f"{attribute}[{rest.replace('].', ' and ')} pr]" if bracket else f"{name} pr"
            terms.append(f"not ({absent})")
        elif bracket:
            terms.append(f"{attribute}[{rest.replace('].', ' and ')} eq {json.dumps(value)}]")
        elif isinstance(value, list):
            first = value[0]["value"] if isinstance(value[0], dict) else value[0]
            terms.append(f"{name} eq {json.dumps(first)}")
        else:
            terms.append(f"{name} eq {json.dumps(value)}")
    return " and ".join(terms)


def sort(document: dict[str, Any]) -> dict[str, Any]:
    """The same with entries in one order: a mapping has no say in it."""
    return {
        name: sorted(value, key=json.dumps) if name in ("emails", "addresses") else value
        for name, value in document.items()
    }


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[sa.Engine]:
    """An engine on a database that has the tables."""
    made = sa.create_engine(database)
    own = [table for table in Base.metadata.sorted_tables if table.name != "scim_connection"]
    Base.metadata.create_all(made)
    with made.begin() as connection:
        connection.execute(CONNECTIONS.delete().where(CONNECTIONS.c.id == ACME.id))
        connection.execute(CONNECTIONS.insert().values(asdict(ACME)))
    yield made
    with made.begin() as connection:
        connection.execute(CONNECTIONS.delete().where(CONNECTIONS.c.id == ACME.id))
    Base.metadata.drop_all(made, tables=own)
    made.dispose()


@settings(
    max_examples=12,
    # To shrink a failure to the least takes minutes; what is drawn says enough.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_mapping(engine: sa.Engine, data: st.DataObject) -> None:
    """A document that is written, changed and read back is the same, and found by each value."""
    mapping = data.draw(mappings())
    read = read_declaration(mapping, PERSON, keep_unmapped=False)
    binding = Binding(read, Worker, RECORDS, tenant=None, id=None)
    name = f"worker-{next(_NUMBERS)}"
    with Session(engine) as session:
        store = SqlStore(session, find_backend(session.connection()), ACME, binding, Hooks())
        id = None
        for _ in range(2):
            values = {"userName": name} | data.draw(values_of(mapping))
            document = make_document(values)
            if "active" not in values:
                document["active"] = True
            with store.transaction():
                if id is None:
                    id = store.insert(document).id
                else:
                    held = store.lock(id)
                    assert held is not None
                    changed = store.update(held, document)
                    assert sort(changed.document) == sort(document)
                    held = store.lock(id)
                    assert held is not None
                    assert store.update(held, document) is held
            session.expire_all()
            found = store.get(id)
            assert found is not None
            assert sort(found.document) == sort(document)
            condition = resolve_filter(parse_filter(make_filter(values)), PERSON)
            page = store.find(Query(condition=condition))
            assert [each.id for each in page.resources] == [id]
        for path in mapping:
            attribute, bracket, rest = path.partition("[")
            by = resolve(f"{attribute}.{rest.rpartition('.')[2]}" if bracket else path)
            page = store.find(Query(sort_by=by, count=1_000))
            assert id in [each.id for each in page.resources]
