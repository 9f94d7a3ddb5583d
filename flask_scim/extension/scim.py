"""The extension itself: what a host declares, once for all of its apps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask, current_app
from flask_smorest import Blueprint
from flask_sqlalchemy import SQLAlchemy

from ..access.closing import Closing
from ..access.desk import AccessDesk
from ..access.ending import Report
from ..access.epochs import REVOKED
from ..access.login import Synced
from ..access.membership import PAGE, By, Membership
from ..access.revokers import Revoker
from ..access.roles import HeldRole, Roles
from ..access.standing import Standing
from ..cli.commands import make_commands
from ..config import ConfigurationError, Settings
from ..connections.clients import Clients
from ..connections.connections import Connections, is_id
from ..connections.extra import verify_signed
from ..connections.issuers import Issuer
from ..connections.tokens import Tokens
from ..delivery.back_channel_logout import BackChannelLogout, read_signer
from ..delivery.celery import add_task
from ..delivery.deliverer import Deliverer
from ..delivery.destinations import Destinations
from ..management.api import Guard, make_blueprint
from ..management.desk import Desk
from ..mapping.claims import read_claims
from ..mapping.resource_types import check_resource_type
from ..mapping.sources import ModelAttribute, Refs, Sourced, Values, read_source
from ..protocol.definitions import GROUP_TYPE, USER_TYPE
from ..protocol.schema import Extension, ResourceType
from ..provisioning.intents import Intent
from ..provisioning.journal import Entry
from ..provisioning.policy import read_policy
from ..provisioning.ports import Connection
from ..store.edits import overriding
from ..store.groups import OWN_GROUP_MAPPING, make_group_model
from ..store.holders import make_holder
from ..store.marks import Marked
from ..store.outbox import SqlOutbox
from ..store.role_tables import add_role_tables
from ..store.tables import (
    add_access_tables,
    add_login_table,
    add_own_tables,
    add_record_table,
    taken_names,
)
from ..store.tracking import touch, track
from ..web.api import serve
from ..web.cursors import Cursors
from ..web.events import add_events
from ..web.exchange import Gateway
from ..web.limits import RateLimits
from ..web.requirements import require
from ..web.sessions import UserOf
from .declared import Declared, read_offers, read_scope
from .layouts import Layouts
from .logging_out import FindClients
from .roles import DeclaredRoles, read_rules
from .state import State, current_state, current_watches, refusing, signing_keys
from .wiring import Wiring

_View = TypeVar("_View", bound=Callable[..., Any])


class SCIM:
    """A SCIM 2.0 server for the users of an existing app.

    :param db: the app's Flask-SQLAlchemy extension.

    .. versionadded:: 0.1
    """

    def __init__(self, db: SQLAlchemy) -> None:
        self.db = db
        self._wiring = Wiring(db)

    def users(  # noqa: PLR0913  # each says one thing of the model
        self,
        model: type,
        mapping: Mapping[str, Any] | None = None,
        *,
        extensions: Iterable[Extension] = (),
        tenant: Sourced | None = None,
        id: Sourced | None = None,
        offers: Iterable[Sourced] = (),
        untouchable: Marked = None,
        verified: Marked = None,
        privileged: Marked = None,
        person: Sourced | None = None,
        members_of: ModelAttribute | Refs | None = None,
    ) -> Declared:
        """Declare the model whose rows are SCIM users.

        :param model: the app's model class.
        :param mapping: SCIM paths and where their values sit; left out, ``SCIM_USER_MAPPING`` of
            the app's settings says it, and where that is left out too, the mapping fits itself to
            the usual names of columns.
        :param extensions: schemas of the app's own, beside that of enterprise users.
        :param tenant: the attribute of the model that says which customer a row is of.
        :param id: the attribute of the model that is the SCIM ``id``; the primary key by default.
        :param offers: attributes of the model that the mapping of a connection may name, beside
            those that ``mapping`` names; with a JSON column, whatever is in it.
        :param untouchable: what says of a row, by true, that SCIM may see it and never change it:
            an attribute of the model, its name, or a function that takes the row.
        :param verified: what says that the e-mail address of an account is its person's: an
            attribute of the model that is true, or has a value, where it is, or a function of the
            row. Adoption by e-mail needs it.
        :param privileged: what says that an account has privileges, likewise; such accounts are
            never taken over.
        :param person: the relationship from the model to the person of a row, where the model is
            one of memberships and a person can have several.
        :param members_of: the relationship from the model of organisations to their members, such
            as ``Organization.users``: people become members of that of their tenant. For an
            association object :class:`~flask_scim.Refs` may fill in its other columns.
        :return: the declared resource type, with decorators for hooks.
        :raises ConfigurationError: if users are declared already, or something cannot be used.
        """
        resource_type = USER_TYPE.extended(extensions)
        declared = self.resource(
            resource_type,
            model,
            mapping,
            tenant=tenant,
            id=id,
            offers=offers,
            untouchable=untouchable,
        )
        declared.verified, declared.privileged = verified, privileged
        declared.person, declared.members_of = read_scope(person, "person"), members_of
        return declared

    def groups(
        self,
        model: type | None = None,
        mapping: Mapping[str, Any] | None = None,
        *,
        extensions: Iterable[Extension] = (),
        tenant: Sourced | None = None,
        id: Sourced | None = None,
        offers: Iterable[Sourced] = (),
        untouchable: Marked = None,
    ) -> Declared:
        """Declare the model whose rows are SCIM groups.

        :param model: the app's model class; left out, groups are kept in tables of Flask-SCIM's
            own, and ``mapping`` is not needed.
        :param mapping: SCIM paths and where their values sit, ``members`` as
            :class:`~flask_scim.Refs`; left out, ``SCIM_GROUP_MAPPING`` of the app's settings.
        :param extensions: schemas of the app's own.
        :param tenant: the attribute of the model that says which customer a row is of.
        :param id: the attribute of the model that is the SCIM ``id``; the primary key by default.
        :param offers: attributes of the model that the mapping of a connection may name, beside
            those that ``mapping`` names; with a JSON column, whatever is in it.
        :param untouchable: what says of a row, by true, that SCIM may see it and never change it:
            an attribute of the model, its name, or a function that takes the row.
        :return: the declared resource type, with decorators for hooks.
        :raises ConfigurationError: if groups are declared already, or users are not.
        """
        resource_type = GROUP_TYPE.extended(extensions)
        if model is not None:
            return self.resource(
                resource_type,
                model,
                mapping,
                tenant=tenant,
                id=id,
                offers=offers,
                untouchable=untouchable,
            )
        declared = self.resource(
            resource_type, self._make_group_model(), mapping or OWN_GROUP_MAPPING
        )
        declared.shared = False
        return declared

    def resource(
        self,
        resource_type: ResourceType,
        model: type,
        mapping: Mapping[str, Any] | None = None,
        *,
        tenant: Sourced | None = None,
        id: Sourced | None = None,
        offers: Iterable[Sourced] = (),
        untouchable: Marked = None,
    ) -> Declared:
        """Declare the model whose rows are resources of a type.

        :param resource_type: the resource type, with its schemas.
        :param model: the app's model class.
        :param mapping: SCIM paths and where their values sit; left out, ``SCIM_<NAME>_MAPPING`` of
            the app's settings, with the name of the resource type in capitals.
        :param tenant: the attribute of the model that says which customer a row is of.
        :param id: the attribute of the model that is the SCIM ``id``; the primary key by default.
        :param offers: attributes of the model that the mapping of a connection may name, beside
            those that ``mapping`` names; with a JSON column, whatever is in it.
        :param untouchable: what says of a row, by true, that SCIM may see it and never change it:
            an attribute of the model, its name, or a function that takes the row.
        :return: the declared resource type, with decorators for hooks.
        :raises ConfigurationError: if something cannot be used; the message names the repair.
        """
        table = self._share_metadata(model)
        if self._wiring.declared_roles is not None and resource_type.name == "Group":
            raise ConfigurationError("Declare the groups before the roles.")
        others = [declared.resource_type for declared in self._wiring.declared.values()]
        check_resource_type(resource_type, others, taken_names(table.metadata))
        record = add_record_table(table.metadata, resource_type.name.lower(), table)
        declared = Declared(
            resource_type,
            model,
            mapping,
            record,
            read_scope(tenant, "tenant"),
            read_scope(id, "id"),
            read_offers(offers),
        )
        if resource_type.name == "User":
            declared.logins = add_login_table(table.metadata, table)
            declared.access = add_access_tables(table.metadata, table)
        declared.untouchable = untouchable
        self._wiring.declared[resource_type.name] = declared
        return declared

    def roles(
        self,
        source: str | ModelAttribute,
        *,
        key: str | ModelAttribute | None = None,
        display: str | ModelAttribute | None = None,
        tenant: str | ModelAttribute | None = None,
        fill: Callable[[], dict[str, Any]] | None = None,
        allowed: Iterable[str] | None = None,
        never: Iterable[str] = (),
        admin: str | Iterable[str] = (),
    ) -> Roles:
        """Declare where the app keeps the roles of its users, once users and groups are declared.

        :param source: of the users' model, a many-to-many relationship, a JSON column with a list
            of text, or a column that holds one role.
        :param key: of a relationship, the column that names a role, such as ``Role.slug``.
        :param display: of a relationship, the column with what people read.
        :param tenant: of a relationship, the column that says whose a role is, empty for
            everybody's.
        :param fill: of an association object, makes the other columns of a new one.
        :param allowed: the roles that identity providers may give; left out, all but ``never``.
        :param never: the roles that they may not give.
        :param admin: the role, or the roles, of which somebody active has to have one in each
            tenant; where it is not roles that tell, say it with :meth:`admins`.
        :return: the roles of whatever app is current.
        :raises ConfigurationError: if something cannot be used; the message names the repair.
        """
        users, groups = (self._wiring.declared.get(name) for name in ("User", "Group"))
        if users is None:
            raise ConfigurationError("Declare the users first: scim.users(User, {…}).")
        if self._wiring.declared_roles is not None:
            raise ConfigurationError("Roles are declared already.")
        holder = make_holder(users.model, Values(source, key, display, tenant, fill))
        steps: tuple[str, ...] = getattr(read_source(source), "steps", ())
        near, far = _table_of(users), None if groups is None else _table_of(groups)
        tables = add_role_tables(near.metadata, near, far)
        rules = read_rules(allowed, never, admin)
        self._wiring.declared_roles = DeclaredRoles(steps, holder, tables, rules)
        return self._wiring.roles

    def init_app(self, app: Flask) -> None:
        """Check what is declared and add the endpoints and commands to an app.

        Call it after the database extension's own ``init_app``.

        :param app: the app.
        :raises ConfigurationError: if something cannot be used; the message names the repair.
        """
        if "scim" in app.extensions:
            raise ConfigurationError("A SCIM extension is registered on this app already.")
        if "sqlalchemy" not in app.extensions:
            raise ConfigurationError("Call db.init_app(app) before scim.init_app(app).")
        if not self._wiring.declared:
            raise ConfigurationError("Nothing is declared; call scim.users(User, {…}) first.")
        settings = Settings.read(app.config)
        if settings.connection is not None and not is_id(settings.connection):
            raise ConfigurationError(
                f"SCIM_CONNECTION must be the name of a connection, not {settings.connection!r}."
            )
        policy = read_policy(app.config)
        for declared in self._wiring.declared.values():
            declared.join()
        if self._wiring.logging_out is not None:
            BackChannelLogout.read(app.config, settings.revoker_timeout)
        layouts = Layouts(self._wiring.declared.values(), app.config, policy)
        lack = self._wiring.find_lack(layouts.own.bindings.values(), policy)
        if lack is not None:
            raise ConfigurationError(f"SCIM_ADOPTION: {lack}")
        limits = None if settings.rate_limit is None else RateLimits(app, settings)
        cursors = Cursors(signing_keys, settings.cursor_timeout)
        gateway = Gateway(
            settings,
            layouts.own.types,
            lambda connection: layouts.of(connection).types,
            self._wiring.admission().admit,
            self._wiring.signed_admission,
            self._wiring.service,
            cursors,
            self._wiring.whose,
            self._wiring.log(policy),
            lambda: current_state().delivery.has_tokens,
            self._wiring.revoke_globally if "User" in self._wiring.declared else None,
            limits,
            self._wiring.make_authority(),
        )
        access = self._wiring.access(app, settings, layouts.own.bindings)
        claims = {
            claim: paths
            for kind in layouts.own.bindings
            if kind.name == "User"
            for claim, paths in read_claims(app.config, kind).items()
        }
        watches = layouts.watches()
        delivery = self._wiring.delivery(app)
        app.extensions["scim"] = State(
            settings, policy, layouts, watches, gateway, delivery, access, claims
        )
        serve(app, gateway)
        add_events(app, gateway, lambda: delivery, lambda: self._wiring.outbox)
        administration = self._wiring.administration(settings, policy, layouts, access)
        app.cli.add_command(make_commands(administration))

    def management(self, guard: Guard | None = None, name: str = "scim-management") -> Blueprint:
        """Make the management API, for the app's own administrators and deployment tools.

        :param guard: a function without arguments that runs before every request: it aborts,
            raises or returns a response to keep somebody out, and returns nothing to let them in.
        :param name: what the blueprint is called.
        :return: a blueprint, to register on the app or on its own flask-smorest API.
        :raises ConfigurationError: if there is no guard.
        """
        desk = Desk(
            lambda: self.connections,
            lambda: self.tokens,
            lambda: current_state().gateway,
            self._wiring.mappings,
            lambda: self.closing,
            lambda: self._wiring.roles,
            lambda: self._wiring.requests,
            lambda: current_state().delivery,
        )
        return make_blueprint(guard, desk, name)

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

    def logout_keys(self) -> dict[str, Any]:
        """Describe the public keys of logout tokens, for the ``jwks_uri`` of the current app.

        :return: a JSON Web Key Set.
        :raises ConfigurationError: if ``SCIM_LOGOUT_KEYS`` cannot be used.
        """
        return read_signer(current_app.config).describe()

    def ways_in(self, *names: str) -> None:
        """Say which ways into the app there are: ``flask scim check`` names those left open.

        :param names: the ways, as their revokers are called.
        :raises ConfigurationError: if a name cannot be used.
        """
        self._wiring.revokers.declare(names)

    def guard_sessions(self, user_of: UserOf) -> None:
        """Let sessions of the app's own be refused that began before their owner was put out.

        Those of Flask-Login are looked after without it.

        :param user_of: the key of the session under which the primary key of the app's row stands,
            or a function that takes the session and returns the primary key, the row or ``None``.
        """
        self._wiring.user_of = user_of

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

    def access_of(self, user: Any) -> Report | None:
        """Tell how far the last end of a user's access has come.

        :param user: the app's row.
        :return: the report; ``None`` if their access never ended.
        """
        return self._access().report(_row(user))

    def allows_login(self, user: Any) -> Standing:
        """Find out whether a user may sign in, at the cost of one statement.

        :param user: the app's row, or ``None``.
        :return: true or false where it is tested, with the ``reason``.
        """
        return self._access().stand(_row(user))

    @property
    def connections(self) -> Connections:
        """The connections of the current app."""
        return self._wiring.connections

    @property
    def tokens(self) -> Tokens:
        """The tokens of the current app."""
        return self._wiring.tokens

    @property
    def clients(self) -> Clients:
        """The OAuth clients of the current app."""
        return self._wiring.clients

    @property
    def outbox(self) -> SqlOutbox:
        """What has happened, by connection and in order."""
        return self._wiring.outbox

    @contextmanager
    def overriding(self) -> Iterator[None]:
        """Let the app change what an identity provider keeps, also where that is refused.

        It is for the app's own administrators; the session is flushed at the end.
        """
        with overriding(self.db.session()):
            yield

    @property
    def closing(self) -> Closing:
        """What switches the connections of the current app off, and lets their users go."""
        return self._wiring.closing

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

    def signed_in(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Let a function say who is signed in; without one, Flask-Login is asked.

        :param function: returns the user's row, or ``None`` for nobody.
        :return: the function.
        """
        self._wiring.signed_in = function
        return function

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

    @property
    def destinations(self) -> Destinations:
        """Who is told of events, in the current app."""
        return current_state().delivery.destinations()

    def deliverer(self, threads: int = 8) -> Deliverer:
        """Make workers that tell destinations of events, for the current app.

        :param threads: how many destinations to tell at once.
        :return: the workers, which ``run`` until somebody calls ``stop``.
        """
        return current_state().delivery.deliverer(threads)

    def deliver_by(self, celery: Any, app: Flask) -> Any:
        """Let Celery deliver events, in place of ``flask scim deliver``: at once, after a change.

        Run the task that is returned every minute as well, for what has to be tried again.

        :param celery: the app's Celery application.
        :param app: the app.
        :return: the task, ``flask_scim.deliver``.
        """

        def deliver() -> int:
            with app.app_context():
                return self.deliverer().run(once=True)

        self._wiring.tasks[app] = task = add_task(celery, deliver)
        return task

    def touch(self, row: Any) -> None:
        """Tell that a mapped row has changed past the ORM, so that its version moves.

        :param row: the host's object; the change takes part in the session's transaction.
        """
        for binding in current_state().bindings.values():
            if isinstance(row, binding.model):
                touch(self.db.session(), binding, [binding.key_of(row)])

    def _share_metadata(self, model: type) -> sa.Table:
        """Find the table of a model, and make sure that our own tables stand beside it."""
        mapper: Any = sa.inspect(model, raiseerr=False)
        if mapper is None or not mapper.is_mapper:
            raise ConfigurationError(f"{model!r} is no SQLAlchemy model.")
        table: sa.Table = mapper.local_table
        if self._wiring.own_tables is None:
            self._wiring.own_tables = add_own_tables(table.metadata)
            track(self.db.session, current_watches, refusing)
        elif self._wiring.own_tables.connections.metadata is not table.metadata:
            raise ConfigurationError(
                f"{model.__name__} is kept in another database than the other resource types."
            )
        return table

    def _access(self) -> AccessDesk:
        access = current_state().access
        if access is None:
            raise ConfigurationError("Declare the users first: scim.users(User, {…}).")
        return access

    def _make_group_model(self) -> type:
        users = self._wiring.declared.get("User")
        if users is None:
            raise ConfigurationError("Declare the users first: scim.users(User, {…}).")
        if "Group" in self._wiring.declared:
            raise ConfigurationError("Group is declared already.")
        return make_group_model(self.db.Model, users.model)


def _row(user: Any) -> Any:
    """The row itself, where something like ``current_user`` stands for it."""
    unwrap = getattr(user, "_get_current_object", None)
    return user if unwrap is None else unwrap()


def _table_of(declared: Declared) -> sa.Table:
    mapper: Any = sa.inspect(declared.model)
    table: sa.Table = mapper.local_table
    return table
