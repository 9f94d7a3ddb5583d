"""Reads outside a transaction, where that saves the way to the database and back twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from weakref import ref

import sqlalchemy as sa
from sqlalchemy.orm import Session

_LOOKED = "flask_scim.looked"


def stay() -> None:
    """Do nothing."""


def glance(session: Session) -> Callable[[], None]:
    """Let a session read without a transaction, so that PostgreSQL is sent no BEGIN or ROLLBACK.

    Each statement sees what is committed when it runs, as it does in a transaction that is ``READ
    COMMITTED``. A commit ends this: what comes after it is in transactions again.

    On other databases nothing is saved by that; it is noted when it ends that the session has only
    looked, see :func:`has_only_looked`. Nothing at all happens to a session that has begun already
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
        or "isolation_level" in engine.get_execution_options()
        or engine.dispatch.begin
    ):
        return stay
    if engine.dialect.name != "postgresql":
        return partial(_note, session)
    session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    begun = session.get_transaction()

    def end() -> None:
        if session.get_transaction() is begun:
            session.rollback()

    return end


def has_only_looked(session: Session) -> bool:
    """Tell whether all that a session's transaction has done was done in a glance.

    :param session: the host's session.
    :return: whether it was; not, where nobody knows.
    """
    transaction, looked = session.get_transaction(), session.info.get(_LOOKED)
    return transaction is not None and looked is not None and looked() is transaction


def _note(session: Session) -> None:
    transaction = session.get_transaction()
    # It knows its session: held from there, both would wait for the collector to let them go.
    session.info[_LOOKED] = None if transaction is None else ref(transaction)
