"""``flask scim connections``: one for every identity provider of a customer."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from ..access.closing import Leaving
from ..provisioning.ports import Connection
from .administration import Administration, pass_administration
from .clients import count_good
from .closing import closing, data_of, describe, let_go, preview, show_preview, tell
from .printing import align, iso, minute, printing, show
from .tokens import list_good

connections = AppGroup("connections", help="One for every identity provider of a customer.")

_choosing = click.option(
    "--policy",
    "choices",
    multiple=True,
    metavar="NAME=VALUE",
    help="A choice that goes before the app's; empty for the app's own; repeatable.",
)
_unasked = click.option("--yes", is_flag=True, help="Do not ask.")
_HEADER = ("CONNECTION", "CALLED", "IDP", "MODE", "TENANT", "STATE", "DOMAINS")


@connections.command("add")
@click.argument("name")
@click.option("--idp", default="generic", help="The identity provider, such as entra or okta.")
@click.option("--tenant", help="The customer's key in this app; else SCIM_DEFAULT_TENANT.")
@click.option("--domain", "domains", multiple=True, help="A domain of the customer's; repeatable.")
@click.option("--name", "called", help="What people call it; else NAME.")
@click.option("--strict", is_flag=True, help="Accept only what the standard says.")
@_choosing
@printing
@pass_administration
def add(
    administration: Administration,
    /,
    name: str,
    called: str | None,
    form: str | None,
    choices: tuple[str, ...],
    **options: Any,
) -> None:
    """Add the connection NAME, which is its part of the URL."""
    with administration.refusing():
        policy = read_choices(choices)
        added = administration.connections.add(name, name=called, policy=policy, **options)
    whose = "" if added.tenant is None else f" for tenant {added.tenant}"
    endpoint = administration.endpoint(name)
    where = (
        f"SCIM_CONNECTION serves {administration.only} alone"
        if endpoint is None
        else f"its endpoint is {endpoint}"
    )
    text = f"Added {name}{whose}; {where}."
    show(form, _data(administration, added), [text], [name])


@connections.command("list")
@printing
@pass_administration
def list_(administration: Administration, form: str | None) -> None:
    """List the connections."""
    with administration.refusing():
        found = administration.connections.list()
    rows = [_HEADER, *map(_row, found)]
    text = align(rows) if found else ["There are no connections."]
    data = [_data(administration, connection) for connection in found]
    show(form, data, text, [connection.id for connection in found])


@connections.command("show")
@click.argument("name")
@printing
@pass_administration
def show_(administration: Administration, name: str, form: str | None) -> None:
    """Show the connection NAME, and how many resources it has."""
    with administration.refusing():
        connection = find_connection(administration, name)
        counts = administration.count(name)
    data = _data(administration, connection) | {"resources": counts}
    cells = zip(_HEADER, _row(connection), strict=True)
    text = align(
        [
            *((head.lower(), cell) for head, cell in cells),
            ("endpoint", data["endpoint"] or "none"),
            ("created", minute(connection.created)),
            ("updated", minute(connection.updated)),
            *((name, str(value)) for name, value in sorted(connection.policy.items())),
            *((plural, str(count)) for plural, count in counts.items()),
        ]
    )
    show(form, data, text, [connection.id])


@connections.command("edit")
@click.argument("name")
@click.option("--idp", help="The identity provider.")
@click.option("--name", "called", help='What people call it; "" for NAME.')
@click.option("--domain", "domains", multiple=True, help="A domain, in place of all; repeatable.")
@click.option("--no-domains", is_flag=True, help="Take all domains away.")
@click.option("--strict/--lenient", default=None, help="Accept the standard alone, or more.")
@_choosing
@printing
@pass_administration
def edit(
    administration: Administration,
    /,
    name: str,
    called: str | None,
    domains: tuple[str, ...],
    no_domains: bool,
    choices: tuple[str, ...],
    form: str | None,
    **options: Any,
) -> None:
    """Change the connection NAME; what is left out stays as it is."""
    if domains and no_domains:
        raise click.UsageError("Use --domain or --no-domains, not both.")
    is_said = [called is not None, domains, no_domains, choices]
    if not any(is_said) and all(option is None for option in options.values()):
        raise click.UsageError("Say what to change.")
    with administration.refusing():
        edited = administration.connections.edit(
            name,
            name=called,
            domains=domains if domains or no_domains else None,
            policy=read_choices(choices),
            **options,
        )
    show(form, _data(administration, edited), [f"Changed {name}."], [name])


@connections.command("pause")
@click.argument("name")
@printing
@pass_administration
def pause(administration: Administration, name: str, form: str | None) -> None:
    """Ask the identity provider of NAME to come back later (503)."""
    with administration.refusing():
        paused = administration.connections.pause(name)
    text = f"Paused {name}: requests are answered with 503, and nobody loses access."
    show(form, _data(administration, paused), [text], [name])


@connections.command("disable")
@click.argument("name")
@closing
@_unasked
@printing
@pass_administration
def disable(
    administration: Administration,
    name: str,
    users: str,
    dry_run: bool,
    yes: bool,
    form: str | None,
) -> None:
    """Refuse the identity provider of NAME (403), and say what becomes of its users."""
    would = preview(administration, name, users)
    if dry_run:
        show_preview(form, name, would)
        return
    if would.affected and not yes:
        click.echo(describe(name, would), err=True)
        click.confirm(f"Disable {name}?", abort=True, err=True)
    outcome = let_go(administration, name, would)
    with administration.refusing():
        data = _data(administration, find_connection(administration, name))
    lost = "" if would.users is Leaving.DEACTIVATE else ", and nobody loses access"
    text = f"Disabled {name}: requests are answered with 403{lost}.{tell(would, outcome)}"
    show(form, data | data_of(would, outcome), [text], [name])


@connections.command("resume")
@click.argument("name")
@printing
@pass_administration
def resume(administration: Administration, name: str, form: str | None) -> None:
    """Serve the identity provider of NAME again."""
    with administration.refusing():
        resumed = administration.connections.resume(name)
    show(form, _data(administration, resumed), [f"Resumed {name}."], [name])


@connections.command("remove")
@click.argument("name")
@closing
@_unasked
@printing
@pass_administration
def remove(
    administration: Administration,
    name: str,
    users: str,
    dry_run: bool,
    yes: bool,
    form: str | None,
) -> None:
    """Remove the connection NAME, its tokens and what SCIM knows of its resources."""
    would = preview(administration, name, users)
    if dry_run:
        show_preview(form, name, would)
        return
    with administration.refusing():
        counts = administration.count(name)
        good = {"tokens": len(list_good(administration, name))}
        good["clients"] = count_good(administration, name)
    told = _tell(counts)
    if not yes:
        if would.affected:
            click.echo(describe(name, would), err=True)
        click.echo(f"SCIM will forget {told}. The rows of the application stay.", err=True)
        click.echo(f"What opens it ends, {_tell(good)}.", err=True)
        click.echo(f"Adding {name} again does not bring them back.", err=True)
        click.confirm(f"Remove {name}?", abort=True, err=True)
    outcome = let_go(administration, name, would)
    with administration.refusing():
        administration.connections.remove(name)
    left = f" SCIM has forgotten {told}; the rows of the application stay."
    text = f"Removed {name}.{tell(would, outcome)}{left}"
    data = {"id": name, "resources": counts} | good | data_of(would, outcome)
    show(form, data, [text], [name])


def find_connection(administration: Administration, name: str) -> Connection:
    """Find a connection.

    :param administration: what the commands need of the app.
    :param name: its name.
    :return: the connection.
    :raises ValueError: if there is none.
    """
    connection = administration.connections.get(name)
    if connection is None:
        raise ValueError(f"There is no connection {name!r}.")
    return connection


def read_choices(choices: tuple[str, ...]) -> dict[str, str | None]:
    """Read choices from the shell; nothing behind the equals sign takes one back."""
    chosen = {}
    for choice in choices:
        name, equals, value = choice.partition("=")
        if not equals:
            raise click.UsageError(f"Write --policy NAME=VALUE, not {choice!r}.")
        chosen[name.strip()] = value.strip() or None
    return chosen


def _tell(counts: dict[str, int]) -> str:
    return ", ".join(f"{what}: {count}" for what, count in counts.items())


def _row(connection: Connection) -> tuple[str, ...]:
    return (
        connection.id,
        connection.name or "",
        connection.idp,
        "strict" if connection.strict else "lenient",
        connection.tenant or "",
        connection.state,
        ", ".join(connection.domains),
    )


def _data(administration: Administration, connection: Connection) -> dict[str, Any]:
    return {
        "id": connection.id,
        "name": connection.name,
        "idp": connection.idp,
        "strict": connection.strict,
        "tenant": connection.tenant,
        "state": connection.state,
        "domains": list(connection.domains),
        "policy": dict(connection.policy),
        "mapping": connection.mapping,
        "endpoint": administration.endpoint(connection.id),
        "created": iso(connection.created),
        "updated": iso(connection.updated),
    }
