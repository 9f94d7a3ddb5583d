"""``flask scim events``: what has happened, and what has still to be told."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from flask.cli import AppGroup

from ..delivery.backlog import Undelivered
from ..delivery.claims import Settled
from ..delivery.extra import make_key
from ..delivery.payload import describe_event, write_time
from ..provisioning.journal import Entry
from .administration import Administration, pass_administration
from .printing import align, iso, minute, printing, show

events = AppGroup("events", help="What has happened, and what has still to be told.")

_HEADER = ("POSITION", "EVENT", "TIME", "TYPE", "SUBJECT", "CHANGED", "ACTOR")
_UNDELIVERED = ("EVENT", "OF", "STATE", "ATTEMPTS", "NEXT", "STATUS", "ERROR")


@events.command("list")
@click.argument("name")
@click.option("--after", type=click.IntRange(0), default=0, help="The position to begin after.")
@click.option("--count", type=click.IntRange(1, 1_000), default=50, show_default=True)
@click.option("--type", "types", multiple=True, help="Of which type alone; repeatable.")
@printing
@pass_administration
def list_(
    administration: Administration,
    name: str,
    after: int,
    count: int,
    types: tuple[str, ...],
    form: str | None,
) -> None:
    """List events of the connection NAME, which may be gone by now."""
    with administration.refusing():
        found = administration.delivery().backlog().read(name, after, count, types)
    text = align([_HEADER, *map(_row, found)]) if found else [f"{name} has no such events."]
    show(form, [_data(entry) for entry in found], text, [entry.id for entry in found])


@events.command("show")
@click.argument("event_id")
@pass_administration
def show_(administration: Administration, event_id: str) -> None:
    """Show the event EVENT_ID as JSON."""
    with administration.refusing():
        entry = _existing(administration, event_id)
    click.echo(json.dumps(_data(entry), indent=2))


@events.command("undelivered")
@click.argument("destination_id")
@click.option("--dead", "state", flag_value="dead", help="Only what was given up.")
@click.option("--waiting", "state", flag_value="waiting", help="Only what is tried again.")
@click.option("--count", type=click.IntRange(1, 1_000), default=50, show_default=True)
@printing
@pass_administration
def undelivered(
    administration: Administration,
    destination_id: str,
    state: str | None,
    count: int,
    form: str | None,
) -> None:
    """List what the destination DESTINATION_ID was not told at once."""
    desk = administration.delivery()
    with administration.refusing():
        desk.destinations().existing(destination_id)
        found = desk.backlog().list(destination_id, state, most=count)
    rows = [_UNDELIVERED, *map(_undelivered_row, found)]
    text = align(rows) if found else [f"{destination_id} was told all that was tried."]
    data = [_undelivered_data(each) for each in found]
    show(form, data, text, [each.event_id for each in found])


@events.command("redeliver")
@click.argument("event_id", required=False)
@click.option("--destination", "destination_id", help="To whom; else to all that want it.")
@click.option("--dead", is_flag=True, help="All that was given up, in place of one event.")
@click.option("--after", type=click.IntRange(0), help="All after a position of --connection.")
@click.option("--connection", "connection_id", help="The connection that --after is of.")
@click.option("--later", is_flag=True, help="Leave the sending to flask scim deliver.")
@printing
@pass_administration
def redeliver(
    administration: Administration,
    event_id: str | None,
    destination_id: str | None,
    dead: bool,
    after: int | None,
    connection_id: str | None,
    later: bool,
    form: str | None,
) -> None:
    """Tell destinations once more of the event EVENT_ID, or of many, under the same ids."""
    if sum([event_id is not None, dead, after is not None]) != 1:
        raise click.UsageError("Name one event, or use --dead, or --after with --connection.")
    if event_id is None and destination_id is None:
        raise click.UsageError("Name the --destination.")
    if (after is None) is not (connection_id is None):
        raise click.UsageError("Use --after and --connection together.")
    desk = administration.delivery()
    with administration.refusing():
        if event_id is not None:
            chosen = _redeliver_one(administration, event_id, destination_id)
            count = len(chosen)
        else:
            assert destination_id is not None
            chosen = [destination_id]
            destination = desk.destinations().existing(destination_id)
            if after is not None and connection_id is not None:
                count = desk.backlog().rewind(destination, connection_id, after)
            else:
                count = desk.backlog().redeliver_dead(destination_id)
        total = {"events": count, "delivered": 0, "failed": 0}
        if count and not later:
            _deliver(administration, chosen, total)
    sent = "" if later else f" Delivered: {total['delivered']}, failed: {total['failed']}."
    show(form, total, [f"To be delivered again: {count}.{sent}"], [str(count)])


@events.command("prune")
@click.option(
    "--days", type=click.IntRange(0), help="How long they are kept; else SCIM_EVENTS_DAYS."
)
@click.option("--dead", is_flag=True, help="Also what was given up, and could be redelivered.")
@pass_administration
def prune(administration: Administration, days: int | None, dead: bool) -> None:
    """Delete old events of which all destinations know, for a daily job; 0 days stand for ever."""
    desk = administration.delivery()
    days = desk.settings.days if days is None else days
    with administration.refusing():
        count = sum(desk.pruning().run(days, dead=dead)) if days else 0
        old = administration.deferred().find_old()
        given_up = sum(desk.requests.carry_out(id, lambda: False) for id in old)
    click.echo(f"Deleted {count} {'event' if count == 1 else 'events'}.")
    if given_up:
        click.echo(f"Bulk requests refused that had waited for too long: {given_up}.")


@events.command("key")
def key() -> None:
    """Print a new private key for SCIM_EVENTS_KEYS."""
    if make_key is None:
        raise click.ClickException('Install joserfc first: pip install "Flask-SCIM[events]".')
    click.echo(json.dumps(make_key()))


def _redeliver_one(
    administration: Administration, event_id: str, destination_id: str | None
) -> list[str]:
    desk = administration.delivery()
    entry = _existing(administration, event_id)
    if destination_id is not None:
        chosen = [desk.destinations().existing(destination_id)]
    else:
        chosen = [
            each
            for each in desk.destinations().list()
            if each.connection_id in (None, entry.connection_id) and each.wants(entry.type)
        ]
    for destination in chosen:
        desk.backlog().redeliver(entry, destination)
    return [destination.id for destination in chosen]


def _deliver(administration: Administration, chosen: list[str], total: dict[str, int]) -> None:
    """Deliver what is due, and show how far it is."""
    deliverer = administration.delivery().deliverer(only=chosen)
    stream = sys.stderr
    bar: Any
    with click.progressbar(length=total["events"], label="Delivering", file=stream) as bar:

        def tell(settled: Settled) -> None:
            total["delivered"] += settled.delivered
            total["failed"] += settled.failed
            bar.update(settled.delivered + settled.failed)

        deliverer.run(once=True, pause=0.2, tell=tell)


def _existing(administration: Administration, event_id: str) -> Entry:
    entry = administration.delivery().backlog().find(event_id)
    if entry is None:
        raise ValueError(f"There is no event {event_id[:100]!r}, or it is not kept any more.")
    return entry


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        str(entry.position),
        entry.id,
        minute(entry.time),
        entry.type,
        f"{entry.resource_type}/{entry.resource_id}",
        " ".join(entry.changed),
        entry.cause.actor,
    )


def _data(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "type": entry.type,
        "timestamp": write_time(entry),
        **describe_event(entry),
    }


def _undelivered_row(each: Undelivered) -> tuple[str, ...]:
    waits = "never" if each.state == "dead" else "behind another"
    return (
        each.event_id,
        each.connection_id,
        each.state,
        str(each.attempts),
        waits if each.due is None else minute(each.due),
        "" if each.status is None else str(each.status),
        each.error or "",
    )


def _undelivered_data(each: Undelivered) -> dict[str, Any]:
    return {
        "event_id": each.event_id,
        "connection_id": each.connection_id,
        "position": each.position,
        "state": each.state,
        "attempts": each.attempts,
        "due": iso(each.due),
        "status": each.status,
        "error": each.error,
        "updated": iso(each.updated),
    }
