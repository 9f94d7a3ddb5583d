"""Columns of every type, attributes of every type: written, read, filtered and sorted alike."""

from __future__ import annotations

import enum
import random
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase, Session

from flask_scim.mapping.declaration import read_declaration
from flask_scim.mapping.sources import Source
from flask_scim.protocol.errors import InvalidFilter, InvalidValue
from flask_scim.protocol.matcher import matches
from flask_scim.protocol.parser import parse_filter, parse_path
from flask_scim.protocol.resolver import AttributePath, resolve_filter, resolve_name
from flask_scim.protocol.schema import Attribute, ResourceType, Schema, Type, Uniqueness
from flask_scim.protocol.values import comparable
from flask_scim.provisioning.ports import Connection, Query, Resource
from flask_scim.store.columns.binding import Binding
from flask_scim.store.columns.fitting import find_codec
from flask_scim.store.hooks import Hooks
from flask_scim.store.sql.databases import find_backend
from flask_scim.store.store import SqlStore
from flask_scim.store.tables.connections import add_connection_table
from flask_scim.store.tables.records import add_record_table


class Colour(enum.Enum):
    """Choices whose values are text."""

    RED = "red"
    BLUE = "Blue"
    ANY = "a colour"


class Grade(enum.Enum):
    """Choices whose values are none, so that their names stand for them."""

    GOOD = 1
    BETTER = 2


