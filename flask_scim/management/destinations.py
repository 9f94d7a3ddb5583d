"""Destinations of events: list, add, read, change, remove, rotate, test, deliver once more."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from ..delivery.backlog import Undelivered
from ..delivery.desk import DeliveryDesk
from ..delivery.destinations import Destination, DestinationState
from ..delivery.outcomes import Outcome
from ..delivery.payload import describe_event, write_time
from ..protocol.errors import NotFound
from ..provisioning.journal import Entry
from ..provisioning.ports import Position
from .desk import Desk
from .documents import describe, list_of
from .paging import read_page
from .problems import answer, answer_nothing, refusals
from .schemas.destinations import (
    AddedScimDestination,
    NewScimDestination,
    ScimAttempt,
    ScimDestination,
    ScimDestinationChange,
    ScimDestinationRotation,
    ScimEvents,
    ScimRedelivery,
    ScimTest,
    ScimUndelivered,
)
from .views import View, add, read_body


def add_destinations(blueprint: Blueprint, desk: Desk) -> None:
    """Add the endpoints of destinations and of their events.

    :param blueprint: the blueprint of all endpoints.
    :param desk: what they need of the app.
    """

    def existing(id: str) -> Destination:
        found = desk.delivery().destinations().get(id)
        if found is None:
            raise NotFound(f"There is no destination {id[:100]!r}.")
        return found

    class ListOfDestinations(View):
        @blueprint.doc(**describe("List destinations, oldest first", list_of(ScimDestination)))
        def get(self) -> ResponseReturnValue:
            return answer([_shown(each) for each in desk.delivery().destinations().list()])

        @blueprint.doc(
            **describe("Add a destination", AddedScimDestination, 201, body=NewScimDestination)
        )
        def post(self) -> ResponseReturnValue:
            body = read_body(NewScimDestination(), desk.limit)
            with refusals():
                secret, added = desk.delivery().destinations().add(**body)
            return answer(_shown(added) | {"secret": secret}, 201)

    class OneDestination(View):
        @blueprint.doc(**describe("Read a destination", ScimDestination))
        def get(self, destination_id: str) -> ResponseReturnValue:
            return answer(_shown(existing(destination_id)))

        @blueprint.doc(
            **describe("Change a destination", ScimDestination, body=ScimDestinationChange)
        )
        def patch(self, destination_id: str) -> ResponseReturnValue:
            body = read_body(ScimDestinationChange(), desk.limit)
            existing(destination_id)
            return answer(_shown(_change(desk.delivery(), destination_id, body)))

        @blueprint.doc(**describe("Remove a destination, and all it has to be told", None, 204))
        def delete(self, destination_id: str) -> ResponseReturnValue:
            existing(destination_id)
            with refusals():
                desk.delivery().destinations().remove(destination_id)
            return answer_nothing()

    class DestinationRotation(View):
        @blueprint.doc(
            **describe(
                "Give a webhook another secret",
                AddedScimDestination,
                201,
                body=ScimDestinationRotation,
                optional=True,
            )
        )
        def post(self, destination_id: str) -> ResponseReturnValue:
            body = read_body(ScimDestinationRotation(), desk.limit, optional=True)
            existing(destination_id)
            with refusals():
                secret, changed = desk.delivery().destinations().rotate(destination_id, **body)
            return answer(_shown(changed) | {"secret": secret}, 201)

    class DestinationTest(View):
        @blueprint.doc(
            **describe("Send a test event, at once", ScimAttempt, body=ScimTest, optional=True)
        )
        def post(self, destination_id: str) -> ResponseReturnValue:
            read_body(ScimTest(), desk.limit, optional=True)
            with refusals():
                attempt = desk.delivery().test(existing(destination_id))
            arrived = attempt.outcome is Outcome.DELIVERED
            reply = attempt.reply
            return answer({"arrived": arrived, "status": reply.status, "answer": reply.reason})

    class ListOfUndelivered(View):
        @blueprint.doc(
            **describe("List what a destination was not told at once", ScimUndelivered, paged=True)
        )
        def get(self, destination_id: str) -> ResponseReturnValue:
            existing(destination_id)

            def find(place: Position | None, most: int) -> tuple[list[Undelivered], list[Position]]:
                after = None if place is None else (place.value, place.key)
                found = desk.delivery().backlog().list(destination_id, after=after, most=most)
                return found, [Position(each.position, each.connection_id) for each in found]

            cursors = desk.gateway().cursors
            page, following = read_page(cursors, find, "deliveries", destination_id)
            shown = ScimUndelivered().dump({"deliveries": map(asdict, page), "next": following})
            return answer(shown)

    class Redelivery(View):
        @blueprint.doc(
            **describe("Tell a destination of an event once more", None, 204, body=ScimRedelivery)
        )
        def post(self, destination_id: str) -> ResponseReturnValue:
            body, destination = read_body(ScimRedelivery(), desk.limit), existing(destination_id)
            backlog = desk.delivery().backlog()
            if body["event_id"] is None:
                backlog.redeliver_dead(destination_id)
                return answer_nothing()
            entry = backlog.find(body["event_id"])
            if entry is None:
                raise NotFound(f"There is no event {body['event_id'][:100]!r}.")
            with refusals():
                backlog.redeliver(entry, destination)
            return answer_nothing()

    class EventsOfConnection(View):
        @blueprint.doc(**describe("List the events of a connection", ScimEvents, paged=True))
        def get(self, connection_id: str) -> ResponseReturnValue:
            def find(place: Position | None, most: int) -> tuple[list[Entry], list[Position]]:
                after = 0 if place is None else place.key
                found = desk.delivery().backlog().read(connection_id, after, most)
                return found, [Position(each.position) for each in found]

            page, following = read_page(desk.gateway().cursors, find, "events", connection_id)
            return answer({"events": [_event(entry) for entry in page], "next": following})

    add(blueprint, "/destinations", ListOfDestinations)
    add(blueprint, "/destinations/<destination_id>", OneDestination)
    add(blueprint, "/destinations/<destination_id>/rotate", DestinationRotation)
    add(blueprint, "/destinations/<destination_id>/test", DestinationTest)
    add(blueprint, "/destinations/<destination_id>/deliveries", ListOfUndelivered)
    add(blueprint, "/destinations/<destination_id>/redeliver", Redelivery)
    add(blueprint, "/connections/<connection_id>/events", EventsOfConnection)


def _change(desk: DeliveryDesk, id: str, body: dict[str, Any]) -> Destination:
    state = body.pop("state", None)
    with refusals():
        if "types" in body:
            body["types"] = body["types"] or ["*"]
        destinations = desk.destinations()
        changed = destinations.edit(id, **body) if body else destinations.existing(id)
        if state is DestinationState.ACTIVE:
            changed = destinations.enable(id)
        elif state is DestinationState.DISABLED:
            changed = destinations.disable(id)
    return changed


def _shown(destination: Destination) -> dict[str, Any]:
    shown: dict[str, Any] = ScimDestination().dump(asdict(destination))
    return shown


def _event(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "type": entry.type,
        "timestamp": write_time(entry),
        "data": describe_event(entry),
    }
