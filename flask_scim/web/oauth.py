"""The endpoints of the authorization server: access tokens, and where to get them."""

from __future__ import annotations

import json
from typing import Any

import flask
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from ..connections.authority import TOKEN_PATH, Answer, Authority
from ..protocol.errors import ServiceUnavailable
from .errors import report_failure
from .exchange import Gateway, base_uri

_METADATA_PATH = "/.well-known/oauth-authorization-server"
#: The longest body of a request for an access token, in bytes.
_LONGEST = 65_536


def add_oauth(app: Flask, gateway: Gateway) -> None:
    """Add the endpoints, where the extra for them is installed.

    They are no part of SCIM, so that their errors are OAuth's, and have a blueprint of their own.

    :param app: the host's app.
    :param gateway: what the endpoints need of the app.
    """
    authority = gateway.authority
    if authority is None:
        return
    settings = gateway.settings
    blueprint = flask.Blueprint("scim-oauth", __name__)

    def give_token(connection_id: str) -> Response:
        form = _read_form()
        if isinstance(form, str):
            return _answer(authority.refuse(form))
        authorization = request.headers.get("Authorization", "")
        issuer = base_uri(settings, connection_id)
        try:
            return _answer(authority.answer(connection_id, issuer, form, authorization))
        except ServiceUnavailable as error:
            return _answer(_say("temporarily_unavailable", error))

    def show_metadata(connection_id: str) -> Response:
        return _answer(Answer(200, authority.describe(base_uri(settings, connection_id)), {}))

    base = settings.base("<connection_id>")
    only = {"connection_id": settings.connection} if settings.connection else {}
    blueprint.add_url_rule(
        f"{base}{TOKEN_PATH}", "token", give_token, methods=["POST"], defaults=only
    )
    # RFC 8414, section 3.1, wants it before the path of the issuer; some look for it behind.
    for name, rule in (("metadata", f"{_METADATA_PATH}{base}"), ("own", f"{base}{_METADATA_PATH}")):
        blueprint.add_url_rule(rule, name, show_metadata, defaults=only)
    blueprint.register_error_handler(HTTPException, lambda _: _answer(_unreadable(authority)))
    blueprint.register_error_handler(
        Exception, lambda error: _answer(_say("server_error", report_failure(error)))
    )
    app.register_blueprint(blueprint)


def _read_form() -> dict[str, str] | str:
    """Read the parameters of the body; empty ones count as left out (:rfc:`6749#section-3.2`).

    :return: the parameters, or what is wrong with the body.
    """
    if request.mimetype != "application/x-www-form-urlencoded":
        return "Send a body of type application/x-www-form-urlencoded."
    if request.content_length is None or request.content_length > _LONGEST:
        return f"Send a body with a Content-Length of at most {_LONGEST} bytes."
    form = request.form
    if any(len(values) > 1 for values in form.listvalues()):
        return "Send each parameter once."
    return {name: value for name, value in form.items() if value}


def _unreadable(authority: Authority) -> Answer:
    return authority.refuse("The request cannot be read.")


def _say(error: str, found: Any) -> Answer:
    """Answer with a failure that is not the client's."""
    headers = {"Retry-After": str(found.retry_after)} if error == "temporarily_unavailable" else {}
    body = {"error": error, "error_description": found.detail}
    return Answer(found.status, body, {"Cache-Control": "no-store", **headers})


def _answer(answer: Answer) -> Response:
    headers = {"Content-Type": "application/json", **answer.headers}
    return Response(json.dumps(answer.body), answer.status, headers)
