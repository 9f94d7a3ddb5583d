"""Global Token Revocation: an identity provider ends all that somebody has begun, and no more."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from joserfc import jwk, jwt
from werkzeug.test import TestResponse

from flask_scim import Issuer
from flask_scim.store.people.logins import keep_subject
from tests.access.ways import Keys
from tests.client import ScimClient
from tests.host import Host
from tests.marks import refused_early

PATH = "/global-token-revocation"
OKTA = "https://acme.okta.example"
RSA = jwk.RSAKey.generate_key(2048, {"kid": "first"})
STRANGER = jwk.RSAKey.generate_key(2048, {"kid": "first"})
NOBODY = "The subject is nobody whom this connection has provisioned."


def by_email(address: str) -> dict[str, Any]:
    """A request that names somebody by an address."""
    return {"subject": {"format": "email", "email": address}}


def by_subject(subject: str, issuer: str = OKTA) -> dict[str, Any]:
    """A request that names somebody as the identity provider calls them."""
    return {"sub_id": {"format": "iss_sub", "iss": issuer, "sub": subject}}


def told(response: TestResponse) -> tuple[int, str]:
    """The status of a refusal, and its words."""
    assert response.json["status"] == str(response.status_code)
    return response.status_code, response.json["detail"]


@pytest.fixture
def acme(keys: Keys) -> ScimClient:
    """A client that may end what people have begun, beside what others may."""
    return keys.host.connect("acme", "entra", "post:revocations", tenant="1")


@pytest.mark.parametrize("name", ["sub_id", "subject"])
@pytest.mark.parametrize(
    "subject",
    [
        {"format": "email", "email": "ANN@example.com"},
        {"format": "email", "email": "Ann@work.example"},
        {"format": "iss_sub", "iss": OKTA, "sub": "00u1"},
        {"format": "opaque", "id": "{id}"},
        {"format": "iss_sub", "iss": OKTA, "sub": "{id}"},
    ],
)
def test_all_that_somebody_has_begun_ends(
    keys: Keys, acme: ScimClient, name: str, subject: dict[str, str]
) -> None:
    """Each revoker is asked, the answer is empty, and the person stays active."""
    work = [{"type": "work", "value": "ann@work.example"}]
    id = acme.create("ann@example.com", externalId="00u1", emails=work)["id"]
    acme.create("bob@example.com", externalId="00u2")
    before = acme.get(f"/Users/{id}").json
    body = {name: {key: value.replace("{id}", id) for key, value in subject.items()}}
    response = acme.post(PATH, body)
    assert (response.status_code, response.data) == (204, b"")
    (_, row, ending), _ = keys.asked
    assert keys.names() == ["api_keys", "tokens"]
    assert (row, ending.id, ending.connection_id) == ("ann@example.com", id, "acme")
    assert ending.cause == "global token revocation"
    assert acme.get(f"/Users/{id}").json == before
    with keys.host.app.app_context():
        assert keys.host.scim.allows_login(keys.db.get(keys.host.User, int(id)))
        found = keys.host.scim.outbox.read(keys.host.scim.connections.get("acme"))
    (entry,) = [each for each in found if each.type == "user.revoked"]
    assert entry.resource_id == id
    assert entry.cause.actor.startswith("token:")


def test_it_is_done_as_often_as_it_is_asked_for(keys: Keys, acme: ScimClient) -> None:
    """Once more ends what has begun since; somebody who is out already is no error."""
    id = acme.create("ann@example.com")["id"]
    acme.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": False})
    for _ in range(2):
        keys.asked.clear()
        assert acme.post(PATH, by_email("ann@example.com")).status_code == 204
        assert keys.names() == ["api_keys", "tokens"]
    assert acme.get(f"/Users/{id}").json["active"] is False


def test_whom_it_names(keys: Keys, acme: ScimClient) -> None:
    """A name goes before other addresses, what somebody signed in as before other ids."""

    def who(body: dict[str, Any]) -> list[str]:
        keys.asked.clear()
        assert acme.post(PATH, body).status_code == 204
        return sorted({name for _, name, _ in keys.asked})

    shared = [{"type": "work", "value": "team@example.com"}]
    ann = acme.create("ann@example.com", externalId="00u1", emails=shared)["id"]
    bob = acme.create("bob@example.com", externalId=ann, emails=shared)["id"]
    assert who(by_email("team@example.com")) == ["ann@example.com", "bob@example.com"]
    acme.create("team@example.com")
    assert who(by_email("team@example.com")) == ["team@example.com"]
    assert who(by_subject(ann)) == ["bob@example.com"]
    with keys.host.app.app_context():
        binding = keys.host.app.extensions["scim"].named("User")
        connection = keys.host.scim.connections.get("acme")
        keep_subject(keys.db, binding, connection, ann, int(ann))
        keys.db.commit()
    assert who(by_subject(ann)) == ["ann@example.com"]
    assert who({"sub_id": {"format": "opaque", "id": bob}}) == ["bob@example.com"]


def test_nobody_else_is_in_reach(keys: Keys, acme: ScimClient) -> None:
    """Who does not exist, is deleted or another connection's is unknown, in the same words."""
    sibling = keys.host.connect("sibling", tenant="1")
    stranger = keys.host.connect("stranger", tenant="2")
    ids = [each.create(f"{each.base[9:]}@example.com")["id"] for each in (sibling, stranger)]
    gone = acme.create("gone@example.com", externalId="00u9")["id"]
    acme.delete(f"/Users/{gone}")
    keys.asked.clear()
    for body in (
        by_email("nobody@example.com"),
        by_email("sibling@example.com"),
        by_email("stranger@example.com"),
        by_email("gone@example.com"),
        by_subject("00u9"),
        *(by_subject(id) for id in ids),
        {"subject": {"format": "opaque", "id": "x' OR 1=1 --"}},
        by_email('"') if keys.host else {},
    ):
        assert told(acme.post(PATH, body)) == (404, NOBODY)
    assert keys.asked == []


