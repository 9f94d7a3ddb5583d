"""``flask scim destinations``: who is told of events."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from ..delivery.destinations import Destination, Kind
from ..delivery.outcomes import Outcome
from ..delivery.registry import OVERLAP
from .administration import Administration, pass_administration
from .printing import align, iso, minute, printing, show

destinations = AppGroup("destinations", help="Who is told of events.")

_HEADER = ("DESTINATION", "STATE", "KIND", "OF", "TARGET", "FORM", "TYPES", "FAILURES")
_types = click.option(
    "--type",
    "types",
    multiple=True,
    help="Of what it is told, such as user.created or group.*; repeatable; else of all.",
)


@destinations.command("add")
@click.argument("target")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    default=Kind.WEBHOOK.value,
    show_default=True,
    help="How it is told.",
)
@click.option("--connection", "connection_id", help="Whose events; else those of all.")
@click.option(
    "--encoding",
    help="standard or cloudevents; of security event tokens, notice or full.",
)
@_types
@click.option("--audience", help="Whom security event tokens are meant for; else TARGET.")
@click.option("--from-start", is_flag=True, help="Tell it of what has happened already, too.")
@printing
@pass_administration
def add(
    administration: Administration,
    /,
    target: str,
    types: tuple[str, ...],
    form: str | None,
    **options: Any,
) -> None:
    """Add TARGET, a URL or a name, and show the secret of a webhook this once."""
    with administration.refusing():
        secret, added = (
            administration.delivery().destinations().add(target, types=types or None, **options)
        )
    data, text = _data(added), [f"Added {added.id}, {added.kind} to {added.target}."]
    if secret is not None:
        data = {"secret": secret} | data
        text += ["Copy its secret now; it is not shown again:", secret]
    show(form, data, text, [added.id] if secret is None else [added.id, secret])


@destinations.command("list")
@click.option("--connection", "connection_id", help="Whose alone.")
@printing
@pass_administration
def list_(administration: Administration, connection_id: str | None, form: str | None) -> None:
    """List the destinations."""
    with administration.refusing():
        found = administration.delivery().destinations().list(connection_id)
    text = align([_HEADER, *map(_row, found)]) if found else ["There are no destinations."]
    show(form, [_data(each) for each in found], text, [each.id for each in found])


@destinations.command("show")
@click.argument("id")
@printing
@pass_administration
def show_(administration: Administration, id: str, form: str | None) -> None:
    """Show the destination ID, and how much it has still to be told."""
    desk = administration.delivery()
    with administration.refusing():
        found = desk.destinations().existing(id)
        counts = desk.backlog().count(id)
    cells = zip(_HEADER, _row(found), strict=True)
    text = align(
        [
            *((head.lower(), cell) for head, cell in cells),
            ("reason", found.reason or ""),
            ("created", minute(found.created)),
            ("last success", minute(found.last_success)),
            ("last failure", minute(found.last_failure)),
            ("last error", found.last_error or ""),
            *((what, str(count)) for what, count in counts.items()),
        ]
    )
    show(form, _data(found) | {"undelivered": counts}, text, [found.id])


@destinations.command("edit")
@click.argument("id")
@click.option("--target", help="Where it is from now on.")
@_types
@printing
@pass_administration
def edit(
    administration: Administration,
    id: str,
    target: str | None,
    types: tuple[str, ...],
    form: str | None,
) -> None:
    """Change the destination ID; what is left out stays; --type '*' is all types."""
    if target is None and not types:
        raise click.UsageError("Say what to change.")
    with administration.refusing():
        changed = (
            administration.delivery().destinations().edit(id, target=target, types=types or None)
        )
    show(form, _data(changed), [f"Changed {id}."], [id])


@destinations.command("rotate")
@click.argument("id")
@click.option(
    "--overlap",
    type=click.IntRange(0),
    default=OVERLAP,
    show_default=True,
    help="For how many seconds the old secret is good, too.",
)
@printing
@pass_administration
def rotate(administration: Administration, id: str, overlap: int, form: str | None) -> None:
    """Give the webhook ID another secret, and show it this once."""
    with administration.refusing():
        secret, changed = administration.delivery().destinations().rotate(id, overlap)
    text = [f"{id} has another secret; copy it now, it is not shown again:", secret]
    show(form, {"secret": secret} | _data(changed), text, [secret])


@destinations.command("test")
@click.argument("id")
@printing
@pass_administration
def test(administration: Administration, id: str, form: str | None) -> None:
    """Send a test event to the destination ID, whatever its state."""
    desk = administration.delivery()
    with administration.refusing():
        attempt = desk.test(desk.destinations().existing(id))
    arrived = attempt.outcome is Outcome.DELIVERED
    reply = attempt.reply
    data = {"id": id, "arrived": arrived, "status": reply.status, "answer": reply.reason}
    said = f"{reply.status} {reply.reason}".strip() if reply.status else reply.reason
    text = f"The event has {'arrived' if arrived else 'not arrived'}: {said}"
    show(form, data, [text], ["arrived" if arrived else "not arrived"])
    if not arrived:
        raise click.exceptions.Exit(1)


@destinations.command("enable")
@click.argument("id")
@printing
@pass_administration
def enable(administration: Administration, id: str, form: str | None) -> None:
    """Tell the destination ID again, beginning with what it has missed."""
    with administration.refusing():
        enabled = administration.delivery().destinations().enable(id)
    show(form, _data(enabled), [f"Enabled {id}."], [id])


@destinations.command("disable")
@click.argument("id")
@printing
@pass_administration
def disable(administration: Administration, id: str, form: str | None) -> None:
    """Tell the destination ID no more, until it is enabled."""
    with administration.refusing():
        disabled = administration.delivery().destinations().disable(id)
    show(form, _data(disabled), [f"Disabled {id}: nothing is lost meanwhile."], [id])


@destinations.command("remove")
@click.argument("id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@printing
@pass_administration
def remove(administration: Administration, id: str, yes: bool, form: str | None) -> None:
    """Remove the destination ID, and all that it has still to be told."""
    desk = administration.delivery()
    with administration.refusing():
        found = desk.destinations().existing(id)
        counts = desk.backlog().count(id)
    if not yes:
        told = ", ".join(f"{what}: {count}" for what, count in counts.items())
        click.echo(f"It has not been told of these events: {told}.", err=True)
        click.confirm(f"Remove {id}, {found.kind} to {found.target}?", abort=True, err=True)
    with administration.refusing():
        desk.destinations().remove(id)
    show(form, {"id": id, "undelivered": counts}, [f"Removed {id}."], [id])


def _row(destination: Destination) -> tuple[str, ...]:
    return (
        destination.id,
        destination.state,
        destination.kind,
        destination.connection_id or "all",
        destination.target,
        destination.encoding,
        " ".join(destination.types or ("all",)),
        str(destination.failures),
    )


def _data(destination: Destination) -> dict[str, Any]:
    return {
        "id": destination.id,
        "connection_id": destination.connection_id,
        "kind": destination.kind,
        "target": destination.target,
        "encoding": destination.encoding,
        "audience": destination.audience,
        "types": None if destination.types is None else list(destination.types),
        "state": destination.state,
        "reason": destination.reason,
        "failures": destination.failures,
        "resume": iso(destination.resume),
        "last_success": iso(destination.last_success),
        "last_failure": iso(destination.last_failure),
        "last_error": destination.last_error,
        "created": iso(destination.created),
        "updated": iso(destination.updated),
    }
