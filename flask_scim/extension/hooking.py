"""What a host does itself: functions that are asked, and ways into its apps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from ..access.revokers import Revoker
from ..config import ConfigurationError
from ..connections.extra import verify_signed
from ..connections.issuers import Issuer
from ..provisioning.intents import Intent
from ..provisioning.journal import Entry
from ..provisioning.ports import Connection
from ..web.sessions import UserOf
from .logging_out import FindClients
from .wired import Wired


class Hooking(Wired):
    """The functions of a host that take part in what SCIM does."""

    def me(self, function: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
        """Let a function say whose the requests of a connection are, for ``/Me``.

        :param function: takes the connection and returns a row of a declared model, or ``None``.
        :return: the function.
        """
        self._wiring.me = function
        return function

    def guard(self, function: Callable[[Intent], None]) -> Callable[[Intent], None]:
        """Let a function refuse what an identity provider is about to do, before it is written.

        There can be several; each runs inside the transaction, with the row locked.

        :param function: takes an :class:`~flask_scim.Intent`, and raises one of the project's own
            errors, such as ``Forbidden``, to refuse it in words that the identity provider's admin
            reads.
        :return: the function.
        """
        self._wiring.guards.append(function)
        return function

    def admins(
        self, function: Callable[[Connection], sa.Select[Any]]
    ) -> Callable[[Connection], sa.Select[Any]]:
        """Let a function say who administers a customer's account, so that somebody always does.

        An identity provider that deactivates or deletes the last one is answered with 403, also
        where two requests take away the last two at the same moment.

        :param function: takes the connection and returns a plain ``select`` of the model of users:
            the administrators or owners of its tenant who can sign in.
        :return: the function.
        """
        self._wiring.admins = function
        return function

    def issuer(
        self, function: Callable[[Connection], Issuer | None]
    ) -> Callable[[Connection], Issuer | None]:
        """Let a function say which identity provider signs for a connection, and with which keys.

        It may end what somebody has begun by a request that it signs, as Okta's Universal Logout
        does.

        :param function: takes the connection and returns an :class:`~flask_scim.Issuer`, or
            ``None`` if the connection has none.
        :return: the function.
        :raises ConfigurationError: if the extra ``oauth`` is not installed.
        """
        if verify_signed is None:
            raise ConfigurationError(
                "scim.issuer needs joserfc; install the extra: Flask-SCIM[oauth]."
            )
        self._wiring.issuer = function
        return function

    def verifier(
        self, function: Callable[[str], tuple[str, Iterable[str]] | None]
    ) -> Callable[[str], tuple[str, Iterable[str]] | None]:
        """Let a function read bearer tokens that an authorization server of the app's has issued.

        :param function: takes the token and returns the connection that it opens, with the scopes
            that it has there, or ``None`` if it is none of its own; it raises ``Unauthorized`` if
            it is, and is no good.
        :return: the function.
        """
        self._wiring.verifier = function
        return function

    def signed_in(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Let a function say who is signed in; without one, Flask-Login is asked.

        :param function: returns the user's row, or ``None`` for nobody.
        :return: the function.
        """
        self._wiring.signed_in = function
        return function

    def destination(self, name: str) -> Callable[[Callable[[Entry], Any]], Callable[[Entry], Any]]:
        """Let a function be told of every event by ``flask scim deliver``: at least once.

        :param name: what the destination is called.
        :return: a decorator for the function, which takes an
            :class:`~flask_scim.provisioning.journal.Entry`. What it raises is a failure, and it is
            called again later.
        """

        def declare(function: Callable[[Entry], Any]) -> Callable[[Entry], Any]:
            self._wiring.callables[name] = function
            return function

        return declare

    def revoker(self, name: str) -> Callable[[Revoker], Revoker]:
        """Let a function close a way into the app for those whose access ends.

        It runs after the commit, in the context of the app, with a session of its own that is
        committed afterwards. If it raises, hangs or returns something else than how many it has
        ended, it is called again later, until it took.

        :param name: the way, such as ``"api_keys"``.
        :return: a decorator; the function takes the app's row and the :class:`~flask_scim.Ending`,
            and returns how many of its kind it has ended.
        :raises ConfigurationError: if the name cannot be used, or is taken.
        """

        def register(function: Revoker) -> Revoker:
            self._wiring.revokers.add(name, function)
            return function

        return register

    def ways_in(self, *names: str) -> None:
        """Say which ways into the app there are: ``flask scim check`` names those left open.

        :param names: the ways, as their revokers are called.
        :raises ConfigurationError: if a name cannot be used.
        """
        self._wiring.revokers.declare(names)

    def logout_clients(self, function: FindClients) -> FindClients:
        """Let other apps be told when somebody is signed out.

        It is OpenID Connect Back-Channel Logout, for an app that is the OpenID provider of others.

        :param function: takes the row of a user, and returns a :class:`~flask_scim.LogoutClient`
            for each app, or each session there, that they have signed in to by way of this one.
        :return: the function.
        :raises ConfigurationError: if there is one already.
        """
        self._wiring.tell_clients(function)
        return function

    def guard_sessions(self, user_of: UserOf) -> None:
        """Let sessions of the app's own be refused that began before their owner was put out.

        Those of Flask-Login are looked after without it.

        :param user_of: the key of the session under which the primary key of the app's row stands,
            or a function that takes the session and returns the primary key, the row or ``None``.
        """
        self._wiring.user_of = user_of
