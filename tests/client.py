"""A SCIM client for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@dataclass(slots=True)
class ScimClient:
    """Requests to one connection with its token.

    :param http: the app's client.
    :param base: the path of the connection.
    :param token: its token.
    """

    http: FlaskClient
    base: str
    token: str

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """Send a request; ``body`` becomes JSON."""
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        if body is not None:
            options |= {"json": body}
            headers.setdefault("Content-Type", "application/scim+json")
        return self.http.open(f"{self.base}{path}", method=method, headers=headers, **options)

    def get(self, path: str, **query: Any) -> TestResponse:
        """Read, with the query parameters given by name."""
        return self.request("GET", path, query_string=query or None)

    def post(self, path: str, body: Any) -> TestResponse:
        """Create."""
        return self.request("POST", path, body)

    def put(self, path: str, body: Any) -> TestResponse:
        """Replace."""
        return self.request("PUT", path, body)

    def patch(self, path: str, *operations: Any) -> TestResponse:
        """Send operations."""
        return self.request("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    def delete(self, path: str) -> TestResponse:
        """Delete."""
        return self.request("DELETE", path)

    def create(self, user_name: str, **attributes: Any) -> dict[str, Any]:
        """Create a user and return it."""
        body = {"schemas": [USER], "userName": user_name, **attributes}
        response = self.post("/Users", body)
        assert response.status_code == 201, response.text
        created: dict[str, Any] = response.json
        return created

    def create_group(self, name: str, *members: str, **attributes: Any) -> dict[str, Any]:
        """Create a group with members by id and return it."""
        body = {
            "schemas": [GROUP],
            "displayName": name,
            "members": [{"value": member} for member in members],
            **attributes,
        }
        response = self.post("/Groups", body)
        assert response.status_code == 201, response.text
        created: dict[str, Any] = response.json
        return created

    def find(self, filter: str) -> list[str]:
        """The user names that a filter selects."""
        response = self.get("/Users", filter=filter)
        assert response.status_code == 200, response.text
        return [resource["userName"] for resource in response.json["Resources"]]
