"""``flask scim check``: the mapping as identity providers see it, and what is wrong."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from .administration import Administration, pass_administration, tell_missing
from .printing import printing, show


@click.command("check")
@with_appcontext
@printing
@pass_administration
def check(administration: Administration, form: str | None) -> None:
    """Show where every SCIM attribute sits; exit with 1 if something is wrong."""
    lines, problems = administration.describe(), _find_problems(administration)
    if administration.access is not None:
        lines += administration.access.describe()
    show(form, {"mapping": lines, "problems": problems}, lines)
    for problem in problems:
        click.echo(f"Error: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)


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
