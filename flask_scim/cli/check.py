"""``flask scim check``: the mapping as identity providers see it, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..mapping.defaults import Fitted
from ..mapping.mappings import Review
from .administration import Administration, pass_administration, tell_missing
from .printing import minute, printing, show

#: After how long a request that waits shows that nobody is at work.
_PATIENCE = timedelta(minutes=5)


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
    notes = list(review.notes)
    if administration.settings.max_waiting_bulks:
        notes.append("Bulk requests may wait: see to it that flask scim deliver always runs.")
    data: dict[str, Any] = {"mapping": lines, "problems": problems, "notes": notes}
    if defaults:
        fitted = review.defaults.items()
        data["defaults"] = {idp: [pair.dump() for pair in each.pairs] for idp, each in fitted}
        lines = [*lines, *(line for idp, each in fitted for line in _describe(idp, each))]
    show(form, data, lines)
    if form is None:
        for note in notes:
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
    waits = administration.deferred().find_waiting()
    if waits is not None and datetime.now(UTC) - waits > _PATIENCE:
        found.append(
            f"Bulk requests have waited since {minute(waits)}, and nobody carries them out; run "
            "flask scim deliver."
        )
    for connection in administration.connections.list():
        found += administration.find_problems(connection)
    return found
