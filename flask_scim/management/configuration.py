"""The SCIM configuration of a connection, in the shape that Auth0 has for it."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from ..protocol.errors import Conflict, InvalidValue, NotFound
from ..provisioning.ports import Connection, State
from .connections import set_state
from .desk import Desk
from .documents import describe
from .problems import answer, answer_nothing, refusals
from .schemas import ScimConfiguration, ScimConfigurationChange, ScimMapping
from .views import View, add, read_body

_PATH = "/connections/<connection_id>/scim-configuration"


def add_configuration(blueprint: Blueprint, desk: Desk) -> None:
    """Add the endpoints of SCIM configurations.

    A connection has one as long as it is not disabled.

    :param blueprint: the blueprint of all endpoints.
    :param desk: what they need of the app.
    """

    def configured(connection_id: str) -> Connection:
        connection = desk.connection(connection_id)
        if connection.state is State.DISABLED:
            raise NotFound("SCIM is not enabled for this connection; a POST here enables it.")
        return connection

    def shown(connection: Connection) -> Any:
        mapping = desk.mapping()
        return ScimConfiguration().dump(
            {
                "connection_id": connection.id,
                "connection_name": connection.name or connection.id,
                "strategy": connection.idp,
                "tenant_name": connection.tenant,
                "user_id_attribute": mapping.unique,
                "mapping": mapping.pairs,
                "created_at": connection.created,
                "updated_on": connection.updated or connection.created,
            }
        )

    def check_unchanged(*, optional: bool) -> None:
        body = read_body(ScimConfigurationChange(), desk.limit, optional=optional)
        mapping = desk.mapping()
        if body.get("user_id_attribute", mapping.unique) != mapping.unique:
            raise InvalidValue(
                "user_id_attribute is what the application has declared; leave it out, or send "
                f"{mapping.unique!r}."
            )
        if "mapping" in body and _ordered(body["mapping"]) != _ordered(mapping.pairs):
            raise InvalidValue(
                "mapping is what the application has declared, for all connections; leave it out, "
                "or send it as it is."
            )

    class Configuration(View):
        @blueprint.doc(**describe("Read the configuration", ScimConfiguration))
        def get(self, connection_id: str) -> ResponseReturnValue:
            return answer(shown(configured(connection_id)))

        @blueprint.doc(
            **describe(
                "Enable SCIM",
                ScimConfiguration,
                201,
                body=ScimConfigurationChange,
                optional=True,
            )
        )
        def post(self, connection_id: str) -> ResponseReturnValue:
            check_unchanged(optional=True)
            if desk.connection(connection_id).state is not State.DISABLED:
                raise Conflict("SCIM is enabled for this connection already.")
            with refusals():
                enabled = set_state(desk.connections(), connection_id, State.ACTIVE)
            return answer(shown(enabled), 201)

        @blueprint.doc(
            **describe(
                "Confirm the configuration; a change is refused",
                ScimConfiguration,
                body=ScimConfigurationChange,
            )
        )
        def patch(self, connection_id: str) -> ResponseReturnValue:
            check_unchanged(optional=False)
            return answer(shown(configured(connection_id)))

        @blueprint.doc(**describe("Disable SCIM; tokens and users stay", None, 204))
        def delete(self, connection_id: str) -> ResponseReturnValue:
            configured(connection_id)
            with refusals():
                set_state(desk.connections(), connection_id, State.DISABLED)
            return answer_nothing()

    class DefaultMapping(View):
        @blueprint.doc(**describe("Read the mapping that the application declares", ScimMapping))
        def get(self, connection_id: str) -> ResponseReturnValue:
            desk.connection(connection_id)
            return answer(ScimMapping().dump({"mapping": desk.mapping().pairs}))

    add(blueprint, _PATH, Configuration)
    add(blueprint, f"{_PATH}/default-mapping", DefaultMapping)


def _ordered(pairs: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((pair["scim"], pair["app"]) for pair in pairs)
