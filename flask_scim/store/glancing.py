"""Reads outside a transaction, where that saves the way to the database and back twice."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session


def stay() -> None:
    """Do nothing."""


def glance(session: Session) -> Callable[[], None]:
    """Let a session read without a transaction, so that PostgreSQL is sent no BEGIN or ROLLBACK.

    Each statement sees what is committed when it runs, as it does in a transaction that is ``READ
    COMMITTED``. A commit ends this: what comes after it is in transactions again.

    Nothing happens on other databases, where nothing is saved, to a session that has begun already
    or is bound to a connection, or where anybody listens for transactions that begin: they may say
    there what holds in them, such as whose rows can be seen.

    :param session: the host's session.
    :return: ends this; nothing of the session is left in the database's connection.
    """
    if session.in_transaction() or session.dispatch.after_begin:
        return stay
    engine = session.get_bind()
    if (
        not isinstance(engine, sa.Engine)
        or engine.dialect.name != "postgresql"
        or "isolation_level" in engine.get_execution_options()
        or engine.dispatch.begin
    ):
        return stay
    session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    begun = session.get_transaction()

    def end() -> None:
        if session.get_transaction() is begun:
            session.rollback()

    return end
