"""Global Token Revocation, as Okta's Universal Logout asks for it."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from ..access.subjects import read_subject
from ..connections.admission import Grant
from ..connections.issuers import REVOCATION_PATH, REVOCATIONS
from ..protocol.errors import Forbidden, Unsupported
from . import documents
from .exchange import Exchange, Gateway, base_uri
from .responses import answer_nothing
from .views import Endpoints


def add_global_token_revocation(blueprint: Blueprint, gateway: Gateway) -> None:
    """Add the endpoint by which an identity provider ends all that somebody has begun.

    :param blueprint: the blueprint of all endpoints.
    :param gateway: what the endpoints need of the app.
    """

    def admit(text: str, connection_id: str) -> Grant:
        audience = f"{base_uri(gateway.settings, connection_id)}{REVOCATION_PATH}"
        return gateway.admit_signed(text, connection_id, audience)

    @blueprint.route(REVOCATION_PATH, endpoint="global_token_revocation", strict_slashes=False)
    class GlobalTokenRevocation(Endpoints):
        @blueprint.doc(**documents.describe_global_token_revocation())
        def post(self, connection_id: str) -> Response:
            exchange = Exchange.begin(gateway, connection_id, admit)
            if REVOCATIONS not in exchange.scopes:
                raise Forbidden(f"The bearer token does not have the scope {REVOCATIONS}.")
            if gateway.revoke is None:
                raise Unsupported("This application has no users whose access could end.")
            gateway.revoke(exchange.connection, read_subject(exchange.body()))
            return answer_nothing()
