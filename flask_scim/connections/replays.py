"""What has been used to authenticate, and cannot be used again, in any process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from ..store.sql.failures import translate
from .rows import hash_secret


def use_once(
    session: Any, table: sa.Table, user: str, connection_id: str, jti: str, expires: datetime
) -> bool:
    """Note that somebody has authenticated with something.

    :param session: the host's session.
    :param table: our table of what was used.
    :param user: who has, in at most 16 characters.
    :param connection_id: the connection that it opens.
    :param jti: its own id.
    :param expires: when it would end anyway.
    :return: whether it is the first time.
    :raises ServiceUnavailable: if the database is busy.
    """
    row = {
        "id": hash_secret(f"{user}.{jti}"),
        "connection_id": connection_id,
        "client_id": user,
        "expires": expires,
    }
    try:
        session.execute(table.insert().values(row))
        session.commit()
    except IntegrityError:
        session.rollback()
        return False
    except SQLAlchemyError as error:
        session.rollback()
        raise translate(error, "client") from error
    _forget(session, table, user)
    return True


def _forget(session: Any, table: sa.Table, user: str) -> None:
    """Delete what nobody can use again anyway."""
    is_over = table.c.expires < datetime.now(UTC)
    try:
        session.execute(table.delete().where(table.c.client_id == user, is_over))
        session.commit()
    except OperationalError:
        # The next one will do it.
        session.rollback()
