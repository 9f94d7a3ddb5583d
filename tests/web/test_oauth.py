"""The token endpoint and its metadata, over HTTP and with a client that others have written."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from flask import request
from joserfc import jwk, jws
from werkzeug.test import TestResponse

from flask_scim.connections.scopes import all_scopes
from tests.client import USER
from tests.host import Host
from tests.waiting import PATIENCE
from tests.web.live import Server, serve

pytestmark = pytest.mark.one_database(
    "requests are read and answered alike; test_clients.py stores what they need, on each"
)

RSA = jwk.RSAKey.generate_key(2048, {"kid": "first"})
EC = jwk.ECKey.generate_key("P-256", {"kid": "second"})
ED = jwk.OKPKey.generate_key("Ed25519", {"kid": "third"})
STRANGER = jwk.RSAKey.generate_key(2048, {"kid": "first"})
ORIGIN = "https://app.example"
ISSUER = f"{ORIGIN}/scim/v2/acme"
GRANT = {"grant_type": "client_credentials"}
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALL = all_scopes(["users", "groups"])


def public(*keys: Any) -> dict[str, Any]:
    """A key set with the public parts of keys."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


@dataclass(slots=True)
class Clients:
    """The clients of an app: one with a secret and one with keys at each connection.

    :param host: the app.
    :param id: the client of ``acme`` that has a secret.
    :param secret: its secret.
    :param keyed: the client of ``acme`` that has keys.
    """

    host: Host
    id: str
    secret: str
    keyed: str

    def post(self, form: Any = None, path: str = "/scim/v2/acme", **options: Any) -> TestResponse:
        """Ask for a token."""
        return self.host.app.test_client().post(
            f"{path}/oauth/token", data=form, base_url=ORIGIN, **options
        )

    def send(self, assertion: str | bytes, **form: str) -> TestResponse:
        """Ask for a token with an assertion."""
        proof = {"client_assertion_type": TYPE, "client_assertion": assertion}
        return self.post(GRANT | proof | form)

    def get(self, token: str, path: str = "/scim/v2/acme/Users") -> TestResponse:
        """Read with a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.host.app.test_client().get(path, headers=headers, base_url=ORIGIN)

    def claims(self, **other: Any) -> dict[str, Any]:
        """The claims of a good assertion; ``None`` takes one away."""
        now = int(time.time())
        claims = {
            "iss": self.keyed,
            "sub": self.keyed,
            "aud": ISSUER,
            "exp": now + 60,
            "iat": now,
            "jti": str(time.monotonic_ns()),
        }
        return {name: value for name, value in (claims | other).items() if value is not None}


def sign(claims: Any, key: Any = RSA, alg: str = "RS256", **header: Any) -> str:
    """Sign what is no dictionary as it is."""
    named = {"alg": alg, "kid": key.kid, **header}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    with warnings.catch_warnings():
        # It says that EdDSA is called otherwise now.
        warnings.simplefilter("ignore")
        return jws.serialize_compact(
            {name: value for name, value in named.items() if value is not None},
            payload,
            key,
            registry=registry,
        )


def encode(raw: bytes) -> bytes:
    """Write bytes as a JWT does."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def basic(id: str, secret: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": f"Basic {base64.b64encode(f'{id}:{secret}'.encode()).decode()}"}


def refused(response: TestResponse) -> str:
    """The error that an answer tells of, in the form that OAuth wants."""
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json
    assert set(body) == {"error", "error_description"}
    assert all(" " <= letter <= "~" and letter not in '"\\' for letter in body["error_description"])
    if body["error"] == "invalid_client":
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Basic realm="SCIM"'
    else:
        assert response.status_code == 400
    error: str = body["error"]
    return error


def register(host: Host, connection: str = "acme", method: str = "client_secret_post") -> Clients:
    """Add a connection with a client that has a secret, and one that has keys."""
    with host.app.app_context():
        host.scim.connections.add(connection, tenant="1")
        secret, client = host.scim.clients.add(connection, method)
        _, keyed = host.scim.clients.add(connection, "private_key_jwt", jwks=public(RSA, EC, ED))
    assert secret is not None
    return Clients(host, client.id, secret, keyed.id)


@pytest.fixture
def clients(host: Host) -> Clients:
    """The clients of the connection ``acme``."""
    return register(host)


