"""An app whose people sign in: by Flask-Login, or by a plain session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flask
import flask_login
from flask import Flask
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from flask_scim import SCIM
from tests.client import ScimClient
from tests.host import SETTINGS


@dataclass(slots=True)
class Desk:
    """The app and what belongs to it."""

    app: Flask
    db: SQLAlchemy
    scim: SCIM
    User: Any

    def connect(self, name: str = "acme") -> ScimClient:
        """Add a connection and a token, and return a client with both."""
        with self.app.app_context():
            self.scim.connections.add(name)
            token, _ = self.scim.tokens.issue(name)
        return ScimClient(self.app.test_client(), f"/scim/v2/{name}", token)

    def browser(self, id: str | None = None, **query: Any) -> FlaskClient:
        """A browser, in which somebody has signed in."""
        browser = self.app.test_client()
        if id is not None:
            assert browser.get(f"/in/{id}", query_string=query).text == "in"
        return browser

    def statements(self, seen: list[str]) -> Any:
        """Note the statements of the app."""
        with self.app.app_context():
            engine = self.db.engine

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        return lambda: event.remove(engine, "before_cursor_execute", note)


def make_desk(
    url: str, *, kind: str = "login", late: bool = False, column: bool = True, **config: Any
) -> Desk:
    """Make the app.

    :param url: where its database is.
    :param kind: ``login`` for Flask-Login, ``key`` or ``function`` for plain sessions.
    :param late: whether Flask-Login comes after Flask-SCIM.
    :param column: whether the app's model has a column for ``active``.
    :param config: more settings of the app.
    """
    db = SQLAlchemy()
    scim = SCIM(db)

    class User(UserMixin, db.Model):  # type: ignore[name-defined,misc]
        """A user."""

        __tablename__ = "desk_user"
        id: Mapped[int] = mapped_column(primary_key=True)
        public: Mapped[str] = mapped_column(String(40), default="")
        username: Mapped[str] = mapped_column(String(40))
        inactive: Mapped[bool] = mapped_column(default=False)

        @property
        def is_active(self) -> bool:
            """Whether Flask-Login lets the user in; it is asked by nobody else here."""
            return True

    scim.users(User, {"userName": "username"} | ({"active": "!inactive"} if column else {}))
    app = Flask("desk", static_folder=None)
    app.config.update(SETTINGS | {"SQLALCHEMY_DATABASE_URI": url} | config)
    db.init_app(app)
    if late:
        scim.init_app(app)
    if kind == "login":
        _add_login(app, db, scim, User)
    else:
        scim.guard_sessions("owner" if kind == "key" else lambda session: session.get("owner"))
        _add_plain(app)

    @app.get("/public")
    def public() -> str:
        return "public"

    @app.get("/begin")
    def begin() -> str:
        with db.session.begin():
            return "begun"

    @app.get("/theme")
    def theme() -> str:
        flask.session["theme"] = "dark"
        return "dark"

    if not late:
        scim.init_app(app)
    return Desk(app, db, scim, User)


def _add_login(app: Flask, db: SQLAlchemy, scim: SCIM, user_class: Any) -> None:
    manager = LoginManager(app)

    @manager.user_loader
    def load(id: str) -> Any:
        return db.session.get(user_class, int(id))

    @app.get("/in/<int:id>")
    def sign_in(id: int) -> str:
        user = db.session.get(user_class, id)
        flask_login.login_user(user, remember="remember" in flask.request.args)
        return "in"

    @app.get("/out")
    def sign_out() -> str:
        flask_login.logout_user()
        return "out"

    @app.get("/end")
    def end() -> str:
        user = flask_login.current_user
        scim.revoke(user)
        return str(user.username)

    @app.get("/me")
    def me() -> str:
        user = flask_login.current_user
        return user.username if user.is_authenticated else "nobody"


def _add_plain(app: Flask) -> None:
    @app.get("/in/<int:id>")
    def sign_in(id: int) -> str:
        flask.session["owner"] = id
        return "in"

    @app.get("/out")
    def sign_out() -> str:
        flask.session.pop("owner", None)
        return "out"

    @app.get("/me")
    def me() -> str:
        return str(flask.session.get("owner", "nobody"))
