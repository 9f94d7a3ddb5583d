"""Cost against size, drawn by matplotlib: requirements/benchmarks.txt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "flask-scim"})

#: Milliseconds by size, of one app and request.
Line = Mapping[int, float]


def draw(
    path: Path, title: str, axis: str, lines: Mapping[str, Mapping[str, Line]], apps: Sequence[str]
) -> None:
    """Draw one plot: a colour for each request, and a stroke for each app.

    :param path: the SVG file.
    :param title: what it shows.
    :param axis: what the size is of.
    :param lines: the figures, by request and app.
    :param apps: the apps, the one that counts first.
    """
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    strokes = dict(zip(apps, ("-", "--", ":", "-.", (0, (1, 3))), strict=False))
    for index, (request, by_app) in enumerate(lines.items()):
        for app, line in by_app.items():
            sizes = sorted(line)
            axes.plot(
                sizes,
                [line[size] for size in sizes],
                linestyle=strokes[app],
                color=f"C{index % 10}",
                marker="o",
                markersize=3,
                label=app if app == request else f"{request}, {app}",
            )
    axes.set(title=title, xlabel=axis, ylabel="median, ms", xscale="log", yscale="log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.grid(visible=True, which="major", alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=7, frameon=False)
    # A file that says the same is the same, byte by byte.
    figure.savefig(path, metadata={"Date": None})
