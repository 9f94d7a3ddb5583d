"""What belongs to one app, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import current_app, has_app_context

from ..access.desk import AccessDesk
from ..config import ConfigurationError, Settings
from ..connections.connections import read_connection
from ..delivery.desk import DeliveryDesk
from ..mapping.claims import Paths
from ..protocol.errors import ServiceUnavailable
from ..protocol.schema import ResourceType
from ..provisioning.members import MemberLimits
from ..provisioning.policy import LocalEdits, Policy
from ..provisioning.ports import Connection
from ..store.changes.tracking import Watch
from ..store.columns.binding import Binding
from ..store.sql.backends import Backend
from ..web.current import this_app
from ..web.exchange import Gateway
from .layouts import Layouts


@dataclass(slots=True)
class State:
    """What belongs to one app.

    :param settings: its settings.
    :param policy: what it has chosen where its connections have not.
    :param layouts: where its resource types sit, for each connection.
    :param watches: what of its rows resources are made of.
    :param gateway: what its endpoints need.
    :param delivery: what tells others of events.
    :param limits: how many members its requests may name.
    :param access: people's access to it; ``None`` where it has no users.
    :param claims: which claims at sign-in fill which attributes of its people.
    :param backend: its database, as soon as somebody has asked.
    """

    settings: Settings
    policy: Policy
    layouts: Layouts
    watches: list[Watch]
    gateway: Gateway
    delivery: DeliveryDesk
    limits: MemberLimits
    access: AccessDesk | None = None
    claims: dict[str, Paths] = field(default_factory=dict)
    backend: Backend | None = None

    @property
    def bindings(self) -> dict[ResourceType, Binding]:
        """The resource types where the app itself has them, for what is the same everywhere."""
        return self.layouts.own.bindings

    def named(self, name: str) -> Binding | None:
        """Find a resource type by its name."""
        return next((b for kind, b in self.bindings.items() if kind.name == name), None)


def current_state() -> State:
    """What belongs to the current app.

    :raises ConfigurationError: if the extension is not registered on it.
    """
    state = current_app.extensions.get("scim")
    if not isinstance(state, State):
        raise ConfigurationError("Call scim.init_app(app) for this app first.")
    return state


def current_watches() -> list[Watch]:
    """What is mapped in the current app; nothing where there is no app, or it has no SCIM."""
    if not has_app_context() or "scim" not in current_app.extensions:
        return []
    return current_state().watches


def refusing(columns: Any, resource_type: ResourceType) -> Binding | None:
    """Find where a connection has a resource type, if it refuses the app's own changes.

    :param columns: the columns of the connection's table.
    :param resource_type: the resource type.
    :return: where it sits; ``None`` if the connection lets the app change it.
    """
    connection = read_connection(columns)
    if current_state().policy.over(connection.policy).local_edits is not LocalEdits.REFUSE:
        return None
    return bound_for(connection, resource_type)


def bound_for(connection: Connection, resource_type: ResourceType) -> Binding:
    """Find where a connection has a resource type, for those who only look.

    :param connection: the connection.
    :param resource_type: the resource type.
    :return: where it sits; where the app has it, if the connection's own mapping has gone bad.
    """
    layouts = current_state().layouts
    try:
        return layouts.of(connection).bindings[resource_type]
    except ServiceUnavailable:
        return layouts.own.bindings[resource_type]


def choose_tenant(tenant: str | None) -> str | None:
    """Choose the tenant of a new connection.

    :param tenant: what was asked for; ``None`` for the tenant that the settings name.
    :return: the tenant.
    :raises ValueError: if no resource could belong to it.
    """
    state = current_state()
    chosen = state.settings.default_tenant if tenant is None else tenant
    for binding in state.bindings.values():
        binding.check_tenant(chosen)
    return chosen


def signing_keys() -> list[str]:
    """The keys of the current app, the newest last.

    :raises ConfigurationError: if it has none.
    """
    app = this_app()
    newest = app.secret_key
    if not newest:
        raise ConfigurationError("Set SECRET_KEY; tokens are signed with it.")
    keys = [*(app.config.get("SECRET_KEY_FALLBACKS") or ()), newest]
    return [key.decode("latin-1") if isinstance(key, bytes) else key for key in keys]
