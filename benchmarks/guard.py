"""``python -m benchmarks.guard``: what looking at the session costs a request of the app's own."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import flask_login
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from flask_scim import SCIM

from .filling import database

PEOPLE = 10_000


def make_app(url: str, *, guard: bool) -> tuple[Flask, SQLAlchemy, type[Any]]:
    """Make an app with a page for people who have signed in, and one for all."""
    db = SQLAlchemy()
    scim = SCIM(db)

    class User(UserMixin, db.Model):
        """A user."""

        __tablename__ = "guard_user"
        id: Mapped[int] = mapped_column(primary_key=True)
        username: Mapped[str] = mapped_column(String(40))
        active: Mapped[bool] = mapped_column(default=True)

    scim.users(User, {"userName": User.username, "active": User.active})
    app = Flask("guard")
    app.config.update(SECRET_KEY="secret", SQLALCHEMY_DATABASE_URI=url, SCIM_SESSION_GUARD=guard)
    db.init_app(app)
    manager = LoginManager(app)
    manager.user_loader(lambda id: db.session.get(User, int(id)))
    scim.init_app(app)

    @app.get("/in/<int:id>")
    def sign_in(id: int) -> str:
        flask_login.login_user(db.session.get(User, id))
        return "in"

    @app.get("/home")
    @flask_login.login_required
    def home() -> str:
        return str(flask_login.current_user.username)

    @app.get("/public")
    def public() -> str:
        return "public"

    return app, db, User


def fill(app: Flask, db: SQLAlchemy, user_class: type[Any]) -> None:
    """Make the tables, and people of whom every tenth has been out."""
    with app.app_context():
        db.drop_all()
        db.create_all()
        people = [{"id": n, "username": f"user{n}", "active": True} for n in range(1, PEOPLE + 1)]
        db.session.execute(sa.insert(user_class), people)
        access = db.metadata.tables["scim_own_access"]
        moment = sa.func.now()
        rows = [
            {"row_id": n, "epoch": 1, "cause": "deactivated", "out": False, "barred": False}
            for n in range(10, PEOPLE + 1, 10)
        ]
        db.session.execute(access.insert().values(ended=moment), rows)
        db.session.commit()


def measure(visits: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time visits in turn, so that what slows the machine down slows all of them down.

    :return: milliseconds of each.
    """
    taken: dict[str, list[float]] = {name: [] for name in visits}
    for index in range(rounds):
        for name, visit in visits.items():
            began = time.perf_counter()
            visit()
            if index >= rounds // 10:
                taken[name].append((time.perf_counter() - began) * 1000)
    return taken


def visiting(browser: FlaskClient, path: str) -> Callable[[], object]:
    """What opens a page in a browser."""
    return lambda: browser.get(path)


def compare(url: str, rounds: int) -> None:
    """Print what a request takes with the guard and without it."""
    made = {name: make_app(url, guard=name == "with") for name in ("without", "with")}
    fill(*made["with"])
    visits: dict[str, Callable[[], object]] = {}
    for who, path in (("signed in", "/home"), ("signed in", "/public"), ("stranger", "/public")):
        for name, (app, _, _) in made.items():
            browser = app.test_client()
            if who == "signed in":
                browser.get("/in/4711" if path == "/home" else "/in/4710")
            visits[f"{who:<10} {path:<8} {name}"] = visiting(browser, path)
    taken = measure(visits, rounds)
    print(f"{sa.make_url(url).get_backend_name()}, {PEOPLE} people, {rounds} rounds, milliseconds")
    for name, times in taken.items():
        times.sort()
        median, p95 = statistics.median(times), times[len(times) * 95 // 100]
        print(f"  {name:<30} median {median:.3f}   p95 {p95:.3f}")
    for app, db, _ in made.values():
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    with made["with"][0].app_context():
        made["with"][1].drop_all()
        made["with"][1].engine.dispose()


def main() -> None:
    """Compare on each database."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--databases", default="sqlite,postgresql", help="which, with commas")
    parser.add_argument("--rounds", type=int, default=2_000)
    options = parser.parse_args()
    for name in options.databases.split(","):
        with database(name) as url:
            compare(url, options.rounds)


if __name__ == "__main__":
    main()
