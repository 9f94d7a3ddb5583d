"""Databases that read from a snapshot, and how to look past it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session


def current(session: Session, statement: sa.Select[Any]) -> sa.Select[Any]:
    """Let a statement see what others have committed since the transaction began.

    MariaDB and MySQL read from a snapshot unless they lock what they read.

    :param session: the host's session.
    :param statement: the statement; it names the tables themselves.
    :return: the statement for the database in hand.
    """
    if session.get_bind().dialect.name in ("mysql", "mariadb"):
        return statement.with_for_update(read=True)
    return statement
