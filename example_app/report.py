"""The journal as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .identity_provider import Exchange

_HEAD = ("who", "method", "path", "status", "what happened", "signals")
_WIDEST_PATH = 50


def table(exchanges: Iterable[Exchange]) -> str:
    """Lay out exchanges as a table, with a mark and the reason below where one went wrong."""
    rows = [(_cells(exchange), exchange.problem) for exchange in exchanges]
    widths = [max(len(cells[i]) for cells in (_HEAD, *(row for row, _ in rows))) for i in range(6)]
    lines = [_line(_HEAD, widths), "  ".join("-" * width for width in widths)]
    previous = rows[0][0][0] if rows else ""
    for cells, problem in rows:
        if cells[0] not in (previous, "browser", "program"):
            lines.append("")
            previous = cells[0]
        lines.append(_line(cells, widths))
        if problem:
            lines.append(f"  UNEXPECTED: {problem}")
    return "\n".join(lines)


def _cells(exchange: Exchange) -> tuple[str, ...]:
    path = exchange.path
    if len(path) > _WIDEST_PATH:
        path = path[: _WIDEST_PATH - 1] + "…"
    signals = ", ".join(exchange.signals) or "-"
    return (
        exchange.who,
        exchange.method,
        path,
        str(exchange.status),
        exchange.happened,
        signals,
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
