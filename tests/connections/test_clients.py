"""OAuth clients and their access tokens: what is kept, what is refused, what it costs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwk
from sqlalchemy.exc import OperationalError

from flask_scim.connections import access_tokens
from flask_scim.connections.assertions import read_keys
from flask_scim.protocol.errors import Unauthorized
from tests.host import Host

RSA = jwk.RSAKey.generate_key(2048, {"kid": "first"})
EC = jwk.ECKey.generate_key("P-256", {"kid": "second"})
ED = jwk.OKPKey.generate_key("Ed25519")


def public(*keys: Any, **more: Any) -> dict[str, Any]:
    """A key set with the public parts of keys."""
    return {"keys": [key.as_dict(private=False) | more for key in keys]}


@pytest.fixture
def connected(host: Host) -> Iterator[Host]:
    """An app with the connections ``acme`` and ``beta``, in its context."""
    with host.app.app_context():
        for name in ("acme", "beta"):
            host.scim.connections.add(name, tenant="1")
        yield host


def rows(host: Host, name: str) -> list[Any]:
    """The rows of one of our tables."""
    table = host.db.metadata.tables[name]
    return list(host.db.session.execute(table.select()).mappings())


def token_of(host: Host, client: Any, *scopes: str) -> str:
    """An access token of a client."""
    token: str = host.scim._wiring.access_tokens().issue(client, scopes or client.scopes)
    return token


def test_secret_is_shown_once(connected: Host) -> None:
    """The database has a hash of the secret, and nothing that is listed has even that."""
    secret, client = connected.scim.clients.add("acme", scopes=["get:users"])
    assert secret is not None
    assert secret.startswith("scim_cs_")
    assert len(secret) > 40
    (row,) = rows(connected, "scim_oauth_client")
    assert secret not in str(row)
    assert len(row["secret_hash"]) == 64
    assert client.method == "client_secret_basic"
    assert client.scopes == ("get:users",)
    assert connected.scim.clients.list("acme") == [client]
    assert connected.scim.clients.list("beta") == []
    found = connected.scim.clients.find("acme", client.id)
    assert found.client == client
    assert row["secret_hash"] not in repr(found)


def test_keys_are_kept(connected: Host) -> None:
    """A client with keys has no secret, and its keys keep nothing but what is public."""
    jwks = public(RSA, EC, use="sig", x5t="odd")
    secret, client = connected.scim.clients.add("acme", "private_key_jwt", jwks=jwks)
    assert secret is None
    assert client.key_ids == ("first", "second")
    assert connected.scim.clients.list("acme") == [client]
    (row,) = rows(connected, "scim_oauth_client")
    assert row["secret_hash"] is None
    assert [sorted(key) for key in row["jwks"]] == [
        ["e", "kid", "kty", "n"],
        ["crv", "kid", "kty", "x", "y"],
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "none"}, "'none' is no method; choose from client_secret_basic"),
        ({"method": "client_secret_jwt"}, "is no method"),
        ({"scopes": ["get:shoes"]}, "'get:shoes' is no scope"),
        ({"method": "private_key_jwt"}, "Give jwks"),
        ({"jwks": public(RSA)}, "Give jwks"),
    ],
)
def test_what_cannot_be_added(connected: Host, options: Any, words: str) -> None:
    """What is wrong is said, and nothing is added."""
    with pytest.raises(ValueError, match=words):
        connected.scim.clients.add("acme", **options)
    assert connected.scim.clients.list("acme") == []


@pytest.mark.parametrize("id", ["nobody", "ACME", ""])
def test_no_such_connection(connected: Host, id: str) -> None:
    """The name of a connection is exact, on every database."""
    for call in (connected.scim.clients.add, connected.scim.clients.list):
        with pytest.raises(ValueError, match="There is no connection"):
            call(id)


SMALL = {"kty": "RSA", "e": "AQAB", "n": RSA.as_dict(private=False)["n"][:170]}


@pytest.mark.parametrize(
    ("jwks", "words"),
    [
        ("{}", "JSON Web Key Set"),
        ({}, "JSON Web Key Set"),
        ({"keys": []}, "JSON Web Key Set"),
        ({"keys": [{}] * 11}, "JSON Web Key Set"),
        ({"keys": ["x"]}, "JSON object"),
        ({"keys": [{}]}, "must be an RSA key of 2048 bits"),
        ({"keys": [RSA.as_dict(private=True)]}, "private"),
        ({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, "private"),
        ({"keys": [{"kty": "oct"}]}, "must be an RSA key"),
        ({"keys": [SMALL]}, "2048 bits"),
        (public(jwk.ECKey.generate_key("P-384")), "P-256"),
        (public(jwk.OKPKey.generate_key("X25519")), "Ed25519"),
        (public(RSA, alg="HS256"), "algorithms"),
        (public(RSA, alg="none"), "algorithms"),
        (public(EC, alg="RS256"), "algorithms"),
        (public(EC, crv=["P-256"]), "P-256"),
        (public(EC, y="AA"), "valid"),
        (public(EC, x=7), "valid"),
        (public(RSA, n=None), "2048 bits"),
        (public(RSA, use="enc"), "signatures"),
        (public(RSA, key_ops=["encrypt"]), "signatures"),
        (public(RSA, key_ops=None), "signatures"),
        (public(RSA, kid=7), "kid"),
        (public(RSA, kid=""), "kid"),
        (public(RSA, kid="\ud800"), "kid"),
        (public(RSA, RSA), "kid of its own"),
        (public(RSA, ED), "kid of its own"),
    ],
)
def test_keys_that_cannot_be_used(jwks: Any, words: str) -> None:
    """A key that is private, weak or for another purpose is refused, without a word of it."""
    with pytest.raises(ValueError, match=words) as caught:
        read_keys(jwks)
    assert RSA.as_dict(private=True)["d"] not in str(caught.value)


@pytest.mark.parametrize("jwks", [public(RSA), public(EC, alg="ES256"), public(ED, alg="EdDSA")])
def test_keys_that_can_be_used(jwks: Any) -> None:
    """One key needs no name."""
    assert len(read_keys(jwks)) == 1


def test_two_clients_at_the_most(connected: Host) -> None:
    """A third client is refused until one of two is revoked; other connections do not count."""
    clients = connected.scim.clients
    _, first = clients.add("acme")
    clients.add("acme", "private_key_jwt", jwks=public(RSA))
    with pytest.raises(ValueError, match="acme has 2 clients that are good; revoke one first"):
        clients.add("acme")
    clients.add("beta")
    clients.revoke(first.id)
    clients.add("acme")
    assert [client.revoked is None for client in clients.list("acme")] == [True, True, False]


def test_counted_under_a_lock(connected: Host) -> None:
    """The connection is locked before its clients are counted."""
    with connected.statements() as seen:
        connected.scim.clients.add("acme")
    verbs = [" ".join(statement.split()[:2]) for statement in seen]
    locked = verbs.index("UPDATE scim_connection")
    counted = next(n for n, text in enumerate(seen) if "FROM scim_oauth_client" in text)
    assert locked < counted


def test_two_at_the_most_at_once(connected: Host) -> None:
    """Two who add the second client at the same time do not both succeed."""
    connected.scim.clients.add("acme")
    failures = []
    start = threading.Barrier(4)

    def add() -> None:
        with connected.app.app_context():
            start.wait()
            try:
                connected.scim.clients.add("acme")
            except (ValueError, OperationalError) as error:
                failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 3
    assert len(connected.scim.clients.list("acme")) == 2


def test_revoke(connected: Host) -> None:
    """A revoked client is not found any more, keeps its first date, and must exist."""
    clients = connected.scim.clients
    _, client = clients.add("acme")
    clients.revoke(client.id)
    (revoked,) = clients.list("acme")
    clients.revoke(client.id)
    assert clients.list("acme") == [revoked]
    assert clients.find("acme", client.id) is None
    with pytest.raises(ValueError, match="There is no client 'x'"):
        clients.revoke("x")


@pytest.mark.parametrize("id", ["", "0" * 16, "A" * 16, "\0", "é" * 16, "0" * 9_999, "\ud800"])
def test_ids_that_nobody_has(connected: Host, id: str) -> None:
    """Nothing that somebody sends as an id upsets the database."""
    assert connected.scim.clients.find("acme", id) is None


def test_id_of_another_connection(connected: Host) -> None:
    """A client is found at its own connection, by the exact id."""
    _, client = connected.scim.clients.add("acme")
    assert connected.scim.clients.find("beta", client.id) is None
    assert connected.scim.clients.find("ACME", client.id) is None
    assert connected.scim.clients.find("acme", client.id.upper() + "a") is None


def test_assertion_is_good_once(connected: Host) -> None:
    """An assertion's id is good once for each client, whatever its letters; those over are gone."""
    clients = connected.scim.clients
    _, one = clients.add("acme", "private_key_jwt", jwks=public(RSA))
    _, other = clients.add("beta", "private_key_jwt", jwks=public(RSA))
    soon, past = (datetime.now(UTC) + timedelta(seconds=some) for some in (60, -1))
    assert clients.use_assertion(one, "a", soon)
    assert not clients.use_assertion(one, "a", soon)
    assert clients.use_assertion(one, "A", soon)
    assert clients.use_assertion(one, "a ", soon)
    assert clients.use_assertion(one, "é\ud800\0" * 999, soon)
    assert clients.use_assertion(other, "a", soon)
    assert clients.use_assertion(other, "b", past)
    assert len(rows(connected, "scim_oauth_assertion")) == 5


