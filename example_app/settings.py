"""Where the settings come from: the environment, and a secret kept in the instance folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from .sample import ORGANIZATIONS


def read_settings(instance: Path) -> dict[str, Any]:
    """Read the settings of the app.

    ``EXAMPLE_DATABASE_URL`` chooses the database, and ``EXAMPLE_SECRET_KEY`` the key that signs
    sessions and SCIM tokens.
    """
    instance.mkdir(parents=True, exist_ok=True)
    return {
        "SECRET_KEY": os.environ.get("EXAMPLE_SECRET_KEY") or _keep_secret(instance / "secret_key"),
        "SQLALCHEMY_DATABASE_URI": os.environ.get("EXAMPLE_DATABASE_URL")
        or f"sqlite:///{instance / 'millrace.db'}",
        "SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": True},
        "SESSION_COOKIE_SAMESITE": "Lax",
        # Attributes without a column of ours are kept, so that all that was sent can be read again.
        "SCIM_UNMAPPED": "keep",
        # `flask scim connections add NAME` without --tenant means our first customer.
        "SCIM_DEFAULT_TENANT": ORGANIZATIONS[0].id,
    }


def _keep_secret(path: Path) -> str:
    """Read the secret, or make it if nobody has yet; whoever comes first makes it for all."""
    if not path.exists():
        # A temporary file is the owner's alone, and a link appears with its content or not at all.
        with NamedTemporaryFile("w", dir=path.parent, prefix=path.name, encoding="ascii") as draft:
            draft.write(secrets.token_urlsafe(48))
            draft.flush()
            with suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_text("ascii")
