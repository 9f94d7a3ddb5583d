"""What the OpenAPI document says of the endpoints of the management API."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from flask_smorest import Blueprint
from flask_smorest.spec.plugins import FlaskPlugin
from marshmallow import Schema

from ..web.api import GuestApi
from .schemas.parts import ScimPaging, ScimProblem

_ERRORS = {
    400: "The request cannot be taken as it is; the message says why.",
    404: "There is no such connection, or nothing of this id in it.",
    409: "What is asked for does not go together with what is there.",
    413: "The body is larger than the service takes.",
    415: "The body is not said to be application/json.",
    500: "The service failed; nothing was changed.",
    503: "The service is busy; the request may be repeated.",
}
_OF_ALL = (400, 404, 500, 503)
_OF_BODIES = (409, 413, 415)


def describe(
    summary: str,
    answered: type[Schema] | dict[str, Any] | None = None,
    status: int = 200,
    *,
    body: type[Schema] | None = None,
    optional: bool = False,
    paged: bool | type[Schema] = False,
) -> dict[str, Any]:
    """Document an operation.

    :param summary: what it does.
    :param answered: what it answers with; ``None`` for nothing.
    :param status: the status of that answer.
    :param body: what the body has to be.
    :param optional: whether the body may be empty.
    :param paged: whether it answers with a page of a list, or what else narrows that list down.
    :return: the operation.
    """
    good: dict[str, Any] = {"description": summary}
    if answered is not None:
        good["content"] = _json(answered)
    refusals = (*_OF_ALL, *(_OF_BODIES if body else ()))
    described: dict[str, Any] = {
        "summary": summary,
        "responses": {str(status): good}
        | {
            str(code): {"description": _ERRORS[code], "content": _json(ScimProblem)}
            for code in sorted(refusals)
        }
        # Whoever the guard does not let in gets what it answers.
        | {"default": {"description": "What the guard of the application answers."}},
    }
    if body is not None:
        described["requestBody"] = {"required": not optional, "content": _json(body)}
    if paged:
        schema = ScimPaging if paged is True else paged
        described["parameters"] = [{"in": "query", "schema": schema}]
    return described


def list_of(schema: type[Schema]) -> dict[str, Any]:
    """Document a whole list."""
    return {"type": "array", "items": schema}


def make_document(app: Flask, blueprint: Blueprint, name: str) -> dict[str, Any]:
    """Make the OpenAPI document of the endpoints.

    :param app: the app that they are in.
    :param blueprint: their blueprint.
    :param name: what the app calls it.
    :return: the document.
    """
    spec = APISpec(
        "SCIM management",
        "1.0",
        app.config.get("SCIM_OPENAPI_VERSION", "3.0.3"),
        plugins=[FlaskPlugin(), MarshmallowPlugin()],
    )
    blueprint.register_views_in_doc(GuestApi, app, spec, name=name, parameters=None)
    spec.tag({"name": name, "description": blueprint.description})
    document: dict[str, Any] = spec.to_dict()
    return document


def _json(schema: type[Schema] | dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
