"""E-mail addresses: what is one address, and what only looks like it."""

from __future__ import annotations

import pytest

from flask_scim.protocol.addresses import Address, encode_domain, read_address

ANN = Address("ann", "acme.example")


@pytest.mark.parametrize("text", ["ann@acme.example", "ANN@Acme.Example"])
def test_letter_case(text: str) -> None:
    """Letter case does not count."""
    assert read_address(text) == ANN


@pytest.mark.parametrize(
    "text",
    [
        "a@bücher.example",
        "A@BÜCHER.example",
        "a@xn--bcher-kva.example",
        "a@XN--BCHER-KVA.example",
    ],
)
def test_domains_beyond_ascii(text: str) -> None:
    """A domain is the same in ASCII and in letters."""
    address = read_address(text)
    assert address == Address("a", "xn--bcher-kva.example")
    assert address is not None
    assert address.forms == ("a@xn--bcher-kva.example", "a@bücher.example")


@pytest.mark.parametrize(
    "text",
    [
        "\u0430nn@acme.example",
        "ann@\u0430cme.example",
        "ann@\uff41cme.example",
        "ann@acme\u3002example",
        "ann@acme.example.",
        "ann@sub.acme.example",
        "ann+tag@acme.example",
        "ann @acme.example",
        " ann@acme.example",
        "ann\u200d@acme.example",
        "a.n.n@acme.example",
        "x@ann@acme.example",
    ],
)
def test_look_alikes(text: str) -> None:
    """What is written with other letters is another address, or none."""
    assert read_address(text) != ANN


@pytest.mark.parametrize(("text", "other"), [("\u212aim", "kim"), ("\u212bsa", "åsa")])
def test_letters_that_fold_into_others(text: str, other: str) -> None:
    """A sign that folds into a letter is no such letter, and neither is it in a domain."""
    assert read_address(f"{text}@acme.example") != read_address(f"{other}@acme.example")
    assert read_address(f"x@{text}.example") is None


@pytest.mark.parametrize(
    "text",
    [None, 7, "", "ann", "@acme.example", "ann@", "ann@acme", "ann@a..b", "a" * 321 + "@a.example",
     "ann@straße.example", "a@b@c.example", '"a b"@acme.example', "ann@" + "a" * 64 + ".example"],
)  # fmt: skip
def test_what_is_no_address(text: object) -> None:
    """What cannot be compared without doubt is none, and nothing raises."""
    assert read_address(text) is None


@pytest.mark.parametrize(
    ("domain", "encoded"),
    [
        (" Acme.Example. ", "acme.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("ß.de", ""),
    ],
)
def test_domains(domain: str, encoded: str) -> None:
    """Domains are written in ASCII, or not at all."""
    assert encode_domain(domain) == encoded