class Trimmed(sa.TypeDecorator[str]):
    """A type of the host's own making."""

    impl = sa.String(40)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Store text without blanks around it."""
        return None if value is None else value.strip()


@dataclass(frozen=True, slots=True)
class Kind:
    """One attribute and the column that holds it.

    :param attribute: the SCIM attribute.
    :param column: the type of the column.
    :param values: what the column can hold.
    :param others: what it cannot hold.
    :param source: the place, if it is not a column of the attribute's own name.
    """

    attribute: Attribute
    column: Any
    values: tuple[Any, ...]
    others: tuple[Any, ...] = ()
    source: str | None = None


def text(name: str, column: Any, *values: str, others: tuple[Any, ...] = ()) -> Kind:
    """A string attribute."""
    return Kind(Attribute(name), column, values, others)


WORDS = ("ann", "Ann", "änn", "a_n", "a%n", "a\\n", "ann ", "o'n", "É", "z", "😀")
UUIDS = tuple(str(uuid.UUID(int=number)) for number in (1, 2**64 - 1, 2**127 + 5))
MOMENTS = ("2020-01-01T00:00:00.000000Z", "2026-06-01T10:00:00.000000Z")
NUMBERS = ("7", "12", "-3", "0", "99")
PARTS = (
    [{"name": "lid", "count": 1}, {"name": "box"}],
    [{"name": "Lid", "count": 2}],
    [{"count": 12}],
)
NAME, COUNT = Attribute("name"), Attribute("count", Type.INTEGER)

KINDS = [
    text("label", sa.String(20), *WORDS, others=("x" * 21,)),
    text("notes", sa.Text, *WORDS, "x" * 5000),
    text("motto", Trimmed, "ann", "Ann", "änn", others=("x" * 41,)),
    text(
        "size",
        sa.Enum("small", "Large", "xl", name="gadget_size"),
        "small",
        "Large",
        "xl",
        others=("SMALL", "huge"),
    ),
    text(
        "colour",
        sa.Enum(Colour, name="gadget_colour"),
        "red",
        "Blue",
        "a colour",
        others=("RED", "green"),
    ),
    text(
        "grade",
        sa.Enum(Grade, name="gadget_grade", native_enum=False),
        "GOOD",
        "BETTER",
        others=("1", "good"),
    ),
    text("token", sa.Uuid, *UUIDS, others=("x", UUIDS[1].upper(), UUIDS[1].replace("-", ""))),
    text("handle", sa.Uuid(as_uuid=False), *UUIDS, others=("x",)),
    text("number", sa.Integer, *NUMBERS, others=("x", "--5", "007", str(2**31), "٣")),
    text("big", sa.BigInteger, *NUMBERS, str(2**63 - 1), others=(str(2**63), "1.5")),
    text("small", sa.SmallInteger, *NUMBERS, str(-(2**15)), others=(str(2**15),)),
    Kind(Attribute("code", case_exact=True), sa.String(20), WORDS),
    Kind(Attribute("link", Type.REFERENCE, case_exact=True), sa.String(99), ("/a", "/A", "/ä")),
    Kind(Attribute("proof", Type.BINARY, case_exact=True), sa.Text, ("YQ==", "yq==", "Yg==")),
    Kind(Attribute("enabled", Type.BOOLEAN), sa.Boolean, (True, False)),
    Kind(Attribute("shown", Type.BOOLEAN), sa.Boolean, (True, False), source="!hidden"),
    Kind(Attribute("amount", Type.INTEGER), sa.Integer, (0, 7, -12, 2**31 - 1), (2**31, 2**62)),
    Kind(Attribute("bytes", Type.INTEGER), sa.BigInteger, (0, 2**40, 2**63 - 1, -(2**63))),
    Kind(Attribute("steps", Type.INTEGER), sa.SmallInteger, (0, -5, 2**15 - 1), (2**15,)),
    Kind(Attribute("units", Type.INTEGER), sa.Numeric(12, 0, asdecimal=False), (0, 5, -7)),
    Kind(Attribute("weight", Type.DECIMAL), sa.Float(53), (0.5, 1.1, -2.25, 1e20)),
    Kind(Attribute("mass", Type.DECIMAL), sa.Double, (0.5, 1.1, -2.25, 1e20)),
    Kind(
        Attribute("price", Type.DECIMAL), sa.Numeric(12, 4, asdecimal=False), (0.5, 1.1, 9, -2.25)
    ),
    Kind(Attribute("bought", Type.DATETIME), sa.DateTime, MOMENTS),
    Kind(Attribute("sold", Type.DATETIME), sa.DateTime(timezone=True), MOMENTS),
    Kind(
        Attribute("seen", Type.DATETIME),
        sa.DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb"),
        (*MOMENTS, "2026-06-01T10:00:00.000001Z"),
    ),
    Kind(
        Attribute("maker", Type.COMPLEX, sub_attributes=(NAME, COUNT)),
        sa.JSON,
        ({"name": "Acme", "count": 3}, {"name": "acme"}, {"count": 12}),
    ),
    Kind(Attribute("tags", multi_valued=True), sa.JSON, (["a", "B"], ["ä"], ["b"])),
    Kind(
        Attribute("scores", Type.INTEGER, multi_valued=True),
        sa.JSON(none_as_null=True),
        ([1, 12], [7]),
    ),
    Kind(
        Attribute("parts", Type.COMPLEX, multi_valued=True, sub_attributes=(NAME, COUNT)),
        sa.JSON,
        PARTS,
    ),
    Kind(Attribute("shade"), None, WORDS, source="details.shade"),
    Kind(Attribute("exact", case_exact=True), None, WORDS, source="details.exact"),
    Kind(Attribute("wet", Type.BOOLEAN), None, (True, False), source="details.is.wet"),
    Kind(Attribute("depth", Type.DECIMAL), None, (0.5, 7, 12, -2.25), source="details.depth"),
    Kind(Attribute("rank", Type.INTEGER), None, (0, 7, 12, 2**40), source="details.rank"),
    Kind(Attribute("checked", Type.DATETIME), None, MOMENTS, source="details.checked"),
    Kind(Attribute("odd"), None, ("ann", "Ann"), source="details.odd key-$1"),
]
BY_NAME = {kind.attribute.name: kind for kind in KINDS}

GADGET = ResourceType(
    "Gadget",
    "/Gadgets",
    Schema(
        "urn:example:Gadget",
        "Gadget",
        "A thing.",
        (
            Attribute("serial", required=True, uniqueness=Uniqueness.SERVER),
            *(kind.attribute for kind in KINDS),
        ),
    ),
)


class Base(DeclarativeBase):
    """Tables of these tests alone."""


def _column(kind: Kind) -> tuple[str, sa.Column[Any]]:
    name = (kind.source or kind.attribute.name).removeprefix("!")
    return name, sa.Column(f"{name}_", kind.column, nullable=True)


Gadget = type(
    "Gadget",
    (Base,),
    {
        "__tablename__": "host_gadget",
        "id": sa.Column(sa.Integer, primary_key=True),
        "public_id": sa.Column(sa.Uuid, default=uuid.uuid4, unique=True, nullable=False),
        "slug": sa.Column(sa.String(60), default=lambda: f"Slug {uuid.uuid4()}", nullable=False),
        "serial": sa.Column(sa.String(20), nullable=False),
        "details": sa.Column(sa.JSON),
        **dict(_column(kind) for kind in KINDS if kind.column is not None),
    },
)
CONNECTIONS = add_connection_table(Base.metadata)
RECORDS = add_record_table(Base.metadata, "gadget", sa.inspect(Gadget).local_table)
ACME = Connection("gadgets", None, "generic", False, datetime(2026, 1, 1, tzinfo=UTC))

DECLARATION = {"serial": "serial"} | {
    kind.attribute.name: kind.source or kind.attribute.name for kind in KINDS
}


def bind(id: str | None = None) -> Binding:
    """The binding of gadgets."""
    mapping = read_declaration(DECLARATION, GADGET, keep_unmapped=False)
    source = None if id is None else Source((id,))
    return Binding(mapping, Gadget, RECORDS, tenant=None, id=source)


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[sa.Engine]:
    """An engine on a database that has the tables."""
    engine = sa.create_engine(database)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(CONNECTIONS.insert().values(asdict(ACME)))
    yield engine
    with engine.begin() as connection:
        connection.execute(CONNECTIONS.delete())
    own = [RECORDS, sa.inspect(Gadget).local_table]
    Base.metadata.drop_all(engine, tables=own)
    engine.dispose()


def open_store(session: Session, id: str | None = None) -> SqlStore:
    """The gadgets of the connection."""
    return SqlStore(session, find_backend(session.connection()), ACME, bind(id), Hooks())


@pytest.fixture(scope="module")
def session(engine: sa.Engine) -> Iterator[Session]:
    """A session on the database."""
    with Session(engine) as session:
        yield session


@pytest.fixture(autouse=True)
def _clean(session: Session) -> Iterator[None]:
    """Let no test meet the transaction of the one before."""
    yield
    session.rollback()


@pytest.fixture(scope="module")
def store(session: Session) -> SqlStore:
    """The gadgets, by the primary key."""
    return open_store(session)


def add(store: SqlStore, document: dict[str, Any]) -> Resource:
    """Insert a gadget in a transaction of its own."""
    with store.transaction():
        return store.insert(document)


def get(store: SqlStore, id: str) -> Resource:
    """Read a gadget that is there."""
    found = store.get(id)
    assert found is not None
    return found


def change(store: SqlStore, id: str, document: dict[str, Any]) -> Resource:
    """Replace a gadget's document in a transaction of its own."""
    with store.transaction():
        resource = store.lock(id)
        assert resource is not None
        return store.update(resource, document)


