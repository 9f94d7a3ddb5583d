"""The tokens of a connection: list, issue, rotate, revoke."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from ..connections.tokens import Token
from ..protocol.errors import NotFound
from .desk import Desk
from .documents import describe, list_of
from .problems import answer, answer_nothing, refusals
from .schemas.tokens import IssuedScimToken, NewScimToken, ScimToken, ScimTokenRotation
from .views import View, add, read_body

_PATH = "/connections/<connection_id>/scim-configuration/tokens"


def add_tokens(blueprint: Blueprint, desk: Desk) -> None:
    """Add the endpoints of tokens.

    :param blueprint: the blueprint of all endpoints.
    :param desk: what they need of the app.
    """

    def unrevoked(connection_id: str) -> list[Token]:
        desk.connection(connection_id)
        with refusals():
            tokens = desk.tokens().list(connection_id)
        return [token for token in tokens if token.revoked is None]

    class ListOfTokens(View):
        @blueprint.doc(**describe("List tokens, newest first", list_of(ScimToken)))
        def get(self, connection_id: str) -> ResponseReturnValue:
            return answer(ScimToken(many=True).dump(unrevoked(connection_id)))

        @blueprint.doc(
            **describe("Issue a token", IssuedScimToken, 201, body=NewScimToken, optional=True)
        )
        def post(self, connection_id: str) -> ResponseReturnValue:
            body = read_body(NewScimToken(), desk.limit, optional=True)
            desk.connection(connection_id)
            with refusals():
                issued = desk.tokens().issue(
                    connection_id, body.get("scopes", ()), body.get("token_lifetime")
                )
            return answer(_shown(*issued), 201)

    class Rotation(View):
        @blueprint.doc(
            **describe(
                "Issue a token like the one there is, which stays good",
                IssuedScimToken,
                201,
                body=ScimTokenRotation,
                optional=True,
            )
        )
        def post(self, connection_id: str) -> ResponseReturnValue:
            body = read_body(ScimTokenRotation(), desk.limit, optional=True)
            desk.connection(connection_id)
            with refusals():
                issued = desk.tokens().rotate(connection_id, body.get("token_lifetime"))
            return answer(_shown(*issued), 201)

    class OneToken(View):
        @blueprint.doc(**describe("Revoke a token, from this moment on", None, 204))
        def delete(self, connection_id: str, token_id: str) -> ResponseReturnValue:
            if token_id not in {token.id for token in unrevoked(connection_id)}:
                raise NotFound(f"The connection has no token {token_id[:100]!r}.")
            with refusals():
                desk.tokens().revoke(token_id)
            return answer_nothing()

    add(blueprint, _PATH, ListOfTokens)
    add(blueprint, f"{_PATH}/rotate", Rotation)
    add(blueprint, f"{_PATH}/<token_id>", OneToken)


def _shown(secret: str, token: Token) -> dict[str, Any]:
    known: dict[str, Any] = IssuedScimToken(exclude=("token",)).dump(token)
    return known | {"token": secret}
