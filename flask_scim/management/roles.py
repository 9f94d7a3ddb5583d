"""The roles that groups stand for, and those that users have."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from ..protocol.errors import NotFound
from ..provisioning.ports import Position
from ..roles.held import HeldRole
from ..roles.mapped import GroupRole
from ..roles.previews import Preview
from ..roles.roles import Roles
from .desk import Desk
from .documents import describe
from .paging import read_page
from .problems import answer, refusals
from .schemas.roles import (
    NewScimGroupRoles,
    ScimGroupRoleChange,
    ScimGroupRoles,
    ScimRolePreview,
    ScimRoleSync,
    ScimUserRoles,
)
from .views import View, add, read_body

_PATH = "/connections/<connection_id>"


def add_roles(blueprint: Blueprint, desk: Desk) -> None:
    """Add the endpoints of roles.

    :param blueprint: the blueprint of all endpoints.
    :param desk: what they need of the app.
    """

    def roles() -> Roles:
        desk.resource_type("groups")
        found = desk.roles()
        if not found.is_declared:
            raise NotFound("This application declares no roles.")
        return found

    def listed(connection_id: str, group_id: str | None = None) -> ResponseReturnValue:
        desk.connection(connection_id)

        def find(place: Position | None, most: int) -> tuple[list[GroupRole], list[Position]]:
            after = 0 if place is None else place.key
            found, keys = roles().groups(connection_id, group_id, after=after, most=most)
            return found, [Position(key) for key in keys]

        page, following = read_page(
            desk.gateway().cursors, find, "roles", group_id or "", connection_id=connection_id
        )
        shown = {"roles": [asdict(each) for each in page], "next": following}
        return answer(ScimGroupRoles().dump(shown))

    def find_group(connection_id: str, group_id: str) -> None:
        desk.exchange(connection_id).service(desk.resource_type("groups")).get(group_id)

    class RolesOfConnection(View):
        @blueprint.doc(
            **describe("List which groups stand for which roles", ScimGroupRoles, paged=True)
        )
        def get(self, connection_id: str) -> ResponseReturnValue:
            return listed(connection_id)

    class RolesOfGroup(View):
        @blueprint.doc(
            **describe("List the roles that a group stands for", ScimGroupRoles, paged=True)
        )
        def get(self, connection_id: str, group_id: str) -> ResponseReturnValue:
            find_group(connection_id, group_id)
            return listed(connection_id, group_id)

        @blueprint.doc(
            **describe("Let a group stand for roles", ScimRolePreview, body=NewScimGroupRoles)
        )
        def post(self, connection_id: str, group_id: str) -> ResponseReturnValue:
            body = read_body(NewScimGroupRoles(), desk.limit)
            find_group(connection_id, group_id)
            with refusals():
                preview = roles().map(connection_id, group=group_id, **body)
            return _answer(preview)

        @blueprint.doc(
            **describe(
                "Let a group not stand for roles any more",
                ScimRolePreview,
                body=ScimGroupRoleChange,
            )
        )
        def delete(self, connection_id: str, group_id: str) -> ResponseReturnValue:
            body = read_body(ScimGroupRoleChange(), desk.limit)
            find_group(connection_id, group_id)
            with refusals():
                preview = roles().unmap(connection_id, group=group_id, **body)
            return _answer(preview)

    class Sync(View):
        @blueprint.doc(
            **describe(
                "Put right what the application has changed of groups and roles",
                ScimRolePreview,
                body=ScimRoleSync,
                optional=True,
            )
        )
        def post(self, connection_id: str) -> ResponseReturnValue:
            body = read_body(ScimRoleSync(), desk.limit, optional=True)
            desk.connection(connection_id)
            with refusals():
                preview = roles().sync(connection_id, **body)
            return _answer(preview)

    class RolesOfUser(View):
        @blueprint.doc(**describe("List the roles that a user has", ScimUserRoles, paged=True))
        def get(self, connection_id: str, user_id: str) -> ResponseReturnValue:
            exchange, users = desk.exchange(connection_id), desk.resource_type("users")
            exchange.service(users).get(user_id)

            def find(place: Position | None, most: int) -> tuple[list[HeldRole], list[Position]]:
                after = None if place is None else place.key
                found = roles().of_id(connection_id, user_id, take=most, after=after)
                return found, [Position(each.role) for each in found]

            page, following = read_page(
                exchange.gateway.cursors, find, "roles of", user_id, connection_id=connection_id
            )
            shown = {"roles": [_shown(each, connection_id) for each in page], "next": following}
            return answer(ScimUserRoles().dump(shown))

    add(blueprint, f"{_PATH}/roles", RolesOfConnection)
    add(blueprint, f"{_PATH}/roles/sync", Sync)
    add(blueprint, f"{_PATH}/groups/<group_id>/roles", RolesOfGroup)
    add(blueprint, f"{_PATH}/users/<user_id>/roles", RolesOfUser)


def _answer(preview: Preview) -> ResponseReturnValue:
    return answer(ScimRolePreview().dump(asdict(preview)))


def _shown(held: HeldRole, connection_id: str) -> dict[str, Any]:
    return {
        "role": held.role,
        "display": held.display,
        "origins": sorted(held.origins),
        "groups": sorted(held.groups) if connection_id in held.connections else [],
    }
