"""``flask scim tokens``: what an identity provider authenticates with."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask.cli import AppGroup

from ..connections.expiry import WARNINGS, Notice, idle_days
from ..connections.tokens import Token
from .administration import Administration, pass_administration
from .printing import align, iso, minute, printing, show

tokens = AppGroup("tokens", help="What an identity provider authenticates with.")

_HEADER = ("TOKEN", "STATE", "CREATED", "EXPIRES", "LAST USED", "SCOPES")


@tokens.command("issue")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="What it allows, such as get:users, or entra or okta for what these need; repeatable; "
    "else all.",
)
@click.option("--expires-in", type=int, help="How long it is good, in seconds; else for ever.")
@printing
@pass_administration
def issue(
    administration: Administration,
    name: str,
    scopes: tuple[str, ...],
    expires_in: int | None,
    form: str | None,
) -> None:
    """Issue a token for the connection NAME, and show it this once."""
    with administration.refusing():
        secret, token = administration.tokens.issue(name, scopes, expires_in)
    _show_secret(form, secret, token)


@tokens.command("rotate")
@click.argument("name")
@click.option("--expires-in", type=int, help="How long it is good, in seconds; else as the other.")
@printing
@pass_administration
def rotate(
    administration: Administration, name: str, expires_in: int | None, form: str | None
) -> None:
    """Issue a token like the one that NAME has, which stays good until it is revoked."""
    with administration.refusing():
        secret, token = administration.tokens.rotate(name, expires_in)
        older = list_good(administration, name)[1:]
    notes = [f"Token {other.id} stays good; revoke it when it is not used." for other in older]
    _show_secret(form, secret, token, *notes)


@tokens.command("list")
@click.argument("name")
@printing
@pass_administration
def list_(administration: Administration, name: str, form: str | None) -> None:
    """List the tokens of the connection NAME, without their secrets."""
    with administration.refusing():
        found = administration.tokens.list(name)
    now = datetime.now(UTC)
    data = [_data(token, found, now) for token in found]
    rows = [_HEADER, *(_row(token, told) for token, told in zip(found, data, strict=True))]
    text = align(rows) if found else [f"{name} has no tokens."]
    show(form, data, text, [token.id for token in found])


@tokens.command("revoke")
@click.argument("token_id")
@printing
@pass_administration
def revoke(administration: Administration, token_id: str, form: str | None) -> None:
    """Revoke the token TOKEN_ID at once."""
    if token_id.startswith("scim_"):
        raise click.ClickException(
            "That is a token, and your shell may keep it; name it by its id, which stands between "
            "its first underscore and its first dot."
        )
    with administration.refusing():
        administration.tokens.revoke(token_id)
    show(form, {"id": token_id}, [f"Revoked {token_id}."], [token_id])


@tokens.command("check")
@printing
@pass_administration
def check(administration: Administration, form: str | None) -> None:
    """Tell of tokens that end soon or that nobody uses any more, each once; for a daily job."""
    with administration.refusing():
        notices = administration.tokens.check()
    data = [_notice_data(notice) for notice in notices]
    show(form, data, map(str, notices), [notice.token_id for notice in notices])


def list_good(administration: Administration, name: str) -> list[Token]:
    """List the tokens of a connection that are good, newest first.

    :param administration: where to look.
    :param name: the connection.
    :return: what is known of them.
    :raises ValueError: if there is no such connection.
    """
    now = datetime.now(UTC)
    return [token for token in administration.tokens.list(name) if _state(token, now) == "good"]


def _show_secret(form: str | None, secret: str, token: Token, *notes: str) -> None:
    text = [
        f"Token {token.id} for {token.connection_id}, expires {minute(token.expires)}.",
        *notes,
        "Copy it now; it is not shown again:",
        secret,
    ]
    data = {"token": secret} | _data(token, [token], token.created)
    show(form, data, text, [secret])


def _state(token: Token, now: datetime) -> str:
    if token.revoked is not None:
        return "revoked"
    return "good" if token.expires is None or token.expires > now else "expired"


def _row(token: Token, data: dict[str, Any]) -> tuple[str, ...]:
    state = data["state"]
    if data["days_left"] is not None and data["days_left"] <= WARNINGS[0]:
        state += f", {_days(data['days_left'])} left"
    if data["idle_days"] is not None:
        state += f", unused for {_days(data['idle_days'])}, safe to revoke"
    return (
        token.id,
        state,
        minute(token.created),
        minute(token.expires),
        minute(token.last_used),
        " ".join(token.scopes),
    )


def _data(token: Token, others: list[Token], now: datetime) -> dict[str, Any]:
    state = _state(token, now)
    left = None
    if state == "good" and token.expires is not None:
        left = math.ceil((token.expires - now) / timedelta(days=1))
    return {
        "id": token.id,
        "connection_id": token.connection_id,
        "state": state,
        "scopes": list(token.scopes),
        "created": iso(token.created),
        "expires": iso(token.expires),
        "last_used": iso(token.last_used),
        "revoked": iso(token.revoked),
        "days_left": left,
        "idle_days": _idle_days(token, others, now),
    }


def _idle_days(token: Token, others: list[Token], now: datetime) -> int | None:
    """For how many days the older of two tokens has been idle."""
    good = [other for other in others if _state(other, now) == "good"]
    if len(good) < 2 or token.id != good[-1].id:
        return None
    return idle_days(good[0], token, now)


def _notice_data(notice: Notice) -> dict[str, Any]:
    return asdict(notice) | {"message": str(notice)}


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
