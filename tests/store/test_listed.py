"""The condition that a column has one of the values of a list, on each kind of key."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim.store.sql.listed import is_listed


class BinaryUuid(sa.TypeDecorator[uuid.UUID]):
    """A UUID in bytes, as many apps that began on MySQL keep it."""

    impl = sa.LargeBinary(16)
    cache_ok = True

    def process_bind_param(self, value: uuid.UUID | None, dialect: sa.Dialect) -> bytes | None:
        return None if value is None else value.bytes

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> uuid.UUID | None:
        return None if value is None else uuid.UUID(bytes=value)

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        is_mysql = dialect.name in ("mysql", "mariadb")
        return dialect.type_descriptor(sa.BINARY(16) if is_mysql else sa.LargeBinary(16))


class Prefixed(sa.TypeDecorator[str]):
    """A number that the app writes with a prefix."""

    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else int(value.removeprefix("u-"))

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else f"u-{value}"


class Colour(enum.Enum):
    """Some names."""

    RED = "r"
    GREEN = "g"
    BLUE = "b"
    WHITE = "w"


#: A kind of key, and four of that kind: two that are there and asked for, one that is only there,
#: and one that is only asked for.
KINDS: dict[str, tuple[Any, list[Any]]] = {
    "integer": (sa.Integer(), [1, 2, 3, 4]),
    "big": (sa.BigInteger(), [1, 2**62, 3, 2**61]),
    "text": (sa.String(40), ["1", 'a"b\\', "Änn", "02"]),
    "uuid": (sa.Uuid(), [uuid.UUID(int=each) for each in range(4)]),
    "text of a uuid": (sa.Uuid(as_uuid=False), [str(uuid.UUID(int=each)) for each in range(4)]),
    "bytes": (BinaryUuid(), [uuid.UUID(int=each) for each in range(4)]),
    "decorated": (Prefixed(), ["u-1", "u-2", "u-3", "u-4"]),
    "enum": (sa.Enum(Colour, name="colour"), list(Colour)),
}


@pytest.fixture
def connection(database: str) -> Iterator[sa.Connection]:
    """A connection to the database, which keeps nothing."""
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_listed(connection: sa.Connection, kind: str) -> None:
    """Those in the list are found, whatever the app keeps its keys as; of none, none."""
    of, (one, another, third, missing) = KINDS[kind]
    table = sa.Table("listed", sa.MetaData(), sa.Column("id", of, primary_key=True))
    table.create(connection)
    try:
        connection.execute(table.insert(), [{"id": each} for each in (one, another, third)])
        statement = sa.select(table.c.id).where(is_listed(table.c.id, "ids"))

        def find(*ids: Any) -> set[Any]:
            return set(connection.scalars(statement, {"ids": list(ids)}))

        assert find(one, another, missing) == {one, another}
        assert find(missing, third) == {third}
        assert find(missing) == find() == set()
    finally:
        table.drop(connection)
        connection.commit()


def test_the_length_of_a_list_is_no_part_of_the_statement(connection: sa.Connection) -> None:
    """Drivers and databases keep statements by their text; MariaDB takes no list as a value."""
    statement = sa.select(sa.literal(1)).where(is_listed(sa.literal(3), "ids"))
    seen: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda *sent: seen.append(sent[2]))
    for ids in ([1, 2, 3], [3], [1, 2], []):
        found = connection.scalars(statement, {"ids": ids}).all()
        assert len(found) == (3 in ids)
    takes_lists = connection.dialect.name in ("sqlite", "postgresql")
    assert len(set(seen)) == (1 if takes_lists else 4)


def test_index_serves_list_on_sqlite() -> None:
    """Rows that a list names are found by their key, and not by a look at all rows."""
    table = sa.Table("listed", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    found = sa.select(table.c.id).where(is_listed(table.c.id, "ids"), table.c.id > 0)
    with sa.create_engine("sqlite://").connect() as connection:
        table.create(connection)
        text = str(found.compile(connection))
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", ("[1]", 0)).all()
    assert any("listed USING INTEGER PRIMARY KEY (rowid=?)" in step[-1] for step in steps)
