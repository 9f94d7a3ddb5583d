"""What is asked before anything is written, and may refuse it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from ..connections.breaker import Breaker, Tripped
from ..protocol.errors import Forbidden, ScimError
from ..protocol.parser import parse_filter
from ..protocol.resolver import resolve_filter
from ..protocol.values import write_datetime
from ..provisioning.changes import Kind
from ..provisioning.intents import Intent
from ..provisioning.ports import Connection, Query
from ..store.people.administrators import is_last
from .causes import current_cause
from .circles import Circles
from .state import current_state


class Guarding(Circles):
    """The host's guards and ours."""

    def _guard(self, intent: Intent) -> None:
        """Let the host, and parts of ours, refuse what a request is about to do."""
        self._keep_an_admin(intent)
        is_deleted = intent.kind is Kind.DELETED and intent.resource_type == "User"
        if is_deleted and self.logging_out is not None:
            self.logging_out.keep(intent.row)
        for guard in self.guards:
            guard(intent)
        # Last of the guards: from here to the commit, others who lose access wait.
        if intent.ends_access and intent.resource_type == "User" and current_cause().is_outside:
            policy = current_state().policy.over(intent.connection.policy)
            self._breaker().count(intent, policy)

    def _refused(self, error: ScimError) -> None:
        """Hold a connection that was about to take away too much."""
        if isinstance(error, Tripped):
            access = current_state().access
            if access is not None:
                # What an attempt before this one had begun is undone.
                access.revocation.forget()
            self.connections.hold(error.connection_id, str(error.hold), asdict(error.hold))

    def _keep_an_admin(self, intent: Intent) -> None:
        if not intent.ends_access or intent.resource_type != "User":
            return
        users = self._users()
        if self.admins is not None:
            admins = self.admins(intent.connection)
            is_last_one = is_last(self.db.session(), users, admins, intent.row)
        elif self.declared_roles is not None:
            book_admins = self.role_book().admins
            is_last_one = book_admins.is_last(intent.connection, users.key_of(intent.row))
        else:
            return
        if is_last_one:
            raise Forbidden(
                f"User {users.id_of(intent.row)[:100]!r} is the last administrator of this "
                "customer's account in the application; make somebody else one there first. "
                "Nothing was changed."
            )

    def _breaker(self) -> Breaker:
        tables = self.tables
        return Breaker(self.db.session, tables.connections, tables.ends, self._count_people)

    def _count_people(self, connection: Connection, since: datetime) -> int:
        """Count the people of a connection who have access, and are not newer than a moment."""
        wanted = f'not (active eq false) and meta.created le "{write_datetime(since)}"'
        condition = resolve_filter(parse_filter(wanted), self._type_of_users())
        return self._service_of_users(connection).find(Query(condition, count=0)).total
