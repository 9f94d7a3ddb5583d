"""Lists are sorted by what documents show, alike on every database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from flask_scim.protocol.errors import InvalidValue
from flask_scim.provisioning.ports import Query
from flask_scim.store.store import SqlStore
from tests.client import ENTERPRISE
from tests.marks import refused_early
from tests.store import people
from tests.store.people import SORTABLE, Person, bind, open_store, rank, resolve, value_of


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
    """A store of many people of every shape."""
    store = open_store(session)
    people.add_people(store, 150)
    return store


@pytest.mark.parametrize("name", SORTABLE)
def test_sorted_as_the_documents_show(crowd: SqlStore, name: str) -> None:
    """The order is that of what documents show; downwards it is the other way round."""
    path = resolve(name)
    everyone = crowd.find(Query(count=1000)).resources
    expected = sorted(everyone, key=lambda each: rank(each, path))
    assert len({rank(each, path)[:-1] for each in everyone}) > 1
    upwards = crowd.find(Query(sort_by=path, count=1000)).resources
    downwards = crowd.find(Query(sort_by=path, count=1000, descending=True)).resources
    shown = [value_of(each, path) for each in upwards]
    assert [each.id for each in expected] == [each.id for each in upwards], shown
    assert [each.id for each in reversed(expected)] == [each.id for each in downwards]


@refused_early
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("name", "several parts"),
        ("addresses", "several parts"),
        ("groups", "names other resources"),
        ("groups.display", "names other resources"),
        ("password", "never shown"),
        ("schemas", "made by the server"),
        ("meta", "made by the server"),
        ("meta.location", "made by the server"),
        ("meta.resourceType", "made by the server"),
        ("length", "computed by the application"),
    ],
)
def test_what_has_no_order(crowd: SqlStore, name: str, why: str) -> None:
    """What cannot be sorted by is refused in words that name it."""
    with pytest.raises(InvalidValue, match=f"{name} .*{why}.*cannot be sorted by"):
        crowd.find(Query(sort_by=resolve(name)))


@refused_early
@pytest.mark.parametrize(
    "name",
    [
        *("nickName", "name.formatted", "roles", "emails.display", "tags", "emails.primary"),
        *(f"{ENTERPRISE}:department", f"{ENTERPRISE}:manager"),
    ],
)
def test_what_nobody_keeps(session: Session, name: str) -> None:
    """Where what is not mapped is ignored, there is nothing to sort by."""
    slots = [{"type": "work", "value": "email"}, {"type": "other", "value": "code"}]
    binding = bind({"userName": "username", "emails": slots}, keep_unmapped=False)
    with pytest.raises(InvalidValue, match=f"{name}.* is not kept by this application"):
        open_store(session, binding).find(Query(sort_by=resolve(name)))


WORK = {"type": "work", "value": "email"}
OTHER = {"type": "other", "value": "code"}
UNTYPED = {"value": "first_name"}


@pytest.mark.parametrize(
    ("slots", "entries", "expected"),
    [
        ([WORK, OTHER], [], None),
        ([WORK, OTHER], [{"type": "other", "value": "o"}], "o"),
        ([WORK, OTHER], [{"type": "other", "value": "o"}, {"type": "work", "value": "w"}], "w"),
        (
            [WORK, OTHER],
            [{"type": "other", "value": "o", "primary": True}, {"type": "work", "value": "w"}],
            "o",
        ),
        # A slot that is primary is so until another entry is.
        ([WORK, OTHER | {"primary": True}], [{"type": "other", "value": "o"}], "o"),
        (
            [WORK, OTHER | {"primary": True}],
            [{"type": "work", "value": "w"}, {"type": "other", "value": "o"}],
            "o",
        ),
        (
            [WORK, OTHER | {"primary": True}],
            [{"type": "work", "value": "w", "primary": True}, {"type": "other", "value": "o"}],
            "w",
        ),
        # Entries without a slot come after those with one.
        ([WORK], [{"type": "x", "value": "x"}, {"type": "work", "value": "w"}], "w"),
        ([WORK], [{"type": "x", "value": "x"}, {"type": "y", "value": "y"}], "x"),
        (
            [WORK],
            [{"value": "x"}, {"value": "y", "primary": True}, {"type": "work", "value": "w"}],
            "y",
        ),
        ([WORK], [{"value": "x"}, {"type": "y", "primary": True}], None),
        # The slot of no type comes after those of one.
        ([UNTYPED, WORK], [{"type": "x", "value": "x"}, {"type": "work", "value": "w"}], "w"),
    ],
)
def test_which_entry_counts(
    session: Session, slots: list[Any], entries: list[Any], expected: str | None
) -> None:
    """The primary entry counts, else the first that the document shows."""
    store = open_store(session, bind({"userName": "username", "emails": slots}))
    # The host's model asks for a last name, which this mapping does not have.
    store.hooks.creator = lambda document, connection: Person(last_name="")
    with store.transaction():
        id = store.insert({"userName": "which", "emails": entries}).id
    try:
        page = store.find(Query(sort_by=resolve("emails"), count=1000))
        found = {r.id: (r, p) for r, p in zip(page.resources, page.positions, strict=True)}
        assert value_of(found[id][0], resolve("emails")) == expected
        assert found[id][1].value == expected
    finally:
        session.rollback()
        session.execute(people.RECORDS.delete().where(people.RECORDS.c.row_id == int(id)))
        session.execute(sa.delete(Person).where(Person.id == int(id)))
        session.commit()


def test_json_of_the_wrong_type(crowd: SqlStore, session: Session) -> None:
    """What a host wrote into its JSON in another type than the schema's does no harm."""
    wrong: tuple[Any, ...] = (None, {"grade": "7"}, {"grade": None}, {"grade": [1]}, [], "x", 5)
    wrong += ({"title": 5}, {"title": True}, {"addresses": {"locality": "x"}}, {"addresses": "x"})
    wrong += ({"addresses": [None, {"locality": "x"}]}, {"addresses": ["x", 7]})
    ids = session.scalars(sa.select(Person.id).order_by(Person.id).limit(len(wrong))).all()
    rows = {row.id: row for row in session.scalars(sa.select(Person).where(Person.id.in_(ids)))}
    for id, profile in zip(ids, wrong, strict=True):
        rows[id].profile = profile
    session.flush()
    try:
        for name in ("title", "grade", "addresses.locality", "addresses.primary"):
            page = crowd.find(Query(sort_by=resolve(name), count=1000))
            for resource, position in zip(page.resources, page.positions, strict=True):
                if resource.id in map(str, ids) and name == "grade":
                    assert position.value is None
            place = page.positions[75]
            rest = crowd.find(Query(sort_by=resolve(name), count=1000, after=place)).resources
            assert [r.id for r in page.resources[76:]] == [r.id for r in rest]
    finally:
        session.rollback()