# With Authlib's own client, over a real socket.


@pytest.fixture
def server(host: Host) -> Iterator[Server]:
    """The app behind a socket."""
    with serve(host.app) as found:
        yield found


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_provisioning(host: Host, server: Server, method: str) -> None:
    """A client gets a token by what the metadata says, and makes and reads a user with it."""
    secret_method = method if method.startswith("client_secret") else "client_secret_basic"
    clients = register(host, method=secret_method)
    origin = f"http://127.0.0.1:{server.port}"
    _, _, body = server.request("GET", "/.well-known/oauth-authorization-server/scim/v2/acme")
    metadata = json.loads(body)
    assert method in metadata["token_endpoint_auth_methods_supported"]
    by_key = method == "private_key_jwt"
    with OAuth2Session(
        clients.keyed if by_key else clients.id,
        RSA if by_key else clients.secret,
        scope="scim",
        token_endpoint_auth_method=method,
    ) as session:
        session.register_client_auth_method(PrivateKeyJWT(headers={"kid": "first"}))
        for _ in range(2):
            session.fetch_token(metadata["token_endpoint"])
        user = {"schemas": [USER], "userName": "ann"}
        made = session.post(f"{origin}/scim/v2/acme/Users", json=user)
        assert made.status_code == 201, made.text
        found = session.get(made.headers["Location"])
        assert found.json()["userName"] == "ann"


def test_real_bodies(clients: Clients, server: Server) -> None:
    """A body of unknown length is refused, and one that is too long is not read."""
    form = urlencode(GRANT | {"client_id": clients.id, "client_secret": clients.secret})
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    path = "/scim/v2/acme/oauth/token"
    assert server.request("POST", path, form, **kind)[0] == 200
    for body in (iter([form.encode()]), form + "&x=" + "x" * 65_536):
        status, headers, text = server.request("POST", path, body, **kind)
        assert (status, headers["content-type"]) == (400, "application/json")
        assert json.loads(text)["error"] == "invalid_request"


# The answer.


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, ("scim", *ALL)),
        ("", ("scim", *ALL)),
        ("scim", ("scim", *ALL)),
        ("scim get:users", ("scim", *ALL)),
        ("get:users", ("get:users",)),
        (" patch:groups  get:users get:users ", ("patch:groups", "get:users")),
    ],
)
def test_scopes(clients: Clients, asked: str | None, granted: tuple[str, ...]) -> None:
    """The answer tells what was granted, and that is what the token can do."""
    form = GRANT | {"client_id": clients.id, "client_secret": clients.secret}
    response = clients.post(form if asked is None else form | {"scope": asked})
    assert response.status_code == 200, response.text
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    body = response.json
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3_600)
    assert body["scope"].split() == list(granted)
    assert clients.get(body["access_token"]).status_code == 200
    groups = clients.get(body["access_token"], "/scim/v2/acme/Groups")
    assert groups.status_code == (200 if "get:groups" in granted else 403)


@pytest.mark.parametrize(
    "scope", ["get:shoes", "post:users", "get:users,get:groups", '"é\x00"', "*"]
)
def test_scopes_beyond(host: Host, scope: str) -> None:
    """A client gets no more than it was given, and is told what that is."""
    clients = register(host)
    with host.app.app_context():
        host.scim.clients.revoke(clients.id)
        secret, client = host.scim.clients.add("acme", scopes=["get:users", "get:groups"])
    response = clients.post(GRANT | {"scope": scope}, headers=basic(client.id, str(secret)))
    assert refused(response) == "invalid_scope"
    assert "get:users get:groups" in response.json["error_description"]


@pytest.mark.parametrize(
    ("method", "by_basic", "by_body"),
    [("client_secret_basic", 200, 401), ("client_secret_post", 200, 200)],
)
def test_secrets_in_either_place(host: Host, method: str, by_basic: int, by_body: int) -> None:
    """Whoever has a secret may use HTTP Basic; the body is for those who are allowed to."""
    clients = register(host, method=method)
    header = basic(clients.id, clients.secret)
    in_body = clients.post(GRANT | {"client_id": clients.id, "client_secret": clients.secret})
    assert clients.post(GRANT, headers=header).status_code == by_basic
    assert clients.post(GRANT | {"client_id": clients.id}, headers=header).status_code == by_basic
    assert in_body.status_code == by_body
    if by_body == 401:
        assert in_body.json["error_description"] == (
            "This client authenticates with client_secret_basic."
        )


