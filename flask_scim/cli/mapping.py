"""``flask scim connections mapping``: where the attributes of one connection sit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click
from flask.cli import with_appcontext

from ..provisioning.ports import Connection
from .administration import Administration, pass_administration
from .connections import find_connection
from .printing import align, printing, show


@click.command("mapping")
@with_appcontext
@click.argument("name")
@click.option("--type", "kind", default="User", help="The resource type; else User.")
@click.option("--from", "source", type=click.File("rb"), help="Set it to the JSON in a file.")
@click.option("--default", is_flag=True, help="Set it to the default of the identity provider.")
@click.option("--reset", is_flag=True, help="Go back to the mapping of the application.")
@click.option("--dry-run", is_flag=True, help="Check what is to be set, and set nothing.")
@printing
@pass_administration
def mapping(
    administration: Administration,
    /,
    name: str,
    kind: str,
    source: Any,
    default: bool,
    reset: bool,
    dry_run: bool,
    form: str | None,
) -> None:
    """Show or set the mapping of the connection NAME."""
    if (source is not None) + default + reset > 1:
        raise click.UsageError("Use one of --from, --default and --reset.")
    with administration.refusing():
        connection = find_connection(administration, name)
        told: list[str] = []
        if source is not None:
            wanted: list[Any] | None = _read(source)
        elif default:
            fitted = administration.mappings.default(connection, kind)
            wanted = [pair.dump() for pair in fitted.pairs]
            told = [f"No place for {left}." for left in fitted.left_out]
        elif reset:
            wanted = None
        elif dry_run:
            raise click.UsageError("Say what to check: --from, --default or --reset.")
        else:
            _show(administration, connection, kind, form, [])
            return
        if dry_run:
            chosen = administration.mappings.read(connection, {kind: wanted})
            told.append(f"The mapping of {kind} can be used; nothing was changed.")
            connection = replace(connection, mapping=chosen)
        else:
            connection = administration.connections.edit(name, mapping={kind: wanted})
            told.append(f"Changed the mapping of {kind} for {name}.")
        _show(administration, connection, kind, form, told)


def _show(
    administration: Administration,
    connection: Connection,
    kind: str,
    form: str | None,
    told: list[str],
) -> None:
    pairs = administration.mappings.pairs(connection, kind)
    rows = [("SCIM", "APP", "WRITTEN")]
    rows += [(pair.scim, pair.app, "no" if pair.read_only else "yes") for pair in pairs]
    is_own = kind not in (connection.mapping or {})
    whose = "the application" if is_own else f"{connection.id} itself"
    text = [*align(rows), f"It is the mapping of {whose}.", *told]
    show(form, [pair.dump() for pair in pairs], text)


def _read(source: Any) -> list[Any]:
    try:
        loaded: list[Any] = json.loads(source.read())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The file is not JSON: {str(error)[:200]}") from None
    return loaded
