"""``flask scim log``: what an identity provider asked for, and why it was refused."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from ..connections.connections import is_id
from ..provisioning.explanations import explain
from ..provisioning.log import Logged, Search
from .administration import Administration, pass_administration
from .printing import iso, printable

#: How often ``--follow`` looks, in seconds.
_PAUSE = 1.0
#: Rows become visible in another order than they are numbered, many at once where several processes
#: write what they have gathered: so far back it looks again.
_LOOK_BACK = 1_000
_SPAN = re.compile(r"(\d{1,6})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Log(AppGroup):
    """A group in which every name that is no command stands for the log of a connection."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command; the log of a connection is made when somebody asks for it."""
        command = super().get_command(ctx, cmd_name)
        return command or (_make_show(cmd_name) if is_id(cmd_name) else None)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say that a name goes before the options."""
        formatter.write_usage(ctx.command_path, "NAME [OPTIONS]")
        formatter.write_usage(ctx.command_path, "prune [OPTIONS]")


log = Log(
    "log",
    help="The requests of the connection NAME, the newest last. NAME --help lists the options.",
)


@log.command("prune")
@click.option("--days", type=click.IntRange(0), help="How long to keep them; else SCIM_LOG_DAYS.")
@click.option(
    "--rows", type=click.IntRange(0), help="How many of each connection; else SCIM_LOG_ROWS."
)
@pass_administration
def prune(administration: Administration, days: int | None, rows: int | None) -> None:
    """Delete what is too old or too much, for a daily job; 0 stands for no limit."""
    settings = administration.settings
    days = settings.log_days if days is None else days
    rows = settings.log_rows if rows is None else rows
    with administration.refusing():
        count = sum(administration.requests.prune(days or None, rows or None))
    click.echo(f"Deleted {count} {'request' if count == 1 else 'requests'}.")


def _make_show(name: str) -> click.Command:
    """Make the command that shows the log of one connection."""

    @click.command(name, help=f"The requests of the connection {name}, the newest last.")
    @click.option("--status", type=_read_status, help="Such as 409, or 4xx for a class.")
    @click.option("--method", type=str.upper, help="Such as PATCH.")
    @click.option("--user", help="The SCIM id of a user, or of another resource.")
    @click.option("--since", type=_read_since, help="Such as 30m, 24h, 7d or 2026-11-25T12:00Z.")
    @click.option("--request", "request_id", help="The X-Request-Id of an answer.")
    @click.option("--errors", is_flag=True, help="Only what was refused or failed.")
    @click.option("--count", type=click.IntRange(1), default=50, show_default=True)
    @click.option("--follow", is_flag=True, help="Go on with what comes, until you stop it.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, one request a line.")
    @with_appcontext
    @pass_administration
    def show(
        administration: Administration,
        /,
        count: int,
        follow: bool,
        as_json: bool,
        **chosen: Any,
    ) -> None:
        chosen["resource_id"] = chosen.pop("user")
        search = Search(**chosen)
        with administration.refusing():
            if administration.connections.get(name) is None:
                raise ValueError(f"There is no connection {name!r}.")
            found = administration.requests.read(name, search, most=max(count, _LOOK_BACK))
            _print(found[:count][::-1], as_json=as_json)
            if follow:
                seen = {logged.id for logged in found}
                for some in _follow(administration, name, search, seen):
                    _print(some, as_json=as_json)
        if not found and not follow and not as_json:
            click.echo("Nothing of the kind is in the log.")

    return show


def _follow(
    administration: Administration, name: str, search: Search, seen: set[int]
) -> Iterator[list[Logged]]:
    """Wait for what comes: each as soon as anybody can read it, and none twice.

    :param administration: where to look.
    :param name: the connection.
    :param search: which requests.
    :param seen: the places of the newest of those that are known.
    :return: what has come each time, the newest last.
    """
    while True:
        time.sleep(_PAUSE)
        after = max(seen, default=0) - _LOOK_BACK
        recent = administration.requests.read(name, search, after=after, most=10 * _LOOK_BACK)
        yield [logged for logged in reversed(recent) if logged.id not in seen]
        seen = {id for id in seen if id > after} | {logged.id for logged in recent}


def _print(found: Iterable[Logged], *, as_json: bool) -> None:
    for logged in found:
        for line in [json.dumps(_data(logged))] if as_json else _lines(logged):
            click.echo(line)


def _lines(logged: Logged) -> list[str]:
    """Write a request for people: a line, and what explains a refusal below it."""
    subject = " ".join(each for each in (logged.resource_type, logged.resource_id) if each)
    parts = [
        f"{logged.time:%Y-%m-%d %H:%M:%S}",
        str(logged.status),
        f"{logged.method:<6}",
        logged.path,
        subject,
        logged.filter or "",
        f"changed {', '.join(logged.changed)}" if logged.changed else "",
        _members(logged),
        ", ".join(f"{count} of {status}" for status, count in sorted(logged.outcomes.items())),
        f"{logged.duration} ms",
        logged.request_id,
    ]
    lines = ["  ".join(part for part in parts if part.strip())]
    if logged.detail:
        lines.append(f"    {logged.scim_type or 'refused'}: {logged.detail}")
    lines += [f"    {line}" for line in explain(logged)]
    return [printable(line) for line in lines]


def _members(logged: Logged) -> str:
    counts = {"added": logged.added_count, "removed": logged.removed_count}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _data(logged: Logged) -> dict[str, Any]:
    return asdict(logged) | {"time": iso(logged.time), "explanation": explain(logged)}


def _read_status(text: str) -> int:
    found = re.fullmatch(r"([1-5])xx|([1-5]\d\d)", text.lower(), re.ASCII)
    if found is None:
        raise click.BadParameter(f"{text!r} is no status; write it as in 409 or 4xx.")
    return int(found[1] or found[2])


def _read_since(text: str) -> datetime:
    span = _SPAN.fullmatch(text)
    if span is not None:
        return datetime.now(UTC) - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time; write it as in 30m, 24h, 7d or 2026-11-25T12:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
