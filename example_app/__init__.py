"""Millrace, a support desk for small companies: an ordinary Flask app, and a guest of SCIM.

Read ``provisioning.py`` first: it is what a host writes to have Flask-SCIM. The rest is the app.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from . import accounts, activity, commands, database, programs, views
from .provisioning import scim
from .settings import read_settings


def create_app(
    config: Mapping[str, Any] | None = None, instance_path: str | Path | None = None
) -> Flask:
    """Make the app.

    :param config: settings that go before those of the environment.
    :param instance_path: where the database file and the secret are kept; else
        ``EXAMPLE_INSTANCE_PATH``, or the folder ``instance`` beside the package.
    """
    folder = instance_path or os.environ.get("EXAMPLE_INSTANCE_PATH")
    app = Flask(__name__, instance_path=str(Path(folder).resolve()) if folder else None)
    app.config.update(read_settings(Path(app.instance_path)))
    app.config.update(config or {})
    database.init_app(app)
    accounts.init_app(app)
    scim.init_app(app)
    activity.init_app(app)
    views.init_app(app)
    programs.init_app(app)
    commands.init_app(app)
    return app
