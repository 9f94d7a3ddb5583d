"""What a host asks of the people that identity providers look after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from ..access.desk import AccessDesk
from ..access.ending import Report
from ..access.epochs import REVOKED
from ..access.login import Synced
from ..access.standing import Standing
from ..config import ConfigurationError
from ..mapping.sources import ModelAttribute
from ..provisioning.ports import Connection
from ..roles.held import HeldRole
from ..roles.membership import PAGE, By, Membership
from ..store.changes.edits import overriding
from ..web.requirements import require
from .state import current_state
from .wired import Wired

_View = TypeVar("_View", bound=Callable[..., Any])


class People(Wired):
    """The people of the current app."""

    def allows_login(self, user: Any) -> Standing:
        """Find out whether a user may sign in, at the cost of one statement.

        :param user: the app's row, or ``None``.
        :return: true or false where it is tested, with the ``reason``.
        """
        return self._access().stand(_row(user))

    def access_of(self, user: Any) -> Report | None:
        """Tell how far the last end of a user's access has come.

        :param user: the app's row.
        :return: the report; ``None`` if their access never ended.
        """
        return self._access().report(_row(user))

    def revoke(self, user: Any, cause: str = REVOKED) -> Report:
        """End all that a user has begun: sessions, API keys and whatever else has a revoker.

        It does not keep them from signing in again; that is what your own column is for. What the
        session holds is committed with it.

        :param user: the app's row.
        :param cause: what brought it about, in at most 64 characters.
        :return: how far it has come.
        :raises ValueError: if the row is not saved yet, or the cause cannot be used.
        """
        return self._access().end(_row(user), cause)

    def find_for_login(
        self, connection: Connection, *, subject: str, email: str | None = None
    ) -> Any:
        """Find who signs in through a connection, in one query.

        It is whom the connection has provisioned under this key, or who has signed in through it
        so before; nobody of another tenant, and nobody for the sake of a name. An address counts
        where ``adoption`` is ``verified_email``, under all of its conditions.

        :param connection: the connection of the identity provider that the person comes from.
        :param subject: what it calls the person: the ``sub`` of an ID token, the ``NameID`` of an
            assertion, or what it sends as ``externalId``.
        :param email: the person's e-mail address, if the identity provider has verified it.
        :return: the host's object, also of somebody who may not sign in; ``None`` for a stranger.
        """
        return self._wiring.logins(connection).find(subject, email)

    def sync_at_login(
        self,
        user: Any,
        claims: Mapping[str, Any],
        connection: Connection,
        *,
        subject: str | None = None,
        roles: Iterable[str] | None = None,
    ) -> Synced:
        """Write what an identity provider says of a person at sign-in, where SCIM keeps nothing.

        The person is remembered, so that SCIM knows them by ``externalId`` later on. Nothing is
        committed. Whoever may not sign in stays as they are.

        :param user: the host's object; a new one has to be in the session.
        :param claims: the claims of an ID token, or the attributes of a SAML assertion.
        :param connection: the connection of the identity provider that the person comes from.
        :param subject: what it calls the person; left out, what a claim says.
        :param roles: the roles that this sign-in gives; those that earlier ones gave go. Left out,
            nothing is said of roles. What others have given stays.
        :return: what was written, and what was not.
        :raises ValueError: if the person is of another tenant, or the subject is somebody else's.
        """
        synced = self._wiring.logins(connection).sync(user, claims, subject)
        if roles is None or synced.untouched:
            return synced
        refused = self._wiring.sign_in_roles(user, roles, connection)
        return replace(synced, passed_over={**synced.passed_over, **refused})

    def owns(self, row: Any, attribute: str | ModelAttribute) -> bool:
        """Tell whether an identity provider keeps an attribute of a row, in one query.

        It does where a connection has provisioned the row and its mapping writes the attribute. A
        connection that is disabled keeps its people until it releases them.

        :param row: the host's object.
        :param attribute: an attribute of the host's model, such as ``User.email``, or its name; or
            a SCIM path, which stands for its parts too.
        :return: whether it does.
        :raises ValueError: if neither the model nor SCIM has such an attribute.
        """
        return self._wiring.ownership().owns(row, attribute)

    def owned(self, row: Any) -> frozenset[str]:
        """List what of a row identity providers keep, in one query: see :meth:`owns`.

        :param row: the host's object.
        :return: the names of attributes, those of the host's model and those of SCIM.
        """
        return self._wiring.ownership().owned(row)

    @contextmanager
    def overriding(self) -> Iterator[None]:
        """Let the app change what an identity provider keeps, also where that is refused.

        It is for the app's own administrators; the session is flushed at the end.
        """
        with overriding(self.db.session()):
            yield

    def groups_of(
        self, user: Any, *, take: int | None = PAGE, after: str | None = None
    ) -> list[Membership]:
        """List the groups that a user is in, also by way of other groups, with one statement.

        :param user: the user's row.
        :param take: the most to list; ``None`` for all.
        :param after: the SCIM ``id`` of the group after which to begin.
        :return: the groups.
        """
        return self._wiring.circle().of(user, take=take, after=after)

    def has_group(self, user: Any, *groups: str, by: By | None = None) -> list[Membership]:
        """Find out which of some groups a user is in, with one statement.

        :param user: the user's row.
        :param groups: the SCIM ids, the external ids or the names of the groups.
        :param by: which of the three they are: an identity provider chooses external ids and names
            itself, so say ``"id"`` where other customers must not be able to choose the same.
        :return: those that the user is in; none is false where it is tested.
        """
        return self._wiring.circle().of(user, take=None, only=groups, by=by)

    def roles_of(
        self, user: Any, *, take: int | None = PAGE, after: str | None = None
    ) -> list[HeldRole]:
        """List the roles of a user and where they come from, with one statement.

        :param user: the user's row.
        :param take: the most to list; ``None`` for all.
        :param after: the role after which to begin.
        :return: the roles by name.
        """
        return self._wiring.roles.of(user, take=take, after=after)

    def requires_group(self, *groups: str, by: By | None = None) -> Callable[[_View], _View]:
        """Let only those into a view who are in one of some groups; others get 403.

        Put it below the route, and below what asks strangers to sign in.

        :param groups: the groups, as :meth:`has_group` takes them.
        :param by: which of the three they are.
        :return: a decorator for views.
        """
        return require(
            self._wiring.whoever_is_signed_in,
            lambda user: bool(self.has_group(user, *groups, by=by)),
            "You are in no group that may see this.",
        )

    def requires_role(self, *roles: str) -> Callable[[_View], _View]:
        """Let only those into a view who have one of some roles; others get 403.

        See :meth:`requires_group`.

        :param roles: the roles, whoever has given them.
        :return: a decorator for views.
        """
        return require(
            self._wiring.whoever_is_signed_in,
            lambda user: self._wiring.roles.has(user, roles),
            "You have no role that may see this.",
        )

    def forget(self, id: str, resource_type: str = "User") -> int:
        """Delete what the log and the outbox hold of one person, in all connections.

        The rows stay in their order, without what they held, and with ``forgotten`` in place of the
        id. It is done in batches, and can be done again where it was stopped.

        :param id: the SCIM ``id``.
        :param resource_type: the name of its type.
        :return: how many rows were changed.
        :raises ValueError: if there is no such resource type.
        """
        return self._wiring.forget(id, resource_type)

    def _access(self) -> AccessDesk:
        access = current_state().access
        if access is None:
            raise ConfigurationError("Declare the users first: scim.users(User, {…}).")
        return access


def _row(user: Any) -> Any:
    """The row itself, where something like ``current_user`` stands for it."""
    unwrap = getattr(user, "_get_current_object", None)
    return user if unwrap is None else unwrap()
