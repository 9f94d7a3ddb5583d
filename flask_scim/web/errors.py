"""Every error below the prefix as SCIM's, and no error anywhere else."""

from __future__ import annotations

import re

from flask import Blueprint, Flask, Response, current_app, got_request_exception, request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WrongMethod

from ..protocol.errors import (
    BadRequest,
    InternalError,
    InvalidSyntax,
    InvalidVersion,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ScimError,
    TooManyRequests,
    UnsupportedMediaType,
)
from .current import this_app
from .responses import answer_error

_BY_STATUS: dict[int, type[ScimError]] = {
    404: NotFound,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    500: InternalError,
}
#: When to try again where the host's own limits do not say, in seconds.
_HOSTS_LIMIT = 60


def handle_errors(blueprint: Blueprint) -> None:
    """Answer what endpoints raise with SCIM errors.

    :param blueprint: the blueprint of the endpoints.
    """
    blueprint.register_error_handler(ScimError, answer_error)
    blueprint.register_error_handler(HTTPException, _answer_http_error)
    blueprint.register_error_handler(Exception, _answer_failure)


def handle_routing_errors(app: Flask, prefix: str, base: str) -> None:
    """Answer paths below the prefix that lead nowhere with SCIM errors.

    Flask finds no blueprint for such a request, so that only the app can answer it.

    :param app: the host's app.
    :param prefix: the path below which errors are SCIM's.
    :param base: the path of a connection, as a rule of Flask's.
    """

    def answer_routing_error() -> Response | None:
        error = request.routing_exception
        if error is None or not f"{request.path}/".startswith(f"{prefix}/"):
            return None
        if names_version.match(request.path):
            return answer_error(InvalidVersion("This service speaks SCIM 2.0; leave it out."))
        return _answer_http_error(error)

    # A client may put the version behind the base URI (RFC 7644, section 3.13).
    beginning = "[^/]+".join(map(re.escape, base.split("<connection_id>")))
    names_version = re.compile(rf"{beginning}/v[0-9][0-9.]*(/|$)")
    app.before_request(answer_routing_error)


def _answer_http_error(error: HTTPException) -> Response:
    match error:
        case WrongMethod(valid_methods=methods):
            allowed = tuple(sorted(methods or ()))
            return answer_error(MethodNotAllowed(f"{request.method} cannot be used here.", allowed))
        case HTTPException(code=404):
            return answer_error(NotFound("There is no such endpoint."))
        case HTTPException(code=429):
            # Limits of the host's own hold here too, and seldom say when they end.
            words = "The application takes no more requests for now; nothing was changed."
            return answer_error(TooManyRequests(f"{words} Try again later.", _HOSTS_LIMIT))
        case HTTPException(code=code) if code is not None and code < 400:
            return answer_error(NotFound("There is no such endpoint."))
    kind = _BY_STATUS.get(error.code or 500, BadRequest)
    if kind is BadRequest:
        return answer_error(InvalidSyntax("The request cannot be read."))
    return answer_error(kind(error.name))


def report_failure(error: Exception) -> InternalError:
    """Tell the host of an error that nobody foresaw.

    :param error: the error.
    :return: what the client gets to know of it.
    """
    got_request_exception.send(this_app(), exception=error)
    current_app.logger.error("A SCIM request failed.", exc_info=error)
    return InternalError("The service failed; nothing was changed. Try again later.")


def _answer_failure(error: Exception) -> Response:
    return answer_error(report_failure(error))
