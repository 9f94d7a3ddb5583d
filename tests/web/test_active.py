"""To remove ``active`` silences the answers, and neither lets anybody in nor locks anybody out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import computed, read_only
from tests.client import USER, ScimClient
from tests.host import MAPPING, Host, make_host
from tests.web.listening import Sent, listen

Build = Callable[..., Host]

_OTHERS = {path: source for path, source in MAPPING.items() if path != "active"}
#: Where ``active`` may sit: in a column that says the opposite, in JSON, in our own record.
PLACES: dict[str, dict[str, Any]] = {
    "inverted": {**_OTHERS, "active": "!blocked"},
    "json": {**_OTHERS, "active": "profile.active"},
    "record": _OTHERS,
}


@dataclass(slots=True)
class Case:
    """An app that keeps ``active`` somewhere, a client and the signals that the app sends."""

    host: Host
    scim: ScimClient
    sent: Sent
    place: str

    def access(self, id: str) -> Any:
        """What the place of ``active`` says."""
        with self.host.app.app_context():
            row = self.host.db.session.get(self.host.User, int(id))
            if self.place == "inverted":
                return not row.blocked
            if self.place == "json":
                return (row.profile or {}).get("active")
            records = self.host.db.metadata.tables["scim_user"]
            statement = sa.select(records.c.active).where(records.c.row_id == row.id)
            return self.host.db.session.scalar(statement)

    def heard(self) -> list[tuple[str, tuple[str, ...]]]:
        """The signals since the last time, with what changed."""
        found = [(name, carried["event"].changed) for name, carried in self.sent]
        self.sent.clear()
        return found


@pytest.fixture(scope="module", params=list(PLACES))
def placed(request: pytest.FixtureRequest, hosted: Host, database: str) -> Iterator[Any]:
    """Each app in turn, on the tables of ``host``, and its place."""
    host = make_host(database, PLACES[request.param])
    yield host, request.param
    with host.app.app_context():
        host.db.engine.dispose()


@pytest.fixture
def case(host: Host, placed: tuple[Host, str]) -> Iterator[Case]:
    """The app, without any rows."""
    own, place = placed
    with listen(own.app) as sent:
        yield Case(own, own.connect("acme", tenant="1"), sent, place)


REMOVALS: dict[str, Any] = {
    "remove": {"op": "remove", "path": "active"},
    "null": {"op": "replace", "path": "active", "value": None},
    "null without path": {"op": "replace", "value": {"active": None}},
    "URN": {"op": "remove", "path": f"{USER}:active"},
}


@pytest.mark.parametrize("removal", REMOVALS.values(), ids=list(REMOVALS))
@pytest.mark.parametrize("active", [True, False])
def test_removed(case: Case, removal: Any, active: bool) -> None:
    """Answers and filters are silent of it, access stays, and a second time changes nothing."""
    created = case.scim.create("ann", active=active)
    path = f"/Users/{created['id']}"
    case.heard()
    for _ in range(2):
        patched = case.scim.patch(path, removal)
        assert (patched.status_code, patched.headers["ETag"]) == (200, 'W/"2"')
        silent = {name: value for name, value in created.items() if name != "active"}
        assert patched.json == {**silent, "meta": patched.json["meta"]}
        assert case.scim.get(path).json == patched.json
        assert case.scim.get("/Users").json["Resources"] == [patched.json]
        assert "active" not in case.scim.get(path, attributes="active").json
    assert case.access(created["id"]) is active
    assert case.heard() == [("user_updated", ("active",))]


@pytest.mark.parametrize("active", [True, False])
def test_filters(case: Case, active: bool) -> None:
    """Filters take it for unassigned, and for nobody else."""
    id = case.scim.create("ann", active=active)["id"]
    case.scim.create("bob", active=active)
    case.scim.patch(f"/Users/{id}", {"op": "remove", "path": "active"})
    expected = {
        "active pr": ["bob"],
        "not (active pr)": ["ann"],
        "active eq null": ["ann"],
        f"active eq {str(active).lower()}": ["bob"],
        f"active eq {str(not active).lower()}": [],
        f"not (active eq {str(active).lower()})": ["ann"],
        f"active ne {str(not active).lower()}": ["ann", "bob"],
        f'userName sw "a" and active eq {str(active).lower()}': [],
    }
    assert expected == {filter: sorted(case.scim.find(filter)) for filter in expected}


@pytest.mark.parametrize(
    ("was", "becomes", "signal"),
    [
        (True, True, "user_updated"),
        (True, False, "user_deactivated"),
        (False, True, "user_reactivated"),
        (False, False, "user_updated"),
    ],
)
@pytest.mark.parametrize("by", ["PATCH", "PUT"])
def test_assigned_again(case: Case, was: bool, becomes: bool, signal: str, by: str) -> None:
    """What is told of a new value is what really happens to the person's access."""
    id = case.scim.create("ann", active=was)["id"]
    case.scim.patch(f"/Users/{id}", {"op": "remove", "path": "active"})
    case.heard()
    if by == "PUT":
        body = {"schemas": [USER], "userName": "ann", "active": becomes}
        response = case.scim.put(f"/Users/{id}", body)
    else:
        operation = {"op": "add", "path": "active", "value": becomes}
        response = case.scim.patch(f"/Users/{id}", operation)
    assert response.json["active"] is becomes
    assert case.access(id) is becomes
    assert case.heard() == [(signal, ("active",))]


