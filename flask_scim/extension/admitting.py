"""What opens connections: tokens, OAuth clients, and other signatures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..connections.access_tokens import AccessTokens, is_access_token
from ..connections.admission import Admission, Grant
from ..connections.authority import Authority
from ..connections.clients import Clients
from ..connections.extra import make_authority, read_keys
from ..connections.issuers import Issuer
from ..connections.signed_admission import SignedAdmission
from ..connections.tokens import Tokens
from ..protocol.errors import Unauthorized
from ..provisioning.ports import Connection
from ..store.sql.glancing import glance, stay
from .state import current_state, signing_keys
from .telling import Telling


class Admitting(Telling):
    """What lets clients into the connections of the current app."""

    @property
    def tokens(self) -> Tokens:
        """The tokens of the current app."""
        tables = self.tables
        return Tokens(
            self.db.session,
            tables.tokens,
            tables.connections,
            signing_keys,
            self._plurals(),
            self._commit,
            self._commit_notice,
        )

    @property
    def clients(self) -> Clients:
        """The OAuth clients of the current app."""
        tables = self.tables
        return Clients(
            self.db.session,
            tables.clients,
            tables.assertions,
            tables.connections,
            self._plurals(),
            read_keys,
            self._commit,
        )

    def access_tokens(self) -> AccessTokens:
        """The access tokens of the current app."""
        tables, lifetime = self.tables, current_state().settings.access_token_lifetime
        return AccessTokens(
            self.db.session, tables.clients, tables.connections, signing_keys, lifetime
        )

    def make_authority(self) -> Authority | None:
        """Make what issues access tokens; ``None`` without the extra that it needs."""
        if make_authority is None:
            return None
        return make_authority(lambda: self.clients, self.access_tokens, self._plurals())

    def glance(self) -> Callable[[], None]:
        """Begin a request that changes nothing, before its token is looked up.

        :return: what is to be done at its end.
        """
        if not (self.verifier is None and self.issuer is None and self.me is None):
            # What the host looks up itself may write, and count on a transaction.
            return stay
        return glance(self.db.session())

    def admission(self) -> Admission:
        """Make what lets clients into connections."""
        return Admission(
            [self._verify_elsewhere, self._verify_access_token, partial(_verify_token, self.tokens)]
        )

    def signed_admission(self, text: str, connection_id: str, audience: str) -> Grant:
        """Let a client in that authenticates by a token, or by its identity provider's signature.

        :param text: its bearer token.
        :param connection_id: the connection that it asks for.
        :param audience: the URI of the request.
        :return: what it may do there.
        """

        def find_issuer(connection: Connection) -> Issuer | None:
            return None if self.issuer is None else self.issuer(connection)

        used, find = self.tables.assertions, self.connections.get
        admit = self.admission().admit
        admission = SignedAdmission(self.db.session, used, find, find_issuer, admit)
        return admission.admit(text, connection_id, audience)

    def _verify_elsewhere(self, text: str) -> Grant | None:
        """Ask the host, which may have an authorization server of its own."""
        found = None if self.verifier is None else self.verifier(text)
        if found is None:
            return None
        connection_id, scopes = found
        connection = self.connections.get(connection_id)
        if connection is None:
            raise Unauthorized("The bearer token is not known here.")
        return Grant(connection, frozenset(scopes), "of the application", "application")

    def _verify_access_token(self, text: str) -> Grant | None:
        return self.access_tokens().verify(text) if is_access_token(text) else None


def _verify_token(tokens: Tokens, text: str) -> Grant:
    connection, token = tokens.verify(text)
    return Grant(connection, frozenset(token.scopes), token.id)
