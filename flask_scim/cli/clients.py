"""``flask scim clients``: what an identity provider gets its own short-lived tokens with."""

from __future__ import annotations

import json
from typing import IO, Any

import click
from flask.cli import AppGroup

from ..connections.authority import TOKEN_PATH
from ..connections.clients import METHODS, Client
from .administration import Administration, pass_administration
from .printing import align, iso, minute, printing, show

clients = AppGroup("clients", help="OAuth clients, which get short-lived tokens.")

_HEADER = ("CLIENT", "STATE", "METHOD", "CREATED", "LAST USED", "KEYS", "SCOPES")


@clients.command("add")
@click.argument("name")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default=METHODS[0],
    show_default=True,
    help="How it authenticates.",
)
@click.option(
    "--jwks",
    type=click.File(encoding="utf-8"),
    help="The file of its public keys, a JSON Web Key Set; - for stdin.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="What it may do, such as get:users, or entra or okta for what these need; repeatable; "
    "else all.",
)
@printing
@pass_administration
def add(
    administration: Administration,
    name: str,
    method: str,
    jwks: IO[str] | None,
    scopes: tuple[str, ...],
    form: str | None,
) -> None:
    """Add a client to the connection NAME, and show its secret this once."""
    with administration.refusing():
        keys = None if jwks is None else _read_json(jwks)
        secret, client = administration.clients.add(name, method, scopes, keys)
    endpoint = administration.endpoint(name)
    text = [f"Client {client.id} for {name}, {client.method}."]
    if endpoint is not None:
        text.append(f"It gets its tokens at {endpoint}{TOKEN_PATH}.")
    data = _data(client)
    if secret is not None:
        text += ["Copy its secret now; it is not shown again:", secret]
        data = {"client_secret": secret} | data
    show(form, data, text, [client.id] if secret is None else [client.id, secret])


@clients.command("list")
@click.argument("name")
@printing
@pass_administration
def list_(administration: Administration, name: str, form: str | None) -> None:
    """List the clients of the connection NAME, without their secrets."""
    with administration.refusing():
        found = administration.clients.list(name)
    text = align([_HEADER, *map(_row, found)]) if found else [f"{name} has no clients."]
    show(form, [_data(client) for client in found], text, [client.id for client in found])


@clients.command("revoke")
@click.argument("client_id")
@printing
@pass_administration
def revoke(administration: Administration, client_id: str, form: str | None) -> None:
    """Revoke the client CLIENT_ID, and its tokens, at once."""
    if client_id.startswith("scim_"):
        raise click.ClickException(
            "That is a secret, and your shell may keep it; name the client by its id, as in the "
            "list."
        )
    with administration.refusing():
        administration.clients.revoke(client_id)
    show(form, {"id": client_id}, [f"Revoked {client_id}."], [client_id])


def count_good(administration: Administration, name: str) -> int:
    """Count the clients of a connection that are good.

    :param administration: where to look.
    :param name: the connection.
    :return: how many there are.
    :raises ValueError: if there is no such connection.
    """
    return sum(client.revoked is None for client in administration.clients.list(name))


def _read_json(file: IO[str]) -> Any:
    try:
        return json.load(file)
    except (ValueError, RecursionError):
        raise ValueError(f"{file.name} is no JSON.") from None


def _state(client: Client) -> str:
    return "good" if client.revoked is None else "revoked"


def _row(client: Client) -> tuple[str, ...]:
    return (
        client.id,
        _state(client),
        client.method,
        minute(client.created),
        minute(client.last_used),
        " ".join(client.key_ids),
        " ".join(client.scopes),
    )


def _data(client: Client) -> dict[str, Any]:
    return {
        "id": client.id,
        "connection_id": client.connection_id,
        "state": _state(client),
        "method": client.method,
        "scopes": list(client.scopes),
        "key_ids": list(client.key_ids),
        "created": iso(client.created),
        "last_used": iso(client.last_used),
        "revoked": iso(client.revoked),
    }
