"""How often a change commits: once where what the token was read in holds nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from tests.client import ScimClient
from tests.host import Host

CHANGES: dict[str, Callable[[ScimClient, str], Any]] = {
    "POST": lambda scim, path: scim.post("/Users", {"userName": f"{path}@x.org"}),
    "PUT": lambda scim, path: scim.put(path, {"userName": "ann", "title": "Boss"}),
    "PATCH": lambda scim, path: scim.patch(
        path, {"op": "replace", "path": "name.givenName", "value": "Anna"}
    ),
    "DELETE": lambda scim, path: scim.delete(path),
}


@contextmanager
def told(host: Host, name: str) -> Iterator[list[str]]:
    """How often the engine is told to begin or to commit inside."""
    seen: list[str] = []

    def note(_: Any) -> None:
        seen.append(name)

    with host.app.app_context():
        engine = host.db.engine
    event.listen(engine, name, note)
    try:
        yield seen
    finally:
        event.remove(engine, name, note)


@pytest.fixture
def path(scim: ScimClient) -> str:
    """Somebody's path; the token has been used this minute."""
    return f"/Users/{scim.create('ann')['id']}"


@pytest.mark.parametrize("way", CHANGES)
def test_a_change_commits_once(host: Host, scim: ScimClient, path: str, way: str) -> None:
    """Only where a snapshot is kept from the first read on, the token's is let go by a commit."""
    with host.app.app_context():
        keeps = host.db.engine.dialect.name in ("mysql", "mariadb")
    with told(host, "commit") as commits:
        assert CHANGES[way](scim, path).status_code < 300
    assert len(commits) == (2 if keeps else 1)


def test_a_host_that_says_what_holds_in_transactions(
    host: Host, scim: ScimClient, path: str
) -> None:
    """Where the host listens for transactions that begin, the change has one of its own."""
    with told(host, "begin") as begun:
        assert CHANGES["PATCH"](scim, path).status_code == 200
    assert len(begun) == 2


def test_what_the_host_writes_before_a_refusal_stays(
    host: Host, scim: ScimClient, path: str
) -> None:
    """A hook's write that nobody has committed is not undone with a change that is refused."""

    def write() -> None:
        host.db.session.execute(sa.insert(host.User).values(username="hook", last_name="Hook"))

    hooks = host.app.before_request_funcs.setdefault(None, [])
    hooks.append(write)
    try:
        refused = scim.post("/Users", {"userName": "ann"})
    finally:
        hooks.remove(write)
    assert refused.status_code == 409
    with host.app.app_context():
        names = host.db.session.scalars(sa.select(host.User.username)).all()
    assert "hook" in names
