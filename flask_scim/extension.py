"""The extension: what a host declares, and everything wired together once for each app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app, has_app_context
from flask_smorest import Blueprint
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

from .cli.administration import Administration
from .cli.commands import make_commands
from .config import ConfigurationError, Settings
from .connections.access_tokens import AccessTokens
from .connections.admission import Admission, Grant
from .connections.authority import Authority
from .connections.clients import Clients
from .connections.connections import Connections, is_id
from .connections.expiry import Notice
from .connections.extra import make_authority, read_keys
from .connections.tokens import Tokens
from .management.api import Guard, make_blueprint
from .management.desk import Desk, Shown
from .mapping.declaration import read_declaration
from .mapping.resource_types import check_resource_type
from .mapping.served import find_served
from .mapping.sources import Source, Sourced, read_source
from .protocol.definitions import GROUP_TYPE, USER_TYPE
from .protocol.dialects import Dialect
from .protocol.errors import Unauthorized, Unsupported
from .protocol.schema import Extension, ResourceType
from .provisioning.changes import Event
from .provisioning.members import MemberLimits
from .provisioning.ports import Connection, Document
from .provisioning.service import Service
from .signals import publish, publish_notice
from .store.backends import Backend, find_backend
from .store.binding import Binding
from .store.groups import OWN_GROUP_MAPPING, delete_groups, make_group_model
from .store.links import Link, bind_all_links, can_show_groups
from .store.references import References
from .store.store import Hooks, SqlStore
from .store.survey import count_resources, find_missing_tables
from .store.tables import (
    OwnTables,
    add_own_tables,
    add_record_table,
    taken_names,
)
from .store.tracking import touch, track
from .web.api import serve
from .web.cursors import Cursors
from .web.exchange import Gateway
from .web.limits import RateLimits


@dataclass(slots=True)
class Declared:
    """A resource type that the host has mapped; its methods are decorators for hooks.

    :param resource_type: the resource type.
    :param model: the host's model.
    :param declaration: SCIM paths and where their values sit; ``None`` where the settings say it.
    :param record: our table of records.
    :param tenant: the model's attribute that says whose a row is.
    :param id: the model's attribute that is the SCIM ``id``.
    :param hooks: what the host does itself.
    :param shared: whether the app has rows of the model beside those of SCIM.
    """

    resource_type: ResourceType
    model: type
    declaration: Mapping[str, Any] | None
    record: sa.Table
    tenant: Source | None
    id: Source | None
    hooks: Hooks = field(default_factory=Hooks)
    shared: bool = True

    def creator(
        self, function: Callable[[Document, Connection], Any]
    ) -> Callable[[Document, Connection], Any]:
        """Let a function make the row of a new resource, inside the transaction.

        :param function: takes the document and the connection and returns a new object of the
            model; the mapped attributes are written to it afterwards.
        :return: the function.
        """
        self.hooks.creator = function
        return function

    def deleter(
        self, function: Callable[[Any, Connection], None]
    ) -> Callable[[Any, Connection], None]:
        """Let a function decide what deletion does to the row, inside the transaction.

        Without one the row is kept and, where ``active`` is mapped, deactivated.

        :param function: takes the row and the connection; it may delete the row from the session.
        :return: the function.
        """
        self.hooks.deleter = function
        return function


@dataclass(slots=True)
class _State:
    """What belongs to one app."""

    settings: Settings
    bindings: dict[ResourceType, Binding]
    links: dict[ResourceType, list[Link]]
    gateway: Gateway
    backend: Backend | None = None


class SCIM:
    """A SCIM 2.0 server for the users of an existing app.

    :param db: the app's Flask-SQLAlchemy extension.

    .. versionadded:: 0.1
    """

    def __init__(self, db: SQLAlchemy) -> None:
        self.db = db
        self._declared: dict[str, Declared] = {}
        self._tables: OwnTables | None = None
        self._me: Callable[[Connection], Any] | None = None
        self._verifier: Callable[[str], tuple[str, Iterable[str]] | None] | None = None

    def users(
        self,
        model: type,
        mapping: Mapping[str, Any] | None = None,
        *,
        extensions: Iterable[Extension] = (),
        tenant: Sourced | None = None,
        id: Sourced | None = None,
    ) -> Declared:
        """Declare the model whose rows are SCIM users.

        :param model: the app's model class.
        :param mapping: SCIM paths and where their values sit; left out, ``SCIM_USER_MAPPING`` of
            the app's settings says it.
        :param extensions: schemas of the app's own, beside that of enterprise users.
        :param tenant: the attribute of the model that says which customer a row is of.
        :param id: the attribute of the model that is the SCIM ``id``; the primary key by default.
        :return: the declared resource type, with decorators for hooks.
        :raises ConfigurationError: if users are declared already, or something cannot be used.
        """
        resource_type = USER_TYPE.extended(extensions)
        return self.resource(resource_type, model, mapping, tenant=tenant, id=id)

    def groups(
        self,
        model: type | None = None,
        mapping: Mapping[str, Any] | None = None,
        *,
        extensions: Iterable[Extension] = (),
        tenant: Sourced | None = None,
        id: Sourced | None = None,
    ) -> Declared:
        """Declare the model whose rows are SCIM groups.

        :param model: the app's model class; left out, groups are kept in tables of Flask-SCIM's
            own, and ``mapping`` is not needed.
        :param mapping: SCIM paths and where their values sit, ``members`` as
            :class:`~flask_scim.Refs`; left out, ``SCIM_GROUP_MAPPING`` of the app's settings.
        :param extensions: schemas of the app's own.
        :param tenant: the attribute of the model that says which customer a row is of.
        :param id: the attribute of the model that is the SCIM ``id``; the primary key by default.
        :return: the declared resource type, with decorators for hooks.
        :raises ConfigurationError: if groups are declared already, or users are not.
        """
        resource_type = GROUP_TYPE.extended(extensions)
        if model is not None:
            return self.resource(resource_type, model, mapping, tenant=tenant, id=id)
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
    ) -> Declared:
        """Declare the model whose rows are resources of a type.

        :param resource_type: the resource type, with its schemas.
        :param model: the app's model class.
        :param mapping: SCIM paths and where their values sit; left out, ``SCIM_<NAME>_MAPPING`` of
            the app's settings, with the name of the resource type in capitals.
        :param tenant: the attribute of the model that says which customer a row is of.
        :param id: the attribute of the model that is the SCIM ``id``; the primary key by default.
        :return: the declared resource type, with decorators for hooks.
        :raises ConfigurationError: if something cannot be used; the message names the repair.
        """
        table = self._share_metadata(model)
        others = [declared.resource_type for declared in self._declared.values()]
        check_resource_type(resource_type, others, taken_names(table.metadata))
        record = add_record_table(table.metadata, resource_type.name.lower(), table)
        declared = Declared(
            resource_type, model, mapping, record, _scope(tenant, "tenant"), _scope(id, "id")
        )
        self._declared[resource_type.name] = declared
        return declared

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
        if not self._declared:
            raise ConfigurationError("Nothing is declared; call scim.users(User, {…}) first.")
        settings = Settings.read(app.config)
        if settings.connection is not None and not is_id(settings.connection):
            raise ConfigurationError(
                f"SCIM_CONNECTION must be the name of a connection, not {settings.connection!r}."
            )
        bindings = {
            declared.resource_type: self._bind(app, declared, settings)
            for declared in self._declared.values()
        }
        links = bind_all_links(bindings)
        limits = None if settings.rate_limit is None else RateLimits(app, settings)
        types = {kind: find_served(binding.mapping) for kind, binding in bindings.items()}
        cursors = Cursors(_signing_keys, settings.cursor_timeout)
        admission = Admission(
            [self._verify_elsewhere, self._verify_access_token, self._verify_token]
        )
        gateway = Gateway(
            settings,
            types,
            admission.admit,
            self._service,
            cursors,
            self._whose,
            limits,
            self._make_authority(),
        )
        app.extensions["scim"] = _State(settings, bindings, links, gateway)
        serve(app, gateway)
        app.cli.add_command(make_commands(self._administration(settings, bindings)))

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
            lambda: _state().gateway,
            self._shown_mapping,
        )
        return make_blueprint(guard, desk, name)

    def me(self, function: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
        """Let a function say whose the requests of a connection are, for ``/Me``.

        :param function: takes the connection and returns a row of a declared model, or ``None``.
        :return: the function.
        """
        self._me = function
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
        self._verifier = function
        return function

    @property
    def connections(self) -> Connections:
        """The connections of the current app."""
        tables = self._own_tables()
        records = [declared.record for declared in self._declared.values()]
        owned = [*records, *tables.owned]
        return Connections(
            self.db.session, tables.connections, owned, _choose_tenant, self._forget_own_groups
        )

    @property
    def tokens(self) -> Tokens:
        """The tokens of the current app."""
        tables = self._own_tables()
        return Tokens(
            self.db.session,
            tables.tokens,
            tables.connections,
            _signing_keys,
            self._plurals(),
            self._tell_of_token,
        )

    @property
    def clients(self) -> Clients:
        """The OAuth clients of the current app."""
        tables = self._own_tables()
        return Clients(
            self.db.session,
            tables.clients,
            tables.assertions,
            tables.connections,
            self._plurals(),
            read_keys,
        )

    def touch(self, row: Any) -> None:
        """Tell that a mapped row has changed past the ORM, so that its version moves.

        :param row: the host's object; the change takes part in the session's transaction.
        """
        for binding in _state().bindings.values():
            if isinstance(row, binding.model):
                touch(self.db.session(), binding, [binding.key_of(row)])

    def _share_metadata(self, model: type) -> sa.Table:
        """Find the table of a model, and make sure that our own tables stand beside it."""
        mapper: Any = sa.inspect(model, raiseerr=False)
        if mapper is None or not mapper.is_mapper:
            raise ConfigurationError(f"{model!r} is no SQLAlchemy model.")
        table: sa.Table = mapper.local_table
        if self._tables is None:
            self._tables = add_own_tables(table.metadata)
            track(self.db.session, _current_bindings)
        elif self._tables.connections.metadata is not table.metadata:
            raise ConfigurationError(
                f"{model.__name__} is kept in another database than the other resource types."
            )
        return table

    def _make_group_model(self) -> type:
        users = self._declared.get("User")
        if users is None:
            raise ConfigurationError("Declare the users first: scim.users(User, {…}).")
        if "Group" in self._declared:
            raise ConfigurationError("Group is declared already.")
        return make_group_model(self.db.Model, users.model)

    def _bind(self, app: Flask, declared: Declared, settings: Settings) -> Binding:
        key = f"SCIM_{declared.resource_type.name.upper()}_MAPPING"
        declaration = app.config.get(key, declared.declaration)
        if declaration is None:
            raise ConfigurationError(
                f"{declared.resource_type.name} has no mapping; give it in code or as {key}."
            )
        mapping = read_declaration(
            declaration,
            declared.resource_type,
            keep_unmapped=settings.unmapped == "keep",
            shown=self._shown(declared.resource_type),
        )
        return Binding(
            mapping,
            declared.model,
            declared.record,
            tenant=declared.tenant,
            id=declared.id,
            shared=declared.shared,
        )

    def _shown(self, resource_type: ResourceType) -> frozenset[str]:
        is_member = "Group" in self._declared and can_show_groups(resource_type)
        return frozenset({"groups"} if is_member else ())

    def _service(
        self,
        connection: Connection,
        resource_type: ResourceType,
        known: ResourceType,
        dialect: Dialect,
    ) -> Service:
        state, session = _state(), self.db.session()
        binding = state.bindings[resource_type]
        if state.backend is None:
            state.backend = find_backend(binding.connect(session))
        hooks = self._declared[resource_type.name].hooks
        references = _references(state, session, connection, state.links[resource_type])
        store = SqlStore(session, state.backend, connection, binding, hooks, references)
        settings = state.settings
        limits = MemberLimits(
            settings.max_members,
            settings.max_patch_operations,
            settings.max_patch_members,
            settings.patch_members_limit,
        )
        return Service(store, known, connection, dialect, self._publish, limits)

    def _access_tokens(self) -> AccessTokens:
        tables, lifetime = self._own_tables(), _state().settings.access_token_lifetime
        return AccessTokens(
            self.db.session, tables.clients, tables.connections, _signing_keys, lifetime
        )

    def _make_authority(self) -> Authority | None:
        if make_authority is None:
            return None
        return make_authority(lambda: self.clients, self._access_tokens, self._plurals())

    def _verify_access_token(self, text: str) -> Grant | None:
        return self._access_tokens().verify(text)

    def _verify_token(self, text: str) -> Grant:
        connection, token = self.tokens.verify(text)
        return Grant(connection, frozenset(token.scopes), token.id)

    def _verify_elsewhere(self, text: str) -> Grant | None:
        """Ask the host, which may have an authorization server of its own."""
        found = None if self._verifier is None else self._verifier(text)
        if found is None:
            return None
        connection_id, scopes = found
        connection = self.connections.get(connection_id)
        if connection is None:
            raise Unauthorized("The bearer token is not known here.")
        return Grant(connection, frozenset(scopes), "of the application")

    def _forget_own_groups(self, connection_id: str) -> None:
        groups = self._declared.get("Group")
        if groups is not None and not groups.shared:
            delete_groups(self.db.session(), groups.model, groups.record, connection_id)

    def _tell_of_token(self, notice: Notice) -> None:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own method
        connection = self.connections.get(notice.connection_id)
        publish_notice(app, notice, connection, self.db.session.rollback)

    def _whose(self, connection: Connection) -> tuple[ResourceType, str] | None:
        if self._me is None:
            raise Unsupported("This service does not say whose a request is; name the resource.")
        row = self._me(connection)
        for resource_type, binding in _state().bindings.items():
            if row is not None and isinstance(row, binding.model):
                return resource_type, binding.id_of(row)
        return None

    def _shown_mapping(self) -> Shown:
        """What the management API tells of the mapping of users."""
        for resource_type, binding in _state().bindings.items():
            if resource_type.name == "User":
                unique = None if binding.unique is None else str(binding.unique.path)
                places = zip(binding.mapping.names, binding.places, strict=True)
                pairs = [{"scim": name, "app": str(place.source)} for name, place in places]
                return Shown(unique, pairs)
        return Shown(None, [])

    def _publish(self, events: Sequence[Event]) -> None:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own method
        publish(app, events, self.db.session.rollback)

    def _administration(
        self, settings: Settings, bindings: dict[ResourceType, Binding]
    ) -> Administration:
        return Administration(
            self.connections,
            self.tokens,
            self.clients,
            settings.base,
            settings.connection,
            lambda: [line for binding in bindings.values() for line in binding.describe()],
            self._count_resources,
            self._find_missing_tables,
        )

    def _count_resources(self, connection_id: str) -> dict[str, int]:
        session = self.db.session()
        return {
            kind.plural: count_resources(binding.connect(session), binding, connection_id)
            for kind, binding in _state().bindings.items()
        }

    def _find_missing_tables(self) -> list[str]:
        session = self.db.session()
        session.rollback()
        binding = next(iter(_state().bindings.values()))
        metadata = self._own_tables().connections.metadata
        return find_missing_tables(binding.connect(session), metadata)

    def _plurals(self) -> list[str]:
        return [declared.resource_type.plural for declared in self._declared.values()]

    def _own_tables(self) -> OwnTables:
        if self._tables is None:
            raise ConfigurationError("Nothing is declared; call scim.users(User, {…}) first.")
        return self._tables


def _state() -> _State:
    state = current_app.extensions.get("scim")
    if not isinstance(state, _State):
        raise ConfigurationError("Call scim.init_app(app) for this app first.")
    return state


def _references(
    state: _State, session: Session, connection: Connection, links: list[Link]
) -> dict[str, References]:
    ignores_unknown = state.settings.unknown_members == "ignore"
    named: dict[str, References] = {}
    for link in links:
        if link.name not in named:
            named[link.name] = References(session, connection, [], ignores_unknown)
        named[link.name].links.append(link)
    return named


def _current_bindings() -> list[Binding]:
    if not has_app_context() or "scim" not in current_app.extensions:
        return []
    return list(_state().bindings.values())


def _choose_tenant(tenant: str | None) -> str | None:
    state = _state()
    chosen = state.settings.default_tenant if tenant is None else tenant
    for binding in state.bindings.values():
        binding.check_tenant(chosen)
    return chosen


def _signing_keys() -> list[str]:
    if not current_app.secret_key:
        raise ConfigurationError("Set SECRET_KEY; tokens are signed with it.")
    keys = [*(current_app.config.get("SECRET_KEY_FALLBACKS") or ()), current_app.secret_key]
    return [key.decode("latin-1") if isinstance(key, bytes) else key for key in keys]


def _scope(source: Sourced | None, what: str) -> Source | None:
    if source is None:
        return None
    read = read_source(source)
    if not isinstance(read, Source) or read.inverted:
        raise ConfigurationError(f"{what} must be an attribute of the model, or its name.")
    return read
