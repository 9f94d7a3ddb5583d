"""Events for whoever asks: in pages, as a stream, and as security event tokens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flask
from flask import Flask, Response, request

from ..connections.scopes import EVENTS
from ..delivery.desk import DeliveryDesk
from ..delivery.destinations import Destination, DestinationState, Kind
from ..delivery.payload import describe_event, write_time
from ..delivery.polling import MOST_TOKENS
from ..protocol.errors import (
    Forbidden,
    Gone,
    InvalidSyntax,
    InvalidValue,
    NotFound,
    ServiceUnavailable,
)
from ..provisioning.journal import Entry, Outbox
from ..provisioning.ports import Connection
from .errors import handle_errors
from .exchange import Exchange, Gateway, read_json, read_raw
from .finishing import finish_requests

#: The most events of a page, and how many there are where nobody says.
_LARGEST_PAGE, _PAGE = 1_000, 100
#: How many streams one process holds open, since each of them holds a thread.
_STREAMS = 4
#: How many seconds lie between looks at the outbox, and between signs of life.
_LOOK, _HEARTBEAT = 0.5, 10.0


def add_events(
    app: Flask,
    gateway: Gateway,
    delivery: Callable[[], DeliveryDesk],
    outbox: Callable[[], Outbox],
) -> None:
    """Add the endpoints, which are no part of SCIM and have a blueprint of their own.

    :param app: the host's app.
    :param gateway: what the endpoints need of the app.
    :param delivery: finds what there is to ask of delivery.
    :param outbox: finds what has happened.
    """
    blueprint = flask.Blueprint("scim-events", __name__)
    streams = threading.BoundedSemaphore(_STREAMS)

    def begin(connection_id: str) -> Exchange:
        exchange = Exchange.begin(gateway, connection_id)
        if EVENTS not in exchange.scopes:
            raise Forbidden(f"The bearer token does not have the scope {EVENTS}.")
        return exchange

    def look(connection: Connection, after: int) -> Sequence[Entry]:
        # The request is over by then; no transaction stays open while nothing happens.
        with app.app_context():
            return _read(outbox(), connection, after, _PAGE, goes_on=True)

    def list_events(connection_id: str) -> Response:
        connection = begin(connection_id).connection
        types = _read_types()
        if "text/event-stream" in request.headers.get("Accept", ""):
            last = _read_number("Last-Event-ID", request.headers.get("Last-Event-ID"), None)
            start = last or _read_number("from", request.args.get("from"), 0) or 0
            # Whoever has been away for too long learns of it before the stream begins.
            _read(outbox(), connection, start, 1)
            return _stream(
                streams,
                lambda after: look(connection, after),
                start,
                types,
                delivery().settings.stream,
            )
        after = _read_number("from", request.args.get("from"), 0) or 0
        most = _read_number("take", request.args.get("take"), _PAGE)
        if not most or most > _LARGEST_PAGE:
            raise InvalidValue(f"take must be between 1 and {_LARGEST_PAGE}.")
        found = _read(outbox(), connection, after, most)
        return _answer(
            {
                "events": [_show(entry) for entry in found if _wants(types, entry)],
                "next": found[-1].position if found else after,
                "more": len(found) == most,
            }
        )

    def poll(connection_id: str, destination_id: str) -> Response:
        connection = begin(connection_id).connection
        desk = delivery()
        destination = _find(desk, connection, destination_id)
        asked = _read_poll(read_json(read_raw(gateway.settings.max_content_length)))
        polled = desk.polling().poll(destination, *asked)
        return _answer({"sets": polled.tokens, "moreAvailable": polled.has_more})

    def show_keys(**_: Any) -> Response:
        signer = delivery().signer
        if signer is None:
            raise NotFound("This service signs no security event tokens.")
        return _answer(signer.describe())

    base = gateway.settings.base("<connection_id>")
    only = {"connection_id": gateway.settings.connection} if gateway.settings.connection else {}
    rules: tuple[tuple[str, str, Callable[..., Response], str], ...] = (
        ("/events", "list", list_events, "GET"),
        ("/events/poll/<destination_id>", "poll", poll, "POST"),
        ("/events/jwks.json", "keys", show_keys, "GET"),
    )
    for path, name, view, method in rules:
        blueprint.add_url_rule(f"{base}{path}", name, view, methods=[method], defaults=only)
    handle_errors(blueprint)
    finish_requests(blueprint, gateway.settings, gateway.log)
    app.register_blueprint(blueprint)
    if gateway.limits is not None:
        gateway.limits.spare(app, blueprint)


def _read(
    outbox: Outbox, connection: Connection, after: int, most: int, *, goes_on: bool = False
) -> Sequence[Entry]:
    """Read events.

    :param goes_on: whether those before were read just now: nothing new has been deleted then.
    :raises Gone: if some of those that come next have been deleted.
    """
    found = list(outbox.read(connection, after, most))
    is_whole = found[-1].position == after + len(found) if found else goes_on
    if after and not is_whole and after < (pruned := outbox.find_pruned(connection.id)):
        raise Gone(
            f"Events up to position {pruned} have been deleted, some after {after} among them. "
            "Read the resources anew, and then events from the first that is kept: begin with 0."
        )
    return found


def _stream(
    streams: threading.BoundedSemaphore,
    read: Callable[[int], Sequence[Entry]],
    after: int,
    types: frozenset[str],
    seconds: int,
) -> Response:
    """Answer with a stream of events, for as long as it may last."""
    if not streams.acquire(blocking=False):
        raise ServiceUnavailable("As many streams are open as this process can hold; try again.")

    def tell() -> Iterator[str]:
        place, end = after, time.monotonic() + seconds
        said = time.monotonic()
        yield "retry: 1000\n: connected\n\n"
        while True:
            try:
                entries = read(place)
            except Gone:
                # The client comes back, and is told.
                return
            for entry in entries:
                place = entry.position
                if _wants(types, entry):
                    yield f"id: {place}\nevent: {entry.type}\ndata: {json.dumps(_show(entry))}\n\n"
            if entries and not _wants(types, entries[-1]):
                yield f"id: {place}\nevent: offset-only\ndata: {{}}\n\n"
            if entries:
                said = time.monotonic()
            if time.monotonic() >= end:
                return
            if len(entries) < _PAGE:
                time.sleep(_LOOK)
            if time.monotonic() - said >= _HEARTBEAT:
                said = time.monotonic()
                yield ": heartbeat\n\n"

    response = Response(tell(), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    # Proxies that gather answers before they pass them on are asked not to.
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(streams.release)
    return response


def _find(desk: DeliveryDesk, connection: Connection, id: str) -> Destination:
    """Find a destination that polls, of this connection and no other."""
    found = desk.destinations().get(id)
    if (
        found is None
        or found.kind is not Kind.SET_POLL
        or found.connection_id != connection.id
        or not desk.has_tokens
    ):
        raise NotFound(f"There is no destination {id[:100]!r} that polls.")
    if found.state is not DestinationState.ACTIVE:
        raise Forbidden("The destination is disabled.")
    return found


def _read_poll(body: Any) -> tuple[list[str], dict[str, str], int]:
    """Read a request for tokens (:rfc:`8936#section-2.4`)."""
    if not isinstance(body, dict):
        raise InvalidSyntax("A JSON object is expected.")
    most = body.get("maxEvents", MOST_TOKENS)
    if isinstance(most, bool) or not isinstance(most, int) or most < 0:
        raise InvalidValue("maxEvents must be a whole number from 0 on.")
    acknowledged, errors = body.get("ack", []), body.get("setErrs", {})
    if not isinstance(acknowledged, list) or not all(isinstance(id, str) for id in acknowledged):
        raise InvalidValue("ack must be a list of the ids of tokens.")
    if not isinstance(errors, dict) or not all(isinstance(each, dict) for each in errors.values()):
        raise InvalidValue("setErrs must have an object for the id of each token.")
    if len(acknowledged) + len(errors) > 10 * MOST_TOKENS:
        raise InvalidValue(f"At most {10 * MOST_TOKENS} tokens are acknowledged at once.")
    told = {
        id: f"{each.get('err', '')}: {each.get('description', '')}" for id, each in errors.items()
    }
    return acknowledged, told, min(most, MOST_TOKENS)


def _read_types() -> frozenset[str]:
    unknown = set(request.args) - {"from", "take", "event_type"}
    if unknown or any(len(values) > 1 for values in request.args.listvalues()):
        raise InvalidValue("Send from, take and event_type, each once at the most.")
    text = request.args.get("event_type", "")
    return frozenset(type.strip() for type in text.split(",") if type.strip())


def _read_number(name: str, text: str | None, default: int | None) -> int | None:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidValue(f"{name} must be a whole number from 0 on.")
    return int(text)


def _wants(types: frozenset[str], entry: Entry) -> bool:
    return not types or entry.type in types


def _show(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "type": entry.type,
        "timestamp": write_time(entry),
        "data": describe_event(entry),
    }


def _answer(body: Any) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, 200, {"Cache-Control": "no-store"}, content_type="application/json")
