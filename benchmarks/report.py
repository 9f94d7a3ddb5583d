"""``python -m benchmarks.report``: tables and plots for the documentation, of what was measured."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .filling import GROUPS
from .peers.report import write_peers
from .plots import Line, draw
from .tables import RESULTS, figure, line

DOCS = Path(__file__).parents[1] / "docs" / "speed"
_DATABASES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}
_OURS, _BARE = "Flask-SCIM", "by hand"
#: Requests whose cost is drawn against the number of users: the file, the title, the requests.
_PLOTS = {
    "look-ups": (
        "Look-ups and reads",
        ("look-up by userName, hit", "look-up by externalId", "look-up by e-mail", "GET by id"),
    ),
    "pages": (
        "Pages of 100",
        (
            "list of 100 by index, start",
            "list of 100 by index, end",
            "list of 100 by cursor, start",
            "list of 100 by cursor, end",
        ),
    ),
    "changes": ("Changes", ("POST", "PATCH active, off", "PUT")),
}
#: The same against the number of members of a group.
_GROUP_PLOTS = {
    "members": ("One member more or less", ("group member add", "group member remove")),
    "groups": ("A group read", ("group GET without members", "group GET with members")),
}


def main() -> None:
    """Write the files that ``docs/speed.md`` includes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder that was filled")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder to fill")
    arguments = parser.parse_args()
    arguments.docs.mkdir(parents=True, exist_ok=True)
    for name, title in _DATABASES.items():
        runs = _read(arguments.results, name)
        if not runs:
            continue
        text = "\n".join([_tell(runs), "", *summarise(runs)])
        (arguments.docs / f"{name}.md").write_text(f"{text}\n")
        full = "\n\n".join(
            f"### {title}, {size:,} users\n\n" + "\n".join(tabulate(run))
            for size, run in runs.items()
        )
        (arguments.docs / f"{name}-full.md").write_text(f"{full}\n")
        _draw_all(arguments.docs, name, title, runs)
        raced = arguments.results / f"peers-{name}.json"
        if raced.exists():
            write_peers(arguments.docs, name, title, json.loads(raced.read_text()))


def summarise(runs: dict[int, Any]) -> Iterable[str]:
    """Write a table of all sizes: our medians, and the ratio to the bare app.

    :param runs: what was measured, by size.
    """
    sizes = [f"{size:,}" for size in runs]
    heads = ["request", "SQL", "by hand", *(f"ms at {size}" for size in sizes)]
    heads += [f"ratio at {size}" for size in sizes]
    yield line(heads)
    yield line(["---", *["--:"] * (len(heads) - 1)])
    by_name: defaultdict[str, dict[int, Any]] = defaultdict(dict)
    for size, run in runs.items():
        for row in run["rows"]:
            by_name[row["name"]][size] = row
    for name, rows in by_name.items():
        last = rows[max(rows)]
        yield line(
            [
                name,
                str(last["ours_statements"] or ""),
                str(last["bare_statements"] or ""),
                *_each(runs, rows, lambda row: figure(row["ours_median_ms"])),
                *_each(runs, rows, lambda row: f"{row['ratio']:.2f}"),
            ]
        )


def tabulate(run: Any) -> Iterable[str]:
    """Write the whole table of one size.

    :param run: what was measured.
    """
    heads = ["request", "SQL", "by hand", "median ms", "by hand", "p95 ms", "by hand", "ratio"]
    heads += ["MiB", "by hand"]
    yield line(heads)
    yield line(["---", *["--:"] * (len(heads) - 1)])
    for row in run["rows"]:
        kinds = ("statements", "median_ms", "p95_ms")
        figures = [figure(row[f"{who}_{kind}"]) for kind in kinds for who in ("ours", "bare")]
        peaks = [row[f"{who}_peak_bytes"] / 2**20 for who in ("ours", "bare")]
        weights = [f"{peak:.1f}" if peak else "" for peak in peaks]
        yield line([row["name"], *figures, f"{row['ratio']:.2f}", *weights])


def _read(folder: Path, database: str) -> dict[int, Any]:
    runs = [json.loads(path.read_text()) for path in folder.glob(f"{database}-*.json")]
    return {run["size"]: run for run in sorted(runs, key=lambda run: run["size"])}


def _tell(runs: dict[int, Any]) -> str:
    told = runs[max(runs)]
    return f"Measured on {told['measured'][:10]} by `{told['command']}`: {told['machine']}."


def _draw_all(folder: Path, name: str, title: str, runs: dict[int, Any]) -> None:
    apps = (_OURS, _BARE)
    for stem, (what, requests) in _PLOTS.items():
        lines = {request: _lines(runs, request) for request in requests}
        draw(folder / f"{name}-{stem}.svg", f"{what}, {title}", "users", lines, apps)
    largest = runs[max(runs)]["rows"]
    for stem, (what, requests) in _GROUP_PLOTS.items():
        lines = {request: _group_lines(largest, request) for request in requests}
        draw(folder / f"{name}-{stem}.svg", f"{what}, {title}", "members", lines, apps)


def _lines(runs: dict[int, Any], request: str) -> dict[str, Line]:
    found = {
        size: row for size, run in runs.items() for row in run["rows"] if row["name"] == request
    }
    return {
        app: {size: row[f"{who}_median_ms"] for size, row in found.items()}
        for app, who in ((_OURS, "ours"), (_BARE, "bare"))
    }


def _group_lines(rows: list[Any], request: str) -> dict[str, Line]:
    names = {f"{request}, {members:,}": members for members in GROUPS}
    found = {names[row["name"]]: row for row in rows if row["name"] in names}
    return {
        app: {members: row[f"{who}_median_ms"] for members, row in found.items()}
        for app, who in ((_OURS, "ours"), (_BARE, "bare"))
    }


def _each(runs: dict[int, Any], rows: dict[int, Any], write: Callable[[Any], str]) -> Iterable[str]:
    return (write(rows[size]) if size in rows else "" for size in runs)


if __name__ == "__main__":
    main()
