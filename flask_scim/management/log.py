"""The log of a connection: what its identity provider asked for, and why it was refused."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from ..provisioning.log import Logged, Search
from ..provisioning.ports import Position
from .desk import Desk
from .documents import describe
from .paging import read_page
from .problems import answer
from .schemas.log import ScimLog, ScimLogSearch
from .views import View, add, read_query


def add_log(blueprint: Blueprint, desk: Desk) -> None:
    """Add the endpoint of the log.

    :param blueprint: the blueprint of all endpoints.
    :param desk: what it needs of the app.
    """

    class ListOfRequests(View):
        @blueprint.doc(**describe("Read the log, newest first", ScimLog, paged=ScimLogSearch))
        def get(self, connection_id: str) -> ResponseReturnValue:
            connection = desk.connection(connection_id)
            wanted = read_query(ScimLogSearch())
            search = Search(
                status=wanted.get("status"),
                method=wanted.get("method"),
                resource_id=wanted.get("user"),
                since=wanted.get("since"),
                request_id=wanted.get("request_id"),
                errors=wanted.get("errors", False),
            )

            def find(place: Position | None, most: int) -> tuple[list[Logged], list[Position]]:
                before = None if place is None else (place.value, place.key)
                found = desk.requests().read(connection.id, search, before=before, most=most)
                return found, [Position(logged.id, logged.time) for logged in found]

            logs, following = read_page(
                desk.gateway().cursors,
                find,
                "logs",
                repr(search),
                connection_id=connection.id,
                wanted=wanted,
            )
            return answer(ScimLog().dump({"logs": logs, "next": following}))

    add(blueprint, "/connections/<connection_id>/logs", ListOfRequests)
