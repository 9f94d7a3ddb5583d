"""One request of an identity provider: who asks, what was sent, and the service that serves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from flask import Request
from werkzeug.sansio.utils import get_current_url

from ..access.subjects import Subject
from ..config import Settings
from ..connections.admission import Grant
from ..connections.authority import Authority
from ..protocol.dialects import Dialect, find_dialect
from ..protocol.errors import (
    Forbidden,
    InvalidSyntax,
    InvalidValue,
    PayloadTooLarge,
    Unauthorized,
    UnsupportedMediaType,
)
from ..protocol.schema import ResourceType
from ..protocol.values import is_sound
from ..provisioning.deferred import Deferred
from ..provisioning.log import Logged
from ..provisioning.ports import Connection
from ..provisioning.service import Service
from .current import note_actor, this_request
from .cursors import Cursors
from .limits import RateLimits
from .log import Log, begin_record
from .reads import begin_reading

_JSON_TYPES = ("application/scim+json", "application/json")
#: The URI that an app is asked at. It follows from what a request says of it, and is the same in
#: all requests of a client.
_find_root = lru_cache(maxsize=256)(get_current_url)
_quote = lru_cache(maxsize=256)(quote)


@dataclass(frozen=True, slots=True)
class Deferral:
    """Lets requests wait.

    :param most: how many of one connection may.
    :param count: counts those of a connection.
    :param accept: writes one down with its row in the log, in one transaction, and returns the
        place of that row.
    """

    most: int
    count: Callable[[str], int]
    accept: Callable[[Deferred, Logged], int]


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the endpoints need of the app.

    :param settings: the settings of the app.
    :param types: the resource types, each with what of it the app serves.
    :param served: finds the same as one connection has it.
    :param admit: lets a bearer token into a connection, or raises an error.
    :param admit_signed: the same, where the identity provider itself may have signed the token; the
        third argument is the URI of the request.
    :param service: makes the service of one connection and resource type; the third argument is
        the resource type as the connection knows it.
    :param cursors: seals places in lists.
    :param whose: finds the resource of whoever asks, or raises ``Unsupported``.
    :param log: where requests are written to.
    :param has_tokens: tells whether there are security event tokens.
    :param revoke: ends all that somebody has begun; ``None`` where the app has no users.
    :param limits: counts requests; ``None`` where there may be any number.
    :param authority: gives access tokens to OAuth clients; ``None`` where the extra is missing.
    :param deferral: lets requests wait that need not be carried out at once; ``None`` where each
        is.
    :param glance: lets a request read that changes nothing; returns what ends that.
    """

    settings: Settings
    types: dict[ResourceType, ResourceType]
    served: Callable[[Connection], dict[ResourceType, ResourceType]]
    admit: Callable[[str, str], Grant]
    admit_signed: Callable[[str, str, str], Grant]
    service: Callable[[Connection, ResourceType, ResourceType, Dialect], Service]
    cursors: Cursors
    whose: Callable[[Connection], tuple[ResourceType, str] | None]
    log: Log
    has_tokens: Callable[[], bool]
    revoke: Callable[[Connection, Subject], None] | None = None
    limits: RateLimits | None = None
    authority: Authority | None = None
    deferral: Deferral | None = None
    glance: Callable[[], Callable[[], None]] | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request whose token is good for the connection that its path names.

    :param gateway: what the endpoints need of the app.
    :param connection: the connection.
    :param scopes: what the token allows.
    :param dialect: how its identity provider speaks.
    :param note: told in the transaction of each change what it has made of the resource; ``None``
        for the log alone.
    """

    gateway: Gateway
    connection: Connection
    scopes: frozenset[str]
    dialect: Dialect
    note: Callable[[Any], None] | None = None

    @classmethod
    def begin(
        cls,
        gateway: Gateway,
        connection_id: str,
        admit: Callable[[str, str], Grant] | None = None,
    ) -> Exchange:
        """Check the token of the request in hand.

        :param gateway: what the endpoints need of the app.
        :param connection_id: the connection that the path names.
        :param admit: lets a bearer token in, where it may be of further kinds.
        :return: the exchange.
        :raises Unauthorized: if the token is missing or not good for this connection.
        :raises ServiceUnavailable: if the connection is paused.
        :raises Forbidden: if the connection is disabled.
        :raises TooManyRequests: if the connection has sent too many.
        """
        sent = this_request()
        record = begin_record(sent, connection_id)
        # What a change does begins a transaction of its own: the token needs none.
        end = None if gateway.glance is None else begin_reading(sent, gateway.glance)
        try:
            grant = (admit or gateway.admit)(_bearer_token(sent), connection_id)
        finally:
            if end is not None:
                end()
        connection, actor = grant.connection, grant.actor
        note_actor(sent, actor)
        record.connection, record.actor = connection, actor
        if gateway.limits is not None:
            gateway.limits.count(connection)
        dialect = find_dialect(connection.idp, connection.strict)
        return cls(gateway, connection, grant.scopes, dialect)

    def allows(self, method: str, resource_type: ResourceType) -> bool:
        """Tell whether the token allows a method, in lower case, on a resource type."""
        return f"{method}:{resource_type.plural}" in self.scopes

    def require(self, method: str, resource_type: ResourceType) -> None:
        """Refuse what the token does not allow.

        :param method: the method, in lower case.
        :param resource_type: the resource type.
        :raises Forbidden: if the token does not have the scope.
        """
        if not self.allows(method, resource_type):
            raise Forbidden(
                f"The bearer token does not have the scope {method}:{resource_type.plural}."
            )

    def known(self, resource_type: ResourceType) -> ResourceType:
        """What the connection knows of a resource type: if it is strict, only what is served."""
        return self.served[resource_type] if self.connection.strict else resource_type

    @property
    def served(self) -> dict[ResourceType, ResourceType]:
        """The resource types, each with what of it is served to the connection."""
        return self.gateway.served(self.connection)

    def service(self, resource_type: ResourceType) -> Service:
        """Make the service of a resource type for this connection."""
        known = self.known(resource_type)
        service = self.gateway.service(self.connection, resource_type, known, self.dialect)
        return service if self.note is None else replace(service, note=self.note)

    def body(self) -> Any:
        """Read the body; see :func:`read_raw` and :func:`read_json`.

        :return: what its JSON says.
        :raises UnsupportedMediaType: if it is said to be something else.
        """
        sent = this_request()
        if sent.content_type and sent.mimetype not in _JSON_TYPES:
            raise UnsupportedMediaType("Send application/scim+json or application/json.")
        return read_json(read_raw(self.gateway.settings.max_content_length))

    def location(self, resource_type: ResourceType, id: str) -> str:
        """The URI of a resource."""
        return resource_uri(self.base, resource_type, id)

    @property
    def base(self) -> str:
        """The base URI of the connection's endpoints."""
        return base_uri(self.gateway.settings, self.connection.id)


