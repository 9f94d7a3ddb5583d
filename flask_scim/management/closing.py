"""Switching a connection off: what would become of its users, and letting them go."""

from __future__ import annotations

from dataclasses import asdict

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from ..provisioning.ports import Position
from ..web.cursors import Mark, fingerprint
from .desk import Desk
from .documents import describe
from .problems import answer, refusals
from .schemas.closing import (
    ScimClosing,
    ScimClosingPreview,
    ScimClosingQuestion,
    ScimClosingRequest,
)
from .views import View, add, read_body, read_query

#: How many users one request sees to, so that none takes long.
_MOST = 200


def add_closing(blueprint: Blueprint, desk: Desk) -> None:
    """Add the endpoint that lets the users of a connection go.

    :param blueprint: the blueprint of all endpoints.
    :param desk: what it needs of the app.
    """

    class Closing(View):
        @blueprint.doc(
            **describe("Preview what switching a connection off would do", ScimClosingPreview),
            parameters=[{"in": "query", "schema": ScimClosingQuestion}],
        )
        def get(self, connection_id: str) -> ResponseReturnValue:
            desk.connection(connection_id)
            users = read_query(ScimClosingQuestion())["users"]
            preview = desk.closing().preview(connection_id, users)
            return answer(ScimClosingPreview().dump(asdict(preview)))

        @blueprint.doc(
            **describe(
                "Disable a connection and let its users go, some of them at once",
                ScimClosing,
                body=ScimClosingRequest,
            )
        )
        def post(self, connection_id: str) -> ResponseReturnValue:
            desk.connection(connection_id)
            body = read_body(ScimClosingRequest(), desk.limit)
            users, start = body["users"], body.get("start")
            cursors = desk.gateway().cursors
            asked, after = fingerprint("closing", users), None
            if start:
                (place,) = cursors.open(start, connection_id, asked).positions
                after = place.key if place else None
            with refusals():
                outcome = desk.closing().close(connection_id, users, after=after, limit=_MOST)
            following = None
            if outcome.following is not None:
                mark = Mark((Position(outcome.following),), backwards=False, count=_MOST, total=0)
                following = cursors.seal(mark, connection_id, asked)
            return answer(ScimClosing().dump(asdict(outcome) | {"next": following}))

    add(blueprint, "/connections/<connection_id>/closing", Closing)
