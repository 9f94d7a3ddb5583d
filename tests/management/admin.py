"""An administrator of the host's, and what tests ask of the answers."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.host import Host

PREFIX = "/api/scim"


def require_admin() -> None:
    """Let in who says the word."""
    if flask.request.headers.get("X-Admin") != "yes":
        flask.abort(403, "Administrators only.")


@dataclass(slots=True)
class Admin:
    """Requests to the management API.

    :param http: the app's client.
    :param headers: what the guard asks for.
    """

    http: FlaskClient
    headers: dict[str, str]

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """Send a request; ``body`` becomes JSON."""
        headers = self.headers | options.pop("headers", {})
        if body is not None or (method in ("POST", "PATCH") and "data" not in options):
            options.setdefault("json", {} if body is None else body)
        return self.http.open(f"{PREFIX}{path}", method=method, headers=headers, **options)

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Send a request that goes well, and return what it answers."""
        response = self.request(method, path, body)
        assert response.status_code == status, response.text
        assert response.headers["Cache-Control"] == "no-store"
        if status == 204:
            assert response.data == b""
            assert "Content-Type" not in response.headers
            return None
        assert response.mimetype == "application/json"
        return response.json

    def pages(self, path: str, name: str, take: int) -> list[list[Any]]:
        """Read a list to its end."""
        found, query = [], f"take={take}"
        while query:
            page = self.ask("GET", f"{path}?{query}")
            assert set(page) == {name, "next"}
            found.append(page[name])
            query = page["next"] and f"take={take}&from={page['next']}"
        return found


def mount(host: Host, **options: Any) -> Admin:
    """Mount the management API in an app that nobody has sent a request to yet."""
    blueprint = host.scim.management(guard=require_admin)
    host.app.register_blueprint(blueprint, url_prefix=PREFIX, **options)
    return Admin(host.app.test_client(), {"X-Admin": "yes"})


def problem(response: TestResponse) -> tuple[int, str]:
    """The status and the message of an answer that has to be a problem."""
    assert response.mimetype == "application/json", response.text
    body = response.json
    assert set(body) == {"statusCode", "error", "message"}
    assert body["statusCode"] == response.status_code
    assert body["error"] == HTTPStatus(response.status_code).phrase
    assert 10 < len(body["message"]) < 2_000, body
    words = ("sqlalchemy", "marshmallow", "traceback", "select ", "scim_token", ".py", "nonetype")
    assert not [word for word in words if word in body["message"].lower()]
    return response.status_code, body["message"]
