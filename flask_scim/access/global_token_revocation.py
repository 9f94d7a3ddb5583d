"""Global Token Revocation: an identity provider ends all that somebody has begun.

The person stays as they are, and can sign in again.
See draft-parecki-oauth-global-token-revocation.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol.errors import Forbidden, NotFound, Unprocessable
from ..provisioning.changes import Event, Kind
from ..store.columns.untouchable import spare
from ..store.sql.failures import translated
from .revocation import Revocation
from .subjects import People, Subject

#: What is said of those whose access ends so.
GLOBALLY_REVOKED = "global token revocation"


@dataclass(frozen=True, slots=True)
class GlobalTokenRevocation:
    """Ends what the people of one connection have begun.

    :param revocation: what ends access.
    :param people: the people of the connection.
    :param issuer: what the identity provider calls itself; ``None`` where the app does not say.
    """

    revocation: Revocation
    people: People
    issuer: str | None = None

    def begin(self, subject: Subject) -> list[Event]:
        """End all that somebody has begun, in a transaction that is yet to be committed.

        :param subject: whom the identity provider names.
        :return: what has happened, to be told of after the commit.
        :raises NotFound: if the connection has nobody of that name.
        :raises Unprocessable: if the app keeps them out of reach.
        """
        session, binding, connection = (
            self.people.session,
            self.people.binding,
            self.people.connection,
        )
        # What was read before, the token above all, belongs to an older snapshot.
        session.commit()
        with translated(binding.resource_type.name):
            is_ours = subject.issuer is None or self.issuer in (None, subject.issuer)
            found = self.people.find(subject) if is_ours else []
            if not found:
                raise NotFound("The subject is nobody whom this connection has provisioned.")
            try:
                spare(binding, *found)
            except Forbidden as error:
                raise Unprocessable(error.detail) from None
            self.revocation.forget()
            events = []
            for row in found:
                key, id = binding.key_of(row), binding.id_of(row)
                self.revocation.begin(key, id, GLOBALLY_REVOKED, connection.id)
                event = Event(Kind.REVOKED, "User", id, connection, None, None, (), row)
                events.append(event)
        return events
