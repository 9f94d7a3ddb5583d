"""The views of groups."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import Response, request
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import BadRequest, Conflict, NotFound

from .ground import Change, Client, Ground, answer_one, answer_page, moment

_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
#: The most members that the answer to a PATCH shows.
_SHOWN = 100
_BY_VALUE = re.compile(r'members\[value eq "(\d+)"\]')
_BY_NAME = re.compile(r'displayName eq "([^"\\]*)"')


class _Group(NamedTuple):
    id: int
    name: str
    external_id: str | None
    version: int
    created: datetime
    modified: datetime


class Groups:
    """The views of groups.

    :param ground: what they stand on.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.session = ground.session
        self.Team = ground.models.Team
        self.membership = ground.membership
        teams, people = self.Team.__table__, ground.models.User.__table__
        team, group = teams.c, ground.groups.c
        person, user, member = people.c, ground.users.c, self.membership.c
        connection: sa.BindParameter[str] = sa.bindparam("connection")
        tenant: sa.BindParameter[str] = sa.bindparam("tenant")
        id: sa.BindParameter[int] = sa.bindparam("id")
        ids: sa.BindParameter[list[int]] = sa.bindparam("ids", expanding=True)
        select = (
            sa.select(
                team.id,
                team.name,
                group.external_id,
                group.version,
                group.created,
                group.modified,
            )
            .join(ground.groups, group.row_id == team.id)
            .where(
                group.connection_id == connection,
                group.deleted.is_(None),
                team.organization_id == tenant,
            )
        )
        self.by_id = select.where(team.id == id)
        self.by_name = select.where(sa.func.lower(team.name) == sa.bindparam("name"))
        self.locked = self.by_id.with_for_update(of=[ground.groups, teams])
        is_it = group.connection_id == connection, group.row_id == id
        self.begin = ground.groups.update().where(*is_it).values(version=group.version)
        self.move = (
            ground.groups.update()
            .where(*is_it)
            .values(version=sa.bindparam("next"), modified=sa.bindparam("now"))
        )
        self.insert = ground.groups.insert()
        is_visible = (
            user.connection_id == connection,
            user.deleted.is_(None),
            person.organization_id == tenant,
        )
        # Held, so that nobody is deleted while they are being added.
        self.exists = (
            sa.select(person.id)
            .join(ground.users, user.row_id == person.id)
            .where(*is_visible, person.id.in_(ids))
            .with_for_update(read=True, of=ground.users)
        )
        self.members = (
            sa.select(person.id, person.display_name)
            .join(self.membership, member.user_id == person.id)
            .join(ground.users, user.row_id == person.id)
            .where(*is_visible, member.team_id == id)
            .order_by(member.user_id)
        )
        self.few_members = self.members.limit(_SHOWN + 1)
        self.member_ids = sa.select(member.user_id).where(member.team_id == id)
        self.add = ground.insert(self.membership).on_conflict_do_nothing()
        self.remove = self.membership.delete().where(member.team_id == id, member.user_id.in_(ids))

    def get(self, connection_id: str, id: int) -> Response:
        client = self.ground.admit(connection_id, "get:groups")
        group = self._one(client, self.by_id, id)
        members: Iterable[Any] = ()
        if request.args.get("excludedAttributes") != "members":
            members = self.session.execute(self.members, {**_of(client), "id": id})
        response = self._answer(client, group, members)
        return self.ground.log_behind(client, response, resource_type="Group", resource_id=str(id))

    def find(self, connection_id: str) -> Response:
        client = self.ground.admit(connection_id, "get:groups")
        found = _BY_NAME.fullmatch(request.args.get("filter", ""))
        if found is None or request.args.get("excludedAttributes") != "members":
            raise BadRequest
        where = {**_of(client), "name": found[1].lower()}
        groups = self.session.execute(self.by_name, where).all()
        resources = [self._present(client, _Group(*group)) for group in groups]
        response = answer_page(client, resources, len(resources))
        return self.ground.log_behind(
            client, response, resource_type="Group", filter="displayName eq ?"
        )

    def post(self, connection_id: str) -> Response:
        client = self.ground.admit(connection_id, "post:groups")
        body, now = request.get_json(force=True), datetime.now(UTC)
        name, external_id = body["displayName"], body.get("externalId")
        team = self.Team(organization_id=client.tenant, name=name)
        self.session.add(team)
        try:
            self.session.flush()
            group = _Group(team.id, name, external_id, 1, now, now)
            row = {
                "connection_id": connection_id,
                "row_id": group.id,
                "external_id": external_id,
                "unique_key": hashlib.sha256(name.lower().encode()).hexdigest(),
                "active_removed": False,
                "awaited": False,
                "version": 1,
                "created": now,
                "modified": now,
            }
            self.session.execute(self.insert, row)
        except IntegrityError:
            self.session.rollback()
            raise Conflict from None
        described = _describe(group)
        change = Change("Group", str(group.id), "group.created", described, sorted(described))
        self.ground.write(client, change, status=201)
        self.session.commit()
        return self._answer(client, group, (), 201)

    def patch(self, connection_id: str, id: int) -> Response:
        client = self.ground.admit(connection_id, "patch:groups")
        (operation,) = request.get_json(force=True)["Operations"]
        ids, quirks = _read_members(operation)
        group = self._lock(client, id)
        came: set[int] = set()
        went: set[int] = set()
        if operation["op"].lower() == "add":
            came = self._add(client, id, ids)
        else:
            went = self._remove(id, ids)
        if came or went:
            group = self._move(client, group)
        where = {**_of(client), "id": id}
        members = self.session.execute(self.few_members, where).all()
        if came or went:
            self.ground.write(client, _change(group, came, went, quirks=quirks))
        self.session.commit()
        if len(members) > _SHOWN:
            response = Response(status=204, headers={"X-Request-Id": client.request_id})
            del response.headers["Content-Type"]
            return response
        return self._answer(client, group, members)

    def put(self, connection_id: str, id: int) -> Response:
        client = self.ground.admit(connection_id, "put:groups")
        body = request.get_json(force=True)
        group = self._lock(client, id)
        wanted = {int(member["value"]) for member in body["members"]}
        there = set(self.session.scalars(self.member_ids, {"id": id}))
        came = self._add(client, id, wanted - there) if wanted - there else set()
        went = self._remove(id, there - wanted) if there - wanted else set()
        is_renamed = body["displayName"] != group.name
        if is_renamed:
            self.session.get_one(self.Team, id).name = body["displayName"]
            self.session.flush()
            group = group._replace(name=body["displayName"])
        if came or went or is_renamed:
            group = self._move(client, group)
            self.ground.write(client, _change(group, came, went, is_renamed))
        members = self.session.execute(self.members, {**_of(client), "id": id}).all()
        self.session.commit()
        return self._answer(client, group, members)

    def _add(self, client: Client, id: int, ids: set[int]) -> set[int]:
        where = {**_of(client), "ids": list(ids)}
        if len(self.session.execute(self.exists, where).all()) < len(ids):
            raise BadRequest
        # Which of them are new, tell the rows that come back.
        pairs = [{"team_id": id, "user_id": member} for member in sorted(ids)]
        add = self.add.values(pairs).returning(self.membership.c.user_id)
        return set(self.session.scalars(add))

    def _remove(self, id: int, ids: set[int]) -> set[int]:
        remove = self.remove.returning(self.membership.c.user_id)
        return set(self.session.scalars(remove, {"id": id, "ids": list(ids)}))

    def _lock(self, client: Client, id: int) -> _Group:
        if self.ground.is_sqlite:
            # Only a write begins a transaction here, and it keeps every other writer out.
            where = {"connection": client.connection_id, "id": id}
            self.session.execute(self.begin, where)
        return self._one(client, self.locked, id)

    def _one(self, client: Client, statement: sa.Select[Any], id: int) -> _Group:
        found = self.session.execute(statement, {**_of(client), "id": id}).first()
        if found is None:
            raise NotFound
        return _Group(*found)

    def _move(self, client: Client, group: _Group) -> _Group:
        now, version = datetime.now(UTC), group.version + 1
        where = {"connection": client.connection_id, "id": group.id}
        self.session.execute(self.move, {**where, "next": version, "now": now})
        return group._replace(version=version, modified=now)

    def _answer(
        self, client: Client, group: _Group, members: Iterable[Any] = (), status: int = 200
    ) -> Response:
        return answer_one(client, self._present(client, group, members), status)

    def _present(
        self, client: Client, group: _Group, members: Iterable[Any] = ()
    ) -> dict[str, Any]:
        base = client.base
        document = {"schemas": [_GROUP], "id": str(group.id), **_describe(group)}
        entries = [
            {"value": str(id), "$ref": f"{base}/Users/{id}", "type": "User", "display": name}
            for id, name in members
        ]
        if entries:
            document["members"] = entries
        document["meta"] = {
            "resourceType": "Group",
            "created": moment(group.created),
            "lastModified": moment(group.modified),
            "location": f"{base}/Groups/{group.id}",
            "version": f'W/"{group.version}"',
        }
        return document


