"""``flask scim check``: the mapping as identity providers see it, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..mapping.defaults import Fitted
from ..mapping.mappings import Review
from .administration import Administration, pass_administration, tell_missing
from .printing import printing, show


@click.command("check")
@with_appcontext
@click.option("--defaults", is_flag=True, help="Show each provider's default, fitted to the app.")
@printing
@pass_administration
def check(administration: Administration, defaults: bool, form: str | None) -> None:
    """Show where every SCIM attribute sits; exit with 1 if something is wrong."""
    lines, problems = administration.describe(), _find_problems(administration)
    if administration.access is not None:
        lines += administration.access.describe()
    # Without its tables nothing can be asked of the database.
    review = Review([], [], {}) if administration.find_missing() else administration.review()
    problems += review.problems
    data: dict[str, Any] = {"mapping": lines, "problems": problems, "notes": review.notes}
    if defaults:
        fitted = review.defaults.items()
        data["defaults"] = {idp: [pair.dump() for pair in each.pairs] for idp, each in fitted}
        lines = [*lines, *(line for idp, each in fitted for line in _describe(idp, each))]
    show(form, data, lines)
    if form is None:
        for note in review.notes:
            click.echo(f"Note: {note}", err=True)
    for problem in problems:
        click.echo(f"Error: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)


def _describe(idp: str, fitted: Fitted) -> Iterator[str]:
    yield f"The default of {idp}, fitted to this application"
    for pair in fitted.pairs:
        yield f"  {pair.scim}: {pair.app}{', read only' if pair.read_only else ''}"
    yield f"  without a place: {', '.join(fitted.left_out) or 'nothing'}"


def _find_problems(administration: Administration) -> list[str]:
    found = []
    if not current_app.secret_key:
        found.append("SECRET_KEY is not set; tokens are signed with it.")
    missing = administration.find_missing()
    if missing:
        return [*found, tell_missing(missing)]
    if administration.access is not None:
        found += [
            f"Nothing closes {name} when somebody is deactivated; give it a "
            f"@scim.revoker({name!r}), or take it out of scim.ways_in()."
            for name in administration.access.open_ways
        ]
    only = administration.only
    if only is not None and administration.connections.get(only) is None:
        found.append(
            f"SCIM_CONNECTION is {only!r}, and there is no such connection; add it: "
            f"flask scim connections add {only}"
        )
    for connection in administration.connections.list():
        found += administration.find_problems(connection)
    return found
