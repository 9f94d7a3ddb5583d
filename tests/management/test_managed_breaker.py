"""A connection that the breaker holds, in the hands of the app's own administrators."""

from __future__ import annotations

from tests.host import Host
from tests.management.admin import Admin, problem


def test_administrators_are_not_held(managed: Host, admin: Admin) -> None:
    """What they do counts for nothing, is done while a connection is held, and releases it."""
    acme = managed.connect("acme", tenant="1", policy={"breaker_count": 1})
    ids = [acme.create(f"user-{index}")["id"] for index in range(5)]
    for id in ids[:2]:
        admin.ask("DELETE", f"/connections/acme/users/{id}", status=204)
    assert acme.delete(f"/Users/{ids[2]}").status_code == 204
    assert acme.delete(f"/Users/{ids[3]}").status_code == 503
    assert admin.ask("GET", "/connections/acme")["state"] == "held"
    admin.ask("DELETE", f"/connections/acme/users/{ids[3]}", status=204)
    refused = admin.request("PATCH", "/connections/acme", {"state": "held"})
    assert problem(refused) == (400, "Only the breaker holds a connection; pause it instead.")
    assert admin.ask("PATCH", "/connections/acme", {"state": "active"})["state"] == "active"
    assert acme.delete(f"/Users/{ids[4]}").status_code == 204