def _read_members(operation: dict[str, Any]) -> tuple[set[int], list[str] | None]:
    """Read who is to come or to go, and what is odd about how that is said."""
    op, path, value = operation["op"].lower(), operation["path"], operation.get("value")
    quirks = [] if operation["op"] == op else ["capitalised-op"]
    found = _BY_VALUE.fullmatch(path)
    if op == "remove" and found is not None:
        return {int(found[1])}, quirks or None
    if path != "members" or op not in ("add", "remove"):
        raise BadRequest
    if op == "remove":
        quirks.append("value-list-removal")
    return {int(member["value"]) for member in value or ()}, quirks or None


def _of(client: Client) -> dict[str, str]:
    return {"connection": client.connection_id, "tenant": client.tenant}


def _describe(group: _Group) -> dict[str, Any]:
    described = {"displayName": group.name}
    if group.external_id is not None:
        described["externalId"] = group.external_id
    return described


def _change(
    group: _Group,
    came: set[int],
    went: set[int],
    is_renamed: bool = False,
    quirks: list[str] | None = None,
) -> Change:
    changed = ["displayName"] if is_renamed else []
    if came or went:
        changed.append("members")
    return Change(
        "Group",
        str(group.id),
        "group.updated" if is_renamed else "group.members_changed",
        _describe(group),
        changed,
        quirks=quirks,
        added=sorted(map(str, came)) or None,
        removed=sorted(map(str, went)) or None,
    )