@pytest.fixture(scope="module")
def gadgets(store: SqlStore) -> list[dict[str, Any]]:
    """The documents of gadgets that have each value of each kind, or none, by chance."""
    choose = random.Random(7643)
    documents = []
    for number in range(40):
        document: dict[str, Any] = {"serial": f"gadget {number}"}
        for kind in KINDS:
            if choose.random() < 0.7:
                document[kind.attribute.name] = choose.choice(kind.values)
        documents.append({"id": add(store, document).id, **document})
    return documents


@pytest.mark.parametrize("kind", KINDS, ids=BY_NAME)
def test_written_and_read(store: SqlStore, kind: Kind) -> None:
    """A value comes back as it went in, from the answer, by id and in a list; so does none."""
    name = kind.attribute.name
    for number, value in enumerate(kind.values):
        serial = {"serial": f"{name} {number}"}
        document = serial | {name: value}
        added = add(store, document)
        try:
            assert added.document == document
            found = get(store, added.id)
            assert found.document == document
            assert same_types(found.document, document)
            assert change(store, added.id, document).version == 1
            assert change(store, added.id, serial).document == serial
            assert get(store, added.id).document == serial
            assert change(store, added.id, document).document == document
            assert get(store, added.id).version == 3
        finally:
            erase(store, added.id)


def same_types(one: Any, other: Any) -> bool:
    """Tell whether text is text and numbers are numbers; 9 and 9.0 are one number."""
    if isinstance(one, dict):
        return all(same_types(one[name], other[name]) for name in one)
    numbers = (int, float)
    kinds = [
        bool if isinstance(v, bool) else numbers if isinstance(v, numbers) else type(v)
        for v in (one, other)
    ]
    return kinds[0] == kinds[1]


def erase(store: SqlStore, id: str) -> None:
    """Delete a gadget's row, so that other tests do not meet it."""
    store.session.rollback()
    store.session.execute(RECORDS.delete().where(RECORDS.c.row_id == int(id)))
    store.session.execute(sa.delete(Gadget).where(Gadget.id == int(id)))  # type: ignore[attr-defined]
    store.session.commit()
    # The next gadget may have the same key.
    store.session.expunge_all()


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.others], ids=lambda k: k.attribute.name
)
def test_what_a_column_cannot_hold(store: SqlStore, kind: Kind) -> None:
    """A value that the column cannot hold is refused in words, and nothing is stored."""
    name = kind.attribute.name
    for value in kind.others:
        with pytest.raises(InvalidValue, match=name):
            refuse(store, {"serial": "refused", name: value})


