"""``flask scim``: connections and tokens from the shell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import click
from flask.cli import AppGroup

from ..connections.connections import Connections
from ..connections.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Administration:
    """What the commands need of the app.

    :param connections: the connections.
    :param tokens: the tokens.
    :param url_prefix: the path below which connections have their endpoints.
    :param describe: says, a line at a time, where every attribute sits.
    """

    connections: Connections
    tokens: Tokens
    url_prefix: str
    describe: Callable[[], list[str]]


def make_commands(administration: Administration) -> AppGroup:
    """Make the commands of one app.

    :param administration: what they need of it.
    :return: the group ``scim``.
    """
    group = AppGroup("scim", help="Connections of identity providers, and their tokens.")
    group.add_command(_connection_commands(administration))
    group.add_command(_token_commands(administration))

    @group.command("check")
    def check() -> None:
        """Show where every SCIM attribute sits."""
        for line in administration.describe():
            click.echo(line)

    return group


def _connection_commands(administration: Administration) -> AppGroup:
    group = AppGroup("connections", help="One for every identity provider of a customer.")

    @group.command("add")
    @click.argument("name")
    @click.option("--idp", default="generic", help="The identity provider, such as entra or okta.")
    @click.option("--tenant", help="The customer's key in this app; else SCIM_DEFAULT_TENANT.")
    @click.option("--strict", is_flag=True, help="Accept only what the standard says.")
    def add(name: str, idp: str, tenant: str | None, strict: bool) -> None:
        """Add the connection NAME."""
        try:
            added = administration.connections.add(name, idp=idp, tenant=tenant, strict=strict)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
        whose = "" if added.tenant is None else f" for tenant {added.tenant}"
        click.echo(f"Added {name}{whose}; its endpoint is {administration.url_prefix}/{name}.")

    @group.command("list")
    def list_() -> None:
        """List the connections."""
        for connection in administration.connections.list():
            tenant = "-" if connection.tenant is None else connection.tenant
            strict = " strict" if connection.strict else ""
            click.echo(f"{connection.id}\t{connection.idp}{strict}\ttenant {tenant}")

    return group


def _token_commands(administration: Administration) -> AppGroup:
    group = AppGroup("tokens", help="What an identity provider authenticates with.")

    @group.command("issue")
    @click.argument("name")
    @click.option("--expires-in", type=int, help="How long it is good, in seconds; else for ever.")
    @click.option(
        "--scope", "scopes", multiple=True, help="What it allows, such as get:users; else all."
    )
    @click.option("--quiet", is_flag=True, help="Print the token alone.")
    def issue(name: str, expires_in: int | None, scopes: tuple[str, ...], quiet: bool) -> None:
        """Issue a token for the connection NAME, and show it this once."""
        try:
            secret, token = administration.tokens.issue(name, scopes, expires_in)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
        if not quiet:
            click.echo(f"Token {token.id} for {name}, expires {_moment(token.expires)}.")
            click.echo("Copy it now; it is not shown again:")
        click.echo(secret)

    @group.command("list")
    @click.argument("name")
    def list_(name: str) -> None:
        """List the tokens of the connection NAME, without their secrets."""
        try:
            tokens = administration.tokens.list(name)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
        for token in tokens:
            state = "revoked" if token.revoked else f"expires {_moment(token.expires)}"
            used = f"last used {_moment(token.last_used)}"
            click.echo(f"{token.id}\t{state}\t{used}\t{' '.join(token.scopes)}")

    @group.command("revoke")
    @click.argument("token_id")
    def revoke(token_id: str) -> None:
        """Revoke the token TOKEN_ID at once."""
        try:
            administration.tokens.revoke(token_id)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"Revoked {token_id}.")

    return group


def _moment(moment: datetime | None) -> str:
    return "never" if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")
