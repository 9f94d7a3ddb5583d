"""The SCIM configuration of a connection, in the shape that Auth0 has for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from ..mapping.pairs import Pair
from ..protocol.errors import Conflict, InvalidValue, NotFound
from ..provisioning.ports import Connection, State
from .connections import set_state
from .desk import Desk
from .documents import describe
from .problems import answer, answer_nothing, refusals
from .schemas.mappings import ScimConfiguration, ScimConfigurationChange, ScimMapping
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
        mappings = desk.mappings()
        return ScimConfiguration().dump(
            {
                "connection_id": connection.id,
                "connection_name": connection.name or connection.id,
                "strategy": connection.idp,
                "tenant_name": connection.tenant,
                "user_id_attribute": mappings.unique("User"),
                "mapping": _dumped(mappings.pairs(connection, "User")),
                "created_at": connection.created,
                "updated_on": connection.updated or connection.created,
            }
        )

    def change(connection: Connection, body: dict[str, Any]) -> Connection:
        unique = desk.mappings().unique("User")
        if body.get("user_id_attribute", unique) != unique:
            raise InvalidValue(
                "user_id_attribute is what the application has declared; leave it out, or send "
                f"{unique!r}."
            )
        if "mapping" not in body:
            return connection
        wanted = {"User": body["mapping"]}
        with refusals():
            if desk.mappings().read(connection, wanted) == connection.mapping:
                return connection
            return desk.connections().edit(connection.id, mapping=wanted)

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
            body = read_body(ScimConfigurationChange(), desk.limit, optional=True)
            connection = desk.connection(connection_id)
            if connection.state is not State.DISABLED:
                raise Conflict("SCIM is enabled for this connection already.")
            change(connection, body)
            with refusals():
                enabled = set_state(desk.connections(), connection_id, State.ACTIVE)
            return answer(shown(enabled), 201)

        @blueprint.doc(
            **describe(
                "Change the mapping of users",
                ScimConfiguration,
                body=ScimConfigurationChange,
            )
        )
        def patch(self, connection_id: str) -> ResponseReturnValue:
            body = read_body(ScimConfigurationChange(), desk.limit)
            return answer(shown(change(configured(connection_id), body)))

        @blueprint.doc(**describe("Disable SCIM; tokens and users stay", None, 204))
        def delete(self, connection_id: str) -> ResponseReturnValue:
            configured(connection_id)
            with refusals():
                set_state(desk.connections(), connection_id, State.DISABLED)
            return answer_nothing()

    class DefaultMapping(View):
        @blueprint.doc(**describe("Read the default of the identity provider", ScimMapping))
        def get(self, connection_id: str) -> ResponseReturnValue:
            fitted = desk.mappings().default(desk.connection(connection_id), "User")
            return answer(ScimMapping().dump({"mapping": _dumped(fitted.pairs)}))

    add(blueprint, _PATH, Configuration)
    add(blueprint, f"{_PATH}/default-mapping", DefaultMapping)


def _dumped(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    return [pair.dump() for pair in pairs]
