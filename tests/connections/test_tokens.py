"""Tokens from issue to revocation, and the connections that they open."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from itsdangerous import Signer

from flask_scim import ConfigurationError
from flask_scim.connections import tokens as module
from flask_scim.connections.scopes import all_scopes, read_scopes
from flask_scim.connections.tokens import Tokens
from flask_scim.protocol.errors import Unauthorized
from tests.host import Host

GET = ["get:users"]


@pytest.fixture
def tokens(host: Host) -> Any:
    """The tokens of the app, which has the connections ``acme`` and ``other``."""
    with host.app.app_context():
        host.scim.connections.add("acme", tenant="1", idp="okta")
        host.scim.connections.add("other", tenant="2")
        yield host.scim.tokens


@pytest.fixture
def table(host: Host) -> sa.Table:
    """The table of tokens."""
    return host.db.metadata.tables["scim_token"]


def test_issue_and_verify(tokens: Tokens) -> None:
    """A token opens its connection and tells what it allows."""
    text, issued = tokens.issue("acme", ["get:users", "post:users"])
    connection, token = tokens.verify(text)
    assert (connection.id, connection.tenant, connection.idp) == ("acme", "1", "okta")
    assert token.id == issued.id
    assert token.scopes == ("get:users", "post:users")
    assert token.expires is None
    assert token.revoked is None
    assert datetime.now(UTC) - token.created < timedelta(seconds=30)


def test_text(tokens: Tokens) -> None:
    """A token is made of characters that a header and a shell take, and no two are alike."""
    texts = {tokens.issue("acme", GET)[0] for _ in range(20)}
    assert len(texts) == 20
    for text in texts:
        assert text.startswith("scim_")
        assert text.isascii()
        assert text.replace("-", "").replace("_", "").replace(".", "").isalnum()
        assert len(text) > 60


def test_secret_is_not_stored(host: Host, tokens: Tokens, table: sa.Table) -> None:
    """The table holds a hash, and nothing that a token could be made of."""
    text, token = tokens.issue("acme", GET)
    row = str(host.db.session.execute(sa.select(table)).one())
    secret = text.removeprefix("scim_").split(".")[1]
    assert secret not in row
    assert text not in row
    assert secret not in repr(token)
    assert secret not in repr(tokens.list("acme"))


@pytest.mark.parametrize("seconds", [0, -1, -(10**9), 10**10])
def test_impossible_life(tokens: Tokens, seconds: int) -> None:
    """A token lasts at least a second, and not for ages."""
    with pytest.raises(ValueError, match="at least one second"):
        tokens.issue("acme", GET, seconds)
    assert tokens.list("acme") == []


def test_expiry(host: Host, tokens: Tokens, table: sa.Table) -> None:
    """A token is good until the moment that it was issued for."""
    text, token = tokens.issue("acme", GET, 3_600)
    assert token.expires is not None
    assert timedelta(seconds=3_590) < token.expires - datetime.now(UTC) <= timedelta(hours=1)
    tokens.verify(text)
    host.db.session.execute(table.update().values(expires=datetime.now(UTC)))
    host.db.session.commit()
    with pytest.raises(Unauthorized, match="expired"):
        tokens.verify(text)


def test_revocation(tokens: Tokens) -> None:
    """A revoked token is refused at once, and others of the connection go on."""
    first, token = tokens.issue("acme", GET)
    second, _ = tokens.issue("acme", GET)
    tokens.revoke(token.id)
    with pytest.raises(Unauthorized, match="revoked"):
        tokens.verify(first)
    assert tokens.verify(second)[0].id == "acme"


def test_revoking_again_keeps_the_moment(tokens: Tokens) -> None:
    """A second revocation changes nothing."""
    _, token = tokens.issue("acme", GET)
    tokens.revoke(token.id)
    first = tokens.list("acme")[0].revoked
    tokens.revoke(token.id)
    assert first == tokens.list("acme")[0].revoked


def test_revoking_what_is_not_there(tokens: Tokens) -> None:
    """Only a token that exists can be revoked."""
    with pytest.raises(ValueError, match="no token 'nonsense'"):
        tokens.revoke("nonsense")


def test_unknown_connection(tokens: Tokens) -> None:
    """A token is issued for a connection that exists."""
    with pytest.raises(ValueError, match="no connection 'nowhere'"):
        tokens.issue("nowhere", GET)


def test_connection_that_is_gone(host: Host, tokens: Tokens) -> None:
    """A token does not outlive its connection."""
    text, _ = tokens.issue("acme", GET)
    for name in ("scim_token", "scim_connection"):
        host.db.session.execute(host.db.metadata.tables[name].delete())
    host.db.session.commit()
    with pytest.raises(Unauthorized):
        tokens.verify(text)


def test_list(tokens: Tokens) -> None:
    """A list shows the tokens of one connection, newest first."""
    ids = [tokens.issue("acme", GET)[1].id for _ in range(3)]
    tokens.issue("other", GET)
    assert ids[::-1] == [token.id for token in tokens.list("acme")]
    with pytest.raises(ValueError, match="no connection 'nowhere'"):
        tokens.list("nowhere")


def signed_with(key: str, salt: str, text: str) -> str:
    """A token that somebody else signed."""
    return "scim_" + Signer(key, salt=salt).sign(text).decode()


def forge(text: str, how: str) -> str:
    """Change a token."""
    id, secret, signature = text.removeprefix("scim_").split(".")
    swapped = "A" if secret[0] != "A" else "B"
    return {
        "signature": f"scim_{id}.{secret}.{signature[::-1]}",
        "no signature": f"scim_{id}.{secret}",
        "secret": f"scim_{id}.{swapped}{secret[1:]}.{signature}",
        "id": f"scim_{id[::-1]}.{secret}.{signature}",
        "prefix": text.removeprefix("scim_"),
        "nothing": "",
        "prefix alone": "scim_",
        "noise": "scim_" + "x" * 200,
        "endless": "scim_" + "x" * 100_000,
        "letters": "scim_é.é.é",
        "surrogate": "scim_\ud800",
        "another key": signed_with("other key", "flask-scim.token", f"{id}.{secret}"),
        "another salt": signed_with("secret", "x", f"{id}.{secret}"),
    }[how]  # fmt: skip


@pytest.mark.parametrize(
    "how",
    ["signature", "no signature", "secret", "id", "prefix", "nothing", "prefix alone", "noise",
     "endless", "letters", "surrogate", "another key", "another salt"],
)  # fmt: skip
def test_forged(host: Host, tokens: Tokens, how: str) -> None:
    """A token that was not signed here is refused without a look into the database."""
    text, _ = tokens.issue("acme", GET)
    with host.statements() as statements, pytest.raises(Unauthorized, match="not known"):
        tokens.verify(forge(text, how))
    assert statements == []


@pytest.mark.parametrize("who", ["id.wrong", "wrong.secret", "id.", ".", ""])
def test_signed_and_unknown(tokens: Tokens, who: str) -> None:
    """Whoever can sign still needs the id and the secret of a token."""
    text, token = tokens.issue("acme", GET)
    signed = who.replace("id", token.id).replace("secret", text.split(".")[1])
    forged = Signer("secret", salt="flask-scim.token").sign(signed).decode()
    with pytest.raises(Unauthorized, match="not known"):
        tokens.verify(f"scim_{forged}")


def test_refusals_are_alike(tokens: Tokens) -> None:
    """A refusal does not tell what of a token was wrong."""
    text, token = tokens.issue("acme", GET)
    signer = Signer("secret", salt="flask-scim.token")
    texts = [
        forge(text, "signature"),
        "scim_" + signer.sign(f"{token.id}.wrong").decode(),
        "scim_" + signer.sign("wrong.wrong").decode(),
    ]
    details = set()
    for forged in texts:
        with pytest.raises(Unauthorized) as caught:
            tokens.verify(forged)
        details.add(caught.value.detail)
    assert len(details) == 1


def test_comparison_takes_the_same_time(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes are compared in constant time, for a token that is there and for one that is not."""
    text, token = tokens.issue("acme", GET)
    compared: list[tuple[Any, Any]] = []

    def compare(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(module.hmac, "compare_digest", note(compare))
    signer = Signer("secret", salt="flask-scim.token")
    tokens.verify(text)
    for signed in (f"{token.id}.wrong", "nobody.wrong"):
        with pytest.raises(Unauthorized):
            tokens.verify("scim_" + signer.sign(signed).decode())
    hashes = [pair for pair in compared if len(pair[0]) == len(pair[1]) == 64]
    assert len(hashes) == 3


def note(compare: Any) -> Any:
    """Let a replacement of ``compare_digest`` call the real one."""
    real = hmac.compare_digest

    def noting(one: Any, other: Any) -> bool:
        hmac.compare_digest = real
        try:
            return bool(compare(one, other))
        finally:
            hmac.compare_digest = noting

    return noting


@pytest.mark.parametrize("fallbacks", [["older", "secret"], ["secret", "older"], ["secret"]])
def test_rotation(host: Host, tokens: Tokens, fallbacks: list[str]) -> None:
    """Tokens outlive a change of the key, for as long as the old one is a fallback."""
    old, _ = tokens.issue("acme", GET)
    config = dict(host.app.config)
    try:
        host.app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=fallbacks)
        fresh, _ = tokens.issue("acme", GET)
        tokens.verify(old)
        tokens.verify(fresh)
        host.app.config["SECRET_KEY_FALLBACKS"] = None
        tokens.verify(fresh)
        with pytest.raises(Unauthorized):
            tokens.verify(old)
        host.app.config.update(SECRET_KEY="secret")
        with pytest.raises(Unauthorized):
            tokens.verify(fresh)
    finally:
        host.app.config.update(config)


