"""The views of people."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Response, request
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import BadRequest, Conflict, NotFound

from ..host import SECRET_KEY
from .ground import Change, Client, Ground, answer, answer_one, answer_page
from .people import COLUMNS, compare, describe, parse, present, read

_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_FILTER = re.compile(
    r'(userName|externalId|emails\[type eq "work"\]\.value) eq "([^"\\]*)"', re.IGNORECASE
)
#: What the log keeps of each.
_SHAPES = {
    "username": "userName eq ?",
    "externalid": "externalId eq ?",
    'emails[type eq "work"].value': "emails[type eq ? and value eq ?]",
}
_MOST = 1_000
_LIFETIME = 3_600


class Users:
    """The views of people.

    :param ground: what they stand on.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.session = ground.session
        self.User = ground.models.User
        people, record = self.User.__table__.c, ground.users.c
        team, group = ground.models.Team.__table__.c, ground.groups.c
        member = ground.membership.c
        is_visible = (
            record.connection_id == sa.bindparam("connection"),
            record.deleted.is_(None),
            people.organization_id == sa.bindparam("tenant"),
        )
        joined = sa.join(ground.users, self.User.__table__, record.row_id == people.id)
        select = (
            sa.select(
                *(people[name] for name in COLUMNS),
                record.external_id,
                people.id,
                record.version,
                record.created,
                record.modified,
            )
            .select_from(joined)
            .where(*is_visible)
        )
        self.by_id = select.where(record.row_id == sa.bindparam("id"))
        value: sa.BindParameter[str] = sa.bindparam("value")
        self.by = {
            "username": select.where(sa.func.lower(people.username) == value),
            "externalid": select.where(record.external_id == value),
            'emails[type eq "work"].value': select.where(sa.func.lower(people.email) == value),
        }
        page = select.order_by(record.row_id).limit(sa.bindparam("count"))
        self.page = page.offset(sa.bindparam("start"))
        # Said of both tables, lest the database reads all of one from its beginning.
        last: sa.BindParameter[int] = sa.bindparam("last")
        self.following = page.where(record.row_id > last, people.id > last)
        self.preceding = (
            select.order_by(record.row_id.desc())
            .limit(sa.bindparam("count"))
            .where(record.row_id < last, people.id < last)
        )
        self.total = sa.select(sa.func.count()).select_from(joined).where(*is_visible)
        teams = (
            sa.select(member.user_id, team.id, team.name)
            .join(ground.groups, group.row_id == member.team_id)
            .join(ground.models.Team.__table__, team.id == member.team_id)
            .where(
                group.connection_id == sa.bindparam("connection"),
                group.deleted.is_(None),
                team.organization_id == sa.bindparam("tenant"),
            )
            .order_by(member.user_id, member.team_id)
        )
        self.teams = teams.where(member.user_id.in_(sa.bindparam("ids", expanding=True)))
        self.teams_of_one = teams.where(member.user_id == sa.bindparam("id"))
        is_it = (
            record.connection_id == sa.bindparam("connection"),
            record.row_id == sa.bindparam("id"),
        )
        self.begin = ground.users.update().where(*is_it).values(version=record.version)
        self.locked = (
            sa.select(self.User, record.external_id, record.version, record.created)
            .select_from(joined)
            .where(*is_visible, record.row_id == sa.bindparam("id"))
            .with_for_update(of=[ground.users, self.User.__table__])
        )
        self.move = (
            ground.users.update()
            .where(*is_it)
            .values(version=sa.bindparam("next"), modified=sa.bindparam("now"))
        )
        self.insert = ground.users.insert()
        self.cursors = URLSafeTimedSerializer(SECRET_KEY, salt="bare.cursor")

    def get(self, connection_id: str, id: int) -> Response:
        client = self.ground.admit(connection_id, "get:users")
        where = {"connection": connection_id, "tenant": client.tenant, "id": id}
        row = self.session.execute(self.by_id, where).first()
        if row is None:
            raise NotFound
        *columns, id, version, created, modified = row
        groups = self._groups_of(client, id)
        document = present(client.base, groups, describe(*columns), id, version, created, modified)
        response = answer_one(client, document)
        return self.ground.log_behind(client, response, resource_type="User", resource_id=str(id))

    def find(self, connection_id: str) -> Response:
        client = self.ground.admit(connection_id, "get:users")
        shape, response = self._find(client)
        return self.ground.log_behind(client, response, resource_type="User", filter=shape)

    def _find(self, client: Client) -> tuple[str | None, Response]:
        asked = request.args
        if (text := asked.get("filter")) is not None:
            found = _FILTER.fullmatch(text)
            if found is None:
                raise BadRequest
            name, value = found[1].lower(), found[2]
            if name != "externalid":
                value = value.lower()
            where = {
                "connection": client.connection_id,
                "tenant": client.tenant,
                "value": value,
            }
            rows = self.session.execute(self.by[name], where).all()
            resources = self._present(client, rows)
            return _SHAPES[name], answer_page(client, resources, len(rows))
        count = min(int(asked.get("count", 100)), _MOST)
        if (cursor := asked.get("cursor")) is not None:
            return None, self._go_on(client, cursor, count)
        start = max(int(asked.get("startIndex", 1)), 1)
        where = {"connection": client.connection_id, "tenant": client.tenant}
        rows = self.session.execute(self.page, {**where, "count": count, "start": start - 1}).all()
        total = self._total(client, start, count, len(rows))
        return None, answer_page(client, self._present(client, rows), total, start)

    def post(self, connection_id: str) -> Response:
        client = self.ground.admit(connection_id, "post:users")
        document, change = self.create(client, request.get_json(force=True))
        self.ground.write(client, change, status=201)
        self.session.commit()
        return answer_one(client, document, 201)

    def create(self, client: Client, body: dict[str, Any]) -> tuple[dict[str, Any], Change]:
        """Make a person."""
        owner, now, external_id = client.connection_id, datetime.now(UTC), body.get("externalId")
        user = self.User(
            organization_id=client.tenant, provisioned_by=owner, role="agent", **parse(body)
        )
        self.session.add(user)
        try:
            self.session.flush()
            id = user.id
            row = {
                "connection_id": owner,
                "row_id": id,
                "external_id": external_id,
                "unique_key": _sign(user.username),
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
        described = read(user, external_id)
        changed, _ = compare({}, described)
        change = Change("User", str(id), "user.created", described, changed)
        return present(client.base, None, described, id, 1, now, now), change

    def patch(self, connection_id: str, id: int) -> Response:
        client = self.ground.admit(connection_id, "patch:users")
        quirks, wanted = set(), None
        for operation in request.get_json(force=True)["Operations"]:
            if operation["op"].lower() != "replace" or operation["path"] != "active":
                raise BadRequest
            if operation["op"] != "replace":
                quirks.add("capitalised-op")
            wanted = operation["value"]
            if isinstance(wanted, str):
                quirks.add("text-boolean")
                wanted = wanted.lower() == "true"
        user, *record = self._lock(client, id)
        before = read(user, record[0])
        user.is_active = wanted
        return self._save(client, user, record, before, sorted(quirks) or None)

    def put(self, connection_id: str, id: int) -> Response:
        client = self.ground.admit(connection_id, "put:users")
        columns = parse(request.get_json(force=True))
        user, *record = self._lock(client, id)
        before = read(user, record[0])
        for name, value in columns.items():
            setattr(user, name, value)
        return self._save(client, user, record, before, None)

    def _lock(self, client: Client, id: int) -> Any:
        where = {"connection": client.connection_id, "id": id}
        if self.ground.is_sqlite:
            # Only a write begins a transaction here, and it keeps every other writer out.
            self.session.execute(self.begin, where)
        found = self.session.execute(self.locked, {**where, "tenant": client.tenant}).first()
        if found is None:
            raise NotFound
        return found

    def _save(
        self,
        client: Client,
        user: Any,
        record: Sequence[Any],
        before: dict[str, Any],
        quirks: list[str] | None,
    ) -> Response:
        external_id, version, created = record
        described = read(user, external_id)
        changed, previous = compare(before, described)
        now = datetime.now(UTC)
        id, event = user.id, "user.updated"
        if "active" in changed:
            event = "user.reactivated" if user.is_active else "user.deactivated"
        self.session.flush()
        moved = {"connection": client.connection_id, "id": id, "next": version + 1, "now": now}
        self.session.execute(self.move, moved)
        groups = self._groups_of(client, id)
        change = Change("User", str(id), event, described, changed, previous, quirks)
        self.ground.write(client, change)
        self.session.commit()
        document = present(client.base, groups, described, id, version + 1, created, now)
        return answer_one(client, document)

    def _go_on(self, client: Client, cursor: str, count: int) -> Response:
        where = {"connection": client.connection_id, "tenant": client.tenant, "count": count + 1}
        owner, last, is_back, total = client.connection_id, 0, False, None
        if cursor:
            owner, last, is_back, total = self.cursors.loads(cursor, max_age=_LIFETIME)
        if owner != client.connection_id:
            raise BadRequest
        statement = self.preceding if is_back else self.following
        rows = self.session.execute(statement, {**where, "last": last}).all()
        has_more = len(rows) > count
        rows = rows[:count]
        if is_back:
            rows = rows[::-1]
        if not cursor and not has_more:
            total = len(rows)
        body: dict[str, Any] = {"schemas": [_LIST]}
        if total is not None:
            body["totalResults"] = total
        body["itemsPerPage"] = len(rows)
        if has_more if is_back else cursor:
            body["previousCursor"] = self.seal(client.connection_id, rows[0].id, True, total)
        if has_more or is_back:
            body["nextCursor"] = self.seal(client.connection_id, rows[-1].id, False, total)
        body["Resources"] = self._present(client, rows)
        return answer(client, body)

    def seal(self, connection_id: str, last: int, is_back: bool, total: int | None) -> str:
        """Make a cursor."""
        return str(self.cursors.dumps([connection_id, last, is_back, total]))

    def _total(self, client: Client, start: int, count: int, found: int) -> int:
        if 0 < found < count:
            return start - 1 + found
        where = {"connection": client.connection_id, "tenant": client.tenant}
        return int(self.session.execute(self.total, where).scalar_one())

    def _groups_of(self, client: Client, id: int) -> list[dict[str, str]]:
        where = {"connection": client.connection_id, "tenant": client.tenant, "id": id}
        rows = self.session.execute(self.teams_of_one, where)
        return [_group(client.base, team, name) for _, team, name in rows]

    def _present(self, client: Client, rows: Sequence[Any]) -> list[dict[str, Any]]:
        ids = [row[-4] for row in rows]
        groups: defaultdict[int, list[dict[str, str]]] = defaultdict(list)
        base = client.base
        for user, team, name in self._teams(client, ids):
            groups[user].append(_group(base, team, name))
        return [
            present(base, groups.get(id), describe(*columns), id, version, created, modified)
            for *columns, id, version, created, modified in rows
        ]

    def _teams(self, client: Client, ids: list[int]) -> Iterable[Any]:
        if not ids:
            return ()
        where = {"connection": client.connection_id, "tenant": client.tenant}
        if len(ids) == 1:
            return self.session.execute(self.teams_of_one, {**where, "id": ids[0]})
        return self.session.execute(self.teams, {**where, "ids": ids})


def _group(base: str, id: int, name: str) -> dict[str, str]:
    return {"value": str(id), "$ref": f"{base}/Groups/{id}", "type": "direct", "display": name}


def _sign(username: str) -> str:
    return hashlib.sha256(username.lower().encode()).hexdigest()
