"""Identity providers let in by their own signature, to end what somebody has begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..protocol.errors import Unauthorized
from ..provisioning.ports import Connection
from .admission import Grant, attribute, check_state
from .extra import read_issuer, verify_signed
from .issuers import REVOCATIONS, Issuer
from .replays import use_once

#: Whom ids of signed requests are kept for; ids of clients look otherwise.
_USER = "issuer"


@dataclass(frozen=True, slots=True)
class SignedAdmission:
    """Lets clients into connections, by a signature of the identity provider's or by a token.

    :param session: the host's session.
    :param used: our table of what was used to authenticate.
    :param find_connection: finds a connection; ``None`` if there is none.
    :param find_issuer: finds the identity provider of a connection, where the app knows it.
    :param admit_token: lets in by a token.
    """

    session: Any
    used: sa.Table
    find_connection: Callable[[str], Connection | None]
    find_issuer: Callable[[Connection], Issuer | None]
    admit_token: Callable[[str, str], Grant]

    def admit(self, text: str, connection_id: str, audience: str) -> Grant:
        """Let a client into a connection.

        :param text: its bearer token, of whichever kind.
        :param connection_id: the connection that it asks for.
        :param audience: the URI of the request.
        :return: what it may do there.
        :raises Unauthorized: if the token is not good for this connection, or was used before.
        :raises ServiceUnavailable: if the connection is paused.
        :raises Forbidden: if the connection is disabled.
        """
        signer = None if read_issuer is None else read_issuer(text)
        connection = None if signer is None else self.find_connection(connection_id)
        issuer = None if connection is None else self.find_issuer(connection)
        if connection is None or issuer is None or issuer.url != signer or verify_signed is None:
            return self.admit_token(text, connection_id)
        signed = verify_signed(text, issuer, audience)
        id = f"{connection.id} {issuer.url} {signed.id}"
        grant = Grant(connection, frozenset({REVOCATIONS}), issuer.url, "issuer")
        if not use_once(self.session, self.used, _USER, connection.id, id, signed.ends):
            refused = Unauthorized("The JWT was used before; sign another one for each request.")
            raise attribute(refused, connection.id, grant.actor)
        check_state(grant)
        return grant