def refuse(store: SqlStore, document: dict[str, Any]) -> None:
    """Insert a gadget that nobody is going to miss."""
    with store.transaction():
        store.insert(document)
        raise AssertionError(document)


OPERATORS = {
    Type.BOOLEAN: ["eq", "ne"],
    Type.BINARY: ["eq", "ne"],
    Type.INTEGER: ["eq", "ne", "gt", "ge", "lt", "le"],
    Type.DECIMAL: ["eq", "ne", "gt", "ge", "lt", "le"],
    Type.DATETIME: ["eq", "ne", "gt", "ge", "lt", "le"],
}
TEXT_OPERATORS = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]


def literals(kind: Attribute, values: tuple[Any, ...]) -> Iterator[str]:
    """What to compare an attribute with: its values, and what is near them."""
    for value in values:
        if isinstance(value, bool):
            yield str(value).lower()
        elif isinstance(value, int | float):
            yield from (repr(value), repr(value + 1) if abs(value) < 2**60 else "0")
        else:
            exact = kind.type in (Type.DATETIME, Type.BINARY)
            near = [value] if exact else [value, value.swapcase(), value[:2]]
            yield from map(quote, near)
    if kind.type in (Type.STRING, Type.REFERENCE):
        yield from ('""', '"nothing like it"', '"--5"')
    if kind.type is Type.INTEGER:
        yield from (str(2**63 - 1), str(-(2**63)))
    if kind.type is Type.DECIMAL:
        yield from ("1e30", "-1e30")


def quote(word: str) -> str:
    """Text as a filter writes it."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def leaves(kind: Kind) -> Iterator[tuple[str, Attribute, tuple[Any, ...]]]:
    """What of a kind can be compared: its path, its definition and the values that it has."""
    attribute = kind.attribute
    if not attribute.is_complex:
        flat = kind.values
        if attribute.multi_valued:
            flat = tuple(value for values in kind.values for value in values)
        yield attribute.name, attribute, flat
        return
    entries = [e for v in kind.values for e in (v if attribute.multi_valued else [v])]
    for sub in attribute.sub_attributes:
        found = tuple(entry[sub.name] for entry in entries if sub.name in entry)
        yield f"{attribute.name}.{sub.name}", sub, found


@pytest.mark.parametrize("kind", KINDS, ids=BY_NAME)
def test_filtered(store: SqlStore, gadgets: list[dict[str, Any]], kind: Kind) -> None:
    """Every fitting operator selects what the matcher selects, and its negation the rest."""
    wrong = []
    for path, leaf, values in leaves(kind):
        filters = [f"{path} pr", f"{path} eq null", f"not ({path} pr)"]
        for operator in OPERATORS.get(leaf.type, TEXT_OPERATORS):
            compared = [f"{path} {operator} {literal}" for literal in literals(leaf, values)]
            filters += compared + [f"not ({filter})" for filter in compared[:3]]
        for filter in dict.fromkeys(filters):
            condition = resolve_filter(parse_filter(filter), GADGET)
            try:
                selected = {r.id for r in store.find(Query(condition, count=1000)).resources}
            except InvalidFilter:
                assert kind.attribute.name in ("token", "handle")
                continue
            except sa.exc.SQLAlchemyError as error:
                store.session.rollback()
                wrong.append((filter, str(error)[:80]))
                continue
            expected = {g["id"] for g in gadgets if matches(condition, g)}
            if selected != expected:
                wrong.append((filter, f"{len(selected)} for {len(expected)}"))
    assert wrong == []


def test_uuids_take_only_equality(store: SqlStore, gadgets: list[dict[str, Any]]) -> None:
    """What a UUID column cannot do is said in words."""
    condition = resolve_filter(parse_filter('token co "0"'), GADGET)
    with pytest.raises(InvalidFilter, match="use eq, ne or pr"):
        store.find(Query(condition))


INTEGERS = (sa.Integer, sa.BigInteger, sa.SmallInteger)
SORTABLE = [
    kind for kind in KINDS if not (kind.attribute.multi_valued or kind.attribute.is_complex)
]


@pytest.mark.parametrize("kind", SORTABLE, ids=lambda kind: kind.attribute.name)
def test_sorted(store: SqlStore, gadgets: list[dict[str, Any]], kind: Kind) -> None:
    """The order is that of the values, what has none last, then that of the keys."""
    attribute = kind.attribute

    def key(gadget: dict[str, Any]) -> tuple[Any, ...]:
        value = gadget.get(attribute.name)
        return (
            (1, int(gadget["id"]))
            if value is None
            else (0, order(attribute, value), int(gadget["id"]))
        )

    def order(attribute: Attribute, value: Any) -> Any:
        # Numbers that are text to SCIM are in the order of numbers.
        is_number = isinstance(value, str) and value in kind.values and kind.column in INTEGERS
        return int(value) if is_number else comparable(attribute, value)

    expected = [gadget["id"] for gadget in sorted(gadgets, key=key)]
    path = AttributePath(attribute)
    upwards = store.find(Query(sort_by=path, count=1000)).resources
    downwards = store.find(Query(sort_by=path, count=1000, descending=True)).resources
    shown = [resource.document.get(attribute.name) for resource in upwards]
    assert [resource.id for resource in upwards] == expected, shown
    assert [resource.id for resource in downwards] == expected[::-1]


@pytest.mark.parametrize("name", ["parts", "maker"])
def test_what_has_no_order(store: SqlStore, name: str) -> None:
    """What cannot be sorted by is refused in words."""
    path = resolve_name(parse_path(name).name, GADGET)
    with pytest.raises(InvalidValue, match=f"{name} .*cannot be sorted by"):
        store.find(Query(sort_by=path))


# Ids.


@pytest.fixture
def public(session: Session, gadgets: list[dict[str, Any]]) -> SqlStore:
    """The gadgets, by their public id."""
    return open_store(session, "public_id")


def test_public_ids(public: SqlStore, gadgets: list[dict[str, Any]]) -> None:
    """An id of the host's choice serves for reading, locking, changing, filtering and deleting."""
    everyone = public.find(Query(count=1000)).resources
    assert sorted(r.document["serial"] for r in everyone) == sorted(g["serial"] for g in gadgets)
    added = add(public, {"serial": "by uuid"})
    assert str(uuid.UUID(added.id)) == added.id
    assert get(public, added.id).document == {"serial": "by uuid"}
    assert change(public, added.id, {"serial": "by uuid", "label": "x"}).id == added.id
    condition = resolve_filter(parse_filter(f'id eq "{added.id}"'), GADGET)
    assert [resource.id for resource in public.find(Query(condition)).resources] == [added.id]
    assert public.find(Query(condition, sort_by=id_path())).total == 1
    with public.transaction():
        resource = public.lock(added.id)
        assert resource is not None
        public.delete(resource)
    assert public.get(added.id) is None


