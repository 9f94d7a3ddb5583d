"""Who is signed in, and who may be."""

from __future__ import annotations

from flask import Flask
from flask_login import LoginManager
from sqlalchemy import func, select
from werkzeug.security import check_password_hash, generate_password_hash

from .database import db
from .models import User

login_manager = LoginManager()
login_manager.login_view = "pages.sign_in"
login_manager.login_message = "Please sign in."

#: Checked where there is no account, so that an answer takes as long as for one that exists.
_NOBODY = generate_password_hash("nobody")


def init_app(app: Flask) -> None:
    """Let people sign in to the app."""
    login_manager.init_app(app)


@login_manager.user_loader
def load_user(id: str) -> User | None:
    """Find the person of a session; those of people who are out have been refused before."""
    return db.session.get(User, int(id))


def authenticate(organization: str, username: str, password: str) -> User | None:
    """Find the person who signs in; the letter case of names does not matter.

    :return: the person, active or not; ``None`` if anything of the three is wrong.
    """
    user = find_user(organization.lower(), username)
    if user is None or user.password_hash is None:
        check_password_hash(_NOBODY, password)
        return None
    return user if user.has_password(password) else None


def find_user(organization: str | None, username: str) -> User | None:
    """Find a person of an organisation by user name, in any letter case."""
    found = db.session.scalars(
        select(User).where(
            User.organization_id == organization,
            func.lower(User.username) == func.lower(username),
        )
    )
    # MariaDB takes accents for nothing; names that differ in them are not the same.
    return next((user for user in found if user.username.lower() == username.lower()), None)
