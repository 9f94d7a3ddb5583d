"""Endpoints of the management API: what they have in common."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import HTTPException

from ..protocol.errors import InvalidSyntax, InvalidValue, NotFound, ScimError, UnsupportedMediaType
from ..store.sql.failures import translated
from ..web.errors import report_failure
from ..web.exchange import read_json, read_raw
from .problems import answer_error, answer_http_error, answer_problem, describe_faults

#: Each endpoint takes all of them, so that what it does not serve is refused behind the guard too.
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


class View(MethodView):
    """An endpoint whose errors are the API's own, whatever the app does with its errors."""

    init_every_request = False

    def dispatch_request(self, **values: Any) -> ResponseReturnValue:
        """Answer a request."""
        served = sorted(self.methods or ())
        name = "GET" if request.method == "HEAD" else request.method
        if name not in served:
            return self._answer_unserved([*served, "HEAD"] if "GET" in served else served)
        try:
            with translated("connection"):
                return super().dispatch_request(**values)
        except ScimError as error:
            return answer_error(error)
        except HTTPException as error:
            return answer_http_error(error)
        except Exception as error:
            return answer_error(report_failure(error))

    @staticmethod
    def _answer_unserved(served: list[str]) -> Response:
        allow = {"Allow": ", ".join(sorted([*served, "OPTIONS"]))}
        if request.method == "OPTIONS":
            return Response(status=204, headers=allow)
        return answer_problem(405, f"{request.method} cannot be used here.", allow)


class Nowhere(View):
    """What answers where there is no endpoint."""

    def dispatch_request(self, **values: Any) -> ResponseReturnValue:
        """Refuse a request."""
        return answer_error(NotFound("There is no such endpoint."))


def add(blueprint: Blueprint, path: str, view: type[View]) -> None:
    """Add an endpoint, for all methods.

    :param blueprint: the blueprint.
    :param path: where it is.
    :param view: the endpoint.
    """
    places = [
        {"in": "path", "name": name, "description": described}
        for name, described in _PLACES.items()
        if f"<{name}>" in path
    ]
    blueprint.add_url_rule(path, view_func=view, methods=METHODS, parameters=places)


def read_body(schema: Schema, limit: int, *, optional: bool = False) -> dict[str, Any]:
    """Read the body of a request.

    It has to be said to be JSON even if it is empty: no page of another site can say so of what it
    lets a browser send.

    :param schema: what it has to be.
    :param limit: the most bytes that it may have.
    :param optional: whether it may be empty, or ``null``.
    :return: what it says.
    :raises UnsupportedMediaType: if it is not said to be JSON.
    :raises PayloadTooLarge: if it is too large.
    :raises InvalidSyntax: if it is no JSON.
    :raises InvalidValue: if it is not what it has to be.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send JSON, and say so: Content-Type: application/json.")
    raw = read_raw(limit)
    body = {} if optional and not raw.strip() else read_json(raw)
    if body is None and optional:
        body = {}
    return _load(schema, body)


def read_query(schema: Schema) -> dict[str, Any]:
    """Read the query parameters of a request.

    :param schema: what they have to be.
    :return: what they say.
    :raises InvalidValue: if they are not what they have to be.
    """
    if any(len(values) > 1 for _, values in request.args.lists()):
        raise InvalidSyntax("A query parameter was sent twice.")
    return _load(schema, request.args.to_dict())


def _load(schema: Schema, content: Any) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(content)
    except ValidationError as error:
        raise InvalidValue(describe_faults(error)) from None
    return loaded


_PLACES = {
    "destination_id": "The id of the destination.",
    "connection_id": "The name of the connection.",
    "token_id": "The id of the token.",
    "user_id": "The id that SCIM has for the user.",
    "group_id": "The id that SCIM has for the group.",
}
