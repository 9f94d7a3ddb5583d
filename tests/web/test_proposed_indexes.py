"""The indexes that ``flask scim check`` proposes are those that PostgreSQL uses for look-ups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from tests.client import ScimClient
from tests.host import Host, make_host

COUNT = 20_000
MAPPING: dict[str, Any] = {
    "userName": "username",
    "name.familyName": "last_name",
    "externalId": "first_name",
    "emails": [{"type": "work", "primary": True, "value": "email"}],
}


@pytest.fixture(scope="module")
def postgresql(database: str) -> Iterator[tuple[Host, ScimClient]]:
    """An app with many users on a database of its own, and a client of their connection."""
    url = sa.make_url(database)
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"{url.database}_proposed"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    own = url.set(database=name).render_as_string(hide_password=False)
    host = make_host(own, MAPPING, SCIM_UNMAPPED="ignore")
    with host.app.app_context():
        host.db.create_all()
    scim = host.connect("acme", tenant="1")
    with host.app.app_context(), host.db.engine.begin() as connection:
        for statement in (
            "INSERT INTO host_user (id, public_id, tenant_id, username, email, first_name,"
            " last_name, blocked) SELECT n, gen_random_uuid(), 1, 'User' || n, 'user' || n ||"
            f" '@example.com', 'x-' || n, 'Lee', false FROM generate_series(1, {COUNT}) AS n",
            "INSERT INTO scim_user (connection_id, user_id, version, created, modified)"
            " SELECT 'acme', id, 1, now(), now() FROM host_user",
            "INSERT INTO host_team (id, tenant_id, name)"
            f" SELECT n, 1, 'Team' || n FROM generate_series(1, {COUNT}) AS n",
            "INSERT INTO scim_group (connection_id, group_id, version, created, modified)"
            " SELECT 'acme', id, 1, now(), now() FROM host_team",
        ):
            connection.exec_driver_sql(statement)
    yield host, scim
    with host.app.app_context():
        host.db.engine.dispose()
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    server.dispose()


@pytest.fixture(scope="module")
def proposed(postgresql: tuple[Host, ScimClient]) -> dict[str, str]:
    """The indexes, made as they are proposed, by what is looked up."""
    host, _ = postgresql
    names = {"Index": sa.Index, "func": sa.func, "User": host.User, "Team": host.Team}
    found = dict(
        re.findall(r"(\S+) is looked up without an index; add (.+?) and migrate", check(host))
    )
    indexes = {path: eval(text, names) for path, text in found.items()}
    with host.app.app_context(), host.db.engine.begin() as connection:
        for index in indexes.values():
            index.create(connection)
    with host.app.app_context():
        engine = host.db.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    return {path: index.name for path, index in indexes.items()}


def check(host: Host) -> str:
    """What the command says."""
    result = host.app.test_cli_runner().invoke(args=["scim", "check"])
    # Lines are folded to the width of the terminal.
    return " ".join(result.output.split())


def test_nothing_more_is_proposed(
    postgresql: tuple[Host, ScimClient], proposed: dict[str, str]
) -> None:
    """Each look-up wants one index, and is content with it."""
    assert set(proposed) == {"userName", "externalId", "emails.value", "displayName"}
    assert "without an index" not in check(postgresql[0])


@pytest.mark.parametrize(
    ("endpoint", "path", "filter"),
    [
        ("/Users", "userName", 'userName eq "USER777"'),
        ("/Users", "externalId", 'externalId eq "x-777"'),
        ("/Users", "emails.value", 'emails[type eq "work"].value eq "User777@example.com"'),
        ("/Groups", "displayName", 'displayName eq "TEAM777"'),
    ],
)
def test_look_ups_use_what_is_proposed(
    postgresql: tuple[Host, ScimClient],
    proposed: dict[str, str],
    endpoint: str,
    path: str,
    filter: str,
) -> None:
    """The plan reads the index by its name, and no table from its beginning."""
    host, scim = postgresql
    with host.app.app_context():
        engine = host.db.engine
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if re.search(r"WHERE .*(lower\(\S+\)|first_name) = ", statement, re.DOTALL):
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        found = scim.get(endpoint, filter=filter).json["Resources"]
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert [each["id"] for each in found] == ["777"]
    ((statement, parameters),) = seen
    with engine.connect() as connection:
        lines = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()
        plan = "\n".join(lines)
    assert proposed[path] in plan, plan
    assert "Seq Scan" not in plan, plan
