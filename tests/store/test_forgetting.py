"""What the outbox and the log hold of one person can be deleted, and their order stays."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import Connection, Event
from flask_scim.provisioning.changes import Cause, Kind
from flask_scim.provisioning.journal import Entry
from flask_scim.provisioning.log import Logged
from flask_scim.store.journal import forgetting as module
from tests.client import ENTERPRISE, ScimClient
from tests.host import Host

NAMES = ("ann@example.com", "Änne", "a-1", "+49 30 1")


@pytest.fixture
def acme(host: Host) -> ScimClient:
    """A client of a connection whose log keeps all values."""
    return host.connect("acme", tenant="1", policy={"log_values": "all"})


@pytest.fixture
def ann(acme: ScimClient) -> str:
    """The id of a user who has been created, renamed, put into a group, and is somebody's boss."""
    user = {"externalId": "a-1", "nickName": "Änne", "title": "Dr"}
    phones = [{"type": "mobile", "value": "+49 30 1"}]
    id: str = acme.create("ann@example.com", phoneNumbers=phones, **user)["id"]
    acme.post("/Users", {"userName": "ANN@example.com"})
    acme.request("POST", "/Users", {"userName": "ann@example.com"}, buffered=True)
    bob = acme.create("bob", **{ENTERPRISE: {"manager": {"value": id, "displayName": "Änne"}}})
    group = acme.create_group("Devs", id, bob["id"])["id"]
    acme.patch(f"/Users/{id}", {"op": "replace", "path": "userName", "value": "ann2"})
    acme.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{id}"]'})
    acme.delete(f"/Users/{id}")
    return id


def entries(host: Host) -> list[Entry]:
    """The outbox of ``acme``."""
    connection = host.scim.connections.get("acme")
    assert connection is not None
    return list(host.scim.outbox.read(connection, most=1_000))


def held(host: Host) -> str:
    """All that the outbox and the log hold, as text."""
    tables = host.scim._wiring.tables
    rows = [
        dict(row)
        for table in (tables.events, tables.requests)
        for row in host.db.session.execute(sa.select(table)).mappings()
    ]
    return json.dumps(rows, default=str, ensure_ascii=False)


def test_one_person(host: Host, ann: str) -> None:
    """Nothing of the person is left; the rest, and the order, stay as they are."""
    with host.app.app_context():
        before, text = entries(host), held(host)
        for name in (*NAMES, "ann2"):
            assert name in text
        assert host.scim.forget(ann) > 0
        after, text = entries(host), held(host)
        for name in (*NAMES, "ann2"):
            assert name not in text
        assert [(e.id, e.position, e.time, e.type, e.changed) for e in after] == [
            (e.id, e.position, e.time, e.type, e.changed) for e in before
        ]
        own = [e for e in before if e.resource_id == ann and e.resource_type == "User"]
        assert len(own) == 3
        for old, new in zip(before, after, strict=True):
            if old in own:
                assert (new.resource_id, new.object, new.previous) == ("forgotten", None, {})
            else:
                assert new.resource_id == old.resource_id
        created = next(
            e for e in after if e.type == "user.created" and e.resource_id != "forgotten"
        )
        assert created.object is not None
        assert created.object["userName"] == "bob"
        assert created.object[ENTERPRISE]["manager"] == {"value": "forgotten"}
        moved = [e for e in after if e.type == "group.members_changed"]
        assert all(ann not in (*e.added, *e.removed) for e in moved)
        assert "forgotten" in moved[0].added
        assert moved[0].added_count == 2
        requests = host.scim._wiring.requests.read("acme")
        users = [each.resource_id for each in requests if each.resource_type == "User"]
        assert ann not in users
        assert users.count("forgotten") == 3
        assert "bob" in text


def test_again(host: Host, ann: str) -> None:
    """A second time changes nothing."""
    with host.app.app_context():
        host.scim.forget(ann)
        text = held(host)
        assert host.scim.forget(ann) == 0
        assert held(host) == text


def test_stopped_half_way(host: Host, ann: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stopped goes on where it is started again, wherever it was stopped."""
    monkeypatch.setattr(module, "BATCH", 2)
    tables = host.scim._wiring.tables
    with host.app.app_context():
        for _ in range(100):
            work = module.Forgetting(host.db.session, tables, "User", "/Users", ann).run()
            changed = next((count for count in work if count), 0)
            work.close()
            host.db.session.rollback()
            if not changed:
                break
        else:
            pytest.fail("It does not come to an end.")
        text = held(host)
    for name in (*NAMES, "ann2"):
        assert name not in text


def test_somebody_else(host: Host, acme: ScimClient) -> None:
    """Another resource with the same number, and one whose id differs in case, are kept."""
    connection = Connection("acme", "1", "generic", False, datetime.now(UTC))
    cause, outbox = Cause("host"), host.scim.outbox

    def tell(kind: str, id: str) -> Event:
        return Event(Kind.CREATED, kind, id, connection, None, {"x": f"{kind}-{id}"}, ("x",), None)

    with host.app.app_context():
        outbox.append([tell("User", "ab"), tell("User", "AB"), tell("Group", "ab")], cause)
        host.db.session.commit()
        assert host.scim.forget("ab") == 1
        kept = [entry.object for entry in entries(host) if entry.type.endswith(".created")][-3:]
        assert kept == [None, {"x": "User-AB"}, {"x": "Group-ab"}]


def test_letters_of_patterns(host: Host, acme: ScimClient) -> None:
    """What is a pattern to a database is plain text here."""
    same: dict[str, Any] = {"request_id": "r", "method": "GET", "path": "/Users", "status": 400}
    with host.app.app_context():
        log = host.scim._wiring.requests
        for detail in ("userName 'x%y' is taken", "userName 'xzy' is taken"):
            log.add(Logged("acme", datetime.now(UTC), duration=1, detail=detail, **same))
        host.db.session.commit()
    id = acme.create("x%y")["id"]
    with host.app.app_context():
        host.scim.forget(id)
        details = {each.detail for each in host.scim._wiring.requests.read("acme")}
    assert details == {None, "userName 'xzy' is taken"}


def test_what_is_no_type(host: Host) -> None:
    """A type that the app does not have is refused."""
    with host.app.app_context(), pytest.raises(ValueError, match="no resource type 'Robot'"):
        host.scim.forget("1", "Robot")
