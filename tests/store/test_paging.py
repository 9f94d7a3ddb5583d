"""Pages go on from a place in the list, whatever else happens to the list."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session

from flask_scim.protocol.errors import InvalidFilter
from flask_scim.protocol.parser import parse_filter
from flask_scim.protocol.resolver import resolve_filter
from flask_scim.provisioning.ports import Position, Query
from flask_scim.store.store import SqlStore
from flask_scim.store.tables.records import add_record_table
from tests.store import people
from tests.store.people import (
    ACME,
    PERSON,
    RECORDS,
    SORTABLE,
    WORDS,
    Base,
    Person,
    bind,
    open_store,
    resolve,
)
from tests.store.test_agreement import FILTERS


def _make_keyed(name: str, column: sa.Column[Any]) -> tuple[type, sa.Table]:
    model = type(
        name,
        (Base,),
        {
            "__tablename__": f"host_{name.lower()}",
            "id": column,
            "username": sa.Column(sa.String(100), nullable=False),
            "email": sa.Column(sa.String(100)),
        },
    )
    record = add_record_table(Base.metadata, name.lower(), sa.inspect(model).local_table)
    return model, record


class Shout(sa.TypeDecorator[str]):
    """A key that the app sees in another form than the database."""

    impl = sa.String(40)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Store it backwards."""
        return None if value is None else value[::-1]

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Read it backwards."""
        return None if value is None else value[::-1]


KEYED = {
    "uuid": _make_keyed("ByUuid", sa.Column(sa.Uuid, primary_key=True, default=uuid.uuid4)),
    "uuid text": _make_keyed(
        "ByUuidText",
        sa.Column(sa.Uuid(as_uuid=False), primary_key=True, default=lambda: str(uuid.uuid4())),
    ),
    "text": _make_keyed("ByText", sa.Column(sa.String(40), primary_key=True)),
    "decorated": _make_keyed("ByShout", sa.Column(Shout, primary_key=True)),
    "big": _make_keyed("ByBig", sa.Column(sa.BigInteger, primary_key=True, autoincrement=False)),
}
OTHER, ANOTHER = replace(ACME, id="other people"), replace(ACME, id="more people")
BIG_KEYS = (-(2**40), -5, 0, 3, 20, 100, 2**31, 2**53 + 1, 2**53 + 2, 2**62)
# No two of them are one key under a collation that ignores case and accents.
TEXT_KEYS = (*"aBcÉzΩж中-9", "D1", "d10", "d9", "f g", "f_g", "F%")


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[sa.Engine]:
    """An engine on a database that has the tables."""
    with people.tables(database) as engine:
        yield engine


@pytest.fixture(scope="module")
def session(engine: sa.Engine) -> Iterator[Session]:
    """A session on the database."""
    with Session(engine) as session:
        yield session


@pytest.fixture(scope="module")
def crowd(session: Session) -> SqlStore:
    """A store of many people of every shape, who stay as they are."""
    store = open_store(session)
    people.add_people(store, 90)
    return store


@contextmanager
def statements(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """The SQL statements that run inside, with their parameters, in order."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    engine = session.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def listed(store: SqlStore, **options: Any) -> list[str]:
    """The ids of a page."""
    return [resource.id for resource in store.find(Query(totals=False, **options)).resources]


def walk(
    store: SqlStore,
    size: int,
    *,
    backwards: bool = False,
    between: Callable[[list[str]], None] = lambda seen: None,
    **options: Any,
) -> list[str]:
    """Go through a list page by page, from its beginning or from its end."""
    seen: list[str] = []
    place: Position | None = None
    if backwards:
        query = Query(count=10_000, totals=False, **options)
        last = store.find(query)
        if not last.positions:
            return []
        seen, place = [last.resources[-1].id], last.positions[-1]
    while True:
        beyond = {"before" if backwards else "after": place}
        page = store.find(Query(count=size, totals=False, **beyond, **options))
        assert len(page.positions) == len(page.resources) <= size
        ids = [resource.id for resource in page.resources]
        seen = ids + seen if backwards else seen + ids
        if not ids:
            return seen
        place = page.positions[0 if backwards else -1]
        between(seen)


@pytest.mark.parametrize("name", [None, *SORTABLE])
def test_pages_make_up_the_list(crowd: SqlStore, name: str | None) -> None:
    """Pages of any sort, upwards and downwards, from either end, are the list."""
    for descending in (False, True) if name else (False,):
        sort: dict[str, Any] = {"sort_by": resolve(name), "descending": descending} if name else {}
        expected = listed(crowd, count=1000, **sort)
        assert len(expected) == 90
        assert walk(crowd, 17, **sort) == expected
        assert walk(crowd, 17, backwards=True, **sort) == expected


