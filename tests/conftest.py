"""Databases to test on, and an app on each of them that has users of its own."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy import event

from tests.client import ScimClient
from tests.host import Host, clear, empty, forget_tables, make_host

DATABASES = ("sqlite", "postgresql", "mariadb")
_SERVERS = {
    "postgresql": os.environ.get(
        "TEST_POSTGRESQL_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
    ),
    "mariadb": os.environ.get("TEST_MARIADB_URL", "mysql+pymysql://root@127.0.0.1:3306/mysql"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller choose the databases, and how much of what is alike to run."""
    parser.addoption(
        "--databases",
        default=",".join(DATABASES),
        help="databases to test on, separated by commas",
    )
    parser.addoption(
        "--cases",
        type=int,
        help="the most cases to run of each test that asks for a database",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find out which databases answer; in CI each one has to."""
    chosen = [name for name in config.getoption("--databases").split(",") if name]
    unknown = set(chosen) - set(DATABASES)
    if unknown:
        raise pytest.UsageError(f"no such database: {', '.join(sorted(unknown))}")
    missing = {name: why for name in chosen if (why := _unreachable(name))}
    if missing and os.environ.get("CI") == "true":
        raise pytest.UsageError(f"databases that do not answer: {missing}")
    config.stash[_CHOSEN] = [name for name in chosen if name not in missing]
    config.stash[_MISSING] = sorted(missing)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the cases of a test, leave as many as were asked for, spread over all of them."""
    most = config.getoption("--cases")
    if most is None:
        return
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if "database" in getattr(item, "fixturenames", ()):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    left_out = {
        item
        for alike in cases.values()
        for item in set(alike) - {alike[number * len(alike) // most] for number in range(most)}
    }
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the collector pass over what stays until the end; it took a third of all the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_report_header(config: pytest.Config) -> str:
    """Say which databases take part."""
    left_out = config.stash[_MISSING]
    note = f"; left out, since they do not answer: {', '.join(left_out)}" if left_out else ""
    return f"databases: {', '.join(config.stash[_CHOSEN])}{note}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a database on each of them, and on one what knows no difference."""
    if "database" in metafunc.fixturenames:
        chosen = metafunc.config.stash[_CHOSEN]
        marker = metafunc.definition.get_closest_marker("one_database")
        if marker is not None:
            wanted = marker.kwargs.get("on")
            chosen = [wanted] if wanted in chosen else chosen[:1]
        metafunc.parametrize("database", chosen, indirect=True, scope="session")


@pytest.fixture(scope="session")
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[str]:
    """The URL of an empty database of this worker's own."""
    name = request.param
    if name == "sqlite":
        folder: Path = tmp_path_factory.mktemp("sqlite")
        yield f"sqlite:///{folder / 'test.db'}"
        return
    server = sa.make_url(_SERVERS[name])
    # Runs at the same time, and their workers, keep out of each other's way.
    own = f"flask_scim_test_{worker_id}_{os.getpid()}"
    _run(server, f"DROP DATABASE IF EXISTS {own}")
    suffix = "" if name == "postgresql" else " CHARACTER SET utf8mb4"
    _run(server, f"CREATE DATABASE {own}{suffix}")
    if name == "postgresql":
        # What a test commits need not outlive a power cut; most of its time would go there.
        _run(server, f"ALTER DATABASE {own} SET synchronous_commit = off")
    yield server.set(database=own).render_as_string(hide_password=False)
    _run(server, f"DROP DATABASE {own}" + _forced(server))


@pytest.fixture(scope="session")
def elsewhere(database: str) -> Iterator[str]:
    """The URL of a database beside that of ``host``, which apps with other tables have in turn.

    Each of them begins with :func:`tests.host.furnish`.
    """
    url = sa.make_url(database)
    if url.get_backend_name() == "sqlite":
        yield database.replace("test.db", "elsewhere.db")
        return
    name = f"{url.database}_elsewhere"
    _run(url, f"CREATE DATABASE {name}")
    yield url.set(database=name).render_as_string(hide_password=False)
    _run(url, f"DROP DATABASE {name}" + _forced(url))
    # Another one of this name may come.
    forget_tables(url.set(database=name))


@pytest.fixture
def vacant(elsewhere: str) -> Iterator[str]:
    """The same without tables, for what makes its own."""
    clear(elsewhere)
    yield elsewhere
    clear(elsewhere)


@pytest.fixture(scope="session")
def hosted(database: str) -> Iterator[Host]:
    """An app with users of its own, for the whole session; its rows stay from test to test."""
    host = make_host(database)
    with host.app.app_context():
        host.db.create_all()
    yield host
    with host.app.app_context():
        host.db.drop_all()
        host.db.engine.dispose()


@pytest.fixture
def host(hosted: Host) -> Iterator[Host]:
    """An app with users of its own, and no rows."""
    yield hosted
    with hosted.app.app_context():
        empty(hosted.db)


@pytest.fixture
def build(host: Host, database: str) -> Iterator[Callable[..., Host]]:
    """Makes more apps on the same tables; what they leave is deleted as that of ``host`` is."""
    built: list[Host] = []

    def make(mapping: dict[str, Any] | None = None, **options: Any) -> Host:
        built.append(make_host(database, mapping, **options))
        return built[-1]

    yield make
    for other in built:
        with other.app.app_context():
            other.db.engine.dispose()


@pytest.fixture(scope="session")
def _shared(hosted: Host, database: str) -> Iterator[Callable[..., Host]]:
    # What an app was asked for with stays, so that no other has its address.
    made: dict[str, tuple[Host, Any]] = {}

    def share(mapping: dict[str, Any] | None = None, **options: Any) -> Host:
        asked = (mapping, sorted(options.items()))
        if repr(asked) not in made:
            made[repr(asked)] = make_host(database, mapping, **options), asked
        return made[repr(asked)][0]

    yield share
    for other, _ in made.values():
        with other.app.app_context():
            other.db.engine.dispose()


@pytest.fixture
def share(host: Host, _shared: Callable[..., Host]) -> Callable[..., Host]:
    """Hands out more apps on the same tables, each made once a session; tests leave them as is."""
    return _shared


@pytest.fixture
def http(host: Host) -> FlaskClient:
    """A client of the app without a token."""
    return host.app.test_client()


@pytest.fixture
def scim(host: Host) -> ScimClient:
    """A client with every scope on the connection ``acme`` of tenant 1."""
    return host.connect("acme", tenant="1")


@event.listens_for(sa.Engine, "connect")
def _hurry(connection: Any, _record: Any) -> None:
    """Let SQLite not wait for the disk: what a test commits need not outlive a power cut."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF").close()


def _run(server: sa.URL, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def _forced(server: sa.URL) -> str:
    return " WITH (FORCE)" if server.get_backend_name() == "postgresql" else ""


def _unreachable(name: str) -> str | None:
    if name == "sqlite":
        return None
    engine = sa.create_engine(_SERVERS[name])
    try:
        engine.connect().close()
    except sa.exc.OperationalError as error:
        return str(error.orig)
    finally:
        engine.dispose()
    return None


# How fast the machine is decides nothing.
settings.register_profile(
    "steady", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

_CHOSEN: pytest.StashKey[list[str]] = pytest.StashKey()
_MISSING: pytest.StashKey[list[str]] = pytest.StashKey()
