"""The signals that tell the app what identity providers did, each sent after commit.

Every receiver gets the app as sender, and as keyword arguments ``event``, ``connection`` and the
host's own row: ``user``, ``group`` or, of any other type, ``resource``. A receiver that raises
stops nobody and undoes nothing: what it raised is logged. What a receiver does in the database it
commits itself. Receivers are held weakly: connect functions that outlive the call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from blinker import Namespace, Signal
from flask import Flask

_signals = Namespace()
_log = logging.getLogger("flask_scim.signals")
_log_of_access = logging.getLogger("flask_scim.access")
_log_of_connections = logging.getLogger("flask_scim.connections")
_log_of_delivery = logging.getLogger("flask_scim.delivery")

#: Sent when an identity provider has created a user, or brought back one that it had deleted.
user_created = _signals.signal("user-created")

#: Sent when an identity provider, or a command for it, has taken over an account that the app had.
user_adopted = _signals.signal("user-adopted")

#: Sent when attributes of a user have changed; a mere switch of ``active`` is told by the next two.
user_updated = _signals.signal("user-updated")

#: Sent when ``active`` has changed from true to false.
user_deactivated = _signals.signal("user-deactivated")

#: Sent when ``active`` has changed from false to true.
user_reactivated = _signals.signal("user-reactivated")

#: Sent when an identity provider has deleted a user.
user_deleted = _signals.signal("user-deleted")

#: Sent when the access of a user has ended, with ``report``; once more if, the first time, not
#: every way into the app was closed.
user_access_ended = _signals.signal("user-access-ended")

#: Sent when somebody has got roles, by an identity provider or a sign-in, with ``event.details``.
role_granted = _signals.signal("role-granted")

#: Sent when somebody has lost roles that an identity provider or a sign-in had given.
role_revoked = _signals.signal("role-revoked")

#: Sent when an identity provider has created a group, or brought back one that it had deleted.
group_created = _signals.signal("group-created")

#: Sent when attributes of a group have changed; its members are told of by the next one.
group_updated = _signals.signal("group-updated")

#: Sent when members of a group came or went, once a request, with ``event.added`` and
#: ``event.removed``; also when a member has been deleted, but not when the group has.
group_members_changed = _signals.signal("group-members-changed")

#: Sent when an identity provider has deleted a group; ``event.removed`` are the members it had.
group_deleted = _signals.signal("group-deleted")

#: Sent when an identity provider has created a resource of another type, or brought one back.
resource_created = _signals.signal("resource-created")

#: Sent when attributes of such a resource have changed, as :data:`user_updated` is.
resource_updated = _signals.signal("resource-updated")

#: Sent when its ``active`` has changed from true to false.
resource_deactivated = _signals.signal("resource-deactivated")

#: Sent when its ``active`` has changed from false to true.
resource_reactivated = _signals.signal("resource-reactivated")

#: Sent when references of such a resource came or went, once for each attribute; see
#: :data:`group_members_changed`. ``event.changed`` names the attribute.
resource_members_changed = _signals.signal("resource-members-changed")

#: Sent when an identity provider has deleted such a resource.
resource_deleted = _signals.signal("resource-deleted")

#: Sent when a connection was created, updated, paused, held, disabled, resumed or removed, a token
#: issued, rotated or revoked, or an OAuth client added or revoked: ``event.type`` says which.
connection_changed = _signals.signal("connection-changed")

#: Sent when the breaker holds a connection, beside the one above; ``event.reason`` says why.
connection_held = _signals.signal("connection-held")

#: Sent 30, 20, 7 and 1 days before a token ends, each once, with ``notice`` beside the event.
token_expiring = _signals.signal("token-expiring")

#: Sent once when a token that another one has taken over from is not used any more.
token_idle = _signals.signal("token-idle")

#: Sent for each operation of a Bulk request that was carried out later, with ``event.details``.
request_completed = _signals.signal("request-completed")

#: Sent when a destination of events was disabled because it could not be reached, or wants no more,
#: with ``destination`` and ``reason``.
destination_disabled = _signals.signal("destination-disabled")

_BY_TYPE: dict[str, Signal] = {
    "user.created": user_created,
    "user.adopted": user_adopted,
    "user.updated": user_updated,
    "user.deactivated": user_deactivated,
    "user.reactivated": user_reactivated,
    "user.deleted": user_deleted,
    "user.role_granted": role_granted,
    "user.role_revoked": role_revoked,
    "group.created": group_created,
    "group.updated": group_updated,
    "group.members_changed": group_members_changed,
    "group.deleted": group_deleted,
}
_OF_OTHERS: dict[str, Signal] = {
    "created": resource_created,
    "updated": resource_updated,
    "deactivated": resource_deactivated,
    "reactivated": resource_reactivated,
    "members_changed": resource_members_changed,
    "deleted": resource_deleted,
}


#: Of connections and what opens them, whatever happens to these.
_OF_CONNECTIONS = {
    "connection.created",
    "connection.updated",
    "connection.paused",
    "connection.held",
    "connection.disabled",
    "connection.resumed",
    "connection.removed",
    "token.issued",
    "token.rotated",
    "token.revoked",
    "client.added",
    "client.revoked",
}


def publish(app: Flask, events: Iterable[Any], recover: Callable[[], None]) -> None:
    """Send each event to the receivers of its signal, every one on its own.

    :param app: the app, which is the sender.
    :param events: what happened, in order.
    :param recover: called after each receiver, so that the next one starts clean.
    """
    for event in events:
        carried = {"event": event, "connection": event.connection}
        if event.type in _OF_CONNECTIONS:
            signal: Signal | None = connection_changed
        elif event.type == "request.completed":
            signal = request_completed
        elif event.resource_type in ("User", "Group"):
            signal = _BY_TYPE.get(event.type)
            carried[event.resource_type.lower()] = event.row
        else:
            signal = _OF_OTHERS.get(event.kind)
            carried["resource"] = event.row
        if signal is None:
            continue
        _send(signal, event.type, app, carried, recover)
        if event.type == "connection.held":
            _log_of_connections.error("Connection %s is held: %s", event.id, event.reason)
            _send(connection_held, event.type, app, carried, recover)


def publish_notice(app: Flask, notice: Any, event: Any, recover: Callable[[], None]) -> None:
    """Tell, by a signal and in the log, that somebody should look at a token.

    :param app: the app, which is the sender.
    :param notice: what there is to say of the token.
    :param event: the same as an event.
    :param recover: called after each receiver, so that the next one starts clean.
    """
    _log_of_connections.warning("%s", notice)
    signal = {"expiring": token_expiring, "idle": token_idle}[notice.kind]
    carried = {"notice": notice, "event": event, "connection": event.connection}
    _send(signal, f"token.{notice.kind}", app, carried, recover)


def publish_access(
    app: Flask, report: Any, find: Callable[[], dict[str, Any]], recover: Callable[[], None]
) -> None:
    """Tell, by a signal and in the log, how far the end of a user's access has come.

    :param app: the app, which is the sender.
    :param report: how far it has come.
    :param find: finds the ``user`` and ``connection`` that the signal carries, if anybody listens.
    :param recover: called after each receiver, so that the next one starts clean.
    """
    level = logging.INFO if report.complete else logging.WARNING
    id, cause = report.ending.id, report.ending.cause
    _log_of_access.log(level, "The access of User %s has ended (%s): %s.", id, cause, report)
    if user_access_ended.has_receivers_for(app):
        carried = {"report": report, **find()}
        _send(user_access_ended, "user.access_ended", app, carried, recover)


def publish_disabled(
    app: Flask, destination: Any, reason: str, recover: Callable[[], None]
) -> None:
    """Tell, by a signal and in the log, that a destination of events was disabled.

    :param app: the app, which is the sender.
    :param destination: the destination, as it was before.
    :param reason: why.
    :param recover: called after each receiver, so that the next one starts clean.
    """
    _log_of_delivery.warning("Destination %s was disabled. %s", destination.id, reason)
    carried = {"destination": destination, "reason": reason}
    _send(destination_disabled, "destination.disabled", app, carried, recover)


def _send(
    signal: Signal, name: str, app: Flask, carried: dict[str, Any], recover: Callable[[], None]
) -> None:
    """Call every receiver on its own, so that one that raises stops nobody."""
    for receiver in signal.receivers_for(app):
        try:
            receiver(app, **carried)
        except Exception:
            _log.exception("A receiver of %s raised; the change stands.", name)
        finally:
            recover()
