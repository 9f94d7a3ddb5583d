"""What all views stand on: the tables, who asks, and what is written with each change."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import Response, request
from itsdangerous import BadSignature, Signer
from sqlalchemy.dialects import postgresql, sqlite
from werkzeug.exceptions import Forbidden, ServiceUnavailable, Unauthorized

from flask_scim.store.tables.connections import add_connection_table, add_token_table
from flask_scim.store.tables.journal import add_counter_table, add_event_table, add_request_table
from flask_scim.store.tables.records import add_record_table

from ..host import SECRET_KEY, Models
from .gathering import Gatherer

_encode: Callable[[Any], str | bytes]
try:
    from orjson import dumps
except ImportError:
    _encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
else:
    _encode = dumps
_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


class Client(NamedTuple):
    """Who asks."""

    connection_id: str
    tenant: str
    actor: str
    idp: str
    request_id: str
    began: float
    #: Below which the resources of the connection have their URIs.
    base: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a request has done to a resource, as log and outbox keep it."""

    kind: str
    id: str
    event: str
    object: dict[str, Any]
    changed: list[str]
    previous: dict[str, Any] | None = None
    quirks: list[str] | None = None
    added: list[str] | None = None
    removed: list[str] | None = None


class Ground:
    """The models, the tables beside them, and what every view does.

    :param models: the models.
    :param is_sqlite: whether they are on SQLite.
    """

    def __init__(self, models: Models, is_sqlite: bool) -> None:
        self.models = models
        self.session = models.db.session
        self.is_sqlite = is_sqlite
        metadata = models.db.metadata
        self.connections = add_connection_table(metadata)
        self.tokens = add_token_table(metadata)
        self.users = add_record_table(metadata, "user", metadata.tables["users"])
        self.groups = add_record_table(metadata, "group", metadata.tables["teams"])
        self.membership = metadata.tables["team_members"]
        self._signer = Signer(SECRET_KEY, salt="flask-scim.token")
        token, connection = self.tokens.c, self.connections.c
        self._find_token = (
            sa.select(
                token.connection_id,
                token.secret_hash,
                token.scopes,
                token.expires,
                token.last_used,
                token.revoked,
                connection.tenant,
                connection.idp,
                connection.state,
            )
            .join(self.connections, token.connection_id == connection.id)
            .where(token.id == sa.bindparam("id"))
        )
        self._note_use = (
            self.tokens.update()
            .where(token.id == sa.bindparam("token"))
            .values(last_used=sa.bindparam("now"))
        )
        requests = add_request_table(metadata)
        self._insert_request = requests.insert()
        # Rows that are written together have the same columns.
        self._blank = dict.fromkeys(each.name for each in requests.c if each.name != "id")
        self.gatherer = Gatherer(self._insert_request)
        self._insert_event = add_event_table(metadata).insert()
        counters = add_counter_table(metadata)
        self._count = (
            self.insert(counters)
            .values(connection_id=sa.bindparam("id"), position=1)
            .on_conflict_do_update(
                index_elements=[counters.c.connection_id],
                set_={"position": counters.c.position + 1},
            )
            .returning(counters.c.position)
        )

    def insert(self, table: sa.Table) -> Any:
        """Begin an insert that may name a conflict."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def admit(self, connection_id: str, scope: str) -> Client:
        """Check the token of the request in hand."""
        began = time.perf_counter()
        text = request.headers.get("Authorization", "").removeprefix("Bearer scim_")
        try:
            id, _, secret = self._signer.unsign(text).decode().partition(".")
        except BadSignature:
            raise Unauthorized from None
        found = self.session.execute(self._find_token, {"id": id}).first()
        if found is None:
            raise Unauthorized
        owner, stored, scopes, expires, last_used, revoked, tenant, idp, state = found
        hashed = hashlib.sha256(secret.encode()).hexdigest()
        now = datetime.now(UTC)
        if not hmac.compare_digest(stored, hashed) or owner != connection_id:
            raise Unauthorized
        if revoked is not None or (expires is not None and expires <= now):
            raise Unauthorized
        if last_used is None or now - last_used >= timedelta(minutes=1):
            self.session.execute(self._note_use, {"token": id, "now": now})
            self.session.commit()
        if state != "active":
            raise ServiceUnavailable
        if scope not in scopes:
            raise Forbidden
        base = f"{request.url_root}scim/v2/{owner}"
        request_id = f"req_{secrets.token_hex(12)}"
        return Client(owner, tenant, f"token:{id}", idp, request_id, began, base)

    def write(self, client: Client, change: Change, *, status: int = 200) -> None:
        """Write a change to the log and the outbox, as the last thing before the commit."""
        self.log(
            client,
            status,
            resource_type=change.kind,
            resource_id=change.id,
            quirks=change.quirks,
            changed=change.changed,
            added=change.added,
            removed=change.removed,
            added_count=len(change.added or ()),
            removed_count=len(change.removed or ()),
        )
        self.tell(client, change)

    def log(self, client: Client, status: int, **columns: Any) -> None:
        """Write the request in hand to the log."""
        self.session.execute(self._insert_request, self._row(client, status, columns))

    def log_behind(self, client: Client, response: Response, **columns: Any) -> Response:
        """Let the request in hand be written to the log with those around it."""
        row = self._row(client, response.status_code, columns)
        self.gatherer.put(self.models.db.engine, row)
        return response

    def _row(self, client: Client, status: int, columns: dict[str, Any]) -> dict[str, Any]:
        rule = str(request.url_rule).removeprefix("/scim/v2/<connection_id>")
        return {
            **self._blank,
            "connection_id": client.connection_id,
            "time": datetime.now(UTC),
            "request_id": client.request_id,
            "method": request.method,
            "path": rule.replace("<int:id>", "{id}"),
            "status": status,
            "duration": round((time.perf_counter() - client.began) * 1_000),
            "actor": client.actor,
            "idp": client.idp,
            "user_agent": request.headers.get("User-Agent"),
            "added_count": 0,
            "removed_count": 0,
            **columns,
        }

    def tell(self, client: Client, change: Change) -> None:
        """Write an event to the outbox."""
        execute = self.session.execute
        position = execute(self._count, {"id": client.connection_id}).scalar_one()
        row = {
            "connection_id": client.connection_id,
            "position": position,
            "id": f"evt_{secrets.token_hex(11)}",
            "type": change.event,
            "resource_type": change.kind,
            "resource_id": change.id,
            "tenant": client.tenant,
            "time": datetime.now(UTC),
            "object": change.object,
            "previous": change.previous,
            "changed": change.changed,
            "added": change.added,
            "removed": change.removed,
            "added_count": len(change.added or ()),
            "removed_count": len(change.removed or ()),
            "actor": client.actor,
            "request_id": client.request_id,
        }
        execute(self._insert_event, row)


def answer(client: Client, body: Mapping[str, Any], status: int = 200, **headers: str) -> Response:
    """Answer with JSON."""
    return Response(
        _encode(body),
        status,
        {"X-Request-Id": client.request_id, **headers},
        content_type="application/scim+json",
    )


def answer_one(client: Client, document: dict[str, Any], status: int = 200) -> Response:
    """Answer with a resource."""
    meta = document["meta"]
    headers = {"ETag": meta["version"]}
    if status == 201:
        headers["Location"] = meta["location"]
    return answer(client, document, status, **headers)


def answer_page(client: Client, resources: list[Any], total: int, start: int = 1) -> Response:
    """Answer with a part of a list."""
    return answer(
        client,
        {
            "schemas": [_LIST],
            "totalResults": total,
            "startIndex": start,
            "itemsPerPage": len(resources),
            "Resources": resources,
        },
    )


def moment(value: datetime) -> str:
    """Write a moment."""
    return value.isoformat(timespec="microseconds")[:26] + "Z"
