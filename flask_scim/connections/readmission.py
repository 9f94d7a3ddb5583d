"""Whether whoever was let into a connection some time ago would be let in now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ..protocol.errors import Unauthorized
from ..provisioning.ports import Connection
from .admission import Grant, check_state


class Readmission:
    """Looks at the credentials of those whose requests have waited.

    :param session: the host's session.
    :param tokens: our table of tokens.
    :param clients: our table of OAuth clients.
    """

    def __init__(self, session: Any, tokens: sa.Table, clients: sa.Table) -> None:
        self._session = session
        self._tables = {"token": tokens, "client": clients}

    def check(self, connection: Connection, actor: str) -> None:
        """Refuse who would not be let in now.

        Of those whom the app or an identity provider itself has vouched for, nothing is known but
        the connection.

        :param connection: the connection as it is now.
        :param actor: who it was, as causes name it.
        :raises Unauthorized: if the token or the client has been revoked, or the token has ended.
        :raises ServiceUnavailable: if the connection is paused.
        :raises Forbidden: if it is disabled.
        """
        kind, _, id = actor.partition(":")
        check_state(Grant(connection, frozenset(), id, kind))
        table = self._tables.get(kind)
        if table is None:
            return
        is_it = (table.c.id == id, table.c.connection_id == connection.id)
        row = self._session.execute(sa.select(table).where(*is_it)).mappings().first()
        # An access token may have ended; its client is still the same.
        expires = None if row is None else row.get("expires")
        has_ended = expires is not None and expires <= datetime.now(UTC)
        if row is None or row["revoked"] is not None or has_ended:
            raise Unauthorized(
                "What the request was authenticated with is not good any more; nothing was changed."
            )
