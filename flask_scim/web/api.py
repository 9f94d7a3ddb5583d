"""flask-smorest as a guest: routes and a document of its own, and nothing of the host's touched."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import Any

import flask
from flask import Flask
from flask_smorest import Api, Blueprint
from flask_smorest.spec.plugins import FlaskPlugin

from .bulk import add_bulk
from .components import make_components
from .discovery import add_discovery
from .documents import describe_place
from .errors import handle_errors, handle_routing_errors
from .exchange import Gateway
from .finishing import finish_requests
from .global_token_revocation import add_global_token_revocation
from .me import add_me
from .oauth import add_oauth
from .resources import add_resource_type
from .search import add_search
from .views import DescribedBlueprint


class GuestApi(Api):
    """An :class:`flask_smorest.Api` that leaves the app's error pages alone.

    It writes its document when somebody reads it first: that takes longer than all the rest of an
    app's start, and few processes are ever asked for it.
    """

    #: Every operation names its own errors; without a name here, none that is not SCIM's is added.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask, **options: Any) -> None:
        self._spec: Any = None
        self._unwritten: list[Callable[[], None]] = []
        self._writing = RLock()
        super().__init__(app, **options)

    @property
    def spec(self) -> Any:
        """The document, with all that is in it."""
        with self._writing:
            unwritten, self._unwritten = self._unwritten, []
            for write in unwritten:
                write()
        return self._spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        self._spec = spec

    def register_blueprint(self, blp: Blueprint, **options: Any) -> None:
        """Register a blueprint, and describe it later.

        :param blp: the blueprint.
        :param options: what to override of it.
        """
        described: list[Callable[[], None]] = []
        blp.describe_later = described.append
        super().register_blueprint(blp, **options)
        self._unwritten += described

    def describe_later(self, write: Callable[[], None]) -> None:
        """Let something be written into the document when somebody reads it.

        :param write: writes it.
        """
        self._unwritten.append(write)

    def _register_error_handlers(self) -> None:
        """Register none: flask-smorest's own would answer for the whole app."""

    def _register_responses(self) -> None:
        """Describe none: no operation is answered with flask-smorest's errors."""


class DescribedPaths(FlaskPlugin):
    """A reader of routes that says of each part of a path what it stands for."""

    def rule_to_params(self, rule: Any) -> list[dict[str, Any]]:
        """Describe the parts of the path of a rule."""
        parts: list[dict[str, Any]] = super().rule_to_params(rule)
        return [part | {"description": describe_place(part["name"])} for part in parts]


def serve(app: Flask, gateway: Gateway) -> None:
    """Add the endpoints to the app.

    :param app: the host's app.
    :param gateway: what the endpoints need of it.
    """
    prefix = gateway.settings.url_prefix
    app.config.setdefault("SCIM_API_TITLE", "SCIM 2.0")
    app.config.setdefault("SCIM_API_VERSION", "2.0")
    app.config.setdefault("SCIM_OPENAPI_VERSION", "3.0.3")
    if gateway.settings.docs:
        app.config.setdefault("SCIM_OPENAPI_URL_PREFIX", prefix)
    api = GuestApi(app, spec_kwargs={"flask_plugin": DescribedPaths()}, config_prefix="SCIM")
    blueprint = _make_blueprint(gateway)
    base = gateway.settings.base("<connection_id>")
    api.register_blueprint(blueprint, url_prefix=base)
    api.describe_later(partial(_describe_messages, api, gateway))
    if gateway.limits is not None:
        gateway.limits.spare(app, blueprint)
    add_oauth(app, gateway)
    handle_routing_errors(app, prefix, base)
    if gateway.settings.docs:
        _serve_page(app, api, prefix)


def _describe_messages(api: GuestApi, gateway: Gateway) -> None:
    for name, component in make_components(gateway.types.values()).items():
        api.spec.components.schema(name, component)
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    api.spec.options["security"] = [{"token": []}]


def _make_blueprint(gateway: Gateway) -> Blueprint:
    blueprint = DescribedBlueprint(
        "scim", __name__, description="SCIM 2.0, for identity providers."
    )
    if gateway.settings.connection is not None:
        _name_connection(blueprint, gateway.settings.connection)
    add_discovery(blueprint, gateway)
    add_search(blueprint, gateway)
    for resource_type in gateway.types:
        add_resource_type(blueprint, gateway, resource_type)
    add_me(blueprint, gateway)
    add_bulk(blueprint, gateway)
    add_global_token_revocation(blueprint, gateway)
    handle_errors(blueprint)
    finish_requests(blueprint, gateway.settings, gateway.log)
    return blueprint


def _name_connection(blueprint: Blueprint, only: str) -> None:
    """Give endpoints that stand at the prefix itself the name of the only connection."""

    def name_connection(_: str | None, values: dict[str, Any] | None) -> None:
        if values is not None:
            values["connection_id"] = only

    blueprint.url_value_preprocessor(name_connection)


def _serve_page(app: Flask, api: Api, prefix: str) -> None:
    """Serve a page that shows the document without fetching anything from elsewhere."""
    page = flask.Blueprint("scim-docs", __name__, template_folder="templates")

    def show_document() -> str:
        return flask.render_template(
            "flask_scim/openapi.html",
            document=api.spec.to_dict(),
            json_path=f"{prefix}/openapi.json",
        )

    page.add_url_rule(f"{prefix}/docs", "page", show_document)
    app.register_blueprint(page)
