"""Who may come in: whatever a client authenticates with, turned into what it may do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..protocol.errors import Forbidden, ScimError, ServiceUnavailable, Unauthorized
from ..provisioning.ports import Connection, State

_log = logging.getLogger("flask_scim.connections")
#: When a client of a paused connection may try again, in seconds.
_PAUSE = 300


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client may do.

    :param connection: the connection that it is let into.
    :param scopes: what it may do there, such as ``get:users``.
    :param credential: the id of what it has authenticated with, for logs.
    :param kind: what that is: ``token``, ``client``, ``issuer`` or ``application``.
    """

    connection: Connection
    scopes: frozenset[str]
    credential: str
    kind: str = "token"

    @property
    def actor(self) -> str:
        """Who the client is, as causes name it."""
        return self.kind if self.kind == "application" else f"{self.kind}:{self.credential}"


_Error = TypeVar("_Error", bound=ScimError)


def attribute(error: _Error, connection_id: str, actor: str) -> _Error:
    """Note for the log, and for nobody else, who is refused by an error.

    :param error: the error.
    :param connection_id: the connection of the credential.
    :param actor: the credential, as causes name it.
    :return: the error.
    """
    error.attribution = (connection_id, actor)
    return error


#: Reads a bearer token: ``None`` if it is of another kind, ``Unauthorized`` if it is no good.
Verifier = Callable[[str], Grant | None]


class Admission:
    """Lets clients into connections.

    :param verifiers: the kinds of bearer tokens, in the order in which they are tried.
    """

    def __init__(self, verifiers: Sequence[Verifier]) -> None:
        self._verifiers = verifiers

    def admit(self, text: str, connection_id: str) -> Grant:
        """Let a client into a connection.

        :param text: its bearer token.
        :param connection_id: the connection that it asks for.
        :return: what it may do there.
        :raises Unauthorized: if the token is not good for this connection.
        :raises ServiceUnavailable: if the connection is paused.
        :raises Forbidden: if the connection is disabled.
        """
        grant = self._verify(text)
        connection = grant.connection
        if connection.id != connection_id:
            _log.warning(
                "Credential %s of connection %s was used on another one.",
                grant.credential,
                connection.id,
            )
            refused = Unauthorized("The bearer token is not for this connection.")
            raise attribute(refused, connection.id, grant.actor)
        check_state(grant)
        return grant

    def _verify(self, text: str) -> Grant:
        for verifier in self._verifiers:
            grant = verifier(text)
            if grant is not None:
                return grant
        raise Unauthorized("The bearer token is not known here.")


def check_state(grant: Grant) -> None:
    """Refuse who has authenticated for a connection that is open for nobody.

    :param grant: what the client may do, if the connection is open.
    :raises ServiceUnavailable: if it is paused.
    :raises Forbidden: if it is disabled.
    """
    match grant.connection.state:
        case State.PAUSED:
            paused = ServiceUnavailable(
                "Provisioning is paused by the application; nothing was changed. Try later.",
                _PAUSE,
            )
            raise attribute(paused, grant.connection.id, grant.actor)
        case State.DISABLED:
            disabled = Forbidden("Provisioning is switched off by the application.")
            raise attribute(disabled, grant.connection.id, grant.actor)
