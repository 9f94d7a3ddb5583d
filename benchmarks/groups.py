"""Groups of 10 to 100,000 members, on SQLite and PostgreSQL: ``python -m benchmarks.groups``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from urllib.parse import urlencode

import sqlalchemy as sa

from .bare import make_bare
from .host import CONNECTION, SIZES, Host, database, make_host
from .measure import Contender, Cost, Request, Workload, measure

DATABASES = ("sqlite", "postgresql")
_BASE = f"/scim/v2/{CONNECTION}/Groups"
_ID = {size: id for id, size in enumerate(SIZES, 1)}
_WITHOUT_MEMBERS = urlencode({"excludedAttributes": "members"})
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_HEAD = """\
| request | SQL | bare | median ms | bare | p95 ms | bare | ratio | peak MiB | bare |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |"""
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def main() -> None:
    """Measure, and print a table for each database."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.groups", description=__doc__)
    parser.add_argument("--databases", default=",".join(DATABASES), help="which, with commas")
    parser.add_argument("--only", default="", help="the workloads whose names begin with this")
    parser.add_argument("--seconds", type=float, default=3, help="how long each one is measured")
    arguments = parser.parse_args()
    began = time.monotonic()
    for name in arguments.databases.split(","):
        with database(name) as url:
            _measure_on(url, arguments)
    print(f"{time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f} at the end")


def workloads(host: Host) -> Iterator[list[Workload]]:
    """What is measured; what stands in one list is measured in turn.

    :param host: the app whose tables the requests are about.
    """
    sizes = (10, 1_000, 10_000, 100_000)
    yield [
        Workload(f"add and remove, {size:,}", _add_and_remove(size), 200 if size < 100 else 204)
        for size in sizes
    ]
    yield [
        Workload(
            f"GET without members, {size:,}",
            (Request("GET", f"{_BASE}/{_ID[size]}", _WITHOUT_MEMBERS),),
        )
        for size in sizes
    ]
    yield [Workload(f"look-up by name, {size:,}", (_look_up(size),)) for size in sizes]
    for size in (10, 10_000, 100_000):
        sent = Request("GET", f"{_BASE}/{_ID[size]}")
        yield [Workload(f"GET with members, {size:,}", (sent,), weighs=True)]
    sent = Request("PUT", f"{_BASE}/{_ID[9_990]}", body=_group(9_990, 10_000))
    yield [Workload("PUT of 10,000 onto 9,990", (sent,), restore=lambda: _shrink(host))]


def _measure_on(url: str, arguments: argparse.Namespace) -> None:
    host = make_host(url)
    bare = make_bare(url, host.db.metadata)
    contenders = []
    for app in (host.app, bare):
        with app.app_context():
            contenders.append(Contender(app, app.extensions["sqlalchemy"].engine, host.token))
    print(f"\n{_machine(contenders[0].engine)}\n")
    print(_HEAD)
    for family in workloads(host):
        chosen = [each for each in family if each.name.startswith(arguments.only)]
        if not chosen:
            continue
        costs = measure(chosen, contenders, arguments.seconds * len(chosen))
        for workload, (ours, theirs) in zip(chosen, costs, strict=True):
            print(_row(workload, ours, theirs), flush=True)
    print()
    for contender in contenders:
        contender.engine.dispose()


def _row(workload: Workload, ours: Cost, bare: Cost) -> str:
    peaks = [f"{cost.peak / 2**20:.1f}" if cost.peak else "" for cost in (ours, bare)]
    cells = [
        workload.name,
        *(str(cost.statements) for cost in (ours, bare)),
        *(f"{figure:.2f}" for figure in (ours.median, bare.median, ours.p95, bare.p95)),
        f"{ours.median / bare.median:.2f}",
        *peaks,
    ]
    return f"| {' | '.join(cells)} |"


def _add_and_remove(size: int) -> tuple[Request, Request]:
    member = str(size + 1)
    add = {"op": "add", "path": "members", "value": [{"value": member}]}
    remove = {"op": "remove", "path": f'members[value eq "{member}"]'}
    path = f"{_BASE}/{_ID[size]}"
    first, second = (
        json.dumps({"schemas": [_PATCH], "Operations": [operation]}).encode()
        for operation in (add, remove)
    )
    return Request("PATCH", path, body=first), Request("PATCH", path, body=second)


def _look_up(size: int) -> Request:
    query = {"filter": f'displayName eq "group {size}"', "excludedAttributes": "members"}
    return Request("GET", _BASE, urlencode(query))


def _group(size: int, members: int) -> bytes:
    body = {
        "schemas": [_GROUP],
        "displayName": f"Group {size}",
        "members": [{"value": str(id)} for id in range(1, members + 1)],
    }
    return json.dumps(body).encode()


def _shrink(host: Host) -> None:
    with host.app.app_context():
        host.db.session.execute(
            sa.text("DELETE FROM membership WHERE team_id = :team AND person_id > :last"),
            {"team": _ID[9_990], "last": 9_990},
        )
        host.db.session.commit()


def _machine(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        number = ".".join(map(str, connection.dialect.server_version_info or ()))
    name = "SQLite" if engine.dialect.name == "sqlite" else "PostgreSQL"
    packages = ", ".join(
        f"{package} {version(package)}" for package in ("Flask", "SQLAlchemy", "psycopg")
    )
    return (
        f"{name} {number}, Python {platform.python_version()}, {packages}, {os.cpu_count()} cores,"
        f" load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
