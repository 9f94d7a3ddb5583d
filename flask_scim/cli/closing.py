"""What the commands that switch a connection off do with its users."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TypeVar

import click

from ..access.closing import Leaving, Outcome, Preview
from .administration import Administration
from .printing import show

_Function = TypeVar("_Function", bound=Callable[..., Any])


def closing(function: _Function) -> _Function:
    """Let the caller say what becomes of the users: the command gets ``users`` and ``dry_run``."""
    users = click.option(
        "--users",
        type=click.Choice([str(each) for each in Leaving]),
        default=str(Leaving.KEEP),
        help="What becomes of its users: they stay the connection's, they become the application's "
        "own, or they are deactivated.",
        show_default=True,
    )
    dry = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
    return users(dry(function))


def preview(administration: Administration, name: str, users: str) -> Preview:
    """Find out what would become of the users of a connection.

    :param administration: what the commands need of the app.
    :param name: the connection.
    :param users: what is to become of its users.
    :return: how many it would change.
    """
    with administration.refusing():
        return administration.closing().preview(name, users)


def describe(name: str, would: Preview) -> str:
    """Say what would become of the users of a connection.

    :param name: the connection.
    :param would: what has been found out.
    :return: a sentence.
    """
    match would.users:
        case Leaving.KEEP:
            return f"Users of {name}: {would.total}. They stay as they are, and SCIM keeps them."
        case Leaving.RELEASE:
            done = "Released"
        case Leaving.DEACTIVATE:
            done = "Deactivated"
    more = ", …" if would.affected > len(would.names) else ""
    named = f" ({', '.join(map(repr, would.names))}{more})" if would.names else ""
    return f"{done} would be {would.affected} of {would.total} users of {name}{named}."


def show_preview(form: str | None, name: str, would: Preview) -> None:
    """Print what would become of the users of a connection.

    :param form: how to print it.
    :param name: the connection.
    :param would: what has been found out.
    """
    data = {"id": name, **asdict(would), "names": list(would.names)}
    show(form, data, [f"{describe(name, would)} Nothing was changed."], [str(would.affected)])


def let_go(administration: Administration, name: str, would: Preview) -> Outcome:
    """Disable a connection and let its users go, and say on stderr how it goes.

    :param administration: what the commands need of the app.
    :param name: the connection.
    :param would: what is to become of its users.
    :return: what has been done.
    """
    with administration.refusing(), _bar(would.affected) as grow:
        outcome = administration.closing().close(name, would.users, tell=grow)
    for refusal in outcome.refusals:
        click.echo(f"{refusal.name!r} stays as they are: {refusal.reason}", err=True)
    if outcome.refused > len(outcome.refusals):
        click.echo(f"… and so do {outcome.refused - len(outcome.refusals)} more.", err=True)
    return outcome


def tell(would: Preview, outcome: Outcome) -> str:
    """Say what has become of the users of a connection.

    :param would: what was to become of them.
    :param outcome: what has been done.
    :return: a sentence with a blank before it; nothing where they stay as they are.
    """
    if would.users is Leaving.KEEP:
        return ""
    done = "Released" if would.users is Leaving.RELEASE else "Deactivated"
    refused = f"; {outcome.refused} stay as they are" if outcome.refused else ""
    return f" {done} users: {outcome.done}{refused}."


def data_of(would: Preview, outcome: Outcome) -> dict[str, Any]:
    """What a program gets to read of the users; nothing where they stay as they are."""
    if would.users is Leaving.KEEP:
        return {}
    refusals = [asdict(each) for each in outcome.refusals]
    return {
        "users": would.users,
        "done": outcome.done,
        "refused": outcome.refused,
        "refusals": refusals,
    }


@contextmanager
def _bar(length: int) -> Iterator[Callable[[int], None]]:
    """Show how far it has come, where somebody is there to see it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label="Users", file=sys.stderr) as bar:
        yield bar.update
