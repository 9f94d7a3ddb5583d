"""Bulk requests and what comes of them."""

from __future__ import annotations

from typing import Any

from tests.client import ENTERPRISE, ERROR, GROUP, PATCH, USER, ScimClient

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
ANSWER = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

Operation = dict[str, Any]


def send(scim: ScimClient, *operations: Any, **more: Any) -> list[dict[str, Any]]:
    """Send a Bulk request that is taken as a whole, and return the results."""
    response = scim.post("/Bulk", {"schemas": [BULK], "Operations": list(operations), **more})
    assert response.status_code == 200, response.text
    assert response.mimetype == "application/scim+json"
    body = response.json
    assert set(body) == {"schemas", "Operations"}
    assert body["schemas"] == [ANSWER]
    for result in body["Operations"]:
        assert set(result) <= {"method", "bulkId", "location", "version", "status", "response"}
        assert ("response" in result) is (int(result["status"]) >= 400)
        if "response" in result:
            assert result["response"]["schemas"] == [ERROR]
            assert result["response"]["status"] == result["status"]
            assert 10 < len(result["response"]["detail"]) < 2_000
    found: list[dict[str, Any]] = body["Operations"]
    return found


def statuses(results: list[dict[str, Any]]) -> list[str]:
    """The status of each result."""
    return [result["status"] for result in results]


def problem(result: dict[str, Any]) -> tuple[int, str | None, str]:
    """The status, the scimType and the words of a result that is an error."""
    error = result["response"]
    return int(error["status"]), error.get("scimType"), error["detail"]


def id_of(result: dict[str, Any]) -> str:
    """The id in the location of a result."""
    return str(result["location"]).rpartition("/")[2]


def user(user_name: str, **attributes: Any) -> Operation:
    """Create a user whose bulkId is its name."""
    data = {"schemas": [USER, ENTERPRISE], "userName": user_name, **attributes}
    return {"method": "POST", "path": "/Users", "bulkId": user_name, "data": data}


def managed(name: str, by: str) -> Operation:
    """Create a user whose manager is made in the same request."""
    return user(name, **{ENTERPRISE: {"manager": {"value": f"bulkId:{by}"}}})


def group(name: str, *members: str) -> Operation:
    """Create a group, whose bulkId is its name, of members that the same request makes."""
    values = [{"value": f"bulkId:{member}"} for member in members]
    data = {"schemas": [GROUP], "displayName": name, "members": values}
    return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}


def patch(path: str, *operations: Any, **more: Any) -> Operation:
    """Change a resource."""
    data = {"schemas": [PATCH], "Operations": list(operations)}
    return {"method": "PATCH", "path": path, "data": data, **more}


def entitle(path: str, title: str = "Dr", **more: Any) -> Operation:
    """Change the title of a user."""
    return patch(path, {"op": "replace", "path": "title", "value": title}, **more)


def delete(path: str, **more: Any) -> Operation:
    """Delete a resource."""
    return {"method": "DELETE", "path": path, **more}
