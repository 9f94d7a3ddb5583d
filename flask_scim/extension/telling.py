"""What follows from a change: in its transaction, and after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask

from ..access.ending import Report
from ..access.following import follow
from ..config import Settings
from ..connections.expiry import Notice
from ..delivery.celery import wake
from ..protocol.values import write_datetime
from ..provisioning.changes import Cause, Event, Kind
from ..provisioning.policy import Policy
from ..provisioning.ports import Connection
from ..signals import publish, publish_access, publish_notice
from ..store.journal.forgetting import Forgetting
from ..web.current import this_app
from ..web.log import Log, current_record, log_change
from ..web.writer import Writer
from .causes import current_cause
from .guarding import Guarding
from .state import current_state


class Telling(Guarding):
    """Events, the log and the end of access, each in its place around the commit."""

    def _settle(self, events: Sequence[Event]) -> Sequence[Event]:
        """Do what follows from a change inside its transaction, one part of ours after another."""
        access = current_state().access
        if access is not None:
            has_deleter = self.declared["User"].hooks.deleter is not None
            says_all = access.revocation.binding.active is not None and not has_deleter
            follow(access.revocation, events, may_bar=not says_all)
        self._log_change(events)
        # Last of all: from here to the commit, other changes of the connection wait.
        return self.outbox.append(events, current_cause())

    def _log_change(self, events: Sequence[Event]) -> None:
        record = current_record()
        # The row of a Bulk request counts its operations, and is written with its answer.
        if record is None or record.connection is None or record.outcomes is not None:
            return
        state = current_state()
        policy = state.policy.over(record.connection.policy)
        log_change(record, state.settings, policy, events, self.requests.add)

    def _commit(self, events: Sequence[Event]) -> None:
        """Commit what happened to a connection, or to what opens it, and tell of it."""
        self._publish(self._keep(events, current_cause()))

    def _commit_notice(self, notice: Notice, event: Event) -> None:
        (told,) = self._keep([event], Cause("clock"))
        publish_notice(this_app(), notice, told, self.db.session.rollback)

    def _keep(self, events: Sequence[Event], cause: Cause) -> Sequence[Event]:
        """Write events down and commit them with what they tell of."""
        try:
            for event in events:
                if event.type == "connection.resumed":
                    self._breaker().reset(event.connection)
            told = self.outbox.append(events, cause)
            self.db.session.commit()
        except Exception:
            self.db.session.rollback()
            raise
        return told

    def _publish(self, events: Sequence[Event]) -> None:
        """End the access of those who are out, and tell of all that has happened."""
        task = self.tasks.get(this_app())
        if task is not None and events:
            wake(task)
        access = current_state().access
        reports = [] if access is None else access.revocation.carry_out()
        publish(this_app(), events, self.db.session.rollback)
        for report in reports:
            self._tell_of_access(report)

    def _settle_access(self, report: Report) -> None:
        """Write down that somebody is fully out, where it was an identity provider's doing."""
        ending = report.ending
        if ending.connection_id is None:
            return
        connection = self.connections.get(ending.connection_id)
        if connection is None:
            return
        event = Event(
            Kind.ACCESS_ENDED,
            "User",
            ending.id,
            connection,
            None,
            None,
            (),
            None,
            reason=ending.cause,
            details={"ended": report.ended, "since": write_datetime(ending.since)},
        )
        self.outbox.append([event], current_cause())

    def _tell_of_access(self, report: Report) -> None:
        ending, model = report.ending, self.declared["User"].model

        def find() -> dict[str, Any]:
            id = ending.connection_id
            connection = None if id is None else self.connections.get(id)
            return {"user": self.db.session.get(model, ending.key), "connection": connection}

        publish_access(this_app(), report, find, self.db.session.rollback)

    def log(self, app: Flask, settings: Settings, policy: Policy) -> Log:
        """Make what writes requests to the log of an app.

        :param app: the app.
        :param settings: its settings.
        :param policy: the choices of the app.
        :return: the log.
        """

        def choose(connection: Connection | None) -> Policy:
            return policy if connection is None else policy.over(connection.policy)

        return Log(Writer(app, lambda: self.requests, settings.log_delay), choose)

    def forget(self, id: str, resource_type: str = "User") -> int:
        """Take a resource out of the log and the outbox; see :meth:`.SCIM.forget`."""
        declared = self.declared.get(resource_type)
        if declared is None:
            raise ValueError(f"This application has no resource type {resource_type[:100]!r}.")
        # Nothing that the caller has begun may hold up what is written meanwhile.
        self.db.session.commit()
        current_state().gateway.log.writer.settle()
        endpoint = declared.resource_type.endpoint
        forgetting = Forgetting(self.db.session, self.tables, resource_type, endpoint, id)
        return sum(forgetting.run())
