"""What identity providers send."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from .host import CONNECTION, ENTERPRISE
from .requests import Request

BASE = f"/scim/v2/{CONNECTION}"
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def get(path: str, **query: str | int) -> Request:
    """A GET."""
    return Request("GET", f"{BASE}{path}", urlencode(query))


def send(method: str, path: str, body: dict[str, Any]) -> Request:
    """A request with a body."""
    return Request(method, f"{BASE}{path}", body=json.dumps(body).encode())


def patch(resource: str, **operation: Any) -> Request:
    """A PATCH of one operation."""
    return send("PATCH", resource, body_of_patch(**operation))


def body_of_patch(**operation: Any) -> dict[str, Any]:
    """The body of a PATCH of one operation."""
    return {"schemas": [_PATCH], "Operations": [operation]}


def person(kind: str, number: int, title: str = "Engineer") -> dict[str, Any]:
    """A user with all the attributes that Entra ID sends of one as it comes.

    :param kind: what the name begins with.
    :param number: what tells them apart.
    :param title: the title.
    """
    given, family, name = f"Given{number}", f"Family{number}", f"{kind}{number}"
    return {
        "schemas": [_USER, ENTERPRISE],
        "externalId": f"{kind}-{number}",
        "userName": f"{name}@example.com",
        "active": True,
        "displayName": f"{given} {family}",
        "title": title,
        "preferredLanguage": "en-US",
        "emails": [{"type": "work", "primary": True, "value": f"{name}@example.com"}],
        "name": {"givenName": given, "familyName": family, "formatted": f"{given} {family}"},
        "addresses": [
            {
                "type": "work",
                "formatted": f"{number} Main Street, Springfield",
                "streetAddress": f"{number} Main Street",
                "locality": "Springfield",
                "region": "WA",
                "postalCode": "98052",
                "country": "US",
            }
        ],
        "phoneNumbers": [
            {"type": "work", "value": f"+1 555 {number}"},
            {"type": "mobile", "value": f"+1 556 {number}"},
            {"type": "fax", "value": f"+1 557 {number}"},
        ],
        ENTERPRISE: {
            "employeeNumber": f"E{number}",
            "department": f"Department {number % 100}",
            "costCenter": f"C{number % 50}",
            "division": f"Division {number % 10}",
            "organization": "Acme",
        },
    }


def group(name: str, members: Iterable[int] = (), **more: Any) -> dict[str, Any]:
    """A group."""
    document: dict[str, Any] = {"schemas": [_GROUP], "displayName": name, **more}
    entries = [{"value": str(id)} for id in members]
    return document | ({"members": entries} if entries else {})


def bulk(people: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A Bulk request that creates users."""
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": f"b{index}", "data": each}
        for index, each in enumerate(people)
    ]
    return {"schemas": [_BULK], "Operations": operations}
