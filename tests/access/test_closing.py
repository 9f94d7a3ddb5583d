"""Switching a connection off: its users are kept, released or deactivated, as is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flask_scim import State, user_deactivated
from flask_scim.access import closing
from flask_scim.protocol.errors import Forbidden
from tests.client import ScimClient
from tests.groups.people import fill
from tests.host import Host


def names(host: Host, *, blocked: bool) -> list[str]:
    """The names of the host's users, in order."""
    with host.app.app_context():
        users = host.db.session.scalars(host.db.select(host.User).filter_by(blocked=blocked))
        return sorted(user.username for user in users)


@contextmanager
def small_batches() -> Iterator[None]:
    """Read two people at once."""
    before, closing._BATCH = closing._BATCH, 2
    try:
        yield
    finally:
        closing._BATCH = before


@pytest.fixture
def staff(scim: ScimClient) -> list[str]:
    """The ids of five users of ``acme``, of whom Eve is deactivated already."""
    ids = [scim.create(name)["id"] for name in ("ann", "bob", "cid", "dan")]
    return [*ids, scim.create("eve", active=False)["id"]]


@pytest.mark.usefixtures("staff")
def test_preview(host: Host) -> None:
    """A preview counts, names the first, and changes nothing."""
    fill(host, 12)
    with host.app.app_context():
        kept = host.scim.closing.preview("acme")
        assert (kept.total, kept.affected, kept.names) == (17, 0, ())
        released = host.scim.closing.preview("acme", "release")
        assert (released.total, released.affected, len(released.names)) == (17, 17, 10)
        assert released.names[:5] == ("ann", "bob", "cid", "dan", "eve")
        deactivated = host.scim.closing.preview("acme", "deactivate")
        assert (deactivated.total, deactivated.affected) == (17, 16)
        assert deactivated.names[:4] == ("ann", "bob", "cid", "dan")
        assert host.scim.connections.get("acme").state is State.ACTIVE
    assert names(host, blocked=True) == ["eve"]


def test_keep(host: Host, scim: ScimClient, staff: list[str]) -> None:
    """Those who are kept are SCIM's still, and there again when it is resumed."""
    with host.app.app_context():
        assert host.scim.closing.close("acme").done == 0
        assert host.scim.connections.get("acme").state is State.DISABLED
        ann = host.db.session.get(host.User, int(staff[0]))
        assert host.scim.owns(ann, "email")
        host.scim.connections.resume("acme")
    assert scim.get("/Users").json["totalResults"] == 5


def test_release(host: Host, scim: ScimClient, staff: list[str]) -> None:
    """Those who are released are the app's own, as they were; others are left alone."""
    beside = host.connect("beside", tenant="1")
    zoe = beside.create("zoe")["id"]
    scim.delete(f"/Users/{staff[1]}")
    with host.app.app_context(), small_batches():
        outcome = host.scim.closing.close("acme", "release")
        assert (outcome.done, outcome.refused, outcome.following) == (4, 0, None)
        ann = host.db.session.get(host.User, int(staff[0]))
        assert host.scim.owned(ann) == frozenset()
        host.scim.connections.resume("acme")
    assert names(host, blocked=False) == ["ann", "cid", "dan", "zoe"]
    assert scim.get("/Users").json["totalResults"] == 0
    assert beside.get(f"/Users/{zoe}").status_code == 200
    # Whoever had been deleted before comes back as ever.
    assert scim.create("bob")["id"] == staff[1]


def test_deactivate(host: Host, staff: list[str]) -> None:
    """Everybody who is active is deactivated as by the identity provider, with its signal."""
    beside = host.connect("beside", tenant="1")
    beside.create("zoe")
    told: list[str] = []

    def receive(_: Any, user: Any, event: Any, **__: Any) -> None:
        told.append(f"{user.username} of {event.connection.id}")

    with user_deactivated.connected_to(receive), host.app.app_context(), small_batches():
        seen: list[int] = []
        outcome = host.scim.closing.close("acme", "deactivate", tell=seen.append)
        assert (outcome.done, outcome.refused, outcome.following) == (4, 0, None)
        assert seen == [2, 2, 0]
        again = host.scim.closing.close("acme", "deactivate")
        assert again.done == 0
    assert told == [f"{name} of acme" for name in ("ann", "bob", "cid", "dan")]
    assert names(host, blocked=False) == ["zoe"]


def test_guards_are_asked(build: Callable[..., Host]) -> None:
    """Whoever a guard keeps stays, is told of, and stops nobody else."""
    host = build()

    @host.scim.guard
    def keep_the_owner(intent: Any) -> None:
        if intent.row is not None and intent.row.username == "bob":
            raise Forbidden("Bob owns the account.")

    acme = host.connect("acme", tenant="1")
    bob = [acme.create(name)["id"] for name in ("ann", "bob", "cid")][1]
    with host.app.app_context(), small_batches():
        outcome = host.scim.closing.close("acme", "deactivate")
        assert (outcome.done, outcome.refused) == (2, 1)
        assert outcome.refusals == (closing.Refusal(bob, "bob", "Bob owns the account."),)
    assert names(host, blocked=False) == ["bob"]


def test_taken_up_again(host: Host, staff: list[str]) -> None:
    """What has a limit says where to go on; what broke off is done by the same call."""
    with host.app.app_context():
        first = host.scim.closing.close("acme", "deactivate", limit=3)
        assert (first.done, first.following) == (3, int(staff[2]))
        rest = host.scim.closing.close("acme", "deactivate", after=first.following, limit=3)
        assert (rest.done, rest.following) == (1, None)

    class Broken(Exception):
        pass

    def interrupt(_: int) -> None:
        raise Broken

    with host.app.app_context(), small_batches():
        with pytest.raises(Broken):
            host.scim.closing.close("acme", "release", tell=interrupt)
        assert host.scim.closing.close("acme", "release").done == 3


def test_costs_of_release(host: Host, scim: ScimClient) -> None:
    """People are released a hundred at a time, whatever their number."""
    counts = []
    for number in (50, 250):
        fill(host, number)
        with host.app.app_context(), host.statements() as statements:
            assert host.scim.closing.close("acme", "release").done == number
        counts.append(len(statements))
    assert counts[1] - counts[0] <= 2 * 2 + 1


@pytest.mark.parametrize(
    ("id", "users", "message"),
    [("nobody", "keep", "no connection 'nobody'"), ("acme", "fire", "'keep' or 'release' or")],
)
@pytest.mark.usefixtures("scim")
def test_refused(host: Host, id: str, users: str, message: str) -> None:
    """What cannot be meant is refused, and changes nothing."""
    with host.app.app_context():
        for call in (host.scim.closing.preview, host.scim.closing.close):
            with pytest.raises(ValueError, match=message):
                call(id, users)
        assert host.scim.connections.get("acme").state is State.ACTIVE
