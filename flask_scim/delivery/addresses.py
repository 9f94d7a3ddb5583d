"""Which addresses may be called: none that only this machine or its network can reach."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_LONGEST = 2_000
#: Networks behind whose addresses there is an IPv4 address, and how many bits are to its right.
_EMBEDDING = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
)
#: Where networks without IPv4 put the addresses of IPv4: it leads wherever these lead.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
#: Newer versions of Python know of it by themselves.
_ASSIGNED = ipaddress.IPv4Network("192.0.0.0/24")
#: Public by the letter, and served by the cloud's own host to its machines alone.
_METADATA = frozenset({ipaddress.IPv4Address("168.63.129.16")})
# A label may begin with an underscore, and be all digits: names decide nothing here.
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_.])?", re.ASCII)


class RefusedAddress(ValueError):
    """An address, or a URL, that must not be called."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart.

    :param url: the URL.
    :param secure: whether it is called over TLS.
    :param host: its host, in ASCII.
    :param port: its port.
    :param path: its path and query.
    """

    url: str
    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the ``Host`` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def read_target(url: str, *, allow_http: bool = False, allow_private: bool = False) -> Target:
    """Read the URL of a receiver.

    :param url: the URL.
    :param allow_http: whether it may do without TLS.
    :param allow_private: whether it may lead to this machine or its network.
    :return: what it says.
    :raises RefusedAddress: if it cannot, or must not, be called.
    """
    if len(url) > _LONGEST or not url.isprintable() or any(map(str.isspace, url)):
        raise RefusedAddress(f"A URL has at most {_LONGEST} characters, and no blanks in it.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RefusedAddress(f"{url!r} is no URL.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise RefusedAddress(f"{url!r} must begin with https:// and a host.")
    if parts.scheme == "http" and not allow_http:
        raise RefusedAddress(f"{url!r} must begin with https://: what is sent is about people.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise RefusedAddress("A URL holds neither a name, a password nor a fragment here.")
    if port == 0:
        raise RefusedAddress(f"{url!r} has no port that can be called.")
    host, secure = _read_host(parts.hostname), parts.scheme == "https"
    path = parts.path or "/"
    try:
        path.encode("ascii"), parts.query.encode("ascii")
    except UnicodeEncodeError:
        raise RefusedAddress("Write the path of a URL in ASCII, with %-escapes.") from None
    target = Target(
        url,
        secure,
        host,
        port or (443 if secure else 80),
        f"{path}?{parts.query}" if parts.query else path,
    )
    literal = _literal(host)
    if literal is not None and not allow_private:
        check_address(literal)
    return target


def resolve(target: Target, *, allow_private: bool = False) -> list[tuple[int, Any]]:
    """Find the addresses of a receiver, once: these are called, whatever its name says later.

    :param target: the receiver.
    :param allow_private: whether they may be of this machine or its network.
    :return: the family of each, and the address as a socket takes it.
    :raises RefusedAddress: if one of them must not be called.
    :raises OSError: if there is none.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    if not allow_private:
        # One that must not be called among several is no accident.
        for *_, address in found:
            check_address(ipaddress.ip_address(str(address[0]).partition("%")[0]))
    return [(family, address) for family, _, _, _, address in found]


def check_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Make sure that an address can be reached from anywhere.

    :param address: the address.
    :raises RefusedAddress: if only this machine or its network can reach it, or it is no single
        machine's.
    """
    if isinstance(address, ipaddress.IPv6Address) and address in _TRANSLATED:
        address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    for each in (address, *_embedded(address)):
        is_shared = each.is_multicast or each.is_reserved or each.is_unspecified
        if not each.is_global or is_shared or each in _METADATA or each in _ASSIGNED:
            raise RefusedAddress(f"{address} is not an address of the public internet.")


def _embedded(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that a gateway would make of an IPv6 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [
        ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF)
        for network, shift in _EMBEDDING
        if address in network
    ]
    return found + list(address.teredo or ())


def _read_host(host: str) -> str:
    if _literal(host) is not None:
        return host
    try:
        encoded = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        encoded = ""
    if not _HOST.fullmatch(encoded):
        raise RefusedAddress(f"{host!r} is no host.")
    return encoded


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
