"""Many operations in one request (:rfc:`7644#section-3.7`)."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from ..marshal.envelopes import load_bulk
from ..protocol.errors import PayloadTooLarge, Unsupported
from ..protocol.messages import bulk_response
from ..provisioning.bulk import run
from . import documents
from .bulk_desk import BulkDesk
from .deferral import defer, may_wait
from .exchange import Exchange, Gateway
from .log import note_outcomes
from .responses import answer
from .views import Endpoints


def add_bulk(blueprint: Blueprint, gateway: Gateway) -> None:
    """Add the endpoint that takes many operations at once.

    :param blueprint: the blueprint of all endpoints.
    :param gateway: what the endpoints need of the app.
    """
    most = gateway.settings.max_bulk_operations

    @blueprint.route("/Bulk", endpoint="bulk", strict_slashes=False)
    class Bulk(Endpoints):
        @blueprint.doc(**documents.describe_bulk(may_wait=gateway.deferral is not None))
        def post(self, connection_id: str) -> Response:
            exchange = Exchange.begin(gateway, connection_id)
            if most == 0:
                raise Unsupported("This service takes one operation at a time.")
            operations, fail_on_errors = load_bulk(exchange.body(), exchange.dialect)
            if len(operations) > most:
                raise PayloadTooLarge(
                    f"A Bulk request may have {most} operations, not {len(operations)}."
                )
            if gateway.deferral is not None and may_wait(exchange, operations):
                return defer(exchange, gateway.deferral, operations, fail_on_errors)
            outcomes: list[int] = []
            note_outcomes(outcomes)
            desk = BulkDesk(exchange)
            results = run(operations, fail_on_errors, desk.perform, desk.locate, desk.takes)
            outcomes += [result.status for result in results]
            return answer(bulk_response(results))
