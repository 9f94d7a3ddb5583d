"""Tokens from issue to revocation."""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from itsdangerous import Signer

from flask_scim import ConfigurationError
from flask_scim.connections import rows as module
from flask_scim.connections.tokens import Tokens
from flask_scim.protocol.errors import Unauthorized
from tests.host import Host
from tests.marks import refused_early

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


def test_connection_is_read_anew(host: Host, tokens: Tokens) -> None:
    """A check of a token tells of its connection what the database says, whoever had it before."""
    text, _ = tokens.issue("acme", GET)
    connection, _ = tokens.verify(text)
    assert (connection.domains, connection.policy, connection.mapping) == ((), {}, None)
    connection.policy["deletion"] = "kept by whoever reads"  # type: ignore[index]  # nobody should
    assert tokens.verify(text)[0].policy == {}
    pairs = [{"scim": "userName", "app": "email"}]
    host.scim.connections.edit(
        "acme", domains=["acme.example"], policy={"unmapped": "keep"}, mapping={"User": pairs}
    )
    connection, _ = tokens.verify(text)
    assert connection == host.scim.connections.get("acme")
    assert connection.domains == ("acme.example",)
    assert connection.policy == {"unmapped": "keep"}
    assert connection.mapping is not None


def test_text(tokens: Tokens) -> None:
    """A token is made of characters that a header and a shell take, and no two are alike."""
    texts = set()
    for _ in range(20):
        text, token = tokens.issue("acme", GET)
        tokens.revoke(token.id)
        texts.add(text)
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


@refused_early
@pytest.mark.parametrize("seconds", [0, 1, 899, -1, -900, -(10**9), 10**10, float("nan"), True])
def test_impossible_life(tokens: Tokens, seconds: int) -> None:
    """A token lasts at least a quarter of an hour, and not for ages."""
    with pytest.raises(ValueError, match="at least 900 seconds"):
        tokens.issue("acme", GET, seconds)
    assert tokens.list("acme") == []
    _, token = tokens.issue("acme", GET)
    with pytest.raises(ValueError, match="at least 900 seconds"):
        tokens.rotate("acme", seconds)
    assert tokens.list("acme") == [token]


def test_shortest_life(tokens: Tokens) -> None:
    """A token may last for a quarter of an hour, and is good from the start."""
    text, token = tokens.issue("acme", GET, 900)
    assert token.expires == token.created + timedelta(seconds=900)
    assert tokens.verify(text)[1].id == token.id


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
    """Only a token that exists can be revoked, and by its exact id."""
    _, token = tokens.issue("acme", GET)
    for id in (
        "nonsense",
        "",
        "\0",
        "\ud800",
        "é" * 16,
        f"{token.id} ",
        token.id.upper(),
        "0" * 16,
    ):
        if id != token.id:
            with pytest.raises(ValueError, match="There is no token"):
                tokens.revoke(id)
    assert tokens.list("acme") == [token]


def test_unknown_connection(tokens: Tokens) -> None:
    """A token is issued for a connection that exists, by its exact name."""
    for id in ("nowhere", "ACME", "acme ", "", "\0", "\ud800"):
        for call in (tokens.issue, tokens.rotate, tokens.list):
            with pytest.raises(ValueError, match="no connection"):
                call(id)


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
    ids = []
    for _ in range(3):
        ids.append(tokens.issue("acme", GET)[1].id)
        tokens.revoke(ids[0])
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


# Two tokens at the most.


def test_third_token(tokens: Tokens) -> None:
    """A connection has two tokens at the most, and so has each other one."""
    issued = [tokens.issue("acme", GET)[1] for _ in range(2)]
    with pytest.raises(ValueError, match="acme has 2 tokens that are good; revoke one first"):
        tokens.issue("acme", GET)
    assert sorted(map(repr, tokens.list("acme"))) == sorted(map(repr, issued))
    tokens.issue("other", GET)
    tokens.revoke(issued[0].id)
    assert tokens.issue("acme", GET)[1].id in [token.id for token in tokens.list("acme")]


def test_ended_tokens_do_not_count(host: Host, tokens: Tokens, table: sa.Table) -> None:
    """A token that has ended makes room, whoever forgot to revoke it."""
    for _ in range(2):
        tokens.issue("acme", GET, 900)
    host.db.session.execute(table.update().values(expires=datetime.now(UTC)))
    host.db.session.commit()
    for _ in range(2):
        tokens.issue("acme", GET)
    with pytest.raises(ValueError, match="2 tokens"):
        tokens.issue("acme", GET)


def test_many_ask_at_once(host: Host, tokens: Tokens, build: Callable[..., Host]) -> None:
    """However many processes and threads issue a token at once, two are the most."""
    del tokens
    hosts = [host, build()]
    start = threading.Barrier(8)

    def ask(number: int) -> str | None:
        asked = hosts[number % 2]
        with asked.app.app_context():
            start.wait()
            try:
                return asked.scim.tokens.issue("acme", GET)[1].id
            except ValueError:
                return None

    with ThreadPoolExecutor(8) as pool:
        issued = [id for id in pool.map(ask, range(8)) if id]
    assert len(issued) == 2
    assert sorted(issued) == sorted(token.id for token in host.scim.tokens.list("acme"))


