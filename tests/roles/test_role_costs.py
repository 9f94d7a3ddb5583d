"""What roles cost in SQL, however large a group is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client import ScimClient
from tests.roles.staff import Staff, enter, leave, map_role, unmap_role

#: The most statements that a change of one member may take, its role and two events with it.
MOST = 30
#: Above what the database has given out by itself.
_FIRST_ID = 1_000_000


def fill(staff: Staff, group: str, count: int) -> list[str]:
    """Add people to a connection and to a group past SCIM, and return their ids."""
    now = datetime.now(UTC)
    tables = staff.db.metadata.tables
    person, record = tables["staff_person"], tables["scim_user"]
    with staff.app.app_context(), staff.db.engine.begin() as session:
        team = session.scalar(sa.select(staff.Team.id).where(staff.Team.public_id == group))
        highest = session.scalar(sa.select(sa.func.max(person.c.id))) or 0
        first = max(highest, _FIRST_ID) + 1
        keys = range(first, first + count)
        columns: dict[str, Any] = {"firm": "acme", "is_active": True, "grade": "MEMBER"}
        session.execute(person.insert(), [columns | {"id": k, "username": f"p{k}"} for k in keys])
        columns = {"connection_id": "acme", "version": 1, "created": now, "modified": now}
        session.execute(record.insert(), [columns | {"row_id": key} for key in keys])
        session.execute(
            staff.in_team.insert(), [{"team_id": team, "person_id": key} for key in keys]
        )
    return [str(key) for key in keys]


def test_one_member(staff: Staff, acme: ScimClient) -> None:
    """A change of one member costs in a large group what it costs in a small one, or less.

    Of a large one the answer shows no members: once they are too many, no more are read.
    """
    counts: dict[str, list[int]] = {}
    for size in (5, 2_000):
        group = acme.create_group(f"of {size}")["id"]
        inside = fill(staff, group, size)
        outside = acme.create(f"new of {size}")["id"]
        map_role(staff, "agent", group)
        for name, change in (
            ("add", lambda group=group, id=outside: enter(acme, group, id)),
            ("remove", lambda group=group, id=inside[0]: leave(acme, group, id)),
        ):
            with staff.statements() as statements:
                change()
            counts.setdefault(name, []).append(len(statements))
            assert max(map(len, statements)) < 4_000, name
        assert (staff.held(outside), staff.held(inside[0])) == (["agent"], [])
    assert all(large in (small, small - 1) for small, large in counts.values()), counts
    assert max(max(both) for both in counts.values()) <= MOST, counts


@pytest.mark.parametrize("change", [map_role, unmap_role])
def test_a_whole_group(staff: Staff, acme: ScimClient, change: Any) -> None:
    """To map a group costs the same whatever its size, as to unmap it does."""
    counts = set()
    for size in (5, 2_000):
        group = acme.create_group(f"of {size}")["id"]
        fill(staff, group, size)
        if change is unmap_role:
            map_role(staff, "agent", group)
        with staff.statements() as statements:
            preview = change(staff, "agent", group)
        assert preview.gained + preview.lost == size
        counts.add(len(statements))
    assert len(counts) == 1, counts


def test_a_group_that_stands_for_nothing(staff: Staff, acme: ScimClient) -> None:
    """Members of other groups come and go without anybody's roles being looked at."""
    group, ann = acme.create_group("g")["id"], acme.create("ann")["id"]
    map_role(staff, "agent", acme.create_group("mapped")["id"])
    with staff.statements() as statements:
        enter(acme, group, ann)
    touched = [each for each in statements if "scim_role_grant" in each or "staff_role" in each]
    assert touched == []
