"""The pages."""

from __future__ import annotations

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required, login_user, logout_user
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload
from werkzeug import Response

from .accounts import authenticate
from .database import db
from .models import Activity, ApiKey, RefreshToken, Team, User
from .programs import count_of, issue
from .provisioning import scim

pages = Blueprint("pages", __name__)


def init_app(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(pages)


@pages.get("/sign-in")
def sign_in() -> str | Response:
    """Ask who is there."""
    if current_user.is_authenticated:
        return redirect(url_for("pages.home"))
    return render_template("sign_in.html")


@pages.post("/sign-in")
def check_in() -> Response | tuple[str, int]:
    """Let a person in who knows their password and is not deactivated."""
    names = ("organization", "username", "password")
    # PostgreSQL takes no NUL in text.
    organization, username, password = (request.form.get(n, "").replace("\0", "") for n in names)
    user = authenticate(organization.strip(), username.strip(), password)
    if user is None:
        flash("That organisation, user name or password is not right.", "error")
        return render_template("sign_in.html"), 401
    standing = scim.allows_login(user)
    if not (standing and login_user(user, remember="remember" in request.form)):
        flash(f"This account {standing}. Ask your administrator.", "error")
        return render_template("sign_in.html"), 403
    return redirect(url_for("pages.home"))


@pages.post("/sign-out")
def sign_out() -> Response:
    """Say good-bye."""
    logout_user()
    flash("You have signed out.")
    return redirect(url_for("pages.sign_in"))


@pages.get("/")
@login_required
def home() -> str:
    """Show the organisation, its people and its teams."""
    organization_id = current_user.organization_id
    mine = select(User).where(User.organization_id == organization_id)
    people = db.paginate(mine.order_by(User.username, User.id), page=_page(), per_page=25)
    teams = db.session.scalars(
        select(Team)
        .where(Team.organization_id == organization_id)
        .order_by(Team.name)
        .options(selectinload(Team.members))
    ).all()
    active = db.session.scalar(
        mine.where(User.is_active).with_only_columns(func.count()).order_by(None)
    )
    return render_template("home.html", people=people, teams=teams, active=active)


@pages.get("/people/<int(max=2147483647):id>")
@login_required
def person(id: int) -> str:
    """Show a person of the same organisation, and what happened to the account."""
    user = db.first_or_404(
        select(User).where(User.id == id, User.organization_id == current_user.organization_id)
    )
    lines = select(Activity).where(Activity.user_id == user.id).order_by(Activity.id.desc())
    return render_template(
        "person.html",
        user=user,
        lines=db.session.scalars(lines.limit(20)).all(),
        roles=scim.roles_of(user),
        groups={group.id: group.name for group in scim.groups_of(user, take=None)},
        programs=count_of(user),
        report=scim.access_of(user),
    )


@pages.post("/programs")
@login_required
def connect_program() -> str:
    """Make an API key for a script, or sign in the app on a phone; shown this once."""
    if request.form.get("kind") == "phone":
        secret = issue(RefreshToken, current_user)
    else:
        secret = issue(ApiKey, current_user, name="A script")
    return render_template("secret.html", secret=secret)


@pages.get("/activity")
@login_required
def activity() -> str:
    """Show what identity providers did to the organisation's people, the latest first."""
    lines = (
        select(Activity)
        .where(Activity.organization_id == current_user.organization_id)
        .order_by(Activity.id.desc())
    )
    return render_template("activity.html", lines=db.paginate(lines, page=_page(), per_page=50))


def _page() -> int:
    return min(request.args.get("page", 1, type=int), 1_000_000)