def test_lifetime_is_a_setting(build: Callable[..., Host]) -> None:
    """``SCIM_ACCESS_TOKEN_LIFETIME`` says how long tokens are good."""
    clients = register(build(SCIM_ACCESS_TOKEN_LIFETIME=77))
    response = clients.post(GRANT, headers=basic(clients.id, clients.secret))
    assert response.json["expires_in"] == 77


# What cannot be read, or is nobody's.


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": '"é\x00\ud83d\ude00'}, "unsupported_grant_type"),
        ({"client_secret": None}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": "é\x00" * 999}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"client_id": "é\x00" * 999}, "invalid_client"),
        ({"client_id": "0" * 16}, "invalid_client"),
        ({"client_assertion": "x"}, "invalid_request"),
        ({"client_secret": None, "client_assertion": "x"}, "invalid_client"),
    ],
)
def test_bad_parameters(clients: Clients, change: dict[str, Any], expected: str) -> None:
    """A parameter that is missing or wrong is refused by the name that OAuth has for it."""
    form = GRANT | {"client_id": clients.id, "client_secret": clients.secret} | change
    encoded = {
        name: value.encode("utf-8", "surrogatepass")
        for name, value in form.items()
        if value is not None
    }
    body = urlencode(encoded)
    response = clients.post(body, content_type="application/x-www-form-urlencoded")
    assert refused(response) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic", "invalid_client"),
        ("Basic ", "invalid_client"),
        ("Basic :", "invalid_client"),
        ("Basic Og==", "invalid_client"),
        ("Basic eA==", "invalid_client"),
        ("Basic /w==", "invalid_client"),
        ("Basic é", "invalid_client"),
        ("Basic " + "A" * 9_999, "invalid_client"),
        ("basic eDp5", "invalid_client"),
        ("Bearer x", "invalid_client"),
        ("", "invalid_client"),
    ],
)
def test_bad_headers(clients: Clients, header: str, expected: str) -> None:
    """A header that is empty, cut off, too long or in another alphabet is refused."""
    response = clients.post(GRANT, environ_overrides={"HTTP_AUTHORIZATION": header})
    assert refused(response) == expected


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"grant_type": "client_credentials"}', "application/json"),
        ("grant_type=client_credentials", "text/plain"),
        ("grant_type=client_credentials", None),
        ("grant_type=client_credentials&grant_type=client_credentials", "form"),
        ("grant_type=client_credentials&scope=scim&scope=get:users", "form"),
        ("%", "form"),
        ("", "form"),
        ("&" * 999, "form"),
    ],
)
def test_bad_bodies(clients: Clients, body: str, kind: str | None) -> None:
    """A body of another kind, or with a parameter twice, is refused."""
    content_type = "application/x-www-form-urlencoded" if kind == "form" else kind
    header = basic(clients.id, clients.secret)
    response = clients.post(body, headers=header, content_type=content_type)
    assert refused(response) == "invalid_request"


def test_one_method_alone(clients: Clients) -> None:
    """Who authenticates twice is refused, and so is who names somebody else beside."""
    form = GRANT | {"client_id": clients.id, "client_secret": clients.secret}
    header = basic(clients.id, clients.secret)
    assert refused(clients.post(form, headers=header)) == "invalid_request"
    other = GRANT | {"client_id": clients.keyed}
    assert refused(clients.post(other, headers=header)) == "invalid_client"


def test_parameters_in_the_address_do_not_count(clients: Clients) -> None:
    """A secret belongs into no address, where logs would keep it."""
    query = GRANT | {"client_id": clients.id, "client_secret": clients.secret}
    assert refused(clients.post(GRANT, query_string=query)) == "invalid_client"


