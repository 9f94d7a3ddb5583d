"""Processes that are killed: one that serves requests, and one that delivers and carries out.

``python -m tests.delivery.processes write|deliver URL``
"""

from __future__ import annotations

import itertools
import os
import random
import sys
from dataclasses import replace
from datetime import timedelta

from flask import Flask

from flask_scim.delivery.deliverer import Requests
from flask_scim.delivery.lanes import Lanes
from flask_scim.store.journal.deferred import SqlDeferred
from tests.client import ScimClient
from tests.delivery.outgoing import SETTINGS, Outgoing
from tests.host import Host, make_host

#: How long a worker that was killed keeps its lane.
LEASE = timedelta(seconds=1)


def write(host: Host, seed: int) -> None:
    """Change people for ever, each change a request."""
    with host.app.app_context():
        connection = f"writer{seed}"
        if host.scim.connections.get(connection) is None:
            host.scim.connections.add(connection, tenant="1")
        for token in host.scim.tokens.list(connection):
            if token.revoked is None:
                host.scim.tokens.revoke(token.id)
        token_text, _ = host.scim.tokens.issue(connection)
    scim = ScimClient(host.app.test_client(), f"/scim/v2/{connection}", token_text)
    known = scim.get("/Users", count=20).json["Resources"]
    names = itertools.count(random.randrange(10**9))
    ids = [user["id"] for user in known] or [
        scim.create(f"user{seed}-{next(names)}")["id"] for _ in range(10)
    ]
    for number in itertools.count():
        path = f"/Users/{random.choice(ids)}"
        scim.patch(path, {"op": "add", "value": {"title": f"{seed}-{number}"}})


def deliver(host: Host) -> None:
    """Deliver for ever."""
    outgoing = Outgoing(host, ScimClient(host.app.test_client(), "", ""))
    desk = outgoing.desk
    settings = replace(desk.settings, retries=(0.1,) * 1_000, failures=10**6)

    def lanes() -> Lanes:
        return Lanes(host.db.session, outgoing.tables, settings, lease=LEASE)

    wiring = host.scim._wiring
    own = wiring.tables
    waiting = SqlDeferred(host.db.session, own.deferred, own.steps, own.connections, LEASE)
    type(wiring).deferred = waiting  # type: ignore[assignment,method-assign]  # its lease alone
    requests = Requests(waiting.find, wiring.carry_out)
    with host.app.app_context():
        replace(desk, lanes=lanes, requests=requests).deliverer().run(pause=0.05)


def create_app() -> Flask:
    """Make the app for a web server, on the database that the environment names."""
    return make_host(os.environ["EXAMPLE_DATABASE_URL"], **SETTINGS).app


if __name__ == "__main__":
    what, url, *rest = sys.argv[1:]
    made = make_host(url, **SETTINGS)
    if what == "write":
        write(made, int(rest[0]))
    else:
        deliver(made)
