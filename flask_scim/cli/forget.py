"""``flask scim forget``: one person out of the log and the outbox."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from .administration import Administration, pass_administration


@click.command("forget")
@click.option("--user", "id", help="The SCIM id of a user.", required=True)
@click.option("--type", "resource_type", default="User", help="The type of another resource.")
@click.confirmation_option(prompt="What is kept of them cannot be brought back. Go on?")
@with_appcontext
@pass_administration
def forget(administration: Administration, id: str, resource_type: str) -> None:
    """Delete what the log and the outbox hold of one person, in all connections."""
    with administration.refusing():
        count = administration.forget(id, resource_type)
    click.echo(f"Blanked {count} {'row' if count == 1 else 'rows'} of the log and the outbox.")