def test_walks(case: Case) -> None:
    """Through any number of requests, access is what was last assigned, shown unless removed."""
    choose = random.Random(case.place)
    id = case.scim.create("ann", active=True, title="0")["id"]
    path = f"/Users/{id}"
    access, shown, title = True, True, "0"
    case.heard()
    for step in range(60):
        before, was_shown, was_titled = access, shown, title
        kind = choose.choice(["true", "false", "remove", "title", "both", "put", "put true", "add"])
        operations: list[Any] = []
        body = {"schemas": [USER], "userName": "ann", "title": title}
        if kind in ("true", "false", "put true"):
            access, shown = kind != "false", True
            operations = [{"op": "replace", "path": "active", "value": access}]
        if kind in ("remove", "both"):
            shown = False
            operations = [choose.choice(list(REMOVALS.values()))]
        if kind in ("title", "both", "put"):
            title = str(step)
            operations = [*operations, {"op": "add", "path": "title", "value": title}]
        if kind == "add":
            operations = [{"op": "add", "value": {"active": None}}]
        if kind.startswith("put"):
            body |= {"title": title} | ({"active": True} if kind == "put true" else {})
            response = case.scim.put(path, body)
        else:
            response = case.scim.patch(path, *operations)
        assert (access if shown else None) == response.json.get("active"), (step, kind)
        assert case.access(id) is access
        assert case.scim.find("active pr") == (["ann"] if shown else [])
        assert case.scim.find("active eq true") == (["ann"] if shown and access else [])
        was, is_ = (before if was_shown else None), (access if shown else None)
        changed = (("active",) if was != is_ else ()) + (("title",) if title != was_titled else ())
        names = []
        if set(changed) - ({"active"} if before != access else set()):
            names.append("user_updated")
        if before != access:
            names.append("user_reactivated" if access else "user_deactivated")
        assert [(name, changed) for name in names] == case.heard(), (step, kind)


def test_silent_requests(case: Case) -> None:
    """A PUT or PATCH that does not name it leaves it removed, and lets nobody in."""
    id = case.scim.create("ann", active=False)["id"]
    case.scim.patch(f"/Users/{id}", {"op": "remove", "path": "active"})
    body = {"schemas": [USER], "userName": "ann", "title": "Dr"}
    assert "active" not in case.scim.put(f"/Users/{id}", body).json
    patched = case.scim.patch(f"/Users/{id}", {"op": "add", "path": "title", "value": "Prof"})
    assert "active" not in patched.json
    assert case.access(id) is False
    assert "user_reactivated" not in dict(case.heard())


@pytest.mark.parametrize("active", [True, False])
def test_deleted_and_brought_back(case: Case, active: bool) -> None:
    """Who is brought back is active as the request says, and shown to be."""
    id = case.scim.create("ann", active=True)["id"]
    case.scim.patch(f"/Users/{id}", {"op": "remove", "path": "active"})
    assert case.scim.delete(f"/Users/{id}").status_code == 204
    assert case.access(id) is False
    again = case.scim.create("ann", active=active)
    assert (again["id"], again["active"]) == (id, active)
    assert case.access(id) is active
    assert case.scim.find("active pr") == ["ann"]


def test_apps_own_change(build: Build) -> None:
    """Where the app itself locks somebody out, answers stay silent, and events tell the truth."""
    host = build(PLACES["inverted"])
    scim = host.connect("acme", tenant="1")
    id = scim.create("ann", active=True)["id"]
    scim.patch(f"/Users/{id}", {"op": "remove", "path": "active"})
    with host.app.app_context():
        host.db.session.get(host.User, int(id)).blocked = True
        host.db.session.commit()
    found = scim.get(f"/Users/{id}")
    assert "active" not in found.json
    assert found.headers["ETag"] == 'W/"3"'
    with listen(host.app) as sent:
        scim.patch(f"/Users/{id}", {"op": "add", "path": "active", "value": True})
    assert [name for name, _ in sent] == ["user_reactivated"]


@pytest.mark.parametrize("source", [read_only("!blocked"), computed(lambda user: not user.blocked)])
def test_not_writable(build: Build, source: Any) -> None:
    """Where SCIM may not write it, SCIM cannot remove it either."""
    host = build({**_OTHERS, "active": source})
    scim = host.connect("acme", tenant="1")
    created = scim.create("ann")
    patched = scim.patch(f"/Users/{created['id']}", {"op": "remove", "path": "active"})
    assert (patched.status_code, patched.json) == (200, created)


def test_never_assigned(build: Build) -> None:
    """Where nobody ever said whether a user is active, there is nothing to remove."""
    host = build(PLACES["record"])
    scim = host.connect("acme", tenant="1")
    created = scim.create("ann")
    assert "active" not in created
    patched = scim.patch(f"/Users/{created['id']}", {"op": "remove", "path": "active"})
    assert patched.json == created
    operation = {"op": "add", "path": "title", "value": "Dr"}
    assert "active" not in scim.patch(f"/Users/{created['id']}", operation).json
    with listen(host.app) as sent:
        operation = {"op": "add", "path": "active", "value": False}
        patched = scim.patch(f"/Users/{created['id']}", operation)
    assert patched.json["active"] is False
    assert [name for name, _ in sent] == ["user_deactivated"]