def test_assertion_is_good_once_at_once(connected: Host) -> None:
    """Of many who use an assertion at the same time one succeeds."""
    _, client = connected.scim.clients.add("acme", "private_key_jwt", jwks=public(RSA))
    soon = datetime.now(UTC) + timedelta(seconds=60)
    taken = []
    start = threading.Barrier(5)

    def use() -> None:
        with connected.app.app_context():
            start.wait()
            taken.append(connected.scim.clients.use_assertion(client, "a", soon))

    threads = [threading.Thread(target=use) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 4 + [True]


def test_removing_a_connection(connected: Host) -> None:
    """Clients and used assertions go with their connection, and so do access tokens."""
    clients = connected.scim.clients
    _, client = clients.add("acme", "private_key_jwt", jwks=public(RSA))
    clients.add("beta")
    clients.use_assertion(client, "a", datetime.now(UTC) + timedelta(seconds=60))
    token = token_of(connected, client)
    connected.scim.connections.remove("acme")
    assert [row["connection_id"] for row in rows(connected, "scim_oauth_client")] == ["beta"]
    assert rows(connected, "scim_oauth_assertion") == []
    connected.scim.connections.add("acme", tenant="1")
    with pytest.raises(Unauthorized, match="not known here"):
        connected.scim._wiring.access_tokens().verify(token)


# Access tokens.


def test_access_token(connected: Host) -> None:
    """A token opens its connection for what it names, with one look-up and a note a minute."""
    _, client = connected.scim.clients.add("acme")
    token = token_of(connected, client, "get:users")
    tokens = connected.scim._wiring.access_tokens()
    grant = tokens.verify(token)
    assert (grant.connection.id, grant.scopes, grant.credential) == (
        "acme",
        {"get:users"},
        client.id,
    )
    (used,) = connected.scim.clients.list("acme")
    assert used.last_used is not None
    with connected.statements() as seen:
        tokens.verify(token)
    assert len(seen) == 1
    assert connected.scim.clients.list("acme") == [used]


def test_revoked_client(connected: Host, caplog: pytest.LogCaptureFixture) -> None:
    """The tokens of a revoked client are over at once, and the log says whose they were."""
    _, client = connected.scim.clients.add("acme")
    token = token_of(connected, client)
    connected.scim.clients.revoke(client.id)
    with pytest.raises(Unauthorized, match="revoked"):
        connected.scim._wiring.access_tokens().verify(token)
    assert f"Client {client.id} of connection acme" in caplog.text
    assert token not in caplog.text


def test_expired_token(connected: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token lasts as long as the setting says, and an expired one costs no query."""
    _, client = connected.scim.clients.add("acme")
    token = token_of(connected, client)
    now = access_tokens.time.time()
    tokens = connected.scim._wiring.access_tokens()
    monkeypatch.setattr(access_tokens.time, "time", lambda: now + 3_590)
    assert tokens.verify(token) is not None
    monkeypatch.setattr(access_tokens.time, "time", lambda: now + 3_601)
    with connected.statements() as seen, pytest.raises(Unauthorized, match="expired"):
        tokens.verify(token)
    assert seen == []


def test_noise(connected: Host) -> None:
    """What is forged is refused without a query; what is of another kind is left to others."""
    _, client = connected.scim.clients.add("acme")
    token = token_of(connected, client)
    bearer, _ = connected.scim.tokens.issue("acme")
    tokens = connected.scim._wiring.access_tokens()
    body, signature = token.rsplit(".", 1)
    forged = [
        "scim_at_",
        "scim_at_.",
        "scim_at_" + "." * 9_000,
        "scim_at_é",
        token[:-2],
        f"{body}.{signature[::-1]}",
        token.replace("scim_at_", "scim_at_x"),
        "scim_at_" + bearer.removeprefix("scim_"),
    ]
    with connected.statements() as seen:
        for text in forged:
            with pytest.raises(Unauthorized, match="not known here"):
                tokens.verify(text)
        for text in (bearer, "", "x", "SCIM_AT_", body.removeprefix("scim_")):
            assert tokens.verify(text) is None
    assert seen == []


def test_token_of_one_kind_is_none_of_another(connected: Host) -> None:
    """An access token without its prefix is no bearer token."""
    _, client = connected.scim.clients.add("acme")
    token = token_of(connected, client)
    for text in (token, "scim_" + token.removeprefix("scim_at_")):
        with pytest.raises(Unauthorized):
            connected.scim.tokens.verify(text)


def test_older_keys_verify(connected: Host) -> None:
    """A token signed with an older ``SECRET_KEY`` is good as long as the key is a fallback."""
    _, client = connected.scim.clients.add("acme")
    token = token_of(connected, client)
    config = connected.app.config
    config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["secret"])
    try:
        assert connected.scim._wiring.access_tokens().verify(token) is not None
        config["SECRET_KEY_FALLBACKS"] = []
        with pytest.raises(Unauthorized):
            connected.scim._wiring.access_tokens().verify(token)
    finally:
        config.update(SECRET_KEY="secret", SECRET_KEY_FALLBACKS=None)


@pytest.mark.parametrize("id", ["", "nonsense", "\0", "\ud800", "A" * 16, "0" * 16, "0" * 17])
def test_revoking_what_is_not_there(connected: Host, id: str) -> None:
    """Only a client that exists can be revoked, and odd text is no client on any database."""
    with pytest.raises(ValueError, match="There is no client"):
        connected.scim.clients.revoke(id)
