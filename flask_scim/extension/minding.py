"""What looks after people: their access, their sign-ins, their roles, and accounts of before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import Flask

from ..access.closing import Closing
from ..access.desk import AccessDesk
from ..access.ending import Ending
from ..access.global_token_revocation import GlobalTokenRevocation
from ..access.login import Logins
from ..access.revocation import Patience, Revocation
from ..access.revokers import Revoker, Revokers
from ..access.sessions import Sessions
from ..access.stored import STORED, Shelf, clearing, find_shelf
from ..access.subjects import People, Subject
from ..config import Settings
from ..protocol.errors import ScimError
from ..protocol.schema import ResourceType
from ..provisioning.policy import Adoption, Policy
from ..provisioning.ports import Connection
from ..provisioning.takeover import Finding, take_over
from ..roles.grants import Origin
from ..roles.roles import Roles
from ..store.columns.binding import Binding
from ..store.people.accounts import Accounts, find_lack
from ..store.queries.roster import Roster
from ..web.sessions import SessionGuard
from .logging_out import WAY, FindClients, LoggingOut
from .state import bound_for, current_state, signing_keys
from .telling import Telling


class Minding(Telling):
    """The people of the current app and of its connections."""

    def access(
        self, app: Flask, settings: Settings, bindings: dict[ResourceType, Binding]
    ) -> AccessDesk | None:
        """Make what looks after people's access to an app, and after their sessions.

        :return: it; ``None`` where the app has no users.
        """
        users = self.declared.get("User")
        if users is None or users.access is None:
            return None
        tables = users.access

        def find_own() -> dict[str, Revoker]:
            return {} if find() is None else {STORED: clearing(find)}

        def find() -> Shelf | None:
            return find_shelf(app.session_interface, self.db.session, tables.sessions)

        revocation = Revocation(
            app.app_context,
            self.db.session,
            bindings[users.resource_type],
            tables,
            Revokers(self.revokers, find_own) if settings.session_guard else self.revokers,
            Patience(settings.revocation_wait, settings.revoker_timeout, settings.revocation_retry),
            self._settle_access,
            self._tell_of_access,
            self._prepare,
        )
        if not settings.session_guard:
            return AccessDesk(revocation, self._backend)
        guard = SessionGuard(Sessions(revocation, find), signing_keys, lambda: self.user_of)
        guard.watch(app)
        return AccessDesk(
            revocation, self._backend, lambda: ("sessions",) if guard.watches(app) else ()
        )

    def _prepare(self, ending: Ending) -> None:
        """Write down what revokers have to know, in the transaction that ends the access."""
        if self.logging_out is not None:
            self.logging_out.enlist(ending)

    def tell_clients(self, find_clients: FindClients) -> None:
        """Let other apps be told that somebody is signed out.

        :param find_clients: finds the apps that a person has signed in to.
        :raises ConfigurationError: if there is such a function already.
        """

        def find_revocation() -> Revocation:
            access = current_state().access
            assert access is not None
            return access.revocation

        logging_out = LoggingOut(find_clients, find_revocation)
        self.revokers.add(WAY, logging_out.end)
        self.logging_out = logging_out

    def revoke_globally(self, connection: Connection, subject: Subject) -> None:
        """End all that somebody of a connection has begun, and tell of it.

        :param connection: the connection.
        :param subject: whom its identity provider names.
        :raises NotFound: if it has nobody of that name.
        """
        access = current_state().access
        assert access is not None
        binding = bound_for(connection, self._type_of_users())
        people = People(self.db.session(), self._backend(), connection, binding)
        issuer = None if self.issuer is None else self.issuer(connection)
        called = None if issuer is None else issuer.url
        revocation = GlobalTokenRevocation(access.revocation, people, called)
        self._commit(revocation.begin(subject))

    @property
    def closing(self) -> Closing:
        """What switches the connections of the current app off."""
        connections = self.connections
        return Closing(connections.get, connections.disable, self._roster, self._service_of_users)

    def _roster(self, connection: Connection) -> Roster:
        binding = bound_for(connection, self._type_of_users())
        return Roster(self.db.session(), self._backend(), connection, binding)

    def logins(self, connection: Connection) -> Logins:
        """The sign-ins of a connection's people."""
        state, session, backend = current_state(), self.db.session(), self._backend()
        binding = bound_for(connection, self._type_of_users())
        policy = state.policy.over(connection.policy)
        assert state.access is not None
        return Logins(
            session,
            backend,
            connection,
            binding,
            (str(policy.key_for(connection.idp)),),
            state.claims,
            Accounts(session, backend, connection, binding, policy),
            self.ownership(),
            state.access.stand,
        )

    @property
    def roles(self) -> Roles:
        """The roles of whatever app is current."""

        def find(id: str) -> Connection | None:
            return self.connections.get(id)

        return Roles(self.role_book, find, self._settle, self._publish)

    def sign_in_roles(
        self, user: Any, roles: Iterable[str], connection: Connection
    ) -> dict[str, str]:
        """Let a person have the roles that a sign-in gives, in the transaction in hand.

        :param user: the person's row.
        :param roles: the roles; those that earlier sign-ins gave and that are not named go.
        :param connection: the connection that the person comes from.
        :return: the roles that could not be given or taken away, each with the reason.
        """
        granted, wanted = self.roles, set(roles)
        held = {
            each.role
            for each in granted.of(user, take=None)
            if Origin.LOGIN in each.origins and connection.id in each.connections
        }
        refused: dict[str, str] = {}
        for change, names in (
            (granted.grant, wanted - held),
            (granted.withdraw, held - wanted),
        ):
            for name in sorted(names):
                try:
                    if told := change(user, [name], Origin.LOGIN, connection):
                        self._settle(told)
                except ScimError as error:
                    refused[name] = error.detail
        return refused

    def find_lack(self, bindings: Iterable[Binding], policy: Policy) -> str | None:
        """Find what the app lacks for the choices of a policy.

        :param bindings: the resource types, bound to its models.
        :param policy: the choices.
        :return: what is missing and how it comes; ``None`` if nothing is.
        """
        for binding in bindings:
            if binding.resource_type.name == "User":
                adopter = self.declared["User"].hooks.adopter
                return find_lack(binding, policy.adoption, adopter)
        return None

    def _check_needs(self, choices: Mapping[str, Any]) -> None:
        state = current_state()
        lack = self.find_lack(state.bindings.values(), state.policy.over(choices))
        if "adoption" in choices and lack is not None:
            raise ValueError(lack)

    def _find_problems(self, connection: Connection) -> list[str]:
        """What keeps the choices of a connection from having the effect that they promise."""
        state = current_state()
        policy = state.policy.over(connection.policy)
        users = bound_for(connection, self._type_of_users()) if "User" in self.declared else None
        lack = None if users is None else self.find_lack([users], policy)
        if lack is not None:
            return [f"Connection {connection.id}: {lack}"]
        if policy.adoption is Adoption.VERIFIED_EMAIL and not connection.domains:
            return [
                f"Connection {connection.id}: adoption verified_email takes over nobody without a"
                f" verified domain: flask scim connections edit {connection.id} --domain …"
            ]
        return []

    def _take_over(self, connection: Connection, dry_run: bool) -> Iterator[Finding]:
        """Take over the accounts of a connection's tenant, or only look at them."""
        policy = current_state().policy.over(connection.policy)
        lack = self.find_lack([bound_for(connection, self._type_of_users())], policy)
        if policy.adoption is Adoption.NEVER:
            lack = (
                f"Connection {connection.id} takes over nobody; let it choose first: flask scim"
                f" connections edit {connection.id} --policy adoption=verified_email"
            )
        if lack is not None:
            raise ValueError(lack)
        return take_over(self._service_of_users(connection), dry_run=dry_run)
