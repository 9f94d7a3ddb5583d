"""The management API as a blueprint that the host mounts behind its own guard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
from flask import current_app, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException

from ..config import ConfigurationError
from ..web.current import this_app
from .closing import add_closing
from .configuration import add_configuration
from .connections import add_connections
from .desk import Desk
from .destinations import add_destinations
from .documents import make_document
from .log import add_log
from .people import add_people
from .problems import answer, answer_http_error
from .roles import add_roles
from .tokens import add_tokens
from .views import METHODS, Nowhere, View

#: Lets an administrator in by returning nothing; keeps others out by aborting, by raising or by
#: returning a response.
Guard = Callable[[], Any]


def make_blueprint(guard: Guard | None, desk: Desk, name: str) -> Blueprint:
    """Make the blueprint of the management API.

    :param guard: runs before every request.
    :param desk: what the endpoints need of whatever app they are asked in.
    :param name: what the blueprint is called.
    :return: the blueprint, for the app itself or for the host's own flask-smorest API.
    :raises ConfigurationError: if there is no guard.
    """
    if guard is None or not callable(guard):
        raise ConfigurationError(
            "The management API opens every connection of every customer; give it a guard, a "
            "function that aborts unless one of your administrators is asking: "
            "scim.management(guard=require_admin)."
        )
    blueprint = Blueprint(
        name,
        __name__,
        description="Connections, their tokens and their people, for administrators.",
    )
    blueprint.before_request(_make_check(guard))
    add_connections(blueprint, desk)
    add_configuration(blueprint, desk)
    add_closing(blueprint, desk)
    add_tokens(blueprint, desk)
    add_people(blueprint, desk)
    add_roles(blueprint, desk)
    add_log(blueprint, desk)
    add_destinations(blueprint, desk)
    _add_document(blueprint)
    return blueprint


def _make_check(guard: Guard) -> Callable[[], ResponseReturnValue | None]:
    """Let the guard speak, and answer what it aborts with as every other error here."""

    def check() -> ResponseReturnValue | None:
        try:
            answered = current_app.ensure_sync(guard)()
        except HTTPException as error:
            return answer_http_error(error)
        if isinstance(answered, bool):
            raise TypeError(
                f"The guard of the management API has returned {answered}; it has to abort or to "
                "return a response to keep somebody out, and to return nothing to let them in."
            )
        return answered  # type: ignore[no-any-return]  # Flask makes a response of it

    return check


def _add_document(blueprint: Blueprint) -> None:
    """Add what stands in no document: the document itself, and what answers everywhere else."""

    class Document(View):
        def get(self) -> ResponseReturnValue:
            assert request.blueprint is not None
            return answer(make_document(this_app(), blueprint, request.blueprint))

    for path, view in (("/openapi.json", Document), ("/", Nowhere), ("/<path:path>", Nowhere)):
        # Past flask-smorest, which would document them.
        flask.Blueprint.add_url_rule(
            blueprint,
            path,
            view_func=view.as_view(f"{view.__name__.lower()}-{len(path)}"),
            methods=METHODS,
        )
