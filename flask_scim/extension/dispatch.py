"""Delivery, wired together for one app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask

from ..config import ConfigurationError
from ..delivery.backlog import Backlog
from ..delivery.carriers import Means
from ..delivery.deliverer import Requests
from ..delivery.desk import DeliveryDesk, Keys
from ..delivery.destinations import Destination
from ..delivery.extra import make_bus_carrier, make_signer
from ..delivery.lanes import Lanes
from ..delivery.polling import Polling
from ..delivery.pruning import Pruning
from ..delivery.registry import Destinations
from ..delivery.settings import DeliverySettings
from ..delivery.tables import DeliveryTables
from ..signals import publish_disabled
from ..store.tables.own import OwnTables
from .state import signing_keys


def make_delivery(
    app: Flask,
    session: Any,
    tables: OwnTables,
    callables: Mapping[str, Callable[[Any], Any]],
    endpoints: Mapping[str, str],
    requests: Requests,
) -> DeliveryDesk:
    """Make all that there is to ask of delivery in an app.

    :param app: the app.
    :param session: its session.
    :param tables: our tables.
    :param callables: the functions that are destinations, by name.
    :param endpoints: the path of each resource type behind the base URI, by its name.
    :param requests: the requests that wait for a worker.
    :return: the desk.
    :raises ConfigurationError: if a setting cannot be used.
    """
    settings = DeliverySettings.read(app.config)
    signer = _make_signer(app)
    named = {name: getattr(tables, name) for name in DeliveryTables.__slots__}
    own = DeliveryTables(**named)
    means = Means(settings, callables, endpoints, signer, make_bus_carrier)
    return DeliveryDesk(
        settings,
        lambda: Destinations(session, own, settings, signing_keys, callables, signer is not None),
        lambda: Backlog(session, own),
        lambda: Lanes(session, own, settings),
        lambda: Polling(session, own, means),
        lambda: Pruning(session, own),
        means,
        signer,
        app.app_context,
        lambda destination, reason: _notify(app, session, destination, reason),
        requests,
    )


def _make_signer(app: Flask) -> Keys | None:
    keys = app.config.get("SCIM_EVENTS_KEYS")
    if keys is None:
        return None
    if make_signer is None:
        raise ConfigurationError(
            'SCIM_EVENTS_KEYS needs joserfc; install it with: pip install "Flask-SCIM[events]".'
        )
    return make_signer(keys)


def _notify(app: Flask, session: Any, destination: Destination, reason: str) -> None:
    publish_disabled(app, destination, reason, session.rollback)
