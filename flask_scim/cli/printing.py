"""What the commands print: text for people, JSON for programs, single words for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from ..protocol.values import write_datetime

_Function = TypeVar("_Function", bound=Callable[..., Any])


def printing(function: _Function) -> _Function:
    """Let the caller of a command choose the form of what it prints; the command gets ``form``."""
    quiet = click.option(
        "--quiet", "form", flag_value="quiet", help="Print what a script needs and no more."
    )
    as_json = click.option("--json", "form", flag_value="json", help="Print JSON.")
    return as_json(quiet(function))


def show(form: str | None, data: Any, text: Iterable[str], quiet: Iterable[str] = ()) -> None:
    """Print the outcome of a command.

    :param form: ``json``, ``quiet`` or, for people, ``None``.
    :param data: what to print as JSON.
    :param text: the lines for people.
    :param quiet: the lines for scripts.
    """
    if form == "json":
        click.echo(json.dumps(data, indent=2))
        return
    for line in quiet if form == "quiet" else text:
        click.echo(line)


def align(rows: Iterable[Sequence[str]]) -> list[str]:
    """Align the columns of a table.

    :param rows: the cells of each row; of the header too, where there is one.
    :return: a line for each row.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def iso(moment: datetime | None) -> str | None:
    """Write a moment for a program, as ISO 8601 in UTC; ``None`` stays ``None``."""
    return None if moment is None else write_datetime(moment)


def minute(moment: datetime | None) -> str:
    """Write a moment for people, to the minute."""
    return "never" if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def printable(cell: str) -> str:
    """Keep what others have typed from breaking a line or steering the terminal.

    :param cell: what they have typed.
    :return: the same on one line, or a dash for nothing.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in cell) or "-"