def test_without_tls(clients: Clients) -> None:
    """A request that the app sees as plain HTTP is refused with the likely reason."""
    response = clients.host.app.test_client().post(
        "/scim/v2/acme/oauth/token",
        data=GRANT,
        headers=basic(clients.id, clients.secret),
        base_url="http://app.example",
    )
    assert refused(response) == "invalid_request"
    assert "ProxyFix" in response.json["error_description"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods(clients: Clients, method: str) -> None:
    """The token endpoint takes POST alone."""
    response = clients.host.app.test_client().open("/scim/v2/acme/oauth/token", method=method)
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


# Assertions.


@pytest.mark.parametrize(
    ("key", "alg"),
    [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA")],
)
@pytest.mark.parametrize(
    "aud", [ISSUER, f"{ISSUER}/oauth/token", [ISSUER], [ISSUER, f"{ISSUER}/oauth/token"]]
)
def test_assertion(clients: Clients, key: Any, alg: str, aud: Any) -> None:
    """An assertion is good by each algorithm, for the issuer or the token endpoint, once."""
    assertion = sign(clients.claims(aud=aud), key, alg, x5t="unknown", odd="header")
    response = clients.send(assertion, client_id=clients.keyed)
    assert response.status_code == 200, response.text
    assert clients.get(response.json["access_token"]).status_code == 200
    again = clients.send(assertion)
    assert refused(again) == "invalid_client"
    assert "JWT ID is used before" in again.json["error_description"]


NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": None}, "aud"),
        ({"aud": f"{ORIGIN}/scim/v2/beta"}, "aud"),
        ({"aud": ORIGIN}, "aud"),
        ({"aud": f"{ISSUER}/"}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": 7}, "aud"),
        ({"aud": [ISSUER, "https://other.example"]}, "meant for others too"),
        ({"aud": [ISSUER, 7]}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": NOW + 86_400}, "ends too late"),
        ({"exp": 10**400}, "ends too late"),
        ({"exp": float("inf")}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"exp": str(NOW + 60)}, "exp"),
        ({"exp": True}, "exp"),
        ({"nbf": NOW + 300_000}, "valid"),
        ({"nbf": "soon"}, "nbf"),
        ({"iat": NOW + 300_000}, "An assertion needs"),
        ({"iat": []}, "iat"),
        ({"jti": None}, "Missing JWT ID"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": ["x"]}, "jti"),
        ({"iss": None}, "iss"),
        ({"iss": "other"}, "MUST match"),
        ({"sub": None}, "claims iss and sub"),
        ({"sub": 7}, "claims iss and sub"),
        ({"sub": "0" * 16}, "not known here"),
    ],
)
def test_bad_claims(clients: Clients, claims: dict[str, Any], words: str) -> None:
    """An assertion that is late, early, for somebody else or without its claims is refused."""
    response = clients.send(sign(clients.claims(**claims)))
    assert refused(response) == "invalid_client"
    assert words in response.json["error_description"]


@pytest.mark.parametrize("claims", [{"exp": -30}, {"iat": 30}, {"nbf": 30}, {"exp": 3_600}])
def test_clocks_may_differ(clients: Clients, claims: dict[str, int]) -> None:
    """Half a minute is forgiven, either way, and an hour is not too long."""
    moments = {name: int(time.time()) + seconds for name, seconds in claims.items()}
    assertion = sign(clients.claims(**moments))
    assert clients.send(assertion).status_code == 200
    assert refused(clients.send(assertion)) == "invalid_client"


@pytest.mark.parametrize(
    ("key", "header", "words"),
    [
        (STRANGER, {}, "does not fit the public key"),
        (RSA, {"kid": "fourth"}, "one of: first, second, third"),
        (RSA, {"kid": None}, "by its kid"),
        (RSA, {"kid": "second"}, "Sign with ES256"),
        (RSA, {"kid": 7}, ""),
        (RSA, {"kid": "é\ud800"}, ""),
        (RSA, {"alg": "RS512"}, "Sign with RS256 or PS256"),
        (RSA, {"crit": ["exp"]}, ""),
        (RSA, {"b64": False, "crit": ["b64"]}, ""),
        (RSA, {"x5c": ["A" * 9_999]}, ""),
    ],
)
def test_bad_headers_of_assertions(
    clients: Clients, key: Any, header: dict[str, Any], words: str
) -> None:
    """A key that is unknown, or an algorithm that it is not for, is refused."""
    named = {"alg": "RS256", "kid": "first"} | header
    parts = [
        encode(json.dumps(part).encode())
        for part in (
            {name: value for name, value in named.items() if value is not None},
            clients.claims(),
        )
    ]
    good = sign(clients.claims(), key)
    assertion = b".".join([*parts, good.rpartition(".")[2].encode()])
    if not header:
        assertion = good.encode()
    response = clients.send(assertion)
    assert refused(response) == "invalid_client"
    assert words in response.json["error_description"]


def test_algorithm_none(clients: Clients) -> None:
    """An assertion without a signature is refused."""
    parts = [{"alg": "none", "kid": "first"}, clients.claims()]
    encoded = [encode(json.dumps(part).encode()).decode() for part in parts]
    for signature in ("", "AA"):
        response = clients.send(".".join([*encoded, signature]))
        assert refused(response) == "invalid_client"


@pytest.mark.parametrize("form", ["pem", "der", "json"])
def test_public_key_as_secret(clients: Clients, form: str) -> None:
    """The public key is no secret that HS256 could sign with."""
    known = (
        json.dumps(RSA.as_dict(private=False)).encode()
        if form == "json"
        else RSA.as_bytes(encoding=form.upper(), private=False)
    )
    parts = [{"alg": "HS256", "kid": "first"}, clients.claims()]
    signed = b".".join(encode(json.dumps(part).encode()) for part in parts)
    signature = encode(hmac.digest(known, signed, "sha256"))
    response = clients.send(signed + b"." + signature)
    assert refused(response) == "invalid_client"
    assert "Sign with RS256 or PS256" in response.json["error_description"]


def test_key_that_comes_along(clients: Clients) -> None:
    """A key that an assertion brings itself, or says where to get, counts for nothing."""
    own = STRANGER.as_dict(private=False)
    for header in ({"jwk": own}, {"jku": "http://127.0.0.1:1/keys"}):
        assertion = sign(clients.claims(), STRANGER, **header)
        assert refused(clients.send(assertion)) == "invalid_client"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        ".",
        "..",
        "a.b.c",
        "a.b.c.d.e",
        "é.é.é",
        "{}",
        "\x00",
        "." * 60_000,
        "W10.W10.W10",
        "bnVsbA.bnVsbA.bnVsbA",
    ],
)
def test_no_assertion(clients: Clients, text: str) -> None:
    """What is no assertion is refused as such."""
    assert refused(clients.send(text)) == "invalid_client"


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"null", b"[" * 9_999, b"\xff", b'{"sub":'])
def test_no_claims(clients: Clients, payload: bytes) -> None:
    """What is signed must be claims."""
    assert refused(clients.send(sign(payload))) == "invalid_client"


