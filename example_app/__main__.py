"""``python -m example_app``: two identity providers at work, and then the app for a browser."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from flask import Flask
from sqlalchemy import select
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from . import create_app
from .accounts import find_user
from .browser import Browser
from .commands import fill_database
from .database import db
from .identity_provider import IdentityProvider, Journal
from .models import User
from .provisioning import scim
from .report import table
from .tour import play_entra, play_okta


class QuietHandler(WSGIRequestHandler):
    """A handler that leaves the terminal to the table."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


def main() -> int:
    """Play the tour, then serve until interrupted."""
    options = _read_options()
    stop = threading.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: stop.set())
    with TemporaryDirectory(prefix="millrace-") as folder:
        app = create_app(instance_path=os.environ.get("EXAMPLE_INSTANCE_PATH") or folder)
        with app.app_context():
            accounts = fill_database()
        server = make_server(
            options.host, options.port, app, threaded=True, request_handler=QuietHandler
        )
        origin = f"http://{options.host}:{server.server_port}"
        with _serving(server):
            failed = _play(app, origin)
            if not options.once:
                print(f"Open {origin}/ in a browser; Ctrl-C ends it. The database is {_url(app)}.")
                print("\n".join(f"  {line}" for line in accounts), flush=True)
                stop.wait()
        with app.app_context():
            db.engine.dispose()
    return 1 if failed else 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m example_app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=5050, help="the port; 0 for any free one")
    parser.add_argument("--once", action="store_true", help="end after the tour")
    return parser.parse_args()


@contextmanager
def _serving(server: BaseWSGIServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, name="server", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _play(app: Flask, origin: str) -> bool:
    """Connect two identity providers, let them play, and print how it went.

    :return: whether anything went otherwise than expected.
    """
    journal = Journal()
    browser = Browser(origin, journal)
    _forget(app, "acme-entra", "globex-okta")
    entra = _connect(app, origin, journal, "acme", "entra", "application/scim+json; charset=utf-8")
    okta = _connect(app, origin, journal, "globex", "okta", "application/scim+json")

    def allow(organization: str, username: str) -> None:
        with app.app_context():
            user = find_user(organization, username)
            assert user is not None
            user.set_password("notes-on-the-engine")
            db.session.commit()

    with journal.listening(app):
        play_entra(entra, browser, "acme", allow)
        play_okta(okta)
    print(table(journal.exchanges))
    problems = journal.problems
    fine = len(journal.exchanges) - len(problems)
    print(f"\n{fine} of {len(journal.exchanges)} requests were answered as expected.\n", flush=True)
    return bool(problems)


def _forget(app: Flask, *connections: str) -> None:
    """Take away the people that an earlier tour has left in a database that stays."""
    with app.app_context():
        for user in db.session.scalars(select(User).where(User.provisioned_by.in_(connections))):
            db.session.delete(user)
        db.session.commit()


def _connect(
    app: Flask, origin: str, journal: Journal, organization: str, idp: str, media_type: str
) -> IdentityProvider:
    """Do what ``flask scim connections add`` and ``flask scim tokens issue`` do."""
    name = f"{organization}-{idp}"
    with app.app_context():
        if scim.connections.get(name) is None:
            scim.connections.add(name, idp=idp, tenant=organization)
        for earlier in scim.tokens.list(name):
            scim.tokens.revoke(earlier.id)
        token, _ = scim.tokens.issue(name, expires_in=86_400)
    base_url = f"{origin}/scim/v2/{name}"
    print(f"{idp.title()} for {organization}\n  base URL  {base_url}\n  token     {token}\n")
    return IdentityProvider(idp.title(), base_url, token, media_type, journal)


def _url(app: Flask) -> str:
    with app.app_context():
        return db.engine.url.render_as_string()


if __name__ == "__main__":
    sys.exit(main())
