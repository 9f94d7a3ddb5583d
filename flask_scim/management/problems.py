"""Errors of the management API: one JSON object, whatever went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from itertools import islice
from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from ..connections.connections import Clash
from ..protocol.errors import Conflict, InvalidValue, ScimError, ServiceUnavailable

#: How many faults of a body are told of at once.
_MOST_FAULTS = 10
_HEADERS = {"Cache-Control": "no-store"}


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON that nobody keeps a copy of.

    :param body: what to say.
    :param status: the HTTP status.
    :param headers: more headers.
    :return: the response.
    """
    return Response(
        json.dumps(body, ensure_ascii=False),
        status,
        headers={**_HEADERS, **(headers or {})},
        content_type="application/json",
    )


def answer_nothing() -> Response:
    """Answer that it is done, and there is nothing to show."""
    response = Response(status=204, headers=_HEADERS)
    del response.headers["Content-Type"]
    return response


def answer_problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with an error.

    :param status: the HTTP status.
    :param message: what to do about it.
    :param headers: more headers.
    :return: the response.
    """
    known = {each.value: each.phrase for each in HTTPStatus}
    body = {"statusCode": status, "error": known.get(status, "Error"), "message": message}
    return answer(body, status, headers)


def answer_error(error: ScimError) -> Response:
    """Answer with an error of ours."""
    headers = {}
    if isinstance(error, ServiceUnavailable):
        headers["Retry-After"] = str(error.retry_after)
    return answer_problem(error.status, error.detail, headers)


def answer_http_error(error: HTTPException) -> ResponseReturnValue:
    """Answer with an error of Flask's or of the guard's.

    A response that somebody has made already, such as the way to a sign-in page, is taken as it is.
    """
    code = error.code or 500
    if error.response is not None or code < 400:
        return error.get_response()
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return answer_problem(code, error.description or error.name, headers)


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what connections and tokens refuse inside as errors that can be answered."""
    try:
        yield
    except Clash as error:
        raise Conflict(str(error)) from None
    except ValueError as error:
        raise InvalidValue(str(error)) from None


def describe_faults(error: ValidationError) -> str:
    """Say in one line what is wrong with a body.

    :param error: what marshmallow found.
    :return: the first faults, each with the place that it is at.
    """
    faults = islice(_faults(error.messages, ()), _MOST_FAULTS)
    return "; ".join(f"{place}: {text}" if place else text for place, text in faults)


def _faults(messages: Any, place: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match messages:
        case dict():
            for name, inner in messages.items():
                # marshmallow's own name for the whole of an object.
                deeper = place if name == "_schema" else (*place, str(name)[:100])
                yield from _faults(inner, deeper)
        case list():
            for inner in messages:
                yield from _faults(inner, place)
        case _:
            yield ".".join(place), str(messages)