def test_issue_as_the_connection_goes(
    host: Host, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is removed in between gets no token that a namesake would inherit."""
    read = module.read_owner

    def read_and_remove(session: Any, connections: sa.Table, id: str) -> Any:
        found = read(session, connections, id)
        host.scim.connections.remove(id)
        return found

    monkeypatch.setattr(module, "read_owner", read_and_remove)
    with pytest.raises(ValueError, match="no connection 'acme'"):
        tokens.issue("acme", GET)
    monkeypatch.undo()
    host.scim.connections.add("acme", tenant="1")
    assert tokens.list("acme") == []


# Rotation.


def test_rotate(host: Host, tokens: Tokens) -> None:
    """A rotated token has the scopes and the lifetime of the other, and both are good."""
    old, first = tokens.issue("acme", ["get:users", "put:users"], 3_600)
    new, second = tokens.rotate("acme")
    assert second.id != first.id
    assert second.scopes == first.scopes
    assert second.expires == second.created + timedelta(seconds=3_600)
    assert [tokens.verify(text)[1].id for text in (old, new)] == [first.id, second.id]
    tokens.revoke(first.id)
    with pytest.raises(Unauthorized, match="revoked"):
        tokens.verify(old)
    assert tokens.verify(new)[0].id == "acme"
    assert [token.id for token in host.scim.tokens.list("acme")] == [second.id, first.id]


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [(None, None, None), (None, 900, 900), (3_600, None, 3_600), (3_600, 7_200, 7_200)],
)
def test_lifetime_of_a_rotated_token(
    tokens: Tokens, before: int | None, asked: int | None, after: int | None
) -> None:
    """A rotated token lasts as long as the other was meant to, or as it is asked."""
    tokens.issue("acme", GET, before)
    _, token = tokens.rotate("acme", asked)
    lasts = None if token.expires is None else (token.expires - token.created).total_seconds()
    assert lasts == after


@pytest.mark.parametrize("how", ["never issued", "revoked", "expired"])
def test_nothing_to_rotate(host: Host, tokens: Tokens, table: sa.Table, how: str) -> None:
    """Where no token is good, there is nothing that another one could take over from."""
    tokens.issue("other", GET)
    if how != "never issued":
        tokens.issue("acme", GET)
        column = {"revoked": table.c.revoked, "expired": table.c.expires}[how]
        host.db.session.execute(
            table.update()
            .where(table.c.connection_id == "acme")
            .values({column: datetime.now(UTC)})
        )
        host.db.session.commit()
    before = tokens.list("acme")
    with pytest.raises(ValueError, match="acme has no token that is good; issue one"):
        tokens.rotate("acme")
    assert tokens.list("acme") == before


def test_rotate_twice(tokens: Tokens) -> None:
    """Before the next rotation the older token has to go, and the message names it."""
    _, first = tokens.issue("acme", GET)
    _, second = tokens.rotate("acme")
    with pytest.raises(ValueError, match=f"revoke {first.id}, the older one"):
        tokens.rotate("acme")
    tokens.revoke(first.id)
    _, third = tokens.rotate("acme")
    assert third.scopes == second.scopes


# Clocks and logs.


def test_clock_of_another_machine(host: Host, tokens: Tokens, table: sa.Table) -> None:
    """A token that another machine's clock has dated ahead is good, and its end is by our clock."""
    text, token = tokens.issue("acme", GET, 3_600)
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    host.db.session.execute(table.update().values(created=ahead, last_used=ahead))
    host.db.session.commit()
    assert tokens.verify(text)[1].id == token.id
    assert tokens.list("acme")[0].last_used == ahead
    behind = datetime.now(UTC) - timedelta(microseconds=1)
    host.db.session.execute(table.update().values(expires=behind))
    host.db.session.commit()
    with pytest.raises(Unauthorized, match="expired"):
        tokens.verify(text)


@pytest.mark.parametrize("why", ["has been revoked", "has expired"])
def test_log_of_a_refusal(
    host: Host, tokens: Tokens, table: sa.Table, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    """The log says which token of which connection was refused, and why, and never its secret."""
    text, token = tokens.issue("acme", GET, 3_600)
    column = table.c.expires if why == "has expired" else table.c.revoked
    host.db.session.execute(table.update().values({column: datetime.now(UTC)}))
    host.db.session.commit()
    with caplog.at_level(logging.DEBUG), pytest.raises(Unauthorized, match=why):
        tokens.verify(text)
    (record,) = [each for each in caplog.records if each.name == "flask_scim.connections"]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"Token {token.id} of connection acme {why}."
    _, secret, signature = text.split(".")
    assert secret not in caplog.text
    assert signature not in caplog.text