def test_kind_of_assertion(clients: Clients) -> None:
    """The kind of assertion is named, and it is that of JWTs."""
    for kind in ("", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"):
        response = clients.send(sign(clients.claims()), client_assertion_type=kind)
        assert refused(response) == "invalid_client"
        assert TYPE in response.json["error_description"]


def test_each_by_its_own_method(clients: Clients) -> None:
    """A client with keys has no secret, and one with a secret signs nothing."""
    assert refused(clients.post(GRANT, headers=basic(clients.keyed, clients.secret)))
    claims = clients.claims(iss=clients.id, sub=clients.id)
    assert refused(clients.send(sign(claims))) == "invalid_client"
    other = clients.send(sign(clients.claims()), client_id=clients.id)
    assert refused(other) == "invalid_client"


# Connections apart.


def test_client_of_another_connection(clients: Clients) -> None:
    """At another connection a client is what an unknown one is, to the letter."""
    register(clients.host, "beta")
    claims = clients.claims(aud=f"{ORIGIN}/scim/v2/beta")
    unknown = claims | {"iss": "0" * 16, "sub": "0" * 16}
    pairs = [
        [{"headers": basic(id, clients.secret)} for id in (clients.id, "0" * 16)],
        [
            {"form": GRANT | {"client_id": id, "client_secret": clients.secret}}
            for id in (clients.id, "0" * 16)
        ],
        [
            {"form": GRANT | {"client_assertion_type": TYPE, "client_assertion": sign(each)}}
            for each in (claims, unknown)
        ],
    ]
    for pair in pairs:
        for path in ("/scim/v2/beta", "/scim/v2/nobody"):
            answers = [clients.post(**{"form": GRANT, **each}, path=path) for each in pair]
            assert refused(answers[0]) == "invalid_client"
            assert answers[0].data == answers[1].data
            assert list(answers[0].headers) == list(answers[1].headers)


def test_token_at_another_connection(clients: Clients) -> None:
    """An access token opens no other connection, whether there is one or not."""
    register(clients.host, "beta")
    token = clients.post(GRANT, headers=basic(clients.id, clients.secret)).json["access_token"]
    for name in ("beta", "nobody", "ACME"):
        for path in ("Users", "Groups", "Schemas", "Me", "Bulk"):
            assert clients.get(token, f"/scim/v2/{name}/{path}").status_code in (401, 405)
    assert clients.get(token).status_code == 200


def test_state_of_the_connection(clients: Clients) -> None:
    """A paused or disabled connection gives tokens, and says at its endpoints what it is."""
    for change, expected in (("pause", 503), ("disable", 403), ("resume", 200)):
        with clients.host.app.app_context():
            getattr(clients.host.scim.connections, change)("acme")
        response = clients.post(GRANT, headers=basic(clients.id, clients.secret))
        assert clients.get(response.json["access_token"]).status_code == expected


def test_revoked_client(clients: Clients) -> None:
    """A revoked client gets no token, and those that it has are over."""
    header = basic(clients.id, clients.secret)
    token = clients.post(GRANT, headers=header).json["access_token"]
    with clients.host.app.app_context():
        clients.host.scim.clients.revoke(clients.id)
    assert refused(clients.post(GRANT, headers=header)) == "invalid_client"
    assert clients.get(token).status_code == 401


# Costs, logs, other apps.


def test_noise_costs_nothing(clients: Clients) -> None:
    """Made-up tokens and ids that cannot be reach no database."""
    with clients.host.statements() as seen:
        for number in range(200):
            assert clients.get(f"scim_at_{number}.x").status_code == 401
            assert refused(clients.post(GRANT, headers=basic(f"id {number}", "secret")))
    assert seen == []


def test_nothing_secret_in_the_log(clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
    """Neither secrets nor assertions nor tokens are logged, whatever the level; ids are."""
    caplog.set_level(logging.DEBUG)
    assertion, bad = sign(clients.claims()), sign(clients.claims(aud="x"))
    tokens = [
        clients.post(GRANT, headers=basic(clients.id, clients.secret)).json["access_token"],
        clients.send(assertion).json["access_token"],
    ]
    clients.send(bad)
    clients.send(assertion)
    clients.post(GRANT, headers=basic(clients.id, "guessed"))
    for token in tokens:
        clients.get(token)
        clients.get(token + "x")
        clients.get(token, "/scim/v2/beta/Users")
    with clients.host.app.app_context():
        (row, *_) = clients.host.db.session.execute(
            clients.host.db.metadata.tables["scim_oauth_client"].select()
        ).all()
        hashes = [row.secret_hash] if row.secret_hash else []
    text = caplog.text
    assert f"Client {clients.id} of connection acme was refused" in text
    assert f"Client {clients.keyed} of connection acme was refused" in text
    for secret in (clients.secret, "guessed", assertion, bad, *tokens, *hashes):
        assert secret not in text


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-authorization-server{base}",
        "{base}/.well-known/oauth-authorization-server",
    ],
)
@pytest.mark.parametrize("name", ["acme", "nobody", "%C3%A9 x"])
def test_metadata(clients: Clients, path: str, name: str) -> None:
    """The metadata says the same of every name, without a look whether there is one."""
    base = f"/scim/v2/{name}"
    with clients.host.statements() as seen:
        response = clients.host.app.test_client().get(path.format(base=base), base_url=ORIGIN)
    assert seen == []
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    body = response.json
    issuer = f"{ORIGIN}{base}".replace(" ", "%20")
    assert body["issuer"] == issuer
    assert body["token_endpoint"] == f"{issuer}/oauth/token"
    assert body["grant_types_supported"] == ["client_credentials"]
    assert body["scopes_supported"] == ["scim", *ALL]
    assert body["global_token_revocation_endpoint"] == f"{issuer}/global-token-revocation"
    # The library does not take the empty list that a server without response types has.
    AuthorizationServerMetadata(body | {"response_types_supported": ["none"]}).validate()


