"""An app that gathers what it logs, and says which process answers."""

from __future__ import annotations

import os

from flask import Flask

from tests.host import make_host


def create_app(delay: int) -> Flask:
    """Make the app, on the database that the environment names."""
    app = make_host(os.environ["EXAMPLE_DATABASE_URL"], SCIM_LOG_DELAY=delay).app
    app.add_url_rule("/process", view_func=lambda: str(os.getpid()))
    return app
