"""Requests that wait, since their clients prefer not to (:rfc:`9967#section-2.5.1`)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from flask import Response, request
from werkzeug.http import parse_list_header

from ..protocol.errors import TooManyRequests
from ..protocol.schema import ResourceType, Returned
from ..provisioning.deferred import Deferred
from .current import request_cause, request_id
from .exchange import Deferral, Exchange
from .log import close_record, current_record
from .responses import answer_accepted

#: When to try again where too many requests wait, in seconds.
_WAIT = 30


def may_wait(exchange: Exchange, operations: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a Bulk request is to be carried out later.

    What holds a secret, a password above all, is carried out at once whatever the client prefers:
    it would have to be kept in clear.

    :param exchange: the request.
    :param operations: its operations.
    :return: whether its client wants that, and it can be kept.
    """
    if not _prefers_async(request.headers.getlist("Prefer")):
        return False
    names = frozenset().union(*map(_secret_names, exchange.gateway.types))
    return not any(_mentions(operation, names) for operation in operations)


def defer(
    exchange: Exchange,
    deferral: Deferral,
    operations: Sequence[Mapping[str, Any]],
    fail_on_errors: int | None,
) -> Response:
    """Let a Bulk request wait.

    :param exchange: the request.
    :param deferral: where it waits.
    :param operations: its operations.
    :param fail_on_errors: the number of errors after which nothing more is performed.
    :return: the response.
    :raises TooManyRequests: if too many wait already.
    """
    connection = exchange.connection
    if deferral.count(connection.id) >= deferral.most:
        raise TooManyRequests(
            f"{deferral.most} requests of this connection wait already; nothing was changed. "
            "Send this one again later, or without Prefer.",
            _WAIT,
        )
    deferred = Deferred(
        connection.id,
        secrets.token_hex(16),
        request_cause().actor,
        tuple(sorted(exchange.scopes)),
        request_id(),
        request.url_root,
        request.headers.get("User-Agent"),
        operations,
        fail_on_errors,
        datetime.now(UTC),
    )
    record = current_record()
    assert record is not None
    logged = close_record(exchange.gateway.settings, exchange.gateway.log, record, 202)
    record.written = (deferral.accept(deferred, logged), 202)
    return answer_accepted(deferred.txn)


def _prefers_async(headers: Sequence[str]) -> bool:
    """Find the preference among those that were sent (:rfc:`7240#section-4.1`)."""
    sent = [each for header in headers for each in parse_list_header(header)]
    preferences = (each.partition(";")[0].partition("=") for each in sent)
    # An empty value is none.
    return any(
        name.strip().lower() == "respond-async" and value.strip() in ("", '""')
        for name, _, value in preferences
    )


@cache
def _secret_names(resource_type: ResourceType) -> frozenset[str]:
    """The names of what is never shown, in small letters."""
    found = set()
    for schema in (resource_type.schema, *(each.schema for each in resource_type.extensions)):
        for attribute in schema.attributes:
            for each in (attribute, *attribute.sub_attributes):
                if each.returned is Returned.NEVER:
                    found.add(each.name.lower())
    return frozenset(found)


def _mentions(value: Any, names: frozenset[str]) -> bool:
    """Tell whether a name is a key, or in a path, anywhere in what was sent."""
    match value:
        case dict():
            if any(key.lower() == "path" and _is_in(path, names) for key, path in value.items()):
                return True
            return any(_is_in(key, names) or _mentions(item, names) for key, item in value.items())
        case list():
            return any(_mentions(item, names) for item in value)
        case _:
            return False


def _is_in(text: Any, names: frozenset[str]) -> bool:
    return isinstance(text, str) and any(name in text.lower() for name in names)