def test_a_single_connection(build: Callable[..., Host], host: Host) -> None:
    """Where the prefix is the connection's own, so are the endpoints and the issuer."""
    alone = build(SCIM_CONNECTION="acme", tenant=True)
    clients = register(alone)
    for path in (
        "/.well-known/oauth-authorization-server/scim/v2",
        "/scim/v2/.well-known/oauth-authorization-server",
    ):
        metadata = alone.app.test_client().get(path, base_url=ORIGIN).json
        assert metadata["issuer"] == f"{ORIGIN}/scim/v2"
    assertion = sign(clients.claims(aud=f"{ORIGIN}/scim/v2"))
    proof = {"client_assertion_type": TYPE, "client_assertion": assertion}
    response = clients.post(GRANT | proof, path="/scim/v2")
    assert clients.get(response.json["access_token"], "/scim/v2/Users").status_code == 200


def test_a_host_with_metadata_of_its_own(host: Host) -> None:
    """The well-known place of the host itself, and that of others, stays the host's."""
    client = host.app.test_client()
    for path in (
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/other",
        "/.well-known/oauth-authorization-server/scim/v2/acme/more",
        "/.well-known/openid-configuration",
    ):
        response = client.get(path)
        assert response.status_code == 404
        assert response.mimetype == "text/html"