@refused_early
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "The body must be a JSON object"),
        ({}, "Name one subject"),
        ({"subject": "ann@example.com"}, "Name one subject"),
        (by_email("a@b.example") | by_subject("x"), "Name one subject"),
        ({"subject": {}}, "must be one of email, iss_sub, opaque"),
        ({"subject": {"format": "phone_number", "phone_number": "+1"}}, "must be one of"),
        ({"subject": {"format": ["email"]}}, "must be one of"),
        ({"subject": {"format": "email"}}, "needs email, a text of 1 to 1024 characters"),
        ({"subject": {"format": "email", "email": ""}}, "needs email"),
        ({"subject": {"format": "email", "email": "x" * 1025}}, "needs email"),
        ({"subject": {"format": "email", "email": {"a": 1}}}, "needs email"),
        ({"subject": {"format": "iss_sub", "sub": "x"}}, "needs iss"),
        ({"subject": {"format": "iss_sub", "iss": OKTA, "sub": 5}}, "needs sub"),
        ({"subject": {"format": "opaque", "id": None}}, "needs id"),
    ],
)
def test_what_cannot_be_read(keys: Keys, acme: ScimClient, body: Any, words: str) -> None:
    """It is refused with what it lacks."""
    status, detail = told(acme.post(PATH, body))
    assert status == 400
    assert words in detail
    assert keys.asked == []


def test_who_may_ask(keys: Keys, acme: ScimClient) -> None:
    """A token of the connection that has the scope, in every state but paused and disabled."""
    host = keys.host
    acme.create("ann@example.com")
    body = by_email("ann@example.com")
    reader = host.connect("reader", tenant="1")
    status, detail = told(reader.post(PATH, body))
    assert (status, detail) == (
        403,
        "The bearer token does not have the scope post:revocations.",
    )
    elsewhere = ScimClient(acme.http, acme.base, reader.token)
    assert elsewhere.post(PATH, body).status_code == 401
    assert acme.http.post(f"{acme.base}{PATH}", json=body).status_code == 401
    assert acme.request("POST", PATH, data="x", content_type="text/plain").status_code == 415
    assert acme.get(PATH).status_code == 405
    with host.app.app_context():
        alone, _ = host.scim.tokens.issue("acme", ["post:revocations"])
        host.scim.connections.hold("acme", "a test", {})
    only = ScimClient(acme.http, acme.base, alone)
    assert only.get("/Users").status_code == 403
    assert only.post(PATH, body).status_code == 204
    for state, status in (("pause", 503), ("disable", 403)):
        with host.app.app_context():
            getattr(host.scim.connections, state)("acme")
        assert only.post(PATH, body).status_code == status


def test_untouchable_people_stay(build: Callable[..., Host]) -> None:
    """An identity provider does not sign out an account for emergencies."""
    host = build(untouchable="seen")
    acme = host.connect("acme", "entra", "post:revocations", tenant="1")
    id = acme.create("ann@example.com")["id"]
    with host.app.app_context():
        host.db.session.get(host.User, int(id)).seen = datetime(2026, 1, 1)
        host.db.session.commit()
    status, detail = told(acme.post(PATH, by_email("ann@example.com")))
    assert status == 422
    assert detail.startswith(f"User '{id}' is kept out of provisioning by the application")


# Signed by the identity provider


@pytest.fixture
def okta(keys: Keys, acme: ScimClient) -> Callable[..., TestResponse]:
    """Sends a request as Okta does, with a JWT in place of a token."""
    acme.create("ann@example.com", externalId="00u1")
    keys.asked.clear()
    keys.host.scim.issuer(lambda _: Issuer(OKTA, {"keys": [RSA.as_dict(private=False)]}, "0oa1"))

    def send(
        key: Any = RSA, body: Any = None, header: dict[str, Any] | None = None, **claims: Any
    ) -> TestResponse:
        now = int(time.time())
        found = {
            "jti": f"id-{time.time_ns()}",
            "iss": OKTA,
            "sub": "0oa1",
            "aud": f"http://localhost{acme.base}{PATH}",
            "exp": now + 300,
            "nbf": now - 300,
            "iat": now,
        } | claims
        found = {name: value for name, value in found.items() if value is not None}
        head = {"alg": "RS256", "kid": "first", "typ": "global-token-revocation+jwt"}
        text = jwt.encode(head | (header or {}), found, key)
        return acme.http.post(
            f"{acme.base}{PATH}",
            json=body or by_subject("00u1"),
            headers={"Authorization": f"Bearer {text}"},
        )

    return send


