"""How many requests a connection may send: counted where Flask-Limiter counts."""

from __future__ import annotations

import logging
from functools import cached_property
from time import monotonic
from typing import Any

from flask import Blueprint, Flask, current_app, request

from ..config import ConfigurationError, Settings
from ..protocol.errors import TooManyRequests
from ..provisioning.ports import Connection

try:
    from flask_limiter import ExemptionScope, Limiter
    from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
    from limits.errors import ConfigurationError as StorageError
    from limits.storage import Storage, storage_from_string
    from limits.strategies import FixedWindowRateLimiter
except ImportError:
    _INSTALLED = False
else:
    _INSTALLED = True

_log = logging.getLogger("flask_scim.limits")
#: How long a storage that failed is left alone, in seconds; it is logged as often.
_REST = 10
#: What a Redis may take to answer, in seconds, where its URI does not say.
_PATIENCE = {"socket_connect_timeout": 1, "socket_timeout": 1}


class RateLimits:
    """Counts the requests of each connection of an app.

    A request is refused only if so many were let through in the second before, so that a client
    that comes back after a second finds its turn.

    :param app: the host's app.
    :param settings: its settings, in which a limit is set.
    :raises ConfigurationError: if Flask-Limiter is not installed, or the storage cannot be used.
    """

    def __init__(self, app: Flask, settings: Settings) -> None:
        if not _INSTALLED:
            raise ConfigurationError(
                "SCIM_RATE_LIMIT needs Flask-Limiter; install the extra: Flask-SCIM[limits]."
            )
        self._settings = settings
        self._prefix = str(app.config.get("RATELIMIT_KEY_PREFIX") or "")
        self._own = _open_storage(app, settings)
        self._rests_until = 0.0

    def spare(self, app: Flask, blueprint: Blueprint) -> None:
        """Take the endpoints out of the default limits of the host's own limiters.

        These count by address, as a rule, and before anybody knows whose a request is. The limits
        that the host sets on the whole application, or on the blueprint, stay.

        :param app: the host's app.
        :param blueprint: the blueprint of the endpoints.
        """

        def spare_endpoints() -> None:
            for limiter in _limiters(app):
                manager = limiter.limit_manager
                spared = manager.exemption_scope(app, None, blueprint.name)
                limiter.exempt(blueprint, flags=spared | ExemptionScope.DEFAULT)

        def spare_from_later_ones() -> None:
            # A limiter that is added to the app after this one looks at requests after it, too.
            if request.blueprint == blueprint.name:
                spare_endpoints()

        spare_endpoints()
        app.before_request(spare_from_later_ones)

    def count(self, connection: Connection) -> None:
        """Count a request.

        :param connection: the connection that it is for.
        :raises TooManyRequests: if the connection has sent too many.
        """
        if monotonic() < self._rests_until:
            return
        try:
            allowed = self._take(connection)
        except Exception:
            # Each storage has errors of its own, and none of them is the client's.
            self._rests_until = monotonic() + _REST
            _log.warning(
                "The storage of rate limits fails; no request is counted for %s seconds.",
                _REST,
                exc_info=True,
            )
            return
        if not allowed:
            raise TooManyRequests(
                f"The connection may send {self._settings.rate_limit} requests a second; "
                "nothing was changed. Send this one again after a second."
            )

    def _take(self, connection: Connection) -> bool:
        """Take a request out of what the connection has left: first of this second, then above."""
        settings = self._settings
        assert settings.rate_limit is not None
        rates: list[RateLimitItem] = [RateLimitItemPerSecond(settings.rate_limit, 1, "SCIM")]
        if settings.rate_burst:
            rates.append(RateLimitItemPerMinute(settings.rate_burst, 1, "SCIM"))
        return any(self._limiter.hit(rate, self._prefix, connection.id) for rate in rates)

    @cached_property
    def _limiter(self) -> FixedWindowRateLimiter:
        """What counts; looked for at the first request, when the host's own limiter is there."""
        storage = self._own
        found = _limiters(current_app)
        if self._settings.rate_storage_uri is None and len(found) == 1:
            storage = found[0].storage
        # Windows that move would make the storage keep the time of every request.
        return FixedWindowRateLimiter(storage)


def _limiters(app: Flask) -> list[Limiter]:
    """The host's own limiters."""
    return [each for each in app.extensions.get("limiter", ()) if isinstance(each, Limiter)]


def _open_storage(app: Flask, settings: Settings) -> Storage:
    """Open a storage of our own, which connects when something is counted."""
    name, uri, options = "SCIM_RATE_STORAGE_URI", settings.rate_storage_uri, dict[str, Any]()
    if uri is None:
        name = "RATELIMIT_STORAGE_URI"
        uri = str(app.config.get(name) or "memory://")
        options = app.config.get("RATELIMIT_STORAGE_OPTIONS") or {}
    scheme = uri.partition(":")[0]
    if scheme in ("redis", "rediss", "valkey", "valkeys"):
        options = _PATIENCE | options
    try:
        storage = storage_from_string(uri, **options)
    except (StorageError, ValueError):
        storage = None
    if not isinstance(storage, Storage):
        # The URI may hold a password.
        raise ConfigurationError(
            f"{name} cannot be used: {scheme!r} is no storage of Flask-Limiter's, its client is "
            "not installed, or the rest is not what it takes."
        )
    return storage
