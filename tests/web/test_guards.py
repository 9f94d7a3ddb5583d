"""Guards: they see what a request is about to do, and may refuse it before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flask_scim import Intent
from flask_scim.protocol.errors import Forbidden
from tests.client import USER, ScimClient
from tests.host import Host


class Watch:
    """A guard that notes what it is asked, and refuses what it is told to."""

    def __init__(self) -> None:
        self.asked: list[Intent] = []
        self.names: list[str | None] = []
        self.refused = ""

    def __call__(self, intent: Intent) -> None:
        """Note what a request is about to do."""
        self.asked.append(intent)
        self.names.append(getattr(intent.row, "username", None))
        if intent.kind == self.refused:
            raise Forbidden("Not this one; ask the owner of the account.")

    @property
    def kinds(self) -> list[str]:
        """What requests were about to do, in order; forgotten when it is asked for."""
        kinds = [str(intent.kind) for intent in self.asked]
        self.asked.clear()
        return kinds


@pytest.fixture
def watch() -> Watch:
    """A guard."""
    return Watch()


@pytest.fixture
def guarded(build: Callable[..., Host], watch: Watch) -> ScimClient:
    """A client of an app that has the guard."""
    host = build()
    host.scim.guard(watch)
    return host.connect("guarded", tenant="1")


def test_what_a_guard_sees(guarded: ScimClient, watch: Watch) -> None:
    """It is asked of each thing that a request is about to do, and of nothing else."""
    user = guarded.create("ann")
    (created,) = watch.asked
    assert (created.resource_type, created.before, created.row) == ("User", None, None)
    assert created.after is not None
    assert created.after["userName"] == "ann"
    assert created.connection.id == "guarded"
    assert watch.kinds == ["created"]
    path = f"/Users/{user['id']}"
    replace: dict[str, Any] = {"op": "replace"}
    for operation, kinds in [
        ({"path": "title", "value": "Dr"}, ["updated"]),
        ({"path": "title", "value": "Dr"}, []),
        ({"value": {"active": False}}, ["deactivated"]),
        ({"value": {"active": "False"}}, []),
        ({"path": "active", "value": True}, ["reactivated"]),
        ({"op": "remove", "path": "active"}, ["updated"]),
    ]:
        guarded.patch(path, replace | operation)
        assert watch.kinds == kinds
    guarded.put(path, {"schemas": [USER], "userName": "ann", "name": {"familyName": "Lee"}})
    assert watch.kinds == ["updated"]
    guarded.delete(path)
    (deleted,) = watch.asked
    assert (deleted.kind, deleted.after, watch.names[-1]) == ("deleted", None, "ann")


@pytest.mark.parametrize("refused", ["created", "updated", "deactivated", "deleted"])
def test_what_a_guard_refuses(guarded: ScimClient, watch: Watch, refused: str) -> None:
    """What it refuses is not done, nor anything else of the request, and its words are read."""
    user = guarded.create("ann")
    path = f"/Users/{user['id']}"
    watch.refused = refused
    inactive = [
        {"op": "replace", "path": "title", "value": "Dr"},
        {"op": "replace", "path": "active", "value": False},
    ]
    answer = {
        "created": lambda: guarded.post("/Users", {"schemas": [USER], "userName": "bob"}),
        "updated": lambda: guarded.put(path, user | {"title": "Dr"}),
        "deactivated": lambda: guarded.patch(path, *inactive),
        "deleted": lambda: guarded.delete(path),
    }[refused]()
    assert answer.status_code == 403
    assert answer.json["detail"] == "Not this one; ask the owner of the account."
    assert guarded.get(path).json == user
    assert guarded.get("/Users").json["totalResults"] == 1


def test_groups_are_guarded_too(guarded: ScimClient, watch: Watch) -> None:
    """A guard is asked of every resource type."""
    group = guarded.create_group("Devs")
    guarded.delete(f"/Groups/{group['id']}")
    assert [(each.kind, each.resource_type) for each in watch.asked] == [
        ("created", "Group"),
        ("deleted", "Group"),
    ]