def test_settings_of_the_host_are_its_own(build: Callable[..., Host]) -> None:
    """A host that uses Authlib itself sets it up for itself alone."""
    host = build(
        OAUTH2_SCOPES_SUPPORTED=["profile"],
        OAUTH2_ACCESS_TOKEN_GENERATOR=lambda **_: "the host's",
        OAUTH2_TOKEN_EXPIRES_IN={"client_credentials": 7},
    )
    clients = register(host)
    body = clients.post(GRANT, headers=basic(clients.id, clients.secret)).json
    assert body["access_token"].startswith("scim_at_")
    assert body["expires_in"] == 3_600


def test_busy_database(clients: Clients) -> None:
    """Where the tables are missing the answer is OAuth's, and not a page."""
    table = clients.host.db.metadata.tables["scim_oauth_client"]
    with clients.host.app.app_context():
        clients.host.db.session.remove()
        table.drop(clients.host.db.engine)
    try:
        response = clients.post(GRANT, headers=basic(clients.id, clients.secret))
        assert response.json["error"] in ("server_error", "temporarily_unavailable")
        assert response.status_code in (500, 503)
    finally:
        with clients.host.app.app_context():
            clients.host.db.create_all()


WITHOUT = """
import sys
sys.modules["authlib"] = None
from tests.host import make_host
host = make_host("sqlite://")
client = host.app.test_client()
with host.app.app_context():
    host.db.create_all()
    host.scim.connections.add("acme", tenant="1")
    token, _ = host.scim.tokens.issue("acme")
    try:
        host.scim.clients.add("acme")
    except ValueError as error:
        print(error)
    print(host.scim.clients.list("acme"))
    headers = {"Authorization": f"Bearer {token}"}
    print(client.get("/scim/v2/acme/Users", headers=headers).status_code)
    config = client.get("/scim/v2/acme/ServiceProviderConfig", headers=headers).json
    print([scheme["type"] for scheme in config["authenticationSchemes"]])
    base = "/scim/v2/acme"
    print(client.post(f"{base}/oauth/token").status_code)
    print(client.get(f"{base}/.well-known/oauth-authorization-server").status_code)
    print(client.get(f"/.well-known/oauth-authorization-server{base}").status_code)
    headers = {"Authorization": "Bearer scim_at_x.y"}
    print(client.get(f"{base}/Users", headers=headers).status_code)
"""


def test_without_the_extra() -> None:
    """Without Authlib all else works, and whoever adds a client is told what to install."""
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        'OAuth stands on Authlib; install it with: pip install "Flask-SCIM[oauth]".',
        "[]",
        "200",
        "['oauthbearertoken']",
        "404",
        "404",
        "404",
        "401",
    ]


def test_form_that_was_read(build: Callable[..., Host]) -> None:
    """A host whose own functions look into every form does not take it away."""
    host = build()
    seen = []
    host.app.before_request(lambda: seen.append(request.form.get("grant_type")))
    clients = register(host)
    assert clients.post(GRANT, headers=basic(clients.id, clients.secret)).status_code == 200
    assert seen == ["client_credentials"]