@pytest.mark.parametrize("name", [None, "title", "samples", "meta.created", "emails", "left"])
@pytest.mark.parametrize("descending", [False, True])
def test_every_place_parts_the_list(crowd: SqlStore, name: str | None, descending: bool) -> None:
    """What comes before a place and what comes after it are all but the resource that is there."""
    sort = {"sort_by": None if name is None else resolve(name), "descending": descending}
    page = crowd.find(Query(count=1000, **sort))
    ids = [resource.id for resource in page.resources]
    for index, place in list(enumerate(page.positions))[::13]:
        assert listed(crowd, count=1000, after=place, **sort) == ids[index + 1 :]
        assert listed(crowd, count=1000, before=place, **sort) == ids[:index]
        assert listed(crowd, count=3, before=place, **sort) == ids[:index][-3:]
    first, last = page.positions[10], page.positions[20]
    assert listed(crowd, count=1000, after=first, before=last, **sort) == ids[11:20]


@pytest.mark.parametrize("kind", KEYED)
def test_keys_of_every_kind(session: Session, kind: str) -> None:
    """The order of keys is total and one with their comparison, whatever their type."""
    model, record = KEYED[kind]
    declaration = {"userName": "username", "emails": [{"type": "work", "value": "email"}]}
    store = open_store(session, bind(declaration, model=model, record=record))
    keys = iter(BIG_KEYS if kind == "big" else TEXT_KEYS)
    if "uuid" not in kind:
        store.hooks.creator = lambda document, connection: model(id=next(keys))
    for number in range(10 if kind == "big" else 16):
        with store.transaction():
            store.insert({"userName": f"u{number}", "title": ("x", "y", None)[number % 3]})
    for name in (None, "title", "id", "emails"):
        for descending in (False, True):
            sort = {"sort_by": name and resolve(name), "descending": descending}
            expected = listed(store, count=100, **sort)
            assert walk(store, 3, **sort) == expected
            assert walk(store, 3, backwards=True, **sort) == expected
            assert len(set(expected)) == len(expected) > 9


@pytest.mark.parametrize(
    ("options", "ids", "total", "counts"),
    [
        ({}, 90, 90, 0),
        ({"count": 10}, 10, 90, 1),
        ({"count": 0}, 0, 90, 1),
        ({"start_index": 86}, 5, 90, 0),
        ({"start_index": 91}, 0, 90, 1),
        ({"totals": False}, 90, 0, 0),
        ({"totals": False, "count": 10}, 10, 0, 0),
        ({"totals": False, "count": 0}, 0, 0, 0),
        ({"totals": False, "start_index": 91}, 0, 0, 0),
        ({"after": 79}, 10, 90, 1),
        ({"after": 89}, 0, 90, 1),
        ({"before": 10}, 10, 90, 1),
        ({"after": 79, "totals": False}, 10, 0, 0),
        ({"after": 79, "start_index": 4}, 7, 90, 1),
        ({"after": 79, "count": 0}, 0, 90, 1),
    ],
)
@pytest.mark.parametrize("name", [None, "nickName"])
def test_totals(
    crowd: SqlStore, options: dict[str, Any], ids: int, total: int, counts: int, name: str | None
) -> None:
    """All that match are counted, wherever the page begins, unless nobody wants to know."""
    sort_by = name and resolve(name)
    places = crowd.find(Query(count=1000, sort_by=sort_by)).positions
    beyond = {side: places[options[side]] for side in ("after", "before") if side in options}
    with statements(crowd.session) as seen:
        page = crowd.find(Query(**{"count": 100, "sort_by": sort_by, **options, **beyond}))
    assert (len(page.resources), page.total) == (ids, total)
    assert sum("count(" in statement for statement, _ in seen) == counts
    assert len(seen) == counts + (options.get("count") != 0)


def test_an_offset_counts_from_the_place(crowd: SqlStore) -> None:
    """The start index of a page that comes after a place is counted from there."""
    page = crowd.find(Query(count=1000))
    ids = [resource.id for resource in page.resources]
    assert listed(crowd, count=5, start_index=4, after=page.positions[9]) == ids[13:18]


def test_a_page_far_inside_reads_a_range_of_the_primary_key(
    session: Session, far: list[int]
) -> None:
    """Without a sort, no row before the place is read, nothing is sorted and nothing skipped."""
    store, place = open_store(session), Position(far[1500])
    with statements(session) as seen:
        page = store.find(Query(count=50, after=place, totals=False))
    assert [int(each.id) for each in page.resources] == far[1501:1551]
    ((statement, parameters),) = seen
    assert _reads_a_range(session, statement, parameters)


