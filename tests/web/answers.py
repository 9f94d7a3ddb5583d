"""What tests ask of answers, and of what is stored behind them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.client import ERROR
from tests.host import Host

#: What no answer may tell: names of the libraries and of the code behind it.
_INTERNALS = (
    "sqlalchemy",
    "traceback",
    "psycopg",
    "pymysql",
    "sqlite",
    "werkzeug",
    "marshmallow",
    "host_user",
    "scim_user",
    "select ",
    "insert into",
    ".py",
    "nonetype",
)


def refusal(response: TestResponse) -> tuple[int, str | None]:
    """The status and the scimType of an answer that has to be a SCIM error."""
    assert response.mimetype == "application/scim+json", response.text
    body = response.json
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(response.status_code)
    assert set(body) <= {"schemas", "status", "scimType", "detail"}
    assert len(body["detail"]) > 10, body
    assert len(body["detail"]) < 2_000, body
    leaked = [word for word in _INTERNALS if word in response.text.lower()]
    assert not leaked, body
    return response.status_code, body.get("scimType")


def stored(host: Host) -> dict[str, list[Any]]:
    """All rows of users and of their records."""
    with host.app.app_context(), host.db.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(sa.select(host.db.metadata.tables[name]))))
            for name in ("host_user", "scim_user")
        }
