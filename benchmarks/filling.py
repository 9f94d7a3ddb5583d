"""Databases with very many people, filled by bulk SQL."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from .host import CONNECTION, TENANT, make_host

#: How many members the groups have that requests are about; each has the people from 1 on. There
#: are those that are not larger than the whole.
GROUPS = (10, 1_000, 10_000, 100_000)
#: Two more that are replaced, each by one of the apps, and how many members they have.
TWINS, TWIN_MEMBERS = (11, 12), 9_990
#: The people beyond the size of a database, whom the groups above do not have.
SPARE = 100
#: Everybody is in one more group, of so many.
_TEAM = 100
#: The ids of those begin here.
_TEAMS_FROM = 1_000
_MOMENT = "'2026-01-02 03:04:05.678901'"

_SERVER = os.environ.get(
    "TEST_POSTGRESQL_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
)


def group_id(members: int) -> int:
    """The id of the group with so many members, of :data:`GROUPS`."""
    return GROUPS.index(members) + 1


@contextmanager
def database(name: str, whose: str = "") -> Iterator[str]:
    """The URL of an empty database, which is gone afterwards.

    :param name: the kind of database.
    :param whose: what tells it from others at the same time.
    """
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder, 'benchmark.db')}"
        return
    server = sa.create_engine(_SERVER, isolation_level="AUTOCOMMIT")
    own = f"flask_scim_bench_{os.getpid()}{whose}"
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {own}"))
        try:
            yield server.url.set(database=own).render_as_string(hide_password=False)
        finally:
            connection.execute(sa.text(f"DROP DATABASE {own} WITH (FORCE)"))
    server.dispose()


def fill(url: str, size: int) -> str:
    """Make the tables, people, groups and a connection.

    :param url: an empty database.
    :param size: how many people.
    :return: a token of the connection.
    """
    app, models, scim = make_host(url)
    # Built at once over all rows, and not row by row.
    indexes = [index for table in models.db.metadata.tables.values() for index in table.indexes]
    with app.app_context():
        models.db.create_all()
        scim.connections.add(CONNECTION, tenant=TENANT, idp="entra")
        token, _ = scim.tokens.issue(CONNECTION)
        engine = models.db.engine
    if engine.dialect.name == "sqlite":
        engine.dispose()
        event.listen(engine, "connect", _add_hash)
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
        for statement in _statements(engine.dialect.name, size):
            connection.execute(sa.text(statement))
        for index in indexes:
            index.create(connection)
    analyze(engine)
    engine.dispose()
    return token


def tidy(engine: sa.Engine, size: int) -> None:
    """Take away what a workload has added.

    :param engine: the database.
    :param size: how many people it had.
    """
    statements = [
        f"DELETE FROM team_members WHERE user_id > {size + SPARE}",
        f"DELETE FROM scim_user WHERE user_id > {size + SPARE}",
        f"DELETE FROM users WHERE id > {size + SPARE}",
        *(
            f"{'DELETE FROM' if engine.dialect.name == 'sqlite' else 'TRUNCATE'} scim_own_{table}"
            for table in ("request", "event", "end")
        ),
    ]
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def analyze(engine: sa.Engine) -> None:
    """Let the database know how large its tables are."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        vacuum = "" if engine.dialect.name == "sqlite" else "VACUUM "
        connection.execute(sa.text(f"{vacuum}ANALYZE"))


def _statements(dialect: str, size: int) -> Iterator[str]:
    people = size + SPARE
    sign = "hash" if dialect == "sqlite" else "md5"
    if dialect == "postgresql":
        yield "SET LOCAL maintenance_work_mem = '256MB'"
        # What refers to what is true by construction; only a superuser may say so.
        yield (
            "SELECT set_config('session_replication_role', 'replica', true)"
            " FROM pg_roles WHERE rolname = current_user AND rolsuper"
        )
    columns = {
        "id": "i",
        "organization_id": f"'{TENANT}'",
        "username": "'user' || i || '@example.com'",
        "email": "'user' || i || '@example.com'",
        "given_name": "'Given' || i",
        "family_name": "'Family' || i",
        "full_name": "'Given' || i || ' Family' || i",
        "display_name": "'Given' || i || ' Family' || i",
        "title": "'Engineer'",
        "language": "'en-US'",
        "phone": "'+1 555 ' || i",
        "mobile": "'+1 556 ' || i",
        "fax": "'+1 557 ' || i",
        "address": "i || ' Main Street, Springfield'",
        "street": "i || ' Main Street'",
        "city": "'Springfield'",
        "region": "'WA'",
        "postal_code": "'98052'",
        "country": "'US'",
        "employee_number": "'E' || i",
        "department": "'Department ' || (i % 100)",
        "cost_center": "'C' || (i % 50)",
        "division": "'Division ' || (i % 10)",
        "company": "'Acme'",
        "is_active": "true",
        "role": "'agent'",
        "email_verified": "true",
        "provisioned_by": f"'{CONNECTION}'",
    }
    yield _insert("users", columns, dialect, people)
    yield _insert("scim_user", _record("user", "i", sign, columns["username"]), dialect, people)
    groups = {group_id(count): count for count in GROUPS}
    named = [f"({id}, '{TENANT}', 'Group {count}')" for id, count in groups.items()]
    named += [f"({id}, '{TENANT}', 'Twin {id}')" for id in TWINS]
    yield f"INSERT INTO teams (id, organization_id, name) VALUES {', '.join(named)}"
    teams = {
        "id": f"i + {_TEAMS_FROM - 1}",
        "organization_id": f"'{TENANT}'",
        "name": "'Team ' || i",
    }
    yield _insert("teams", teams, dialect, people // _TEAM)
    for id, count in (groups | dict.fromkeys(TWINS, TWIN_MEMBERS)).items():
        if count <= size:
            pair = {"team_id": str(id), "user_id": "i"}
            yield _insert("team_members", pair, dialect, count)
    pair = {"team_id": f"{_TEAMS_FROM} + (i - 1) / {_TEAM}", "user_id": "i"}
    yield _insert("team_members", pair, dialect, people)
    record = _record("group", "id", sign, "name")
    names, values = ", ".join(record), ", ".join(record.values())
    yield f"INSERT INTO scim_group ({names}) SELECT {values} FROM teams"
    if dialect != "sqlite":
        for table in ("users", "teams"):
            yield f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"


def _record(kind: str, id: str, sign: str, name: str) -> dict[str, str]:
    key = f"{sign}(lower({name}))"
    if sign == "md5":
        key = f"encode(sha256(lower({name})::bytea), 'hex')"
    return {
        "connection_id": f"'{CONNECTION}'",
        f"{kind}_id": id,
        "external_id": f"'{kind}-' || {id}",
        "unique_key": key,
        "active_removed": "false",
        "awaited": "false",
        "version": "1",
        "created": _MOMENT,
        "modified": _MOMENT,
    }


def _insert(table: str, columns: dict[str, str], dialect: str, count: int) -> str:
    """Insert a row for each number from 1."""
    numbers = f"generate_series(1, {count}) AS numbers(i)"
    head = ""
    if dialect == "sqlite":
        numbers = "numbers"
        head = (
            "WITH RECURSIVE numbers(i) AS"
            f" (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {count}) "
        )
    select = f"SELECT {', '.join(columns.values())} FROM {numbers}"
    return f"INSERT INTO {table} ({', '.join(columns)}) {head}{select}"


def _add_hash(connection: Any, _record: Any) -> None:
    connection.create_function("hash", 1, _hash, deterministic=True)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