@pytest.fixture
def far(session: Session) -> Iterator[list[int]]:
    """Thousands of people, of whom each is known to one of three connections; the keys of ours."""
    host, first = sa.inspect(Person).local_table, 1_000_000
    keys = range(first, first + 6000)
    session.execute(
        host.insert(),
        [{"id": key, "username": f"{key}", "last_name": "x", "blocked": False} for key in keys],
    )
    for turn, connection in enumerate((ACME, OTHER, ANOTHER)):
        if turn:
            session.execute(people.CONNECTIONS.insert().values(asdict(connection)))
        now = sa.func.now()
        copied = sa.select(sa.literal(connection.id), host.c.id, sa.literal(1), now, now)
        names = ["connection_id", "row_id", "version", "created", "modified"]
        of_connection = copied.where(host.c.id >= first, host.c.id % 3 == turn)
        session.execute(RECORDS.insert().from_select(names, of_connection, include_defaults=False))
    session.commit()
    is_mariadb = session.connection().dialect.name in ("mysql", "mariadb")
    for table in ("host_person", "scim_person"):
        session.execute(sa.text(f"{'ANALYZE TABLE' if is_mariadb else 'ANALYZE'} {table}"))
    yield [key for key in keys if key % 3 == 0]
    session.rollback()
    session.execute(RECORDS.delete().where(RECORDS.c.row_id >= first))
    session.execute(host.delete().where(host.c.id >= first))
    others = people.CONNECTIONS.c.id.in_([OTHER.id, ANOTHER.id])
    session.execute(people.CONNECTIONS.delete().where(others))
    session.commit()


def _reads_a_range(session: Session, statement: str, parameters: Any) -> bool:
    """Ask the database how it runs a statement."""
    connection = session.connection()
    match connection.dialect.name:
        case "postgresql":
            cursor = connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
            )
            nodes = list(_nodes(cursor.scalar_one()[0]["Plan"]))
            (records,) = [node for node in nodes if node.get("Relation Name") == "scim_person"]
            read = max(node["Actual Rows"] * node["Actual Loops"] for node in nodes)
            return (
                "OFFSET" not in statement
                and "Index" in records["Node Type"]
                and "person_id >" in records["Index Cond"]
                and "connection_id" in records["Index Cond"]
                and not any(node["Node Type"] == "Sort" for node in nodes)
                and read <= 3 * 50
            )
        case "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            told = " ".join(str(step[-1]) for step in plan)
            return "(connection_id=? AND person_id>?)" in told and "TEMP B-TREE" not in told
        case _:
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).mappings().all()
            (records,) = [step for step in plan if step["table"] == "scim_person"]
            is_sorted = any("filesort" in (step["Extra"] or "") for step in plan)
            return records["type"] == "range" and not is_sorted


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


# Lists that change while they are read.

MOVING = ("profileUrl", "meta.lastModified", "meta.version")
STEADY = [name for name in SORTABLE if name not in MOVING]
NUMBERS = itertools.count(1000)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    text=st.one_of(st.none(), FILTERS.filter(lambda text: "profileUrl" not in text)),
    name=st.one_of(st.none(), st.sampled_from(STEADY)),
    descending=st.booleans(),
    backwards=st.booleans(),
    size=st.integers(10, 60),
    seed=st.integers(0, 2**32),
)
def test_a_list_that_changes(
    crowd: SqlStore,
    text: str | None,
    name: str | None,
    descending: bool,
    backwards: bool,
    size: int,
    seed: int,
) -> None:
    """Each resource that stays is on one page, in order, whatever else comes, moves or goes."""
    assume(text is None or "lastModified" not in text)
    try:
        condition = None if text is None else resolve_filter(parse_filter(text), PERSON)
    except InvalidFilter:
        assume(False)
    choose, gone = random.Random(seed), set[str]()
    options: dict[str, Any] = {
        "condition": condition,
        "sort_by": None if name is None else resolve(name),
        "descending": descending,
    }
    before = listed(crowd, count=10_000, **options)

    def disturb(seen: list[str]) -> None:
        change(crowd, choose)
        add(crowd, choose)
        gone.add(delete(crowd, choose))

    found = walk(crowd, size, backwards=backwards, between=disturb, **options)
    assert len(found) == len(set(found))
    staying = set(before) - gone
    assert [id for id in found if id in staying] == [id for id in before if id in staying]


def anyone(store: SqlStore, choose: random.Random) -> str:
    """The id of some person."""
    keys = store.session.scalars(sa.select(RECORDS.c.row_id).where(RECORDS.c.deleted.is_(None)))
    return str(choose.choice(sorted(keys)))


def change(store: SqlStore, choose: random.Random) -> None:
    """Change an attribute that no list here is sorted or filtered by."""
    with store.transaction():
        resource = store.lock(anyone(store, choose))
        assert resource is not None
        changed = resource.document | {"profileUrl": f"/{choose.choice(WORDS)}/{choose.random()}"}
        store.update(resource, changed)


def add(store: SqlStore, choose: random.Random) -> None:
    """Add a person."""
    with store.transaction():
        store.insert(people.make_person(choose, next(NUMBERS)))


def delete(store: SqlStore, choose: random.Random) -> str:
    """Delete a person, and tell who it was."""
    with store.transaction():
        id = anyone(store, choose)
        resource = store.lock(id)
        assert resource is not None
        store.delete(resource)
    return id
