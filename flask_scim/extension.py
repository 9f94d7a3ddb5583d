"""The extension: what a host declares, and everything wired together once for each app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

from .cli.commands import Administration, make_commands
from .config import ConfigurationError, Settings
from .connections.connections import Connections
from .connections.tokens import Tokens
from .mapping.declaration import read_declaration
from .mapping.resource_types import check_resource_type
from .mapping.served import find_served
from .mapping.sources import Source, Sourced, read_source
from .protocol.definitions import GROUP_TYPE, USER_TYPE
from .protocol.dialects import Dialect
from .protocol.errors import Unsupported
from .protocol.schema import Extension, Mutability, ResourceType
from .provisioning.changes import Event
from .provisioning.members import MemberLimits
from .provisioning.ports import Connection, Document
from .provisioning.service import Service
from .signals import publish
from .store.backends import Backend, find_backend
from .store.binding import Binding
from .store.groups import OWN_GROUP_MAPPING, make_group_model
from .store.links import Link, bind_links
from .store.references import References
from .store.store import Hooks, SqlStore
from .store.tables import (
    add_connection_table,
    add_record_table,
    add_token_table,
    taken_names,
)
from .store.tracking import touch, track
from .web.api import serve
from .web.cursors import Cursors
from .web.exchange import Gateway


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
    backend: Backend | None = None


class SCIM:
    """A SCIM 2.0 server for the users of an existing app.

    :param db: the app's Flask-SQLAlchemy extension.

    .. versionadded:: 0.1
    """

    def __init__(self, db: SQLAlchemy) -> None:
        self.db = db
        self._declared: dict[str, Declared] = {}
        self._tables: tuple[sa.Table, sa.Table] | None = None
        self._me: Callable[[Connection], Any] | None = None

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
        bindings = {
            declared.resource_type: self._bind(app, declared, settings)
            for declared in self._declared.values()
        }
        links = _bind_links(bindings)
        app.extensions["scim"] = _State(settings, bindings, links)
        types = {kind: find_served(binding.mapping) for kind, binding in bindings.items()}
        cursors = Cursors(_signing_keys, settings.cursor_timeout)
        serve(
            app, Gateway(settings, types, self.tokens.verify, self._service, cursors, self._whose)
        )
        app.cli.add_command(make_commands(self._administration(settings, bindings)))

    def me(self, function: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
        """Let a function say whose the requests of a connection are, for ``/Me``.

        :param function: takes the connection and returns a row of a declared model, or ``None``.
        :return: the function.
        """
        self._me = function
        return function

    @property
    def connections(self) -> Connections:
        """The connections of the current app."""
        return Connections(self.db.session, self._own_tables()[0], _choose_tenant)

    @property
    def tokens(self) -> Tokens:
        """The tokens of the current app."""
        connections, tokens = self._own_tables()
        plurals = [declared.resource_type.plural for declared in self._declared.values()]
        return Tokens(self.db.session, tokens, connections, _signing_keys, plurals)

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
            self._tables = add_connection_table(table.metadata), add_token_table(table.metadata)
            track(self.db.session, _current_bindings)
        elif self._tables[0].metadata is not table.metadata:
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
        is_member = "Group" in self._declared and _can_show_groups(resource_type)
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

    def _whose(self, connection: Connection) -> tuple[ResourceType, str] | None:
        if self._me is None:
            raise Unsupported("This service does not say whose a request is; name the resource.")
        row = self._me(connection)
        for resource_type, binding in _state().bindings.items():
            if row is not None and isinstance(row, binding.model):
                return resource_type, binding.id_of(row)
        return None

    def _publish(self, events: Sequence[Event]) -> None:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own method
        publish(app, events, self.db.session.rollback)

    def _administration(
        self, settings: Settings, bindings: dict[ResourceType, Binding]
    ) -> Administration:
        return Administration(
            self.connections,
            self.tokens,
            settings.url_prefix,
            lambda: [line for binding in bindings.values() for line in binding.describe()],
        )

    def _own_tables(self) -> tuple[sa.Table, sa.Table]:
        if self._tables is None:
            raise ConfigurationError("Nothing is declared; call scim.users(User, {…}) first.")
        return self._tables


def _state() -> _State:
    state = current_app.extensions.get("scim")
    if not isinstance(state, _State):
        raise ConfigurationError("Call scim.init_app(app) for this app first.")
    return state


def _bind_links(bindings: dict[ResourceType, Binding]) -> dict[ResourceType, list[Link]]:
    """Bind references to relationships, and let what is referred to know of it."""
    by_name = {resource_type.name: binding for resource_type, binding in bindings.items()}
    own = {kind: bind_links(binding, by_name) for kind, binding in bindings.items()}
    links = {kind: list(some) for kind, some in own.items()}
    for kind, some in own.items():
        nested = next((link for link in some if link.is_nested), None)
        for link in some:
            target = link.target.resource_type
            source = link.target if link.is_nested else bindings[kind]
            if kind.name == "Group" and not link.is_nested and _can_show_groups(target):
                back = link.reversed("groups", source, "direct", nested)
            else:
                # No attribute shows these; they end with the resource all the same.
                back = link.reversed(f"{kind.name}.{link.name}", source, "direct")
            links[target].append(back)
    return links


def _can_show_groups(resource_type: ResourceType) -> bool:
    """Tell whether resources have the attribute that shows the groups they are in."""
    groups = resource_type.attribute("groups")
    return (
        groups is not None
        and groups.is_reference
        and groups.multi_valued
        and groups.mutability is Mutability.READ_ONLY
    )


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
