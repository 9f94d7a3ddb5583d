"""Connections: list, add, read, change, remove."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from ..connections.connections import Connections
from ..provisioning.ports import Connection, Position, State
from .desk import Desk
from .documents import describe
from .paging import read_page
from .problems import answer, answer_nothing, refusals
from .schemas.connections import (
    NewScimConnection,
    ScimConnection,
    ScimConnectionChange,
    ScimConnections,
)
from .views import View, add, read_body


def add_connections(blueprint: Blueprint, desk: Desk) -> None:
    """Add the endpoints of connections.

    :param blueprint: the blueprint of all endpoints.
    :param desk: what they need of the app.
    """

    def shown(connection: Connection) -> Any:
        name, endpoint = connection.name or connection.id, desk.endpoint(connection)
        return ScimConnection().dump(asdict(connection) | {"name": name, "endpoint": endpoint})

    class ListOfConnections(View):
        @blueprint.doc(**describe("List connections by name", ScimConnections, paged=True))
        def get(self) -> ResponseReturnValue:
            def find(place: Position | None, most: int) -> tuple[list[Connection], list[Position]]:
                found = desk.connections().list(place.key if place else None, most)
                return found, [Position(each.id) for each in found]

            page, following = read_page(desk.gateway().cursors, find, "connections")
            return answer({"connections": [shown(each) for each in page], "next": following})

        @blueprint.doc(**describe("Add a connection", ScimConnection, 201, body=NewScimConnection))
        def post(self) -> ResponseReturnValue:
            body = read_body(NewScimConnection(), desk.limit)
            with refusals():
                added = desk.connections().add(body.pop("id"), **body)
            return answer(shown(added), 201)

    class OneConnection(View):
        @blueprint.doc(**describe("Read a connection", ScimConnection))
        def get(self, connection_id: str) -> ResponseReturnValue:
            return answer(shown(desk.connection(connection_id)))

        @blueprint.doc(**describe("Change a connection", ScimConnection, body=ScimConnectionChange))
        def patch(self, connection_id: str) -> ResponseReturnValue:
            body = read_body(ScimConnectionChange(), desk.limit)
            changed = desk.connection(connection_id)
            state = body.pop("state", None)
            if "name" in body:
                body["name"] = body["name"] or ""
            with refusals():
                if body:
                    changed = desk.connections().edit(connection_id, **body)
                if state is not None:
                    changed = set_state(desk.connections(), connection_id, state)
            return answer(shown(changed))

        @blueprint.doc(
            **describe(
                "Remove a connection, its tokens and what SCIM knows of its users", None, 204
            )
        )
        def delete(self, connection_id: str) -> ResponseReturnValue:
            desk.connection(connection_id)
            with refusals():
                desk.connections().remove(connection_id)
            return answer_nothing()

    add(blueprint, "/connections", ListOfConnections)
    add(blueprint, "/connections/<connection_id>", OneConnection)


def set_state(connections: Connections, id: str, state: State) -> Connection:
    """Open or close a connection.

    :param connections: the connections of the app.
    :param id: the connection.
    :param state: what it is to be open for.
    :return: the connection as it is now.
    :raises ValueError: if there is no such connection.
    """
    match state:
        case State.ACTIVE:
            return connections.resume(id)
        case State.PAUSED:
            return connections.pause(id)
        case State.DISABLED:
            return connections.disable(id)
        case State.HELD:
            raise ValueError("Only the breaker holds a connection; pause it instead.")
