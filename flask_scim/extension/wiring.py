"""What a request, a command or host code needs of the current app, wired together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from ..access.desk import AccessDesk
from ..cli.administration import Administration
from ..config import Settings
from ..connections.connections import Connections
from ..delivery.deliverer import Requests
from ..delivery.desk import DeliveryDesk
from ..protocol.dialects import Dialect
from ..protocol.errors import Unsupported
from ..protocol.schema import ResourceType
from ..provisioning.changes import Event
from ..provisioning.policy import Policy, UnknownMembers, Unmapped
from ..provisioning.ports import Connection
from ..provisioning.service import Service
from ..roles.consequences import Consequences
from ..store.changes.names import Namer
from ..store.references.links import Link
from ..store.references.references import References
from ..store.sql.backends import Backend
from ..store.store import SqlStore
from ..store.survey import count_resources, find_missing_tables
from ..store.tables.groups import delete_groups
from ..web.log import note_shown
from .deferring import Deferring
from .dispatch import make_delivery
from .layouts import Layouts
from .minding import Minding
from .review import review
from .state import choose_tenant, current_state


class Wiring(Deferring, Minding):
    """Makes the parts of the extension for the current app.

    :param db: the app's Flask-SQLAlchemy extension.
    """

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
        policy, backend = state.policy.over(connection.policy), state.backend or self._backend()
        references = _references(policy, session, backend, connection, layout.links[resource_type])
        settle: Callable[[Sequence[Event]], Sequence[Event]] = self._settle
        namers: dict[tuple[str, ...], Namer] = {}
        if self.declared_roles is not None:
            consequences = Consequences(self.role_book())
            settle = partial(self._settle_roles, consequences)
            if resource_type.name == "User":
                assign = partial(consequences.assign, connection)
                namers = dict.fromkeys(self.declared_roles.shown_by(binding), assign)
        store = SqlStore(session, backend, connection, binding, hooks, references, policy, namers)
        return Service(
            store,
            known,
            connection,
            dialect,
            self._publish,
            state.limits,
            self._guard,
            self._refused,
            settle,
            note_shown,
            refuses_unmapped=policy.unmapped is Unmapped.REFUSE,
        )

    def delivery(self, app: Flask) -> DeliveryDesk:
        """Make what tells others of events."""
        types = [declared.resource_type for declared in self.declared.values()]
        endpoints = {each.name: each.endpoint for each in types}
        requests = Requests(self.deferred.find, self.carry_out)
        own = self.tables
        return make_delivery(app, self.db.session, own, self.callables, endpoints, requests)

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
            lambda: self.deferred,
            access,
        )

    def mappings(self) -> Layouts:
        """The mappings of the connections of the current app."""
        return current_state().layouts

    def _forget(self, connection_id: str) -> None:
        current_state().delivery.destinations().forget(connection_id)
        groups = self.declared.get("Group")
        if groups is not None and not groups.shared:
            delete_groups(self.db.session(), groups.model, groups.record, connection_id)

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


def _read_mapping(connection: Connection, chosen: Mapping[str, Any]) -> dict[str, Any] | None:
    return current_state().layouts.read(connection, chosen)


def _references(
    policy: Policy,
    session: Session,
    backend: Backend,
    connection: Connection,
    links: list[Link],
) -> dict[str, References]:
    ignores_unknown = policy.unknown_members is UnknownMembers.IGNORE
    named: dict[str, References] = {}
    for link in links:
        if link.name not in named:
            named[link.name] = References(session, backend, connection, [], ignores_unknown)
        named[link.name].links.append(link)
    return named