def resource_uri(base: str, resource_type: ResourceType, id: str) -> str:
    """The URI of a resource below a base URI."""
    return f"{base}{resource_type.endpoint}/{quote(id, safe='')}"


def base_uri(settings: Settings, connection_id: str) -> str:
    """The base URI of a connection's endpoints, as the request in hand sees it.

    :param settings: the settings of the app.
    :param connection_id: the connection.
    :return: the URI, without a slash at its end.
    """
    sent = this_request()
    root = _find_root(sent.scheme, sent.host, sent.root_path)
    return f"{root.rstrip('/')}{settings.base(_quote(connection_id))}"


def read_raw(limit: int) -> bytes:
    """Read the body of the request in hand.

    :param limit: the most bytes that it may have.
    :return: the body.
    :raises PayloadTooLarge: if it is larger.
    :raises InvalidSyntax: if it breaks off.
    """
    sent, raw = this_request(), None
    if (sent.content_length or 0) <= limit:
        try:
            raw = sent.stream.read(limit + 1)
        except OSError:
            raise InvalidSyntax("The body broke off before its end.") from None
    if raw is None or len(raw) > limit:
        raise PayloadTooLarge(f"The body may have at most {limit} bytes.")
    return raw


def _bearer_token(sent: Request) -> str:
    header: str = sent.environ.get("HTTP_AUTHORIZATION", "")
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Send the connection's token as Authorization: Bearer ….")
    return token


def read_json(raw: bytes) -> Any:
    """Read JSON.

    :param raw: the body of a request.
    :return: what it says.
    :raises InvalidSyntax: if it is no JSON.
    :raises InvalidValue: if its text holds what no database can keep.
    """
    if not raw.strip():
        raise InvalidSyntax("The body is empty; JSON was expected.")
    try:
        # Only an escape can bring in a character that UTF-8 and JSON themselves keep out.
        body = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
        if b"\\u" in raw and not _is_sound(body):
            raise InvalidValue("The body holds a NUL character or half a surrogate pair.")
    except (ValueError, RecursionError):
        raise InvalidSyntax("The body is not valid JSON in UTF-8, or is nested too deep.") from None
    return body


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _is_sound(value: Any) -> bool:
    match value:
        case str():
            return is_sound(value)
        case list():
            return all(map(_is_sound, value))
        case dict():
            return all(is_sound(key) and _is_sound(item) for key, item in value.items())
        case _:
            return True
