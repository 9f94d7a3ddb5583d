"""An app whose process dies between the commit of a deactivation and the end of access."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from flask_scim import SCIM, Ending

db = SQLAlchemy()
scim = SCIM(db)


class User(db.Model):  # type: ignore[name-defined,misc]
    """A user."""

    __tablename__ = "killable_user"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(40))
    active: Mapped[bool] = mapped_column(default=True)


scim.users(User, {"userName": User.username, "active": User.active})


@scim.revoker("api_keys")
def end_api_keys(user: User, ending: Ending) -> int:
    """Die, if somebody has asked for it; else note who was ended."""
    folder = Path(os.environ["EXAMPLE_INSTANCE_PATH"])
    if (folder / "die").exists():
        (folder / "die").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    with (folder / "ended").open("a") as noted:
        noted.write(f"{user.username} {ending.epoch}\n")
    return 1


def create_app() -> Flask:
    """Make the app, on the database that the environment names."""
    app = Flask("killable")
    app.config.update(
        SECRET_KEY="secret",
        SQLALCHEMY_DATABASE_URI=os.environ["EXAMPLE_DATABASE_URL"],
        SCIM_REVOKER_TIMEOUT=1,
        # A worker does it.
        SCIM_REVOCATION_RETRY=False,
    )
    db.init_app(app)
    scim.init_app(app)
    return app
