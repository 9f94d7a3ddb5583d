"""What a request costs in SQL, however many users there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from tests.client import ENTERPRISE, USER, ScimClient
from tests.host import Host, make_host

COUNT = 100_000


@pytest.fixture
def ann(scim: ScimClient) -> dict[str, Any]:
    """A user; the token has been used, so that its last use is not noted again this minute."""
    user = scim.create(
        "ann@example.com",
        externalId="a-1",
        title="Dr",
        emails=[{"type": "work", "value": "ann@example.com"}],
    )
    scim.get(f"/Users/{user['id']}")
    return user


def ways(ann: dict[str, Any]) -> dict[str, tuple[int, Callable[[ScimClient], Any]]]:
    """Requests, and the most statements that each may take."""
    path = f"/Users/{ann['id']}"
    replaced = {**ann, "title": "Prof", "userName": "ann2@example.com"}
    posted = {"schemas": [USER, ENTERPRISE], "userName": "bob", "name": {"familyName": "Lee"}}

    taken = {"userName": "ANN@example.com"}

    def patch(**operation: Any) -> Callable[[ScimClient], Any]:
        return lambda scim: scim.patch(path, {"op": "replace", **operation})

    def find(filter: str) -> Callable[[ScimClient], Any]:
        return lambda scim: scim.get("/Users", filter=filter)

    return {
        "find by userName": (3, find('userName eq "ann@example.com"')),
        "find nobody": (3, find('userName eq "nobody"')),
        "find by externalId": (3, find('externalId eq "a-1"')),
        "find by e-mail": (3, find('emails[type eq "work"].value eq "ann@example.com"')),
        "find by id": (3, find(f'id eq "{ann["id"]}"')),
        "get": (3, lambda scim: scim.get(path)),
        "get nobody": (3, lambda scim: scim.get("/Users/99999999")),
        "patch one attribute": (9, patch(path="title", value="Prof")),
        "patch userName": (10, patch(path="userName", value="ann2@example.com")),
        # Where access ends, three are the breaker's.
        "patch active": (13, patch(value={"active": False})),
        "patch a kept attribute": (9, patch(path="nickName", value="Annie")),
        "patch nothing": (5, patch(path="title", value="Dr")),
        "put": (10, lambda scim: scim.put(path, replaced)),
        "put what is there": (5, lambda scim: scim.put(path, ann)),
        "post": (7, lambda scim: scim.post("/Users", posted)),
        "post a taken name": (6, lambda scim: scim.post("/Users", {**posted, **taken})),
        "delete": (14, lambda scim: scim.delete(path)),
        "discovery": (1, lambda scim: scim.get("/Schemas")),
    }  # fmt: skip


@pytest.mark.parametrize("way", ways({"id": "0"}))
def test_statements(host: Host, scim: ScimClient, ann: dict[str, Any], way: str) -> None:
    """Each request has its budget of statements."""
    most, send = ways(ann)[way]
    with host.statements() as statements:
        response = send(scim)
    assert response.status_code < 500
    assert len(statements) <= most, statements


def test_many_operations_cost_as_much_as_one(host: Host, scim: ScimClient, ann: Any) -> None:
    """What a PATCH costs does not depend on how many operations it has."""
    counts = []
    for number in (1, 40):
        operations = [
            {"op": "add", "path": "roles", "value": [{"value": f"{number}-{index}"}]}
            for index in range(number)
        ]
        with host.statements() as statements:
            assert scim.patch(f"/Users/{ann['id']}", *operations).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"filter": "userName pr"},
        {"filter": 'emails[type eq "work"].value sw "u"'},
        {"sortBy": "name.familyName"},
        {"startIndex": "2"},
        {"excludedAttributes": "emails"},
    ],
)
def test_page_costs_the_same_at_any_size(
    host: Host, scim: ScimClient, query: dict[str, str]
) -> None:
    """A page of a hundred users takes as many statements as a page of one, and few."""
    insert_users(host, 150, "acme")
    counts = []
    for count in (1, 100):
        scim.get("/Users", count=count, **query)
        with host.statements() as statements:
            page = scim.get("/Users", count=count, **query).json
        assert len(page["Resources"]) == count
        counts.append(len(statements))
    # The token, the page, the groups of its users, and how many there are in all.
    assert counts[0] == counts[1] <= 4


def insert_users(host: Host, count: int, connection_id: str) -> None:
    """Insert users and their records past the endpoints."""
    users, records = (host.db.metadata.tables[name] for name in ("host_user", "scim_user"))
    with host.app.app_context():
        created = sa.func.now()
        host.db.session.execute(
            users.insert(),
            [
                {
                    "id": index,
                    "tenant_id": 1,
                    "username": f"user{index}",
                    "email": f"user{index}@example.com",
                    "last_name": f"Lee{index % 7}",
                    "blocked": False,
                    "profile": {"title": "Dr"},
                }
                for index in range(1, count + 1)
            ],
        )
        host.db.session.execute(
            records.insert().from_select(
                ["connection_id", "row_id", "external_id", "version", "created", "modified"],
                sa.select(
                    sa.literal(connection_id),
                    users.c.id,
                    sa.literal("x"),
                    sa.literal(1),
                    created,
                    created,
                ),
            )
        )
        host.db.session.commit()


# A hundred thousand users.


@pytest.fixture(scope="module")
def postgresql(database: str) -> Iterator[tuple[Host, ScimClient]]:
    """An app with 100,000 users on a database of its own, and a client of their connection."""
    url = sa.make_url(database)
    assert url.database is not None
    name = f"{url.database}_large"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    host = make_host(url.set(database=name).render_as_string(hide_password=False))
    with host.app.app_context():
        host.db.create_all()
    scim = host.connect("acme", tenant="1")
    with host.app.app_context(), host.db.engine.begin() as connection:
        for statement in (
            "CREATE INDEX ix_username ON host_user (lower(username))",
            "CREATE INDEX ix_email ON host_user (lower(email))",
            "INSERT INTO host_user (id, public_id, tenant_id, username, email, last_name, blocked)"
            " SELECT n, gen_random_uuid(), 1, 'User' || n || '@example.com',"
            f" 'user' || n || '@example.com', 'Lee', false FROM generate_series(1, {COUNT}) AS n",
            "INSERT INTO scim_user (connection_id, user_id, external_id, unique_key, version,"
            " created, modified) SELECT 'acme', n, 'x-' || n,"
            " encode(sha256(('user' || n || '@example.com')::bytea), 'hex'), 1, now(), now()"
            f" FROM generate_series(1, {COUNT}) AS n",
            f"SELECT setval('host_user_id_seq', {COUNT})",
            "ANALYZE",
        ):
            connection.exec_driver_sql(statement)
    yield host, scim
    with host.app.app_context():
        host.db.engine.dispose()
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    server.dispose()


def plans(host: Host, send: Callable[[], Any], explain: str = "EXPLAIN") -> tuple[Any, list[str]]:
    """Send a request; return its answer and the plans of the statements on users."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "host_user" in statement and statement.startswith("SELECT"):
            seen.append((statement, parameters))

    with host.app.app_context():
        engine = host.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        response = send()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert seen
    with engine.connect() as connection:
        explained = [
            "\n".join(
                str(row[-1])
                for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)
            )
            for statement, parameters in seen
        ]
        connection.rollback()
    return response, explained


