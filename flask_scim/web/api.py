"""flask-smorest as a guest: routes and a document of its own, and nothing of the host's touched."""

from __future__ import annotations

import flask
from flask import Flask
from flask_smorest import Api, Blueprint

from . import documents
from .discovery import add_discovery
from .errors import handle_errors, handle_routing_errors
from .exchange import Gateway
from .resources import add_resource_type


class GuestApi(Api):
    """An :class:`flask_smorest.Api` that leaves the app's error pages alone."""

    def _register_error_handlers(self) -> None:
        """Register none: flask-smorest's own would answer for the whole app."""


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
    api = GuestApi(app, config_prefix="SCIM")
    for name, component in documents.components(list(gateway.mappings)).items():
        api.spec.components.schema(name, component)
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    api.spec.options["security"] = [{"token": []}]
    blueprint = _make_blueprint(gateway)
    api.register_blueprint(blueprint, url_prefix=prefix)
    handle_routing_errors(app, prefix)
    if gateway.settings.docs:
        _serve_page(app, api, prefix)


def _make_blueprint(gateway: Gateway) -> Blueprint:
    blueprint = Blueprint("scim", __name__, description="SCIM 2.0, for identity providers.")
    for resource_type in gateway.mappings:
        add_resource_type(blueprint, gateway, resource_type)
    add_discovery(blueprint, gateway)
    handle_errors(blueprint)
    return blueprint


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
