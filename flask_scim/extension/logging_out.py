"""Back-channel logout as one of the ways into the app: whom to tell, written down and told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app

from ..access.ending import Ending
from ..access.logouts import UNKNOWN, Logout, Logouts, make_logout
from ..access.revocation import Revocation
from ..delivery.back_channel_logout import BackChannelLogout, LogoutClient

#: What the way is called among those into the app.
WAY = "backchannel_logout"
#: Finds the apps that somebody has signed in to.
FindClients = Callable[[Any], Iterable[LogoutClient]]

_log = logging.getLogger("flask_scim.access")
_AT_ONCE = 8
#: How long a client is told again that does not hear; the app itself has ended all by then.
_PATIENCE = timedelta(days=7)
_LONGEST = 5.0
_KEPT = "flask_scim.logouts"
_NEXT_TIME = "is to be told next time"


class NotTold(RuntimeError):
    """Some have not heard yet."""


class LoggingOut:
    """Tells other apps that somebody is signed out.

    :param find_clients: finds the apps that a person has signed in to.
    :param revocation: finds what ends access in the current app.
    """

    def __init__(self, find_clients: FindClients, revocation: Callable[[], Revocation]) -> None:
        self._find_clients = find_clients
        self._revocation = revocation

    def keep(self, row: Any) -> None:
        """Find out whom to tell of a person whose row is about to be deleted.

        :param row: the host's object.
        """
        revocation = self._revocation()
        key = revocation.binding.key_of(row)
        revocation.sessions().info[_KEPT] = {key: self._find(row)}

    def enlist(self, ending: Ending) -> None:
        """Write down whom to tell, in the transaction that ends the access.

        :param ending: the end of the person's access.
        """
        revocation = self._revocation()
        session, key = revocation.sessions(), ending.key
        row: Any = session.get(revocation.binding.model, key)
        kept = session.info.pop(_KEPT, {})
        found = kept.get(key, [UNKNOWN]) if row is None else self._find(row)
        self._logouts(revocation).enlist(key, found)

    def end(self, user: Any, ending: Ending) -> int:
        """Tell those who have not heard yet, each in a transaction of its own.

        A client that has not heard for a week is given up: it is gone, and the log says so.

        :param user: the person's row.
        :param ending: the end of their access.
        :return: how many have heard.
        :raises NotTold: if some have not, with the reasons.
        """
        revocation = self._revocation()
        session, logouts = revocation.sessions(), self._logouts(revocation)
        waiting = logouts.open_of(ending.key)
        if UNKNOWN in waiting:
            found = [_note(client) for client in self._find_clients(user)]
            logouts.forget(ending.key, UNKNOWN)
            logouts.enlist(ending.key, found)
            waiting = logouts.open_of(ending.key)
        # Nothing may be held while others are talked to.
        session.commit()
        failed = self._tell(logouts, ending.key, waiting, revocation.patience.timeout)
        if datetime.now(UTC) - ending.since > _PATIENCE:
            failed = self._give_up(logouts, ending, failed)
        if failed:
            reasons = [f"{logout.client_id}: {error}" for logout, error in failed.items()]
            raise NotTold("; ".join(reasons))
        return logouts.finish(ending.key)

    def _give_up(
        self, logouts: Logouts, ending: Ending, failed: dict[Logout, str]
    ) -> dict[Logout, str]:
        """Forget the clients that were tried just now, and return those that were not."""
        gone = {logout: error for logout, error in failed.items() if error != _NEXT_TIME}
        for logout, error in gone.items():
            _log.error(
                "Client %s is given up: since %s it has not heard that User %s is signed out: %s.",
                *(logout.client_id, f"{ending.since:%Y-%m-%d %H:%M} UTC", ending.id, error),
            )
        logouts.forget(ending.key, *gone)
        self._revocation().sessions().commit()
        return {logout: error for logout, error in failed.items() if logout not in gone}

    def _tell(
        self, logouts: Logouts, key: Any, waiting: list[Logout], timeout: float
    ) -> dict[Logout, str]:
        """Tell some at a time, as long as a revoker may take, and return who has not heard."""
        failed: dict[Logout, str] = {}
        if not waiting:
            return failed
        # Each has its turn before the revoker counts as one that hangs.
        patience, began = min(_LONGEST, timeout * 0.4), time.monotonic()
        channel = BackChannelLogout.read(current_app.config, patience)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for start in range(0, len(waiting), _AT_ONCE):
                some = waiting[start : start + _AT_ONCE]
                if time.monotonic() - began > timeout * 0.5:
                    failed |= dict.fromkeys(waiting[start:], _NEXT_TIME)
                    break
                answers = pool.map(channel.tell, map(_client_of, some))
                for logout, error in zip(some, answers, strict=True):
                    logouts.note(key, logout, error)
                    if error is not None:
                        failed[logout] = error
        return failed

    def _find(self, row: Any) -> list[Logout]:
        """Find whom to tell; what the app cannot say now is asked again when they are told."""
        try:
            return [_note(client) for client in self._find_clients(row)]
        except Exception:
            _log.exception("Whom to tell of the end of somebody's access cannot be found.")
            return [UNKNOWN]

    def _logouts(self, revocation: Revocation) -> Logouts:
        return Logouts(revocation.sessions(), revocation.binding, revocation.tables)


def _note(client: Any) -> Logout:
    if not isinstance(client, LogoutClient):
        raise TypeError(f"scim.logout_clients must return LogoutClients, not {client!r:.100}")
    return make_logout(client.client_id, client.uri, client.sub, client.sid)


def _client_of(logout: Logout) -> LogoutClient:
    return LogoutClient(logout.client_id, logout.uri, logout.sub, logout.sid)