def id_path() -> AttributePath:
    """The id."""
    return resolve_name(parse_path("id").name, GADGET)


def test_sorted_by_public_id(public: SqlStore) -> None:
    """Sorted by id is sorted by the id that clients see."""
    ids = [r.id for r in public.find(Query(sort_by=id_path(), count=1000)).resources]
    assert ids == sorted(ids)


@pytest.mark.parametrize("id", ["1", "x", "", UUIDS[0], UUIDS[2], "{" + UUIDS[0] + "}", "9" * 300])
def test_an_id_that_is_no_public_id(public: SqlStore, id: str) -> None:
    """An id that no row has, or that is no UUID, is just not there."""
    assert public.get(id) is None
    with public.transaction():
        assert public.lock(id) is None
    condition = resolve_filter(parse_filter(f'id eq "{id}"'), GADGET)
    assert public.find(Query(condition)).total == 0


def test_a_public_id_in_another_spelling(public: SqlStore) -> None:
    """An id is exact: the same UUID written in another way is another id."""
    (first,) = public.find(Query(count=1)).resources
    for id in (first.id.upper(), first.id.replace("-", ""), f"urn:uuid:{first.id}"):
        assert id == first.id or public.get(id) is None


def test_text_ids(session: Session, gadgets: list[dict[str, Any]]) -> None:
    """A text column can be the id; letter case counts, and nothing is a wildcard."""
    store = open_store(session, "slug")
    id = store.find(Query(count=1)).resources[0].id
    assert get(store, id).id == id
    for other in (
        id.upper(),
        id.replace(" ", "_"),
        f"{id[:-1]}%",
        f"{id} ",
        f"{id}\0",
        "",
        "x" * 500,
    ):
        assert store.get(other) is None, other


def test_numbers_are_answered_as_they_are_stored() -> None:
    """A number with more places than the column is rounded before it is written."""
    codec = find_codec(Attribute("price", Type.DECIMAL), sa.Numeric(10, 2), (), inverted=False)
    assert codec is not None
    for sent, stored in ((1.239, 1.24), (2.675, 2.68), (-2.675, -2.68), (7, 7.0), (0.004, 0.0)):
        assert stored == codec.encode(sent, "price")
    with pytest.raises(InvalidValue):
        codec.encode(1e300, "price")
