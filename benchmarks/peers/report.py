"""What was measured of the peers, as a table and a plot."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..plots import Line, draw
from ..tables import figure, line

_MEMBERS = re.compile(r"(group member add or remove), ([\d,]+)")


def write_peers(folder: Path, name: str, title: str, told: Any) -> None:
    """Write the files of one database.

    :param folder: where to.
    :param name: the kind of database.
    :param title: what it is called.
    :param told: what was measured.
    """
    versions = ", ".join(f"{peer} {version}" for peer, version in told["versions"].items())
    head = f"{told['size']:,} users; by `{told['command']}`: {told['machine']}; {versions}."
    text = "\n".join([head, "", *_tabulate(told["rows"])])
    (folder / f"{name}-peers.md").write_text(f"{text}\n")
    lines = _lines(told["rows"])
    apps = list(next(iter(told["rows"].values())))
    draw(folder / f"{name}-peers.svg", f"One member more or less, {title}", "members", lines, apps)


def _tabulate(rows: dict[str, dict[str, float]]) -> Iterable[str]:
    apps = list(next(iter(rows.values())))
    yield line(["request, median ms", *apps])
    yield line(["---", *["--:"] * len(apps)])
    for request, medians in rows.items():
        ours = medians[apps[0]]
        cells = [
            figure(median) if app == apps[0] else f"{figure(median)} ({median / ours:.1f} times)"
            for app, median in medians.items()
        ]
        yield line([request, *cells])


def _lines(rows: dict[str, dict[str, float]]) -> dict[str, dict[str, Line]]:
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for request, medians in rows.items():
        if (members := _MEMBERS.fullmatch(request)) is not None:
            for app, median in medians.items():
                found[app][int(members[2].replace(",", ""))] = median
    return {app: {app: points} for app, points in found.items()}
