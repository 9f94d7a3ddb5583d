"""Tells of tokens that need somebody's attention, each once whatever the number of processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ..provisioning.changes import Event
from ..provisioning.changes import Kind as What
from .expiry import Kind, Notice, Used, idle_days, warning_due
from .news import tell_credential
from .rows import read_owner


class Watched(Used, Protocol):
    """A token that is looked after."""

    @property
    def id(self) -> str:
        """Its name in lists and logs."""
        ...

    @property
    def connection_id(self) -> str:
        """The connection that it opens."""
        ...

    @property
    def expires(self) -> datetime | None:
        """When it ends, ``None`` for never."""
        ...


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks after the tokens of all connections.

    :param session: the host's session.
    :param table: our table of tokens.
    :param connections: our table of connections.
    :param notify: commits, and tells of, a token that ends soon or that nobody uses any more.
    """

    session: Any
    table: sa.Table
    connections: sa.Table
    notify: Callable[[Notice, Event], None]

    def tell_end(self, token: Watched, warned: int | None, now: datetime) -> Notice | None:
        """Tell that a token ends soon, if nobody has told of this many days yet.

        :param token: the token.
        :param warned: of how many days somebody has told; ``None`` if nobody has.
        :param now: the moment.
        :return: what was told; ``None`` if there was nothing to tell.
        """
        days = warning_due(token.expires, now)
        if days is None or (warned is not None and warned <= days):
            return None
        columns = self.table.c
        is_untold = sa.or_(columns.warned.is_(None), columns.warned > days)
        notice = Notice(Kind.EXPIRING, token.connection_id, token.id, days)
        return self._tell(token, notice, is_untold, warned=days)

    def tell_idle(self, active: Sequence[Watched], now: datetime) -> Notice | None:
        """Tell that the older of two tokens is not used any more, and the newer one is.

        :param active: the tokens of a connection that are good, newest first.
        :param now: the moment.
        :return: what was told; ``None`` if there was nothing to tell.
        """
        if len(active) < 2:
            return None
        newer, older = active[0], active[-1]
        idle = idle_days(newer, older, now)
        if idle is None:
            return None
        notice = Notice(Kind.IDLE, older.connection_id, older.id, idle)
        return self._tell(older, notice, self.table.c.idle_told.is_(False), idle_told=True)

    def _tell(self, token: Watched, notice: Notice, is_untold: Any, **told: Any) -> Notice | None:
        """Tell of a token, if this process is the first to say so."""
        noted = self.table.update().where(self.table.c.id == notice.token_id, is_untold)
        try:
            if not self.session.execute(noted.values(told)).rowcount:
                self.session.commit()
                return None
            owner = read_owner(self.session, self.connections, token.connection_id)
            event = tell_credential(What(notice.kind), owner, "Token", token)
            self.notify(notice, replace(event, details={"days": notice.days}))
        except OperationalError:
            # A busy database must not refuse a request for the sake of a warning.
            self.session.rollback()
            return None
        return notice
