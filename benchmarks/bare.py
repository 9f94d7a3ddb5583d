"""The yardstick: the same endpoints as views that are written by hand.

They check the same token, lock, read and write the same tables and give the same answers, with as
few statements as that takes; all that is general is left out. Statements are built once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import Flask, Response, request
from flask_sqlalchemy import SQLAlchemy
from itsdangerous import BadSignature, Signer
from sqlalchemy.dialects import postgresql, sqlite
from werkzeug.exceptions import BadRequest, Forbidden, NotFound, Unauthorized

from .host import CONNECTION, SECRET_KEY, TENANT

_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_SHOWN = 100
_BY_VALUE = re.compile(r'members\[value eq "(\d+)"\]')
_BY_NAME = re.compile(r'displayName eq "([^"]*)"')
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class _Group(NamedTuple):
    id: int
    name: str
    external_id: str | None
    version: int
    created: datetime
    modified: datetime


def make_bare(url: str, metadata: sa.MetaData) -> Flask:
    """Make the app.

    :param url: the database of the host.
    :param metadata: its tables.
    """
    db = SQLAlchemy()
    app = Flask("bare")
    app.config.update(SQLALCHEMY_DATABASE_URI=url, PROPAGATE_EXCEPTIONS=True)
    db.init_app(app)
    views = _Views(db, metadata, url.startswith("sqlite"))
    prefix = "/scim/v2/<connection_id>/Groups"
    app.add_url_rule(prefix, view_func=views.find)
    app.add_url_rule(f"{prefix}/<int:id>", view_func=views.get)
    app.add_url_rule(f"{prefix}/<int:id>", view_func=views.patch, methods=["PATCH"])
    app.add_url_rule(f"{prefix}/<int:id>", view_func=views.put, methods=["PUT"])
    return app


class _Views:
    def __init__(self, db: SQLAlchemy, metadata: sa.MetaData, is_sqlite: bool) -> None:
        self.db = db
        self.is_sqlite = is_sqlite
        names = "team", "scim_group", "person", "scim_user", "membership"
        team, group, person, user, self.membership = (metadata.tables[name] for name in names)
        self.token, self.connection = (
            metadata.tables[name] for name in ("scim_token", "scim_connection")
        )
        self.signer = Signer(SECRET_KEY, salt="flask-scim.token")
        self.find_token = (
            sa.select(self.token, self.connection.c.id)
            .join(self.connection, self.token.c.connection_id == self.connection.c.id)
            .where(self.token.c.id == sa.bindparam("id"))
        )
        self.note_use = (
            self.token.update()
            .where(self.token.c.id == sa.bindparam("token"))
            .values(last_used=sa.bindparam("now"))
        )
        self.select_group = (
            sa.select(
                team.c.id,
                team.c.name,
                group.c.external_id,
                group.c.version,
                group.c.created,
                group.c.modified,
            )
            .join(group, group.c.row_id == team.c.id)
            .where(
                group.c.connection_id == CONNECTION,
                group.c.deleted.is_(None),
                team.c.tenant_id == TENANT,
            )
        )
        self.by_id = self.select_group.where(team.c.id == sa.bindparam("id"))
        self.by_name = self.select_group.where(
            sa.func.lower(team.c.name) == sa.bindparam("name")
        ).limit(100)
        self.locked = self.by_id.with_for_update(of=[group, team])
        is_it = group.c.connection_id == CONNECTION, group.c.row_id == sa.bindparam("group")
        self.begin = group.update().where(*is_it).values(version=group.c.version)
        self.rename = (
            team.update().where(team.c.id == sa.bindparam("group")).values(name=sa.bindparam("to"))
        )
        self.move = (
            group.update()
            .where(*is_it)
            .values(version=sa.bindparam("next"), modified=sa.bindparam("now"))
        )
        is_visible = (
            user.c.connection_id == CONNECTION,
            user.c.deleted.is_(None),
            person.c.tenant_id == TENANT,
        )
        people = sa.select(person.c.id).join(user, user.c.row_id == person.c.id)
        # Held, so that nobody is deleted while he is being added.
        self.exists = people.where(
            *is_visible, person.c.id.in_(sa.bindparam("ids", expanding=True))
        ).with_for_update(read=True, of=user)
        self.members = (
            sa.select(person.c.id, person.c.username)
            .join(self.membership, self.membership.c.person_id == person.c.id)
            .join(user, user.c.row_id == person.c.id)
            .where(*is_visible, self.membership.c.team_id == sa.bindparam("team"))
            .order_by(self.membership.c.person_id)
        )
        self.few_members = self.members.limit(_SHOWN + 1)
        self.member_ids = sa.select(self.membership.c.person_id).where(
            self.membership.c.team_id == sa.bindparam("team")
        )
        insert = (sqlite if is_sqlite else postgresql).insert(self.membership)
        self.insert = insert.on_conflict_do_nothing()
        self.delete = self.membership.delete().where(
            self.membership.c.team_id == sa.bindparam("team"),
            self.membership.c.person_id.in_(sa.bindparam("ids", expanding=True)),
        )

    def get(self, connection_id: str, id: int) -> Response:
        self._check_token(connection_id, "get:groups")
        group = self._one(self.by_id, id)
        if request.args.get("excludedAttributes") == "members":
            return self._answer(group)
        return self._answer(group, self.db.session.execute(self.members, {"team": id}))

    def find(self, connection_id: str) -> Response:
        self._check_token(connection_id, "get:groups")
        found = _BY_NAME.fullmatch(request.args.get("filter", ""))
        if found is None or request.args.get("excludedAttributes") != "members":
            raise BadRequest
        groups = self.db.session.execute(self.by_name, {"name": found[1].lower()}).all()
        resources = [self._present(_Group(*group)) for group in groups]
        body = {
            "schemas": [_LIST],
            "totalResults": len(resources),
            "startIndex": 1,
            "itemsPerPage": len(resources),
            "Resources": resources,
        }
        return Response(_encode(body), content_type="application/scim+json")

    def patch(self, connection_id: str, id: int) -> Response:
        self._check_token(connection_id, "patch:groups")
        (operation,) = request.get_json()["Operations"]
        session, group = self.db.session, self._lock(id)
        if operation["op"] == "add":
            ids = {int(member["value"]) for member in operation["value"]}
            if len(session.execute(self.exists, {"ids": list(ids)}).all()) < len(ids):
                raise BadRequest
            changed = session.execute(
                self.insert, [{"team_id": id, "person_id": member} for member in ids]
            )
        else:
            found = _BY_VALUE.fullmatch(operation["path"])
            if operation["op"] != "remove" or found is None:
                raise BadRequest
            changed = session.execute(self.delete, {"team": id, "ids": [int(found[1])]})
        if changed.rowcount:
            group = self._move(group)
        members = session.execute(self.few_members, {"team": id}).all()
        session.commit()
        if len(members) > _SHOWN:
            return Response(status=204)
        return self._answer(group, members)

    def put(self, connection_id: str, id: int) -> Response:
        self._check_token(connection_id, "put:groups")
        body = request.get_json()
        session, group = self.db.session, self._lock(id)
        wanted = {int(member["value"]) for member in body["members"]}
        there = set(session.scalars(self.member_ids, {"team": id}))
        coming, going = wanted - there, there - wanted
        if coming:
            if len(session.execute(self.exists, {"ids": list(coming)}).all()) < len(coming):
                raise BadRequest
            session.execute(
                self.insert, [{"team_id": id, "person_id": member} for member in coming]
            )
        if going:
            session.execute(self.delete, {"team": id, "ids": list(going)})
        is_renamed = body["displayName"] != group.name
        if is_renamed:
            session.execute(self.rename, {"group": id, "to": body["displayName"]})
            group = group._replace(name=body["displayName"])
        if coming or going or is_renamed:
            group = self._move(group)
        members = session.execute(self.members, {"team": id}).all()
        session.commit()
        return self._answer(group, members)

    def _check_token(self, connection_id: str, scope: str) -> None:
        text = request.headers.get("Authorization", "").removeprefix("Bearer scim_")
        try:
            id, _, secret = self.signer.unsign(text).decode().partition(".")
        except BadSignature:
            raise Unauthorized from None
        token = self.db.session.execute(self.find_token, {"id": id}).first()
        now = datetime.now(UTC)
        if token is None or not hmac.compare_digest(
            token.secret_hash, hashlib.sha256(secret.encode()).hexdigest()
        ):
            raise Unauthorized
        if token.revoked is not None or (token.expires is not None and token.expires <= now):
            raise Unauthorized
        if token.connection_id != connection_id:
            raise Unauthorized
        if token.last_used is None or now - token.last_used >= timedelta(minutes=1):
            self.db.session.execute(self.note_use, {"token": id, "now": now})
            self.db.session.commit()
        if scope not in token.scopes:
            raise Forbidden

    def _lock(self, id: int) -> _Group:
        if self.is_sqlite:
            # Only a write begins a transaction here, and it keeps every other writer out.
            self.db.session.execute(self.begin, {"group": id})
        return self._one(self.locked, id)

    def _one(self, statement: sa.Select[Any], id: int) -> _Group:
        found = self.db.session.execute(statement, {"id": id}).first()
        if found is None:
            raise NotFound
        return _Group(*found)

    def _move(self, group: _Group) -> _Group:
        now = datetime.now(UTC)
        moved = {"group": group.id, "next": group.version + 1, "now": now}
        self.db.session.execute(self.move, moved)
        return group._replace(version=group.version + 1, modified=now)

    def _answer(self, group: _Group, members: Iterable[Any] = ()) -> Response:
        return Response(
            _encode(self._present(group, members)),
            headers={"ETag": f'W/"{group.version}"'},
            content_type="application/scim+json",
        )

    def _present(self, group: _Group, members: Iterable[Any] = ()) -> dict[str, Any]:
        base = f"{request.url_root}scim/v2/{CONNECTION}"
        document: dict[str, Any] = {
            "schemas": [_GROUP],
            "id": str(group.id),
            "displayName": group.name,
        }
        if group.external_id is not None:
            document["externalId"] = group.external_id
        entries = [
            {"value": str(id), "$ref": f"{base}/Users/{id}", "type": "User", "display": name}
            for id, name in members
        ]
        if entries:
            document["members"] = entries
        document["meta"] = {
            "resourceType": "Group",
            "created": _moment(group.created),
            "lastModified": _moment(group.modified),
            "location": f"{base}/Groups/{group.id}",
            "version": f'W/"{group.version}"',
        }
        return document


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