@pytest.mark.parametrize(
    ("filter", "index"),
    [
        ('userName eq "USER77777@example.com"', "ix_username"),
        ('userName eq "nobody@example.com"', "ix_username"),
        ('externalId eq "x-77777"', "ix_scim_user_external_id"),
        ('id eq "77777"', "host_user_pkey"),
        ('emails[type eq "work"].value eq "user77777@example.com"', "ix_email"),
        ('emails[type eq "work"].value eq "user77777@example.com"', "ix_scim_user_keeps_emails"),
        ('userName eq "user77777@example.com" and active eq true', "ix_username"),
    ],
)
def test_lookup_uses_an_index(postgresql: tuple[Host, ScimClient], filter: str, index: str) -> None:
    """Among 100,000 users a lookup reads an index, and never the whole table."""
    host, scim = postgresql
    response, explained = plans(host, lambda: scim.get("/Users", filter=filter))
    assert response.json["totalResults"] == (0 if "nobody" in filter else 1)
    for plan in explained:
        assert "Seq Scan on host_user" not in plan, plan
        assert "Seq Scan on scim_user" not in plan, plan
        assert index in plan, plan


def test_changes_use_an_index(postgresql: tuple[Host, ScimClient]) -> None:
    """Neither the check for a taken name nor the lock reads the whole table."""
    host, scim = postgresql
    user = {"schemas": [USER], "userName": "USER5@EXAMPLE.COM"}
    rename = {"op": "replace", "path": "userName", "value": "fresh@example.com"}
    for expected, send in (
        (409, lambda: scim.post("/Users", user)),
        (200, lambda: scim.get("/Users/4711")),
        (200, lambda: scim.patch("/Users/4711", rename)),
        (204, lambda: scim.delete("/Users/4712")),
    ):
        response, explained = plans(host, send)
        assert response.status_code == expected
        for plan in explained:
            assert "Seq Scan on host_user" not in plan, plan
            assert "Seq Scan on scim_user" not in plan, plan


@pytest.mark.parametrize(
    ("key", "index"),
    [
        ("externalId", "ix_scim_user_external_id"),
        ('emails[type eq "home"].value', "ix_scim_user_keeps_emails"),
    ],
)
def test_what_few_have_is_looked_for_by_an_index(tmp_path: Path, key: str, index: str) -> None:
    """Where nearly nobody has it, statistics do not lead SQLite to look at everybody."""
    host = make_host(f"sqlite:///{tmp_path / 'few.db'}")
    with host.app.app_context():
        host.db.create_all()
    scim = host.connect("acme", tenant="1")
    for number in range(200):
        scim.create(f"user{number}")
    with host.app.app_context(), host.db.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    filter = f'{key} eq "x"'
    _, explained = plans(host, lambda: scim.get("/Users", filter=filter), "EXPLAIN QUERY PLAN")
    with host.app.app_context():
        host.db.engine.dispose()
    assert index in explained[0], explained
