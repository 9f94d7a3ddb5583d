"""What all wiring stands on: what the host has declared, and the database of the current app."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from ..access.ownership import Ownership
from ..access.revokers import Revokers
from ..config import ConfigurationError
from ..connections.connections import Connections, read_connection
from ..connections.issuers import Issuer
from ..protocol.dialects import GENERIC, Dialect
from ..protocol.schema import ResourceType
from ..provisioning.intents import Guard
from ..provisioning.journal import Entry
from ..provisioning.ports import Connection
from ..provisioning.service import Service
from ..store.columns.binding import Binding
from ..store.journal.log import SqlLog
from ..store.journal.outbox import SqlOutbox
from ..store.sql.backends import Backend
from ..store.sql.databases import find_backend
from ..store.tables.own import OwnTables
from ..web.requirements import signed_in
from ..web.sessions import UserOf
from .declared import Declared
from .logging_out import LoggingOut
from .roles import DeclaredRoles
from .state import bound_for, current_state


class Ground(ABC):
    """What the host has declared, and the database behind the current app.

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
    def outbox(self) -> SqlOutbox:
        """The events of the current app."""
        tables = self.tables
        return SqlOutbox(self.db.session, tables.events, tables.counters)

    @property
    def requests(self) -> SqlLog:
        """The log of the current app."""
        tables = self.tables
        return SqlLog(self.db.session, tables.requests, tables.connections)

    def ownership(self) -> Ownership:
        """What of the current app's rows identity providers keep."""
        return Ownership(self.db.session(), current_state().bindings, read_connection, bound_for)

    def _service_of_users(self, connection: Connection) -> Service:
        users = self._type_of_users()
        return self.service(connection, users, users, GENERIC)

    def _users(self) -> Binding:
        """The users of the current app, bound to its model."""
        bindings = current_state().bindings
        return next(each for kind, each in bindings.items() if kind.name == "User")

    def _type_of_users(self) -> ResourceType:
        if "User" not in self.declared:
            raise ConfigurationError("This application has no users; declare them: scim.users(…).")
        return self.declared["User"].resource_type

    def _plurals(self) -> list[str]:
        return [declared.resource_type.plural for declared in self.declared.values()]

    def _backend(self) -> Backend:
        """The database behind the current app."""
        state = current_state()
        if state.backend is None:
            binding = next(iter(state.bindings.values()))
            state.backend = find_backend(binding.connect(self.db.session()))
        return state.backend

    def _database(self) -> sa.Connection:
        binding = next(iter(current_state().bindings.values()))
        return binding.connect(self.db.session())

    @property
    @abstractmethod
    def connections(self) -> Connections:
        """The connections of the current app."""

    @abstractmethod
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
