"""Deep pages by index go by the records, and hold what every other way of reading shows."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from flask_scim.store.queries import reading
from tests.client import ScimClient
from tests.host import Host

NAMES = [f"user{number}" for number in range(1, 9)]


@pytest.fixture(autouse=True)
def deep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every page but the first one counted as a deep one."""
    monkeypatch.setattr(reading, "_DEEP", 1)


@pytest.fixture
def ids(host: Host, scim: ScimClient) -> dict[str, str]:
    """The ids of people of one connection, with those of others in between."""
    others = host.connect("beside", tenant="1"), host.connect("other", tenant="2")
    found = {}
    for name in NAMES:
        found[name] = scim.create(name)["id"]
        for number, other in enumerate(others):
            other.create(f"{name}-{number}")
    return found


def pages(scim: ScimClient, count: int, **options: Any) -> tuple[list[str], set[int]]:
    """The names on all pages by index, one behind the other, and what they say of the total."""
    names: list[str] = []
    totals: set[int] = set()
    while not totals or len(names) < max(totals):
        page = scim.get("/Users", startIndex=len(names) + 1, count=count, **options).json
        totals.add(page["totalResults"])
        if not page["Resources"]:
            break
        names += [user["userName"] for user in page["Resources"]]
    return names, totals


def move(host: Host, _scim: ScimClient, id: str) -> None:
    """Hand a row to another tenant."""
    with host.app.app_context():
        host.db.session.get(host.User, int(id)).tenant_id = 2
        host.db.session.commit()


def free(host: Host, _scim: ScimClient, id: str) -> None:
    """Take a row out of all tenants, past the ORM."""
    with host.app.app_context():
        moved = sa.update(host.User).where(host.User.id == int(id)).values(tenant_id=None)
        host.db.session.execute(moved)
        host.db.session.commit()


def remove(_host: Host, scim: ScimClient, id: str) -> None:
    """Delete a resource."""
    scim.delete(f"/Users/{id}")


@pytest.mark.parametrize("count", [1, 3, 8])
@pytest.mark.parametrize("change", [move, free, remove])
def test_pages_hold_whom_the_connection_sees(
    host: Host, scim: ScimClient, ids: dict[str, str], change: Any, count: int
) -> None:
    """Whoever is deleted, or moved to another tenant, is on no page and in no count."""
    assert pages(scim, count) == (NAMES, {8})
    assert pages(scim, count, sortOrder="descending") == (NAMES[::-1], {8})
    for gone in ("user1", "user5"):
        change(host, scim, ids.pop(gone))
        assert pages(scim, count) == (list(ids), {len(ids)})
        back = pages(scim, count, sortOrder="descending")
        assert back == (list(ids)[::-1], {len(ids)})


@pytest.mark.usefixtures("ids")
def test_what_the_host_hides_is_on_no_page(host: Host, scim: ScimClient) -> None:
    """Where a host narrows what its session reads, records do not tell who is seen."""

    def hide(state: ORMExecuteState) -> None:
        hidden = with_loader_criteria(host.User, lambda user: user.username != "user2")
        state.statement = state.statement.options(hidden)

    event.listen(Session, "do_orm_execute", hide)
    try:
        assert pages(scim, 3) == ([name for name in NAMES if name != "user2"], {7})
    finally:
        event.remove(Session, "do_orm_execute", hide)
    assert pages(scim, 3) == (NAMES, {8})


def test_a_deep_page_passes_over_records_alone(
    host: Host, scim: ScimClient, ids: dict[str, str]
) -> None:
    """What comes before a page is passed over by its keys, not with all that rows hold."""
    with host.statements() as seen:
        page = scim.get("/Users", startIndex=3, count=2).json["Resources"]
    assert [user["id"] for user in page] == [ids["user3"], ids["user4"]]
    (passing,) = [" ".join(each.split()) for each in seen if "LIMIT" in each]
    inner = passing[passing.index("(SELECT") : passing.index(") AS flask_scim_part")]
    assert "LIMIT" in inner
    assert "JOIN" not in inner
