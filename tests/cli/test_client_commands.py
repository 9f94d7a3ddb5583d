"""``flask scim clients``: what it prints, does and refuses, and what it never shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.cli.console import cells, client, read, run, succeed
from tests.host import Host
from tests.marks import refused_early


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    """A file with the public key of a client."""
    key = ECKey.generate_key("P-256", {"kid": "first"})
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=False)]}), "utf-8")
    return file


def get_token(host: Host, id: str, secret: str) -> Any:
    """Ask for an access token as a client does, and return the answer."""
    return host.app.test_client().post(
        "/scim/v2/acme/oauth/token",
        base_url="http://localhost:5000",  # older Authlib knows this machine by the port alone
        data={"grant_type": "client_credentials"},
        auth=(id, secret),
    )


def test_from_nothing_to_a_request(acme: Host) -> None:
    """A client gets tokens with what the command prints, until it is revoked."""
    printed = succeed(acme, "clients", "add", "acme", "--scope", "get:users")
    pattern = r"Client (\w+) for acme.*\n.* at (\S+)\.\n.*not shown again:\n(\S+)\n"
    found = re.fullmatch(pattern, printed)
    assert found is not None
    id, endpoint, secret = found.groups()
    assert endpoint == "/scim/v2/acme/oauth/token"
    token = get_token(acme, id, secret).json["access_token"]
    assert client(acme, token).get("/Users").status_code == 200
    assert client(acme, token).post("/Users", {}).status_code == 403
    assert succeed(acme, "clients", "revoke", id) == f"Revoked {id}.\n"
    assert client(acme, token).get("/Users").status_code == 401
    assert get_token(acme, id, secret).status_code == 401


def test_quiet(acme: Host) -> None:
    """A script gets the id and the secret, a line each."""
    id, secret = succeed(acme, "clients", "add", "acme", "--quiet").split()
    assert get_token(acme, id, secret).status_code == 200
    assert succeed(acme, "clients", "list", "acme", "--quiet") == f"{id}\n"


def test_json(acme: Host, jwks: Path) -> None:
    """JSON has the secret where there is one, and beside it what the list says of the client."""
    with_secret = read(acme, "clients", "add", "acme", "--method", "client_secret_post")
    assert get_token(acme, with_secret["id"], with_secret.pop("client_secret")).status_code == 200
    with_key = read(
        acme, "clients", "add", "acme", "--method", "private_key_jwt", "--jwks", str(jwks),
        "--scope", "get:users",
    )  # fmt: skip
    newest, oldest = read(acme, "clients", "list", "acme")
    assert newest == with_key
    assert oldest == with_secret | {"last_used": oldest["last_used"]}
    assert with_key | {"id": "", "created": ""} == {
        "id": "",
        "connection_id": "acme",
        "state": "good",
        "method": "private_key_jwt",
        "scopes": ["get:users"],
        "key_ids": ["first"],
        "created": "",
        "last_used": None,
        "revoked": None,
    }


def test_list(acme: Host, jwks: Path) -> None:
    """The list shows every client with its state and its keys, and no secret."""
    assert succeed(acme, "clients", "list", "acme") == "acme has no clients.\n"
    id, secret = succeed(acme, "clients", "add", "acme", "--quiet", "--scope", "okta").split()
    succeed(acme, "clients", "revoke", id)
    succeed(acme, "clients", "add", "acme", "--method", "private_key_jwt", "--jwks", str(jwks))
    printed = succeed(acme, "clients", "list", "acme")
    header, *rows = cells(printed)
    assert header == ["CLIENT", "STATE", "METHOD", "CREATED", "LAST USED", "KEYS", "SCOPES"]
    assert [row[1:3] + row[4:6] for row in rows] == [
        ["good", "private_key_jwt", "never", "first"],
        ["revoked", "client_secret_basic", "never", "-"],
    ]
    assert secret not in printed + str(read(acme, "clients", "list", "acme"))


def test_remove_tells_of_clients(acme: Host) -> None:
    """Whoever removes a connection is told of the clients that end with it."""
    succeed(acme, "clients", "add", "acme")
    removed = read(acme, "connections", "remove", "acme", "--yes")
    assert (removed["tokens"], removed["clients"]) == (0, 1)


@refused_early
@pytest.mark.parametrize(
    ("words", "typed", "message"),
    [
        (("add", "nowhere"), "", "no connection 'nowhere'"),
        (("add", "acme", "--scope", "nonsense"), "", "get:users"),
        (("add", "acme", "--method", "private_key_jwt"), "", "public keys"),
        (("add", "acme", "--jwks", "-"), '{"keys": []}', "public keys"),
        (("add", "acme", "--method", "private_key_jwt", "--jwks", "-"), "{", "is no JSON"),
        (("add", "acme", "--method", "private_key_jwt", "--jwks", "-"), "[" * 10**5, "is no JSON"),
        (("add", "acme", "--method", "private_key_jwt", "--jwks", "-"), "{}", "Key Set"),
        (("list", "nowhere"), "", "no connection 'nowhere'"),
        (("revoke", "nonsense"), "", "no client 'nonsense'"),
        (("revoke", "scim_cs_abcdef"), "", "name the client by its id"),
    ],
)
def test_refused(acme: Host, words: tuple[str, ...], typed: str, message: str) -> None:
    """What cannot be done is said on stderr in a line, with an exit code of 1 and nothing done."""
    result = run(acme, "clients", *words, typed=typed)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "abcdef" not in result.stderr
    assert read(acme, "clients", "list", "acme") == []


def test_private_keys_are_refused(acme: Host, tmp_path: Path) -> None:
    """Who hands over a private key is told, and it is not shown."""
    key = ECKey.generate_key("P-256").as_dict(private=True)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key]}), "utf-8")
    words = ("--method", "private_key_jwt", "--jwks", str(tmp_path / "jwks.json"))
    result = run(acme, "clients", "add", "acme", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert str(key["d"]) not in result.stderr


@pytest.mark.parametrize(
    "words", [("add",), ("add", "acme", "--method", "nonsense"), ("revoke",),
              ("add", "acme", "--jwks", "/no/such/file")],
)  # fmt: skip
def test_usage(acme: Host, words: tuple[str, ...]) -> None:
    """What cannot be understood ends with the exit code of a usage error."""
    result = run(acme, "clients", *words)
    assert (result.exit_code, result.stdout) == (2, "")
