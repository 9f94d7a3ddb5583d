"""Defaults that fit themselves to the columns of a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from flask_scim import SCIM
from flask_scim.mapping.defaults import PROVIDERS, Fitted, Kind, fit
from tests.client import ScimClient

TEXT, BOOLEAN, WHOLE, JSON = Kind.TEXT, Kind.BOOLEAN, Kind.WHOLE, Kind.JSON
_E = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def places(fitted: Fitted) -> dict[str, str]:
    """Where each attribute found its place."""
    return {pair.scim: pair.app + (" *" if pair.read_only else "") for pair in fitted.pairs}


@pytest.mark.parametrize(
    ("idp", "columns", "expected"),
    [
        ("okta", {"username": TEXT}, {"userName": "username"}),
        ("okta", {"UserName": TEXT}, {"userName": "UserName"}),
        ("okta", {"login": TEXT, "preferred_username": TEXT}, {"userName": "preferred_username"}),
        ("entra", {"username": TEXT, "upn": TEXT}, {"userName": "upn"}),
        ("saml", {"upn": TEXT, "username": TEXT}, {"userName": "username"}),
        (
            "okta",
            {"email": TEXT},
            {"userName": "email", "emails[primary eq true].value": "email *"},
        ),
        (
            "entra",
            {"login": TEXT, "mail": TEXT},
            {"userName": "login", 'emails[type eq "work"].value': "mail"},
        ),
        (
            "ping",
            {"login": TEXT, "eMail": TEXT},
            {"userName": "login", 'emails[type eq "work" and primary eq true].value': "eMail"},
        ),
        (
            "okta",
            {"login": TEXT, "is_active": BOOLEAN},
            {"userName": "login", "active": "is_active"},
        ),
        ("okta", {"login": TEXT, "blocked": BOOLEAN}, {"userName": "login", "active": "!blocked"}),
        ("okta", {"login": TEXT, "active": TEXT}, {"userName": "login"}),
        ("okta", {"username": WHOLE}, {}),
        (
            "entra",
            {"login": TEXT, "phone": TEXT, "mobile": TEXT, "fax": TEXT},
            {
                "userName": "login",
                'phoneNumbers[type eq "mobile"].value': "mobile",
                'phoneNumbers[type eq "work"].value': "phone",
                'phoneNumbers[type eq "fax"].value': "fax",
            },
        ),
        (
            "okta",
            {"login": TEXT, "employee_id": WHOLE, "department": TEXT, "office.locale": TEXT},
            {
                "userName": "login",
                "locale": "office.locale",
                f"{_E}:employeeNumber": "employee_id",
                f"{_E}:department": "department",
            },
        ),
        ("okta", {"login": TEXT, "role": TEXT, "password": TEXT, "is_admin": BOOLEAN}, None),
    ],
)
def test_fit(idp: str, columns: dict[str, Kind], expected: dict[str, str] | None) -> None:
    """Each column goes to the attribute that it is known for, and to no other."""
    fitted = fit(idp, columns)
    assert places(fitted) == (expected or {"userName": "login"} if expected != {} else {})
    assert not {pair.scim for pair in fitted.pairs} & set(fitted.left_out)


def test_what_is_for_the_directory() -> None:
    """A JSON column that is there for it takes all that has no column of its own."""
    fitted = fit("okta", {"login": TEXT, "nick": TEXT, "app_metadata": JSON})
    assert places(fitted)["nickName"] == "nick"
    assert places(fitted)["title"] == "app_metadata.job_title"
    assert set(fitted.left_out) == {"emails[primary eq true].value", "active"}
    assert "title" not in places(fit("okta", {"login": TEXT, "profile": JSON}))


@pytest.mark.parametrize("idp", PROVIDERS)
def test_no_column_twice(idp: str) -> None:
    """No column gets two writers, whatever it is called."""
    names = ("email", "phone", "name", "title", "mobile", "city", "picture", "company_name")
    writers = [
        pair.app for pair in fit(idp, dict.fromkeys(names, TEXT)).pairs if not pair.read_only
    ]
    assert len(writers) == len(set(writers))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    """Makes an app that declares no mapping, and a client for each connection."""
    db = SQLAlchemy()
    scim = SCIM(db)

    class User(db.Model):  # type: ignore[name-defined,misc]
        """A user as many apps have it."""

        id: Mapped[int] = mapped_column(primary_key=True)
        organization_name: Mapped[int | None]
        email: Mapped[str] = mapped_column(sa.String(100))
        full_name: Mapped[str | None]
        is_active: Mapped[bool] = mapped_column(default=True)
        is_admin: Mapped[bool] = mapped_column(default=False)
        manager_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
        phone: Mapped[str | None]

    scim.users(User, tenant="organization_name")
    app = Flask("app")
    app.config.update(
        SECRET_KEY="secret", SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path / 'test.db'}"
    )
    db.init_app(app)
    scim.init_app(app)

    def connect(name: str, idp: str) -> ScimClient:
        scim.connections.add(name, idp=idp, tenant="1")
        token, _ = scim.tokens.issue(name)
        return ScimClient(app.test_client(), f"/scim/v2/{name}", token)

    with app.app_context():
        db.create_all()
        yield connect
        db.session.remove()
        db.engine.dispose()


def test_each_connection_by_its_provider(serve: Any) -> None:
    """Without a mapping each connection has the default of its identity provider."""
    phone = [{"type": "work", "value": "12"}, {"primary": True, "value": "34"}]
    okta, entra = serve("okta", "okta"), serve("entra", "entra")
    created = okta.create("ann@x.org", displayName="Ann", phoneNumbers=phone, title="Chef")
    assert created["emails"] == [{"primary": True, "value": "ann@x.org"}]
    assert created["phoneNumbers"] == [{"primary": True, "value": "34"}]
    assert (created["displayName"], created["active"], "title" in created) == ("Ann", True, False)
    created = entra.create("bob@x.org", phoneNumbers=phone)
    assert created["emails"] == [{"type": "work", "value": "bob@x.org"}]
    assert created["phoneNumbers"] == [{"type": "work", "value": "12"}]
    assert entra.find('emails[type eq "work"].value eq "BOB@x.org"') == ["bob@x.org"]
