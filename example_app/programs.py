"""How programs come in: scripts with API keys, and phones with refresh tokens."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, jsonify, request
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import delete, func, select
from werkzeug import Response

from flask_scim import Ending

from .database import db
from .models import ApiKey, RefreshToken, Secret, User
from .provisioning import scim

api = Blueprint("api", __name__, url_prefix="/api")

_MINUTES = 5
_Kind = TypeVar("_Kind", bound=Secret)


def init_app(app: Flask) -> None:
    """Add the API to the app."""
    app.register_blueprint(api)


@scim.revoker("api_keys")
def end_api_keys(user: User, ending: Ending) -> int:
    """Take away the API keys of whoever is out."""
    return _end(ApiKey, user, ending)


@scim.revoker("refresh_tokens")
def end_refresh_tokens(user: User, ending: Ending) -> int:
    """Sign whoever is out off from their phones."""
    return _end(RefreshToken, user, ending)


scim.ways_in("sessions", "api_keys", "refresh_tokens")


def _end(kind: type[Secret], user: User, ending: Ending) -> int:
    """Delete what began before; whoever is back by now keeps what is new."""
    before = ending.since.replace(tzinfo=None)
    old = delete(kind).where(kind.user_id == user.id, kind.created < before)
    return int(db.session.execute(old).rowcount)  # type: ignore[attr-defined]  # a DELETE has one


def issue(kind: type[_Kind], user: User, **more: Any) -> str:
    """Make an API key or refresh token, and return it this once."""
    table: str = kind.__tablename__  # type: ignore[attr-defined]  # each kind of secret is a model
    secret = f"{table[:3]}_{secrets.token_urlsafe(24)}"
    row = kind(**more)
    row.user_id, row.secret_hash = user.id, _hash(secret)
    db.session.add(row)
    db.session.commit()
    return secret


def count_of(user: User) -> dict[str, int]:
    """How many API keys and refresh tokens a person has."""
    kinds: dict[str, type[Secret]] = {"API keys": ApiKey, "Phones": RefreshToken}
    return {
        name: db.session.scalar(select(func.count(kind.id)).where(kind.user_id == user.id)) or 0
        for name, kind in kinds.items()
    }


@api.get("/me")
def me() -> Response | tuple[Response, int]:
    """Tell a program whose it is."""
    user = _find_user(request.headers.get("Authorization", "").removeprefix("Bearer "))
    if user is None:
        return jsonify(error="The key or token is not known."), 401
    return jsonify(username=user.username, organization=user.organization_id)


@api.post("/token")
def refresh() -> Response | tuple[Response, int]:
    """Exchange a refresh token for an access token."""
    user = _owner(RefreshToken, request.form.get("refresh_token", ""))
    standing = scim.allows_login(user)
    if user is None or not standing:
        return jsonify(error="The refresh token is not known."), 401
    token = _serializer().dumps([user.id, standing.epoch])
    return jsonify(access_token=token, token_type="Bearer", expires_in=_MINUTES * 60)


def _find_user(text: str) -> User | None:
    """The owner of an API key or access token, if they may come in."""
    user = _owner(ApiKey, text)
    if user is not None:
        return user if scim.allows_login(user) else None
    try:
        id, epoch = _serializer().loads(text, max_age=_MINUTES * 60)
    except BadData:
        return None
    user = db.session.get(User, id)
    standing = scim.allows_login(user)
    # An access token is no older than the person's last coming back.
    return user if standing and standing.epoch == epoch else None


def _owner(kind: type[Secret], secret: str) -> User | None:
    found = select(User).join(kind, kind.user_id == User.id)
    return db.session.scalar(found.where(kind.secret_hash == _hash(secret)))


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _serializer() -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None
    return URLSafeTimedSerializer(current_app.secret_key, salt="access token")
