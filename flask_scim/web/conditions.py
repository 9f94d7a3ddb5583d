"""Conditional requests: which version of a resource a client takes (:rfc:`7644#section-3.14`)."""

from __future__ import annotations

from werkzeug.http import parse_etags

from ..provisioning.ports import Resource
from ..provisioning.service import VersionCheck
from .current import this_request


def expected_version() -> VersionCheck | None:
    """Read ``If-Match`` and ``If-None-Match`` of a request that changes a resource.

    :return: tells whether a resource has a version that the client takes; ``None`` if it takes any.
    """
    wanted, refused = wanted_version(), known_version()
    if refused is None:
        return wanted

    def check(resource: Resource) -> bool:
        return not refused(resource) and (wanted is None or wanted(resource))

    return check


def wanted_version() -> VersionCheck | None:
    """Read ``If-Match`` of a request that reads a resource.

    :return: tells whether a resource has a version that the client takes; ``None`` if it takes any.
    """
    return named_version(this_request().environ.get("HTTP_IF_MATCH"))


def known_version() -> VersionCheck | None:
    """Read ``If-None-Match`` of a request that reads a resource.

    :return: tells whether the client has the resource's version already; ``None`` if it has none.
    """
    return named_version(this_request().environ.get("HTTP_IF_NONE_MATCH"))


def named_version(tags: str | None) -> VersionCheck | None:
    """Read entity tags: one, a list, or ``*`` for any.

    :param tags: the tags as the client wrote them; what cannot be read is no version at all.
    :return: tells whether a resource has one of the versions; ``None`` if none was asked for.
    """
    if tags is None:
        return None
    etags = parse_etags(tags)

    def check(resource: Resource) -> bool:
        return etags.contains_weak(str(resource.version))

    return check