def test_no_key(host: Host, tokens: Tokens) -> None:
    """Without a key nothing is issued, and the message names the setting."""
    try:
        host.app.config["SECRET_KEY"] = None
        with pytest.raises(ConfigurationError, match="SECRET_KEY"):
            tokens.issue("acme", GET)
    finally:
        host.app.config["SECRET_KEY"] = "secret"
    assert tokens.list("acme") == []


def test_last_use(host: Host, tokens: Tokens, table: sa.Table) -> None:
    """The last use is noted once a minute, so that requests do not write each time."""
    text, token = tokens.issue("acme", GET)
    assert tokens.list("acme")[0].last_used is None
    tokens.verify(text)
    first = tokens.list("acme")[0].last_used
    assert first is not None
    with host.statements() as statements:
        tokens.verify(text)
    assert len(statements) == 1
    assert first == tokens.list("acme")[0].last_used
    earlier = first - timedelta(seconds=61)
    host.db.session.execute(table.update().values(last_used=earlier))
    host.db.session.commit()
    tokens.verify(text)
    last = tokens.list("acme")[0].last_used
    assert last is not None
    assert last >= first
    assert token.last_used is None


def test_refused_use_is_not_noted(tokens: Tokens) -> None:
    """A token that is refused was not used."""
    text, token = tokens.issue("acme", GET)
    tokens.revoke(token.id)
    with pytest.raises(Unauthorized):
        tokens.verify(text)
    assert tokens.list("acme")[0].last_used is None


