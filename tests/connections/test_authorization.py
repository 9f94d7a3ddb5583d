"""Authorization headers of every kind: what is refused, how, and at which cost."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator

import pytest
from itsdangerous import Signer

from tests.client import ScimClient
from tests.host import Host
from tests.web.answers import refusal
from tests.web.live import Server, serve

pytestmark = pytest.mark.one_database("a header is refused before anything is looked up")

WRONG = 10_000


def forgeries(text: str) -> dict[str, str]:
    """Texts that come near a token."""
    id, secret, signature = text.removeprefix("scim_").split(".")
    return {
        "no scheme": text,
        "scheme alone": "Bearer",
        "scheme and blanks": "Bearer   ",
        "another scheme": f"Basic {text}",
        "empty": "",
        "blank": " ",
        "truncated": f"Bearer {text[:-1]}",
        "half": f"Bearer {text[: len(text) // 2]}",
        "prefix alone": "Bearer scim_",
        "longer": f"Bearer {text}A",
        "oversized": "Bearer scim_" + "x" * 60_000,
        "oversized and signed": "Bearer scim_"
        + Signer("secret", salt="flask-scim.token").sign("x" * 600).decode(),
        "twice": f"Bearer {text} {text}",
        "in one header": f"Bearer {text},Bearer {text}",
        "latin": f"Bearer {text}é",
        "utf-8": f"Bearer {text}é".encode().decode("latin-1"),
        "latin letters alone": "Bearer ÿ",
        "tab inside": f"Bearer {id}\t{secret}",
        "no signature": f"Bearer scim_{id}.{secret}",
        "signature of another": f"Bearer scim_{id}.{secret}.{signature[::-1]}",
        "another id": f"Bearer scim_{id[::-1]}.{secret}.{signature}",
        "upper case": f"Bearer {text.upper()}",
        "quoted": f'Bearer "{text}"',
        "hash of the secret": f"Bearer scim_{id}.{'0' * 64}.{signature}",
    }


@pytest.mark.parametrize("kind", forgeries("scim_a.b.c"))
def test_refused(host: Host, scim: ScimClient, kind: str) -> None:
    """Whatever is no token is refused in SCIM's words, with no look into the database."""
    header = forgeries(scim.token)[kind]
    with host.statements() as statements:
        response = scim.http.get("/scim/v2/acme/Users", headers={"Authorization": header})
    assert refusal(response) == (401, None)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert statements == []
    assert scim.token not in response.text


@pytest.mark.parametrize("kind", ["\0", "a\0b", "scim_\0", "scim_a\0.b.c"])
def test_nul(host: Host, scim: ScimClient, kind: str) -> None:
    """A NUL character, which some servers let through, reaches no database."""
    environ = {"HTTP_AUTHORIZATION": f"Bearer {kind}"}
    with host.statements() as statements:
        response = scim.http.get("/scim/v2/acme/Users", environ_overrides=environ)
    assert refusal(response) == (401, None)
    assert statements == []


def test_no_header(scim: ScimClient) -> None:
    """Without a header the refusal says what to send."""
    response = scim.http.get("/scim/v2/acme/Users")
    assert refusal(response) == (401, None)
    assert "Authorization: Bearer" in response.json["detail"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR "])
def test_scheme_in_any_case(scim: ScimClient, scheme: str) -> None:
    """The name of the scheme ignores letter case (RFC 9110, section 11.1)."""
    headers = {"Authorization": f"{scheme} {scim.token}"}
    assert scim.http.get("/scim/v2/acme/Users", headers=headers).status_code == 200


@pytest.fixture
def server(host: Host) -> Iterator[Server]:
    """The app behind a real socket."""
    with serve(host.app) as server:
        yield server


@pytest.mark.parametrize("order", ["good bad", "bad good", "good good"])
def test_two_headers(server: Server, scim: ScimClient, order: str) -> None:
    """Of two Authorization headers neither counts, though both were good."""
    texts = {"good": f"Bearer {scim.token}", "bad": "Bearer scim_noise"}
    first, second = (texts[word] for word in order.split())
    # Names that differ only in case stay two headers on the wire.
    status, headers, body = server.request(
        "GET", "/scim/v2/acme/Users", Authorization=first, AUTHORIZATION=second
    )
    assert status == 401
    assert headers["content-type"] == "application/scim+json"
    assert b"urn:ietf:params:scim:api:messages:2.0:Error" in body


@pytest.mark.parametrize(
    "id",
    ["", "ACME", "acme.", "acme%20", "acme%00", "%00", "acme%0a", "..", "%2e%2e", "a%2fb", "é",
     "%ff", "acme;x", "acme,other", "*", "a" * 5_000, "%F0%9F%92%A5", "{acme}", "acme%27--"],
)  # fmt: skip
def test_odd_connection_ids(host: Host, scim: ScimClient, id: str) -> None:
    """A path that names no connection is refused as that of another one is."""
    host.connect("other", tenant="1")
    refused = scim.http.get(
        "/scim/v2/other/Users", headers={"Authorization": f"Bearer {scim.token}"}
    )
    response = scim.http.get(
        f"/scim/v2/{id}/Users", headers={"Authorization": f"Bearer {scim.token}"}
    )
    assert refusal(response)[0] in (401, 404)
    if response.status_code == 401:
        assert response.data == refused.data


def test_use_on_another_connection(
    host: Host, scim: ScimClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A good token at a wrong path is refused, and the log says whose it was and not its secret."""
    with host.app.app_context():
        (token,) = host.scim.tokens.list("acme")
    scim.base = "/scim/v2/nowhere\n"
    with caplog.at_level(logging.WARNING, "flask_scim.connections"):
        assert refusal(scim.get("/Users")) == (401, None)
    assert caplog.messages == [f"Credential {token.id} of connection acme was used on another one."]


def test_wrong_tokens_cost_no_statement(host: Host, scim: ScimClient) -> None:
    """Noise by the thousand is refused by arithmetic alone."""
    id, secret, signature = scim.token.removeprefix("scim_").split(".")
    headers = [
        f"Bearer {text}"
        for _ in range(WRONG // 4)
        for text in (
            secrets.token_urlsafe(48),
            f"scim_{secrets.token_hex(8)}.{secrets.token_urlsafe(32)}.{secrets.token_urlsafe(20)}",
            f"scim_{id}.{secrets.token_urlsafe(32)}.{signature}",
            f"scim_{id}.{secret}.{secrets.token_urlsafe(20)}",
        )
    ]
    with host.statements() as statements, host.app.test_client() as http:
        seen = {
            http.get("/scim/v2/acme/Users", headers={"Authorization": header}).data
            for header in headers
        }
    assert len(headers) == WRONG
    assert statements == []
    assert len(seen) == 1
