"""The app and the request in hand."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Request, current_app, request

from ..provisioning.changes import Cause

_REQUEST_ID = "flask_scim.request_id"
_ACTOR = "flask_scim.actor"
#: What of a client's own making can be an id: it is written to logs and back into headers.
_SOUND_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,63}", re.ASCII)


def this_app() -> Flask:
    """The current app itself, which signals are sent for, and not the proxy that stands for it."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own method
    return app


def this_request() -> Request:
    """The request in hand itself: whoever asks the proxy finds it anew for each question."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]  # the proxy's own method
    return found


def parameters() -> dict[str, str]:
    """The query parameters of the request in hand, the first of each name."""
    sent = this_request()
    return sent.args.to_dict() if sent.query_string else {}


def request_id(sent: Request | None = None) -> str:
    """The id of a request: the client's ``X-Request-Id`` if it can be one, or our own.

    :param sent: the request; left out, the one in hand.
    """
    # The environment is the request's own; the app's context may be shared by several.
    environ = (this_request() if sent is None else sent).environ
    id = environ.get(_REQUEST_ID)
    if id is None:
        wanted = environ.get("HTTP_X_REQUEST_ID", "")
        id = wanted if _SOUND_ID.fullmatch(wanted) else f"req_{secrets.token_hex(12)}"
        environ[_REQUEST_ID] = id
    return str(id)


def note_actor(sent: Request, actor: str) -> None:
    """Note who a request is from.

    :param sent: the request.
    :param actor: see :class:`~flask_scim.Cause`.
    """
    sent.environ[_ACTOR] = actor


def request_cause() -> Cause:
    """What changes that the request in hand makes are caused by."""
    sent = this_request()
    return Cause(sent.environ.get(_ACTOR, "host"), request_id(sent))
