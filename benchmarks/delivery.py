"""How many events a second go out, to a receiver on this machine, by one process.

``python -m benchmarks.delivery``
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from flask_scim import Event
from flask_scim.provisioning.changes import Cause, Kind
from tests.delivery.outgoing import SETTINGS
from tests.delivery.receivers import answer, receiving
from tests.host import Host, make_host


def fill(host: Host, count: int) -> None:
    """Write events down, as changes of a thousand people."""
    with host.app.app_context():
        connection = host.scim.connections.add("acme", tenant="1")
    began = time.perf_counter()
    for start in range(0, count, 100):
        with host.app.app_context():
            host.scim.outbox.append(
                [
                    Event(
                        Kind.UPDATED,
                        "User",
                        str(number % 1_000),
                        connection,
                        {"userName": f"user{number % 1_000}", "title": "Dr"},
                        {"userName": f"user{number % 1_000}", "title": f"Prof {number}"},
                        ("title",),
                        None,
                    )
                    for number in range(start, start + 100)
                ],
                Cause("host"),
            )
            host.db.session.commit()
    print(f"written: {count / (time.perf_counter() - began):.0f} events a second")


def measure(host: Host, count: int, encoding: str) -> None:
    """Deliver all of it to one webhook."""
    with receiving(answer(200)) as receiver, host.app.app_context():
        _, destination = host.scim.destinations.add(
            receiver.url, encoding=encoding, types=["user.*"], from_start=True
        )
        began = time.perf_counter()
        delivered = host.scim.deliverer().run(once=True)
        seconds = time.perf_counter() - began
        host.scim.destinations.remove(destination.id)
    assert delivered == count, delivered
    print(f"{encoding}: {delivered / seconds:.0f} events a second")


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delivery", description=__doc__)
    parser.add_argument("--url", help="an empty database; SQLite in a temporary file by default")
    parser.add_argument("--events", type=int, default=5_000, help="how many to deliver")
    arguments = parser.parse_args()
    count = arguments.events
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.url or f"sqlite:///{Path(folder) / 'bench.db'}"
        host = make_host(url, **SETTINGS)
        with host.app.app_context():
            host.db.create_all()
        try:
            fill(host, count)
            for encoding in ("standard", "cloudevents"):
                measure(host, count, encoding)
        finally:
            with host.app.app_context():
                host.db.drop_all()
                host.db.engine.dispose()


if __name__ == "__main__":
    main()
