"""What belongs to one app, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, has_app_context

from ..access.desk import AccessDesk
from ..config import ConfigurationError, Settings
from ..protocol.schema import ResourceType
from ..provisioning.policy import Policy
from ..store.backends import Backend
from ..store.binding import Binding
from ..store.links import Link
from ..web.exchange import Gateway


@dataclass(slots=True)
class State:
    """What belongs to one app.

    :param settings: its settings.
    :param policy: what it has chosen where its connections have not.
    :param bindings: the resource types, bound to its models.
    :param links: the references of each resource type.
    :param gateway: what its endpoints need.
    :param access: people's access to it; ``None`` where it has no users.
    :param backend: its database, as soon as somebody has asked.
    """

    settings: Settings
    policy: Policy
    bindings: dict[ResourceType, Binding]
    links: dict[ResourceType, list[Link]]
    gateway: Gateway
    access: AccessDesk | None = None
    backend: Backend | None = None


def current_state() -> State:
    """What belongs to the current app.

    :raises ConfigurationError: if the extension is not registered on it.
    """
    state = current_app.extensions.get("scim")
    if not isinstance(state, State):
        raise ConfigurationError("Call scim.init_app(app) for this app first.")
    return state


def current_bindings() -> list[Binding]:
    """The resource types of the current app; none where there is no app, or it has no SCIM."""
    if not has_app_context() or "scim" not in current_app.extensions:
        return []
    return list(current_state().bindings.values())


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
    if not current_app.secret_key:
        raise ConfigurationError("Set SECRET_KEY; tokens are signed with it.")
    keys = [*(current_app.config.get("SECRET_KEY_FALLBACKS") or ()), current_app.secret_key]
    return [key.decode("latin-1") if isinstance(key, bytes) else key for key in keys]
