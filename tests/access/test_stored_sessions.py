"""Sessions that Flask-Session keeps on the server: deleted where they are kept."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from flask_session import Session

from tests.access.desk import Desk, make_desk
from tests.access.test_sessions import switch, who
from tests.client import ScimClient
from tests.host import furnish

REDIS = "redis://127.0.0.1:6379/0"


class Kept:
    """An app with Flask-Session, and what is kept of its sessions."""

    def __init__(self, desk: Desk, count: Callable[[], int]) -> None:
        self.desk = desk
        self.count = count


@pytest.fixture(params=["sqlalchemy", "redis"])
def kept(request: pytest.FixtureRequest, elsewhere: str) -> Iterator[Kept]:
    """The app, with its sessions in its database or in Redis."""
    desk = make_desk(elsewhere, SCIM_REVOCATION_RETRY=False)
    prefix = f"test-{uuid.uuid4().hex}:"
    client = redis.Redis.from_url(REDIS)
    desk.app.config.update(SESSION_TYPE=request.param, SESSION_KEY_PREFIX=prefix)
    if request.param == "redis":
        desk.app.config.update(SESSION_REDIS=client)
    else:
        desk.app.config.update(SESSION_SQLALCHEMY=desk.db)
    Session(desk.app)

    def count() -> int:
        if request.param == "redis":
            names = [name for name in client.scan_iter(f"{prefix}*") if b":scim:" not in name]
            return len(names)
        with desk.app.app_context():
            found = desk.db.session.scalar(sa.text("SELECT count(*) FROM sessions"))
            return int(found or 0)

    with desk.app.app_context():
        furnish(desk.db)
    yield Kept(desk, count)
    with desk.app.app_context():
        desk.db.session.remove()
        desk.db.engine.dispose()
    for name in client.scan_iter(f"{prefix}*"):
        client.delete(name)
    client.close()


def ended(desk: Desk, id: str) -> dict[str, int]:
    """What has ended for somebody."""
    with desk.app.app_context():
        report: Any = desk.scim.access_of(desk.db.session.get(desk.User, int(id)))
        return dict(report.ended)


@pytest.fixture
def acme(kept: Kept) -> ScimClient:
    """A client of a connection of that app."""
    return kept.desk.connect()


def test_deleted(kept: Kept, acme: ScimClient) -> None:
    """Sessions of whoever is out are gone from where they were, and only those."""
    desk = kept.desk
    ann, bob = (acme.create(name)["id"] for name in ("ann", "bob"))
    first, other = desk.browser(ann), desk.browser(bob)
    desk.browser(ann)
    assert (who(first), kept.count()) == ("ann", 3)
    switch(acme, ann, False)
    assert (ended(desk, ann), kept.count()) == ({"stored_sessions": 2}, 1)
    assert (who(first), who(other)) == ("nobody", "bob")


def test_later_ones_stay(kept: Kept, acme: ScimClient) -> None:
    """What is still to be deleted when somebody is back does not take their new sessions away."""
    desk = kept.desk
    revocation = desk.app.extensions["scim"].access.revocation
    ann = acme.create("ann")["id"]
    desk.browser(ann)
    own = revocation.revokers._own
    revocation.revokers._own = lambda: {"stored_sessions": lambda *_: 1 / 0}
    switch(acme, ann, False)
    switch(acme, ann, True)
    later = desk.browser(ann)
    assert kept.count() == 2
    revocation.revokers._own = own
    with desk.app.app_context():
        jobs = desk.db.metadata.tables["scim_own_revocation"]
        desk.db.session.execute(jobs.update().values(due=datetime(2020, 1, 1, tzinfo=UTC)))
        desk.db.session.commit()
        assert [each.ended for each in revocation.work_off_due()] == [{"stored_sessions": 1}]
    assert (who(later), kept.count()) == ("ann", 1)


def test_gone_ones_are_forgotten(kept: Kept, acme: ScimClient) -> None:
    """Who is noted as the owner of a session that is gone is forgotten at the next sign-in."""
    desk = kept.desk
    ann = acme.create("ann")["id"]
    browser = desk.browser(ann)
    browser.get("/out")
    with desk.app.app_context():
        interface = desk.app.session_interface
        for _ in range(3):
            stale = desk.browser(ann)
            sid = stale.get_cookie("session").value
            interface._delete_session(interface._get_store_id(sid))
    desk.browser(ann)
    switch(acme, ann, False)
    assert ended(desk, ann)["stored_sessions"] == 1
    table = desk.db.metadata.tables["scim_own_session"]
    with desk.app.app_context():
        assert desk.db.session.scalar(sa.select(sa.func.count()).select_from(table)) == 0
