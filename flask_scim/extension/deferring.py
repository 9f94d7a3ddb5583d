"""Requests that wait, and what carries them out, wired together for the current app."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..config import ConfigurationError, Settings
from ..connections.readmission import Readmission
from ..delivery.celery import wake
from ..provisioning.changes import Event
from ..provisioning.deferred import Deferred, Taken
from ..provisioning.log import Logged
from ..provisioning.ports import Connection
from ..store.journal.deferred import SqlDeferred
from ..store.sql.failures import translated
from ..web.clerk import Clerk
from ..web.current import this_app
from ..web.exchange import Deferral
from .admitting import Admitting
from .causes import current_cause
from .state import current_state


class Deferring(Admitting):
    """What lets requests wait, and carries them out."""

    @property
    def deferred(self) -> SqlDeferred:
        """The requests of the current app that wait."""
        tables = self.tables
        return SqlDeferred(self.db.session, tables.deferred, tables.steps, tables.connections)

    def make_deferral(self, config: Mapping[str, Any], settings: Settings) -> Deferral | None:
        """Make what lets requests wait; ``None`` where none may.

        :param config: the app's ``config``.
        :param settings: its settings.
        :return: what lets them wait.
        :raises ConfigurationError: if nothing could tell what comes of them.
        """
        if not settings.max_waiting_bulks or not settings.max_bulk_operations:
            return None
        if not (config.get("SCIM_EVENTS_KEYS") and config.get("SCIM_EVENTS_ISSUER")):
            raise ConfigurationError(
                "SCIM_MAX_WAITING_BULKS needs SCIM_EVENTS_KEYS and SCIM_EVENTS_ISSUER: a security "
                "event token tells what comes of a request that waits."
            )
        return Deferral(settings.max_waiting_bulks, self.deferred.count, self.accept)

    def accept(self, deferred: Deferred, logged: Logged) -> int:
        """Let a request wait.

        :param deferred: the request.
        :param logged: the same for the log.
        :return: its place in the log.
        """
        try:
            with translated("request"):
                self.deferred.add(deferred)
                place = self.requests.add(logged)
                self.db.session.commit()
        except Exception:
            self.db.session.rollback()
            raise
        task: Any = self.tasks.get(this_app())
        if task is not None:
            wake(task)
        return place

    def carry_out(self, connection_id: str, is_stopped: Callable[[], bool] = lambda: False) -> bool:
        """Carry out the oldest request of a connection; see :meth:`.Clerk.carry_out`."""
        session = self.db.session
        clerk = Clerk(
            this_app(),
            current_state().gateway,
            self.deferred,
            self.connections.get,
            self._readmit,
            session.commit,
            session.rollback,
            self._conclude,
        )
        return clerk.carry_out(connection_id, is_stopped)

    def _readmit(self, connection: Connection, deferred: Deferred) -> frozenset[str]:
        tables = self.tables
        readmission = Readmission(self.db.session, tables.tokens, tables.clients)
        readmission.check(connection, deferred.actor)
        return frozenset(deferred.scopes)

    def _conclude(self, taken: Taken, events: Sequence[Event], logged: Logged) -> None:
        """Tell what came of a request, forget it, and commit both."""
        try:
            self.db.session.rollback()
            self.deferred.finish(taken)
            self.requests.add(logged)
            told = self.outbox.append(events, current_cause())
            self.db.session.commit()
        except BaseException:
            self.db.session.rollback()
            raise
        self._publish(told)
