"""``flask scim access``: whether people are out, and what is left to do until they are."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click
from flask.cli import AppGroup

from ..access.desk import AccessDesk
from ..access.ending import Report
from .administration import Administration, pass_administration
from .printing import align, iso, minute, printing, show

_connection = click.option("--connection", help="The connection that has a record of the person.")


class _ByName(AppGroup):
    """A group in which every word that is no command is a person."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command, or make the one that shows a person."""
        known = super().get_command(ctx, cmd_name)
        if known is not None:
            return known
        show_ = super().get_command(ctx, "show")
        assert show_ is not None
        options = [each for each in show_.params if isinstance(each, click.Option)]
        assert show_.callback is not None
        return click.Command(
            cmd_name, callback=partial(show_.callback, user=cmd_name), params=[*options]
        )


access = _ByName(
    "access",
    help="Whether people are out; USER alone is short for show USER.",
    subcommand_metavar="USER | COMMAND [ARGS]...",
)


@access.command("show")
@click.argument("user")
@_connection
@printing
@pass_administration
def show_(
    administration: Administration, user: str, connection: str | None, form: str | None
) -> None:
    """Show whether USER, an id or userName, may sign in, and what has ended for them."""
    with administration.refusing():
        desk = administration.access_desk()
        row = _one(desk, user, connection)
        _show(form, desk, row, desk.report(row))


@access.command("end")
@click.argument("user")
@_connection
@click.option("--cause", default="revoked", help="What to write down as the cause.")
@printing
@pass_administration
def end(
    administration: Administration, user: str, connection: str | None, cause: str, form: str | None
) -> None:
    """End all that USER has begun; it does not keep them from signing in again."""
    with administration.refusing():
        desk = administration.access_desk()
        row = _one(desk, user, connection)
        report = desk.end(row, cause)
        _show(form, desk, row, report)
    if not report.complete:
        raise click.exceptions.Exit(1)


@access.command("retry")
@printing
@pass_administration
def retry(administration: Administration, form: str | None) -> None:
    """Try once all that is due; exit with 1 if anything is still open afterwards."""
    with administration.refusing():
        desk = administration.access_desk()
        left = _retry(desk, form)
    if left:
        raise click.exceptions.Exit(1)


@access.command("work")
@click.option("--every", default=5.0, help="Seconds between two looks.", show_default=True)
@printing
@pass_administration
def work(administration: Administration, every: float, form: str | None) -> None:
    """Try all that is due as soon as it is, until interrupted; any number may run at once."""
    stop = threading.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: stop.set())
    with administration.refusing():
        desk = administration.access_desk()
        while not stop.is_set():
            _retry(desk, form, quietly=True)
            due = desk.revocation.next_due()
            nap = every if due is None else (due - datetime.now(UTC)).total_seconds()
            stop.wait(min(max(nap, 0.2), max(every, 0.2)))


def _retry(desk: AccessDesk, form: str | None, *, quietly: bool = False) -> int:
    """Try what is due, tell of it, and count what is open."""
    reports = desk.revocation.work_off_due()
    desk.revocation.tell_of_complete(reports)
    left = desk.revocation.jobs.count_open()
    if quietly and not reports:
        return left
    text = [f"{report.ending.id}: {report}" for report in reports]
    text.append(f"{left} still open." if left else "Nothing is open.")
    show(form, {"tried": [_data(report) for report in reports], "open": left}, text, [str(left)])
    return left


def _one(desk: AccessDesk, user: str, connection: str | None) -> Any:
    found = desk.find(user, connection)
    if not found:
        where = "" if connection is None else f" in {connection}"
        raise ValueError(f"There is no user {user!r}{where}.")
    if len(found) > 1:
        raise ValueError(
            f"{len(found)} users are called {user!r}; give the id of one, or --connection."
        )
    return found[0]


def _show(form: str | None, desk: AccessDesk, row: Any, report: Report | None) -> None:
    standing = desk.stand(row)
    name = desk.revocation.binding.id_of(row)
    lines = [f"User {name} {standing}."]
    data: dict[str, Any] = {
        "id": name,
        "may_sign_in": bool(standing),
        "reason": standing.reason,
        "fully_out": standing.fully_out,
    }
    if report is not None:
        lines += _lines(report)
        data |= _data(report)
    word = "in" if standing else "out"
    show(form, data, lines, [word if standing.fully_out else "not fully out"])


def _lines(report: Report) -> list[str]:
    ending = report.ending
    by = "" if ending.connection_id is None else f" by {ending.connection_id}"
    lines = [f"Access last ended {minute(ending.since)}{by}: {ending.cause}."]
    rows = [("WAY IN", "ENDED", "TRIED", "STATE")]
    for each in report.outcomes:
        state = "done" if each.took else f"open, next try {minute(each.due)}"
        state += f": {each.error}" if each.error else ""
        ended = "-" if each.ended is None else str(each.ended)
        rows.append((each.name, ended, str(each.attempts), state))
    return [*lines, *align(rows)] if report.outcomes else lines


def _data(report: Report) -> dict[str, Any]:
    return {
        "id": report.ending.id,
        "connection": report.ending.connection_id,
        "cause": report.ending.cause,
        "ended_at": iso(report.ending.since),
        "complete": report.complete,
        "ways": [
            {
                "name": each.name,
                "ended": each.ended,
                "took_at": iso(each.took),
                "attempts": each.attempts,
                "error": each.error,
                "next_try": iso(each.due),
            }
            for each in report.outcomes
        ],
    }
