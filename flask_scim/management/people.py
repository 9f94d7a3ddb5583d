"""The users and groups of a connection: list, read, delete."""

from __future__ import annotations

import json
from typing import Any

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from ..protocol.parser import parse_filter
from ..protocol.projection import Projection
from ..protocol.resolver import Condition, resolve_filter
from ..protocol.schema import ResourceType
from ..provisioning.ports import Position, Query, Resource
from ..web.exchange import Exchange
from ..web.responses import present
from .desk import Desk
from .documents import describe
from .paging import read_page
from .problems import answer, answer_nothing
from .schemas.people import ScimGroups, ScimMembers, ScimResource, ScimUsers
from .views import View, add

_PATH = "/connections/<connection_id>"


def add_people(blueprint: Blueprint, desk: Desk) -> None:
    """Add the endpoints of users and groups.

    :param blueprint: the blueprint of all endpoints.
    :param desk: what they need of the app.
    """

    class ListOfUsers(View):
        @blueprint.doc(**describe("List users", ScimUsers, paged=True))
        def get(self, connection_id: str) -> ResponseReturnValue:
            return _answer_list(desk.exchange(connection_id), desk.resource_type("users"))

    class OneUser(View):
        @blueprint.doc(**describe("Read a user", ScimResource))
        def get(self, connection_id: str, user_id: str) -> ResponseReturnValue:
            return _answer_one(desk.exchange(connection_id), desk.resource_type("users"), user_id)

        @blueprint.doc(**describe("Delete a user, as SCIM does", None, 204))
        def delete(self, connection_id: str, user_id: str) -> ResponseReturnValue:
            return _delete(desk.exchange(connection_id), desk.resource_type("users"), user_id)

    class GroupsOfUser(View):
        @blueprint.doc(**describe("List the groups that a user is in", ScimGroups, paged=True))
        def get(self, connection_id: str, user_id: str) -> ResponseReturnValue:
            exchange, groups = desk.exchange(connection_id), desk.resource_type("groups")
            exchange.service(desk.resource_type("users")).get(user_id)
            is_theirs = _read_condition(groups, "members", user_id, "User")
            return _answer_list(exchange, groups, is_theirs, of=user_id)

    class ListOfGroups(View):
        @blueprint.doc(**describe("List groups", ScimGroups, paged=True))
        def get(self, connection_id: str) -> ResponseReturnValue:
            return _answer_list(desk.exchange(connection_id), desk.resource_type("groups"))

    class OneGroup(View):
        @blueprint.doc(**describe("Read a group", ScimResource))
        def get(self, connection_id: str, group_id: str) -> ResponseReturnValue:
            return _answer_one(desk.exchange(connection_id), desk.resource_type("groups"), group_id)

        @blueprint.doc(**describe("Delete a group, as SCIM does", None, 204))
        def delete(self, connection_id: str, group_id: str) -> ResponseReturnValue:
            return _delete(desk.exchange(connection_id), desk.resource_type("groups"), group_id)

    class MembersOfGroup(View):
        @blueprint.doc(**describe("List the users who are in a group", ScimMembers, paged=True))
        def get(self, connection_id: str, group_id: str) -> ResponseReturnValue:
            exchange, users = desk.exchange(connection_id), desk.resource_type("users")
            exchange.service(desk.resource_type("groups")).get(group_id)
            is_in = _read_condition(users, "groups", group_id, "direct")
            return _answer_list(exchange, users, is_in, of=group_id, name="members")

    add(blueprint, f"{_PATH}/users", ListOfUsers)
    add(blueprint, f"{_PATH}/users/<user_id>", OneUser)
    add(blueprint, f"{_PATH}/users/<user_id>/groups", GroupsOfUser)
    add(blueprint, f"{_PATH}/groups", ListOfGroups)
    add(blueprint, f"{_PATH}/groups/<group_id>", OneGroup)
    add(blueprint, f"{_PATH}/groups/<group_id>/members", MembersOfGroup)


def _answer_list(
    exchange: Exchange,
    resource_type: ResourceType,
    condition: Condition | None = None,
    *,
    of: str = "",
    name: str | None = None,
) -> ResponseReturnValue:
    """Answer with a page of resources; those that they refer to have lists of their own."""
    service, connection = exchange.service(resource_type), exchange.connection

    def find(place: Position | None, most: int) -> tuple[list[Resource], list[Position]]:
        page = service.find(Query(condition, count=most, after=place, totals=False))
        return page.resources, page.positions

    name = name or resource_type.plural
    page, following = read_page(
        exchange.gateway.cursors, find, name, of, connection_id=connection.id
    )
    shown = [_shown(exchange, resource_type, each) for each in page]
    return answer({name: shown, "next": following})


def _answer_one(exchange: Exchange, resource_type: ResourceType, id: str) -> ResponseReturnValue:
    resource = exchange.service(resource_type).get(id)
    return answer(_shown(exchange, resource_type, resource))


def _delete(exchange: Exchange, resource_type: ResourceType, id: str) -> ResponseReturnValue:
    exchange.service(resource_type).delete(id)
    return answer_nothing()


def _shown(exchange: Exchange, resource_type: ResourceType, resource: Resource) -> dict[str, Any]:
    everything = Projection.read(None, None, resource_type)
    return present(exchange, resource_type, resource, everything)


def _read_condition(resource_type: ResourceType, attribute: str, id: str, kind: str) -> Condition:
    """The condition that resources refer to another one."""
    wanted = f"{attribute}[value eq {json.dumps(id)} and type eq {json.dumps(kind)}]"
    return resolve_filter(parse_filter(wanted), resource_type)