def test_a_signed_request(keys: Keys, okta: Callable[..., TestResponse]) -> None:
    """Its signature opens this endpoint, once, and says who has asked."""
    assert okta().status_code == 204
    assert keys.names() == ["api_keys", "tokens"]
    with keys.host.app.app_context():
        found = keys.host.scim.outbox.read(keys.host.scim.connections.get("acme"))
    (entry,) = [each for each in found if each.type == "user.revoked"]
    assert entry.cause.actor == f"issuer:{OKTA}"
    assert okta(jti="same").status_code == 204
    status, detail = told(okta(jti="same"))
    assert (status, detail) == (
        401,
        "The JWT was used before; sign another one for each request.",
    )
    assert told(okta(body=by_subject("00u1", "https://other.example"))) == (404, NOBODY)
    assert okta(header={"typ": "JWT"}).status_code == 204


@refused_early
@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"sub": "other"}, "sub must be what the identity provider calls this application"),
        ({"sub": None}, "sub must be"),
        ({"aud": "https://elsewhere.example/"}, "aud must be http://localhost/scim/v2/acme"),
        ({"aud": ["http://localhost/scim/v2/acme/global-token-revocation", "x"]}, "nothing else"),
        ({"aud": None}, "aud must be"),
        ({"jti": None}, "jti must be"),
        ({"jti": ""}, "jti must be"),
        ({"jti": 7}, "jti must be"),
        ({"exp": None}, "exp must lie ahead"),
        ({"exp": 1}, "exp must lie ahead"),
        ({"exp": 4_000_000_000}, "exp must lie ahead, by 3600 seconds at most"),
        ({"exp": "soon"}, "exp must lie ahead"),
        ({"iat": 4_000_000_000}, "iat and nbf must not lie ahead"),
        ({"nbf": "now"}, "iat and nbf must not lie ahead"),
        ({"iss": "https://other.example"}, "not known here"),
        ({"iss": None}, "not known here"),
    ],
)
def test_a_signed_request_for_something_else(
    keys: Keys, okta: Callable[..., TestResponse], claims: dict[str, Any], words: str
) -> None:
    """Claims that do not fit are refused with what is wrong."""
    status, detail = told(okta(**claims))
    assert status == 401
    assert words in detail
    assert keys.asked == []


def test_a_signature_that_is_no_good(
    keys: Keys, acme: ScimClient, okta: Callable[..., TestResponse]
) -> None:
    """Another key, another kind of key, no key and another type open nothing."""
    # Whoever takes the public key for a secret one verifies what anybody can sign.
    public = RSA.as_pem(private=False)
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"first"}').rstrip(b"=")
    claims = base64.urlsafe_b64encode(json.dumps({"iss": OKTA}).encode()).rstrip(b"=")
    digest = hmac.digest(public, header + b"." + claims, "sha256")
    signature = base64.urlsafe_b64encode(digest).rstrip(b"=")
    shared = b".".join((header, claims, signature)).decode()
    unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2FjbWUub2t0YS5leGFtcGxlIn0."
    for refused in (
        okta(STRANGER),
        okta(header={"kid": "second"}),
        okta(header={"typ": "at+jwt"}),
        *(
            acme.request(
                "POST", PATH, by_subject("00u1"), headers={"Authorization": f"Bearer {text}"}
            )
            for text in ("a.b.c", unsigned, shared)
        ),
    ):
        assert refused.status_code == 401
    assert okta(aud=f"http://localhost{acme.base}/Users").status_code == 401
    assert keys.asked == []


def test_keys_that_cannot_be_used(keys: Keys, okta: Callable[..., TestResponse]) -> None:
    """Keys of other kinds are passed over; where they cannot be found, the client comes again."""
    good = RSA.as_dict(private=False)
    others = [{"kty": "EC", "kid": "x", "crv": "P-521"}, "junk", {"kty": "oct", "kid": "y"}]
    keys.host.scim.issuer(lambda _: Issuer(OKTA, lambda: {"keys": [*others, good]}, "0oa1"))
    assert okta().status_code == 204

    def fail() -> dict[str, Any]:
        raise OSError("no way there")

    for broken in (fail, {}, lambda: {"keys": 5}):
        keys.host.scim.issuer(lambda _, found=broken: Issuer(OKTA, found, "0oa1"))
        response = okta()
        assert told(response)[0] == 503
        assert response.headers["Retry-After"] == "30"
    keys.host.scim.issuer(lambda _: None)
    assert okta().status_code == 401
