"""``flask scim deliver``: the process that tells destinations of events."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import with_appcontext

from ..delivery.claims import Settled
from .administration import Administration, pass_administration
from .printing import printing, show


@click.command("deliver")
@click.option("--once", is_flag=True, help="End as soon as there is nothing to do just now.")
@click.option(
    "--threads",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    help="How many destinations to tell at once.",
)
@click.option(
    "--pause",
    type=click.FloatRange(0.01, 60),
    default=1.0,
    show_default=True,
    help="How many seconds to wait where there is nothing to do.",
)
@printing
@with_appcontext
@pass_administration
def deliver(
    administration: Administration, once: bool, threads: int, pause: float, form: str | None
) -> None:
    """Tell destinations of events, and carry out requests that wait; run as many as you like."""
    total = {"delivered": 0, "failed": 0, "carried_out": 0}

    def tell(settled: Settled) -> None:
        total["delivered"] += settled.delivered
        total["failed"] += settled.failed
        total["carried_out"] += settled.carried_out

    with administration.refusing():
        deliverer = administration.delivery().deliverer(threads)
        with _stopping(deliverer.stop):
            deliverer.run(once=once, pause=pause, tell=tell)
    text = f"Delivered: {total['delivered']}, failed: {total['failed']}."
    if total["carried_out"]:
        text += f" Requests carried out: {total['carried_out']}."
    show(form, total, [text], [str(total["delivered"])])


@contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Let a signal end what is done inside in an orderly way, and a second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[Any, Any] = {}

    def note(number: int, _: Any) -> None:
        stop()
        signal.signal(number, before[number])

    for ending in (signal.SIGTERM, signal.SIGINT):
        before[ending] = signal.signal(ending, note)
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