# Scopes.

EVERY = ("get:users", "post:users", "put:users", "patch:users", "delete:users")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((), EVERY),
        (("get:users",), ("get:users",)),
        (("put:users get:users",), ("put:users", "get:users")),
        (("get:users,put:users", "get:users"), ("get:users", "put:users")),
        ((" , ",), EVERY),
        (EVERY, EVERY),
    ],
)
def test_scopes(asked: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """Scopes may be given one by one or in one text; without any, all are meant."""
    assert expected == read_scopes(asked, ["users"])
    assert all_scopes(["users"]) == EVERY


@pytest.mark.parametrize("scope", ["get", "users", "get:groups", "GET:users", "*", "get:users;"])
def test_unknown_scope(scope: str) -> None:
    """A scope that does not exist is refused with those that do."""
    with pytest.raises(ValueError, match="get:users, post:users"):
        read_scopes([scope], ["users"])


# Connections.


@pytest.mark.parametrize("name", ["a", "acme.eu_2-x", "A" * 64, "7"])
def test_connection_name(host: Host, name: str) -> None:
    """A name may have what a path segment may have."""
    with host.app.app_context():
        host.scim.connections.add(name, tenant="1")
        assert [connection.id for connection in host.scim.connections.list()] == [name]
        found = host.scim.connections.get(name)
        assert found is not None
        assert found.id == name


@pytest.mark.parametrize(
    "name", ["", "a" * 65, "a b", "a/b", ".", "-a", "..", "é", "a\n", "a?", "a%20", "\0"]
)
def test_impossible_connection_name(host: Host, name: str) -> None:
    """A name that could not stand in a path is refused."""
    with host.app.app_context():
        with pytest.raises(ValueError, match="cannot be the name"):
            host.scim.connections.add(name, tenant="1")
        assert host.scim.connections.list() == []


def test_taken_connection_name(host: Host) -> None:
    """A name is given once, and the first connection stays as it is."""
    with host.app.app_context():
        host.scim.connections.add("acme", idp="okta", tenant="1")
        with pytest.raises(ValueError, match="already"):
            host.scim.connections.add("acme", idp="entra", tenant="1")
        found = host.scim.connections.get("acme")
        assert found is not None
        assert (found.idp, found.strict) == ("okta", False)


def test_unknown_provider(host: Host) -> None:
    """A provider that is not known is refused with those that are."""
    with host.app.app_context(), pytest.raises(ValueError, match=r"entra.*okta"):
        host.scim.connections.add("acme", idp="nonsense", tenant="1")


def test_connection_that_is_not_there(host: Host) -> None:
    """A connection is found by its exact name."""
    with host.app.app_context():
        host.scim.connections.add("acme", tenant="1")
        for name in ("ACME", "acm", "", "acme "):
            assert host.scim.connections.get(name) is None
