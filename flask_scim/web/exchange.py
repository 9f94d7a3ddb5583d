"""One request of an identity provider: who asks, what was sent, and the service that serves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import request
from werkzeug.datastructures import ETags

from ..config import Settings
from ..connections.tokens import Token
from ..mapping.mapping import Mapping
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
from ..provisioning.ports import Connection, Resource
from ..provisioning.service import Service, VersionCheck

_JSON_TYPES = ("application/scim+json", "application/json")


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the endpoints need of the app.

    :param settings: the settings of the app.
    :param mappings: the resource types that are served, and where their attributes sit.
    :param verify: finds the connection that a token opens, or raises ``Unauthorized``.
    :param service: makes the service of one connection and resource type.
    """

    settings: Settings
    mappings: dict[ResourceType, Mapping]
    verify: Callable[[str], tuple[Connection, Token]]
    service: Callable[[Connection, ResourceType, Dialect], Service]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request whose token is good for the connection that its path names.

    :param gateway: what the endpoints need of the app.
    :param connection: the connection.
    :param dialect: how its identity provider speaks.
    """

    gateway: Gateway
    connection: Connection
    dialect: Dialect

    @classmethod
    def begin(cls, gateway: Gateway, connection_id: str, scope: str | None = None) -> Exchange:
        """Check the token of the request in hand.

        :param gateway: what the endpoints need of the app.
        :param connection_id: the connection that the path names.
        :param scope: what the token must allow; ``None`` if any token will do.
        :return: the exchange.
        :raises Unauthorized: if the token is missing or not good for this connection.
        :raises Forbidden: if it does not have the scope.
        """
        connection, token = gateway.verify(_bearer_token())
        if connection.id != connection_id:
            raise Unauthorized("The bearer token is not for this connection.")
        if scope is not None and scope not in token.scopes:
            raise Forbidden(f"The bearer token does not have the scope {scope}.")
        return cls(gateway, connection, find_dialect(connection.idp, connection.strict))

    def service(self, resource_type: ResourceType) -> Service:
        """Make the service of a resource type for this connection."""
        return self.gateway.service(self.connection, resource_type, self.dialect)

    def body(self) -> Any:
        """Read the body.

        :return: what its JSON says.
        :raises UnsupportedMediaType: if it is said to be something else.
        :raises PayloadTooLarge: if it is larger than the settings allow.
        :raises InvalidSyntax: if it is no JSON.
        :raises InvalidValue: if its text holds what no database can keep.
        """
        if request.content_type and request.mimetype not in _JSON_TYPES:
            raise UnsupportedMediaType("Send application/scim+json or application/json.")
        limit = self.gateway.settings.max_content_length
        too_large = PayloadTooLarge(f"The body may have at most {limit} bytes.")
        if (request.content_length or 0) > limit:
            raise too_large
        try:
            raw = request.stream.read(limit + 1)
        except OSError:
            raise InvalidSyntax("The body broke off before its end.") from None
        if len(raw) > limit:
            raise too_large
        return _read_json(raw)

    def location(self, resource_type: ResourceType, id: str) -> str:
        """The URI of a resource."""
        return f"{self.base}{resource_type.endpoint}/{quote(id, safe='')}"

    @property
    def base(self) -> str:
        """The base URI of the connection's endpoints."""
        prefix = self.gateway.settings.url_prefix
        return f"{request.url_root.rstrip('/')}{prefix}/{quote(self.connection.id)}"


def expected_version() -> VersionCheck | None:
    """Read ``If-Match`` (:rfc:`7644#section-3.14`).

    :return: tells whether a resource has a version that the client takes; ``None`` if it takes any.
    """
    return _check(request.if_match) if "If-Match" in request.headers else None


def known_version() -> VersionCheck | None:
    """Read ``If-None-Match``.

    :return: tells whether the client has the resource's version already; ``None`` if it has none.
    """
    return _check(request.if_none_match) if "If-None-Match" in request.headers else None


def _check(etags: ETags) -> VersionCheck:
    def check(resource: Resource) -> bool:
        return etags.contains_weak(str(resource.version))

    return check


def _bearer_token() -> str:
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("Send the connection's token as Authorization: Bearer ….")
    return token.strip()


def _read_json(raw: bytes) -> Any:
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
