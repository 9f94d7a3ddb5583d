"""Results as tables, and as files that other tools can read."""

from __future__ import annotations

import csv
import json
import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from .measuring import Comparison

RESULTS = Path(__file__).parent / "results"
HEAD = """\
| request | SQL | bare | median ms | bare | p95 ms | bare | ratio | peak MiB | bare |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |"""
_PACKAGES = "Flask", "SQLAlchemy", "marshmallow", "psycopg", "gunicorn", "orjson"


def row(compared: Comparison) -> str:
    """Write a row of the table."""
    ours, bare = compared.ours, compared.bare
    peaks = [f"{cost.peak / 2**20:.1f}" if cost.peak else "" for cost in (ours, bare)]
    cells = [
        compared.name,
        *(str(cost.statements or "") for cost in (ours, bare)),
        *(f"{figure:.2f}" for figure in (ours.median, bare.median, ours.p95, bare.p95)),
        f"{compared.ratio:.2f}",
        *peaks,
    ]
    return line(cells)


def line(cells: Iterable[str]) -> str:
    """Write a row of any table."""
    return f"| {' | '.join(cells)} |"


def figure(value: float) -> str:
    """Write a number as exactly as it deserves; nothing for a count of nothing."""
    if isinstance(value, int):
        return str(value or "")
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def describe_machine(engine: sa.Engine) -> str:
    """Say on what the figures were measured.

    :param engine: the database.
    """
    with engine.connect() as connection:
        number = ".".join(map(str, connection.dialect.server_version_info or ()))
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[engine.dialect.name]
    packages = [f"{package} {known}" for package in _PACKAGES if (known := _version(package))]
    return (
        f"{name} {number}, Python {platform.python_version()}, {', '.join(packages)},"
        f" {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


def save(
    folder: Path, database: str, size: int, machine: str, command: str, rows: Iterable[Comparison]
) -> None:
    """Write what was measured on one database as Markdown, CSV and JSON.

    :param folder: where to.
    :param database: the kind of database.
    :param size: how many people it had.
    :param machine: on what it was measured.
    :param command: how.
    :param rows: what each workload cost.
    """
    folder.mkdir(parents=True, exist_ok=True)
    compared = list(rows)
    stem = folder / f"{database}-{size}"
    title = f"{size:,} users on {machine}; `{command}`"
    table = "\n".join([title, "", HEAD, *map(row, compared)])
    stem.with_suffix(".md").write_text(f"{table}\n")
    records = [_record(each) for each in compared]
    with stem.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, records[0])
        writer.writeheader()
        writer.writerows(records)
    content = {
        "database": database,
        "size": size,
        "machine": machine,
        "command": command,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": records,
    }
    stem.with_suffix(".json").write_text(f"{json.dumps(content, indent=1)}\n")


def _record(compared: Comparison) -> dict[str, Any]:
    record: dict[str, Any] = {"name": compared.name}
    for who, cost in (("ours", compared.ours), ("bare", compared.bare)):
        record |= {
            f"{who}_median_ms": round(cost.median, 4),
            f"{who}_p95_ms": round(cost.p95, 4),
            f"{who}_statements": cost.statements,
            f"{who}_peak_bytes": cost.peak,
            f"{who}_requests": len(cost.seconds),
        }
    return record | {"ratio": round(compared.ratio, 4)}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
