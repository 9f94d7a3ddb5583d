"""Many users and members at once, and what tests ask of groups."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tests.client import ScimClient
from tests.host import Host

#: Above what the database has given out by itself.
_FIRST_ID = 1_000_000


def fill(host: Host, count: int, connection: str = "acme", tenant: int = 1) -> list[str]:
    """Add users to a connection past SCIM, and return their ids."""
    now = datetime.now(UTC)
    users, records = (host.db.metadata.tables[name] for name in ("host_user", "scim_user"))
    with host.app.app_context(), host.db.engine.begin() as session:
        highest = session.scalar(sa.select(sa.func.max(users.c.id))) or 0
        keys = range(max(highest, _FIRST_ID) + 1, max(highest, _FIRST_ID) + 1 + count)
        session.execute(
            users.insert(),
            [
                {"id": key, "tenant_id": tenant, "username": f"p{key}", "last_name": f"P{key}"}
                for key in keys
            ],
        )
        session.execute(
            records.insert(),
            [
                {
                    "connection_id": connection,
                    "row_id": key,
                    "version": 1,
                    "created": now,
                    "modified": now,
                    "active": True,
                }
                for key in keys
            ],
        )
    return [str(key) for key in keys]


def join(host: Host, group: str, ids: list[str]) -> None:
    """Add members to a group past SCIM."""
    pairs = host.db.metadata.tables["host_team_member"]
    with host.app.app_context(), host.db.engine.begin() as session:
        session.execute(pairs.insert(), [{"team_id": int(group), "user_id": int(i)} for i in ids])


def pairs_of(host: Host, table: str = "host_team_member") -> set[tuple[Any, ...]]:
    """All pairs of the host's association table."""
    with host.app.app_context(), host.db.engine.connect() as session:
        return {tuple(row) for row in session.execute(sa.select(host.db.metadata.tables[table]))}


def members_of(scim: ScimClient, group: str) -> list[str]:
    """The ids of a group's members, as numbers are sorted."""
    response = scim.get(f"/Groups/{group}")
    assert response.status_code == 200, response.text
    return ids_in(response.json)


def ids_in(resource: Any) -> list[str]:
    """The ids of the members that a representation shows, as numbers are sorted."""
    return sorted((member["value"] for member in resource.get("members", [])), key=int)


def version_of(scim: ScimClient, path: str) -> int:
    """The counter behind the version of a resource."""
    text = scim.get(path).json["meta"]["version"]
    return int(text.removeprefix('W/"').removesuffix('"'))


def values(*ids: str) -> list[dict[str, str]]:
    """Members as a client names them."""
    return [{"value": id} for id in ids]
