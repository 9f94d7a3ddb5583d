"""What a request, a command or host code needs of the current app, wired together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

from ..access.closing import Closing
from ..access.consequences import Consequences
from ..access.desk import AccessDesk
from ..access.ending import Ending, Report
from ..access.following import follow
from ..access.global_token_revocation import GlobalTokenRevocation
from ..access.grants import Origin
from ..access.login import Logins
from ..access.membership import Circle
from ..access.ownership import Ownership
from ..access.revocation import Patience, Revocation
from ..access.revokers import Revoker, Revokers
from ..access.role_book import RoleBook
from ..access.roles import Roles
from ..access.sessions import Sessions
from ..access.stored import STORED, Shelf, clearing, find_shelf
from ..access.subjects import People, Subject
from ..cli.administration import Administration
from ..config import ConfigurationError, Settings
from ..connections.access_tokens import AccessTokens
from ..connections.admission import Admission, Grant
from ..connections.authority import Authority
from ..connections.breaker import Breaker, Tripped
from ..connections.clients import Clients
from ..connections.connections import Connections, read_connection
from ..connections.expiry import Notice
from ..connections.extra import make_authority, read_keys
from ..connections.issuers import Issuer
from ..connections.signed_admission import SignedAdmission
from ..connections.tokens import Tokens
from ..delivery.celery import wake
from ..delivery.desk import DeliveryDesk
from ..protocol.dialects import GENERIC, Dialect
from ..protocol.errors import Forbidden, ScimError, Unauthorized, Unsupported
from ..protocol.parser import parse_filter
from ..protocol.resolver import resolve_filter
from ..protocol.schema import ResourceType
from ..protocol.values import write_datetime
from ..provisioning.changes import Cause, Event, Kind
from ..provisioning.intents import Guard, Intent
from ..provisioning.journal import Entry
from ..provisioning.members import MemberLimits
from ..provisioning.policy import Adoption, Policy, UnknownMembers, Unmapped
from ..provisioning.ports import Connection, Query
from ..provisioning.service import Service
from ..provisioning.takeover import Finding, take_over
from ..signals import publish, publish_access, publish_notice
from ..store.accounts import Accounts, find_lack
from ..store.administrators import is_last
from ..store.backends import Backend, find_backend
from ..store.binding import Binding
from ..store.forgetting import Forgetting
from ..store.groups import delete_groups
from ..store.links import Link
from ..store.log import SqlLog
from ..store.outbox import SqlOutbox
from ..store.references import References
from ..store.roster import Roster
from ..store.store import Namer, SqlStore
from ..store.survey import count_resources, find_missing_tables
from ..store.tables import OwnTables
from ..web.current import this_app
from ..web.log import Log, current_record, log_change
from ..web.requirements import signed_in
from ..web.sessions import SessionGuard, UserOf
from .causes import current_cause
from .declared import Declared
from .dispatch import make_delivery
from .layouts import Layouts
from .logging_out import WAY, FindClients, LoggingOut
from .review import review
from .roles import DeclaredRoles, make_book, make_circle
from .state import bound_for, choose_tenant, current_state, signing_keys


class Wiring:
    """Makes the parts of the extension for the current app.

    :param db: the app's Flask-SQLAlchemy extension.
    """

    def __init__(self, db: SQLAlchemy) -> None:
        self.db = db
        #: What the host has declared, by the name of the resource type.
        self.declared: dict[str, Declared] = {}
        self.own_tables: OwnTables | None = None
        #: The roles of the app, where the host has declared any.
        self.declared_roles: DeclaredRoles | None = None
        #: Says whose the requests of a connection are.
        self.me: Callable[[Connection], Any] | None = None
        #: Finds the row of whoever is signed in to the app.
        self.signed_in: Callable[[], Any] = signed_in
        #: The tasks that deliver events, where Celery does that.
        self.tasks: WeakKeyDictionary[Flask, Any] = WeakKeyDictionary()
        #: The functions that are told of events, by name.
        self.callables: dict[str, Callable[[Entry], Any]] = {}
        #: Refuse what a request is about to do.
        self.guards: list[Guard] = []
        #: Says whose a session is, where it is not Flask-Login's.
        self.user_of: UserOf | None = None
        #: Close the ways into the app of those whose access ends.
        self.revokers = Revokers()
        #: Tells other apps that somebody is signed out.
        self.logging_out: LoggingOut | None = None
        #: Says who administers the account of a connection's customer.
        self.admins: Callable[[Connection], sa.Select[Any]] | None = None
        #: Says which identity provider signs for a connection.
        self.issuer: Callable[[Connection], Issuer | None] | None = None
        #: Reads bearer tokens of an authorization server of the app's.
        self.verifier: Callable[[str], tuple[str, Iterable[str]] | None] | None = None

    @property
    def tables(self) -> OwnTables:
        """Our own tables beside the host's."""
        if self.own_tables is None:
            raise ConfigurationError("Nothing is declared; call scim.users(User, {…}) first.")
        return self.own_tables

    @property
    def connections(self) -> Connections:
        """The connections of the current app."""
        tables = self.tables
        records = [declared.record for declared in self.declared.values()]
        logins = [each.logins for each in self.declared.values() if each.logins is not None]
        roles = [] if self.declared_roles is None else [*self.declared_roles.tables]
        owned = [*records, *logins, *roles, *tables.owned]
        return Connections(
            self.db.session,
            tables.connections,
            owned,
            choose_tenant,
            self._forget,
            self._commit,
            _read_mapping,
            self._check_needs,
        )

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

    @property
    def outbox(self) -> SqlOutbox:
        """The events of the current app."""
        tables = self.tables
        return SqlOutbox(self.db.session, tables.events, tables.counters)

    def ownership(self) -> Ownership:
        """What of the current app's rows identity providers keep."""
        return Ownership(self.db.session(), current_state().bindings, read_connection, bound_for)

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

    @property
    def closing(self) -> Closing:
        """What switches the connections of the current app off."""
        connections = self.connections
        return Closing(connections.get, connections.disable, self._roster, self._service_of_users)

    def _roster(self, connection: Connection) -> Roster:
        binding = bound_for(connection, self._type_of_users())
        return Roster(self.db.session(), self._backend(), connection, binding)

    def _service_of_users(self, connection: Connection) -> Service:
        users = self._type_of_users()
        return self.service(connection, users, users, GENERIC)

    def _type_of_users(self) -> ResourceType:
        if "User" not in self.declared:
            raise ConfigurationError("This application has no users; declare them: scim.users(…).")
        return self.declared["User"].resource_type

    @property
    def requests(self) -> SqlLog:
        """The log of the current app."""
        tables = self.tables
        return SqlLog(self.db.session, tables.requests, tables.connections)

    def forget(self, id: str, resource_type: str = "User") -> int:
        """Take a resource out of the log and the outbox; see :meth:`.SCIM.forget`."""
        tables = self.tables
        if resource_type not in self.declared:
            raise ValueError(f"This application has no resource type {resource_type[:100]!r}.")
        forgetting = Forgetting(self.db.session, tables.events, tables.requests, resource_type, id)
        return sum(forgetting.run())

    def log(self, policy: Policy) -> Log:
        """Make what writes requests to the log of an app, whichever is the current one.

        :param policy: the choices of the app.
        :return: the log.
        """

        def choose(connection: Connection | None) -> Policy:
            return policy if connection is None else policy.over(connection.policy)

        requests = self.requests
        return Log(requests.write, requests.amend, choose)

    def access_tokens(self) -> AccessTokens:
        """The access tokens of the current app."""
        tables, lifetime = self.tables, current_state().settings.access_token_lifetime
        return AccessTokens(
            self.db.session, tables.clients, tables.connections, signing_keys, lifetime
        )

    def service(
        self,
        connection: Connection,
        resource_type: ResourceType,
        known: ResourceType,
        dialect: Dialect,
    ) -> Service:
        """Make the service of one connection and resource type.

        :param connection: whose identity provider is asking.
        :param resource_type: the resource type.
        :param known: the resource type as the connection knows it.
        :param dialect: how the identity provider speaks.
        :return: the service.
        """
        state, session = current_state(), self.db.session()
        layout = state.layouts.of(connection)
        binding = layout.bindings[resource_type]
        hooks = self.declared[resource_type.name].hooks
        policy = state.policy.over(connection.policy)
        references = _references(policy, session, connection, layout.links[resource_type])
        settle: Callable[[Sequence[Event]], Sequence[Event]] = self._settle
        namers: dict[tuple[str, ...], Namer] = {}
        if self.declared_roles is not None:
            consequences = Consequences(self.role_book())
            settle = partial(self._settle_roles, consequences)
            if resource_type.name == "User":
                assign = partial(consequences.assign, connection)
                namers = dict.fromkeys(self.declared_roles.shown_by(binding), assign)
        backend = self._backend()
        store = SqlStore(session, backend, connection, binding, hooks, references, policy, namers)
        settings = state.settings
        limits = MemberLimits(
            settings.max_members,
            settings.max_patch_operations,
            settings.max_patch_members,
            settings.patch_members_limit,
        )
        return Service(
            store,
            known,
            connection,
            dialect,
            self._publish,
            limits,
            self._guard,
            self._refused,
            settle,
            refuses_unmapped=policy.unmapped is Unmapped.REFUSE,
        )

    @property
    def roles(self) -> Roles:
        """The roles of whatever app is current."""

        def find(id: str) -> Connection | None:
            return self.connections.get(id)

        return Roles(self.role_book, find, self._settle, self._publish)

    def role_book(self) -> RoleBook:
        """Open the roles of the current app.

        :return: the roles as they are kept.
        :raises ConfigurationError: if none are declared.
        """
        if self.declared_roles is None:
            raise ConfigurationError("No roles are declared; call scim.roles(User.roles, …) first.")
        session, backend = self.db.session(), self._backend()
        tables, state = self.tables, current_state()
        return make_book(
            self.declared_roles, state, session, backend, tables.connections, self.admins
        )

    def whoever_is_signed_in(self) -> Any:
        """Find the row of whoever is signed in to the current app.

        :return: the row; ``None`` for nobody.
        :raises ConfigurationError: if the app does not say, or says somebody of another model.
        """
        user, users = self.signed_in(), current_state().named("User")
        if user is None or (users is not None and isinstance(user, users.model)):
            return user
        wanted = "the model of users" if users is None else users.model.__name__
        raise ConfigurationError(
            f"{type(user).__name__} is signed in, and users are rows of {wanted}: decorate a "
            "function that returns one with scim.signed_in."
        )

    def circle(self) -> Circle:
        """Find out who is in which group in the current app.

        :return: the people and groups.
        :raises ConfigurationError: if people are in no groups.
        """
        circle = make_circle(current_state(), self.db.session(), self._backend())
        if circle is None:
            raise ConfigurationError("Declare users and groups first: scim.groups(…).")
        return circle

    def admission(self) -> Admission:
        """Make what lets clients into connections."""
        return Admission([self._verify_elsewhere, self._verify_access_token, self._verify_token])

    def delivery(self, app: Flask) -> DeliveryDesk:
        """Make what tells others of events."""
        types = [declared.resource_type for declared in self.declared.values()]
        endpoints = {each.name: each.endpoint for each in types}
        return make_delivery(app, self.db.session, self.tables, self.callables, endpoints)

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

    def make_authority(self) -> Authority | None:
        """Make what issues access tokens; ``None`` without the extra that it needs."""
        if make_authority is None:
            return None
        return make_authority(lambda: self.clients, self.access_tokens, self._plurals())

    def whose(self, connection: Connection) -> tuple[ResourceType, str] | None:
        """Find the resource of whoever asks.

        :param connection: the connection.
        :return: its resource type and id; ``None`` if there is none.
        :raises Unsupported: if the app does not say who asks.
        """
        if self.me is None:
            raise Unsupported("This service does not say whose a request is; name the resource.")
        row = self.me(connection)
        for resource_type, binding in current_state().bindings.items():
            if row is not None and isinstance(row, binding.model):
                return resource_type, binding.id_of(row)
        return None

    def administration(
        self, settings: Settings, policy: Policy, layouts: Layouts, access: AccessDesk | None
    ) -> Administration:
        """Gather what the commands need of an app."""
        refuses = policy.unmapped is Unmapped.REFUSE
        return Administration(
            self.connections,
            self.tokens,
            self.clients,
            settings.base,
            settings.connection,
            lambda: [
                line
                for binding in layouts.own.bindings.values()
                for line in binding.describe(refuses=refuses)
            ],
            self._count_resources,
            self._find_missing_tables,
            lambda: self.closing,
            layouts,
            lambda: review(layouts, self.connections.list(), self._database()),
            settings,
            self.requests,
            self._find_problems,
            lambda: self.roles,
            self.forget,
            lambda: current_state().delivery,
            self._take_over,
            access,
        )

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

    def mappings(self) -> Layouts:
        """The mappings of the connections of the current app."""
        return current_state().layouts

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

    def _verify_access_token(self, text: str) -> Grant | None:
        return self.access_tokens().verify(text)

    def _verify_token(self, text: str) -> Grant:
        connection, token = self.tokens.verify(text)
        return Grant(connection, frozenset(token.scopes), token.id)

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

    def _forget(self, connection_id: str) -> None:
        current_state().delivery.destinations().forget(connection_id)
        groups = self.declared.get("Group")
        if groups is not None and not groups.shared:
            delete_groups(self.db.session(), groups.model, groups.record, connection_id)

    def _commit_notice(self, notice: Notice, event: Event) -> None:
        (told,) = self._keep([event], Cause("clock"))
        publish_notice(this_app(), notice, told, self.db.session.rollback)

    def _commit(self, events: Sequence[Event]) -> None:
        """Commit what happened to a connection, or to what opens it, and tell of it."""
        self._publish(self._keep(events, current_cause()))

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

    def _breaker(self) -> Breaker:
        tables = self.tables
        return Breaker(self.db.session, tables.connections, tables.ends, self._count_people)

    def _count_people(self, connection: Connection, since: datetime) -> int:
        """Count the people of a connection who have access, and are not newer than a moment."""
        wanted = f'not (active eq false) and meta.created le "{write_datetime(since)}"'
        condition = resolve_filter(parse_filter(wanted), self._type_of_users())
        return self._service_of_users(connection).find(Query(condition, count=0)).total

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

    def _users(self) -> Binding:
        """The users of the current app, bound to its model."""
        bindings = current_state().bindings
        return next(each for kind, each in bindings.items() if kind.name == "User")

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
        state, record = current_state(), current_record()
        if record is not None and record.connection is not None:
            policy = state.policy.over(record.connection.policy)
            log_change(state.settings, policy, events, self.requests.add)

    def _backend(self) -> Backend:
        """The database behind the current app."""
        state = current_state()
        if state.backend is None:
            binding = next(iter(state.bindings.values()))
            state.backend = find_backend(binding.connect(self.db.session()))
        return state.backend

    def _settle_roles(self, consequences: Consequences, events: Sequence[Event]) -> Sequence[Event]:
        return self._settle([*events, *consequences.settle(events)])

    def _count_resources(self, connection_id: str) -> dict[str, int]:
        session = self.db.session()
        return {
            kind.plural: count_resources(binding.connect(session), binding, connection_id)
            for kind, binding in current_state().bindings.items()
        }

    def _find_missing_tables(self) -> list[str]:
        self.db.session().rollback()
        return find_missing_tables(self._database(), self.tables.connections.metadata)

    def _database(self) -> sa.Connection:
        binding = next(iter(current_state().bindings.values()))
        return binding.connect(self.db.session())

    def _plurals(self) -> list[str]:
        return [declared.resource_type.plural for declared in self.declared.values()]


def _read_mapping(connection: Connection, chosen: Mapping[str, Any]) -> dict[str, Any] | None:
    return current_state().layouts.read(connection, chosen)


def _references(
    policy: Policy, session: Session, connection: Connection, links: list[Link]
) -> dict[str, References]:
    ignores_unknown = policy.unknown_members is UnknownMembers.IGNORE
    named: dict[str, References] = {}
    for link in links:
        if link.name not in named:
            named[link.name] = References(session, connection, [], ignores_unknown)
        named[link.name].links.append(link)
    return named
