"""The extension itself: what a host has of it, and what it adds to an app."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app
from flask_smorest import Blueprint

from ..access.closing import Closing
from ..cli.commands import make_commands
from ..config import ConfigurationError, Settings
from ..connections.clients import Clients
from ..connections.connections import Connections, is_id
from ..connections.tokens import Tokens
from ..delivery.back_channel_logout import BackChannelLogout, read_signer
from ..delivery.celery import add_task
from ..delivery.deliverer import Deliverer
from ..delivery.registry import Destinations
from ..management.api import Guard, make_blueprint
from ..management.desk import Desk
from ..mapping.claims import read_claims
from ..provisioning.members import MemberLimits
from ..provisioning.policy import read_policy
from ..store.changes.tracking import touch
from ..store.journal.outbox import SqlOutbox
from ..web.api import serve
from ..web.cursors import Cursors
from ..web.events import add_events
from ..web.exchange import Gateway
from ..web.limits import RateLimits
from .declaring import Declaring
from .hooking import Hooking
from .layouts import Layouts
from .people import People
from .state import State, current_state, signing_keys


class SCIM(Declaring, Hooking, People):
    """A SCIM 2.0 server for the users of an existing app.

    :param db: the app's Flask-SQLAlchemy extension.

    .. versionadded:: 0.1
    """

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
            self._wiring.log(app, settings, policy),
            lambda: current_state().delivery.has_tokens,
            self._wiring.revoke_globally if "User" in self._wiring.declared else None,
            limits,
            self._wiring.make_authority(),
            self._wiring.make_deferral(app.config, settings),
            self._wiring.glance,
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
        member_limits = MemberLimits(
            settings.max_members,
            settings.max_patch_operations,
            settings.max_patch_members,
            settings.patch_members_limit,
        )
        app.extensions["scim"] = State(
            settings, policy, layouts, watches, gateway, delivery, member_limits, access, claims
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

    def logout_keys(self) -> dict[str, Any]:
        """Describe the public keys of logout tokens, for the ``jwks_uri`` of the current app.

        :return: a JSON Web Key Set.
        :raises ConfigurationError: if ``SCIM_LOGOUT_KEYS`` cannot be used.
        """
        return read_signer(current_app.config).describe()

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

    def flush_log(self) -> bool:
        """Write what this process has gathered for the log, without waiting any longer.

        For servers that end their processes with ``os._exit``, and for tests of yours.

        :return: whether all of it is written.
        """
        return current_state().gateway.log.writer.flush()

    @property
    def closing(self) -> Closing:
        """What switches the connections of the current app off, and lets their users go."""
        return self._wiring.closing

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
