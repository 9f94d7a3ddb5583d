"""What all parts of the extension's face stand on."""

from __future__ import annotations

from flask_sqlalchemy import SQLAlchemy

from .wiring import Wiring


class Wired:
    """A part of the extension's face.

    :param db: the app's Flask-SQLAlchemy extension.
    """

    def __init__(self, db: SQLAlchemy) -> None:
        self.db = db
        self._wiring = Wiring(db)
