"""Which receivers may be called, and which only this machine or its network could reach."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from flask_scim.delivery.addresses import RefusedAddress, check_address, read_target, resolve

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:7f00:1::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    """No private, local, reserved or metadata address is called, however it is written."""
    with pytest.raises(RefusedAddress, match="public internet"):
        check_address(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(RefusedAddress, match="public internet"):
        read_target(f"https://{host}/hook")
    assert read_target(f"https://{host}/hook", allow_private=True).host == address


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101"]
)
def test_public_addresses(address: str) -> None:
    """What the whole world can reach is called."""
    check_address(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1"])
def test_names_of_this_machine(host: str) -> None:
    """A name, or a number in another form, is refused by the address that it leads to."""
    target = read_target(f"https://{host}/")
    with pytest.raises((RefusedAddress, socket.gaierror)):
        resolve(target)


def test_one_private_address_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads to a public and to a private address is not called at all."""

    def answer(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
            for address in ("1.1.1.1", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    target = read_target("https://hook.example/")
    with pytest.raises(RefusedAddress, match=r"10\.0\.0\.1"):
        resolve(target)
    assert len(resolve(target, allow_private=True)) == 2


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://hook.example/", "https://"),
        ("ftp://hook.example/", "begin with https"),
        ("//hook.example/", "begin with https"),
        ("https://", "and a host"),
        ("https:///path", "and a host"),
        ("", "begin with https"),
        ("https://user:word@hook.example/", "password"),
        ("https://hook.example/#part", "fragment"),
        ("https://hook.example:0/", "port"),
        ("https://hook.example:70000/", "no URL"),
        ("https://[::1", "no URL"),
        ("https://hook.example/a b", "blanks"),
        ("https://hook.example/\r\nX-Evil: 1", "blanks"),
        ("https://hook.example/ä", "ASCII"),
        ("https://-hook.example/", "no host"),
        ("https://" + "a" * 2_000, "at most 2000"),
    ],
)
def test_urls_that_cannot_be_used(url: str, message: str) -> None:
    """Each is refused, with the reason."""
    with pytest.raises(RefusedAddress, match=message):
        read_target(url)


def test_target() -> None:
    """A URL taken apart, with its name in the letters that the network knows."""
    target = read_target("https://Häuser.example:8443?a=b")
    assert (target.host, target.port, target.path) == ("xn--huser-gra.example", 8443, "/?a=b")
    assert target.authority == "xn--huser-gra.example:8443"
    plain = read_target("http://[2606:4700::1111]/x", allow_http=True)
    assert (plain.port, plain.authority, plain.secure) == (80, "[2606:4700::1111]", False)
