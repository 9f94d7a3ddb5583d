"""The app; run as a module with a size behind it, it fills its database."""

from __future__ import annotations

import os
import sys
from typing import Any

import sqlalchemy as sa
from flask import Flask, abort, request
from flask_sqlalchemy import SQLAlchemy
from scim2_flask import ScimServer
from scim2_models import (
    Filter,
    Group,
    Patch,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    User,
)
from sqlalchemy import event

from ..people import GROUPS, is_known, memberships, people
from .models import Base, Person, Team, members
from .storage import SqlStorage


def make_app() -> Flask:
    """Make the app, on the database that the environment names in ``PEER_DATABASE``."""
    db = SQLAlchemy(model_class=Base)
    app = Flask("scim2-flask")
    app.config.update(
        SECRET_KEY="a key for benchmarks", SQLALCHEMY_DATABASE_URI=os.environ["PEER_DATABASE"]
    )
    db.init_app(app)
    policy = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)
    config = ServiceProviderConfig(
        filter=Filter(supported=True, max_results=1_000), patch=Patch(supported=True)
    )
    provider = ScimProvider(models=[User, Group], policy=policy, config=config)
    ScimServer(SqlStorage(db.session), provider, app=app)

    @app.before_request
    def check_token() -> None:
        if not is_known(request.headers.get("Authorization")):
            abort(401)

    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", _prepare_sqlite)
    return app


def fill(size: int) -> None:
    """Make the tables, people and groups."""
    engine = sa.create_engine(os.environ["PEER_DATABASE"])
    Base.metadata.create_all(engine)
    names = "id", "username", "given_name", "family_name"
    with engine.begin() as connection:
        for insert, rows in (
            (
                sa.insert(Person),
                [
                    {**dict(zip(names, each, strict=True)), "email": each[1]}
                    | {"external_id": f"user-{each[0]}"}
                    for each in people(size)
                ],
            ),
            (sa.insert(Team), [{"id": id, "name": f"Group {id}"} for id in GROUPS]),
            (
                sa.insert(members),
                [{"team_id": team, "person_id": person} for team, person in memberships(size)],
            ),
        ):
            connection.execute(insert, rows)
        if engine.dialect.name == "postgresql":
            connection.execute(
                sa.text("SELECT setval('person_id_seq', (SELECT max(id) FROM person))")
            )
        connection.execute(sa.text("ANALYZE"))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


if __name__ == "__main__":
    fill(int(sys.argv[1]))
